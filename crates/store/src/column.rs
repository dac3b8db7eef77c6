//! What generated records run: values into the arguments of a statement and out of a row.

use kit::{Currency, Error, Money, OffsetDateTime, Result};
use prost_reflect::{DeserializeOptions, DynamicMessage, ReflectMessage as _, SerializeOptions};
use prost_types::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;
use sqlx::encode::Encode;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::types::Json;
use sqlx::{Arguments, Postgres, Row, Type};
use uuid::Uuid;

use crate::record::Record;

/// Binds what PostgreSQL takes as it is.
pub fn bind<'t, T>(value: T, arguments: &mut PgArguments) -> Result<()>
where
    T: Encode<'t, Postgres> + Type<Postgres>,
{
    arguments.add(value).map_err(Error::internal)
}

/// Binds a text, or NULL.
pub fn bind_text(value: Option<&str>, field: &str, arguments: &mut PgArguments) -> Result<()> {
    value.map_or(Ok(()), |text| refuse_nul(text, field))?;
    bind(value, arguments)
}

/// Binds a list of texts.
pub fn bind_texts(values: &[String], field: &str, arguments: &mut PgArguments) -> Result<()> {
    values.iter().try_for_each(|text| refuse_nul(text, field))?;
    bind(values, arguments)
}

/// Binds an id that must be there.
pub fn bind_uuid(value: &str, field: &str, arguments: &mut PgArguments) -> Result<()> {
    bind(parse_uuid(value, field)?, arguments)
}

/// Binds an id, or NULL when it is empty.
pub fn bind_uuid_or_null(value: &str, field: &str, arguments: &mut PgArguments) -> Result<()> {
    let id = if value.is_empty() { None } else { Some(parse_uuid(value, field)?) };
    bind(id, arguments)
}

/// Binds a list of ids.
pub fn bind_uuids(values: &[String], field: &str, arguments: &mut PgArguments) -> Result<()> {
    let ids = values.iter().map(|value| parse_uuid(value, field)).collect::<Result<Vec<_>>>()?;
    bind(ids, arguments)
}

/// Binds an instant cut to microseconds, or NULL.
pub fn bind_timestamp(value: Option<&Timestamp>, field: &str, arguments: &mut PgArguments) -> Result<()> {
    bind(value.map(|value| instant(value, field)).transpose()?, arguments)
}

/// Binds the revision that an etag names; an empty one is the first.
pub fn bind_revision(etag: &str, field: &str, arguments: &mut PgArguments) -> Result<()> {
    bind(revision(etag, field)?, arguments)
}

/// Binds a field as JSON, or NULL when it is not set.
pub fn bind_json<R: Record>(record: &R, field: &'static str, arguments: &mut PgArguments) -> Result<()> {
    let json = if record.is_set(field) { Some(complete_json(record, field)?) } else { None };
    if json.as_ref().is_some_and(has_nul) {
        return Err(nul_refused(field));
    }
    bind(json.map(Json), arguments)
}

/// Reads a column as it is.
pub fn read<'r, T>(row: &'r PgRow, column: usize) -> Result<T>
where
    T: sqlx::Decode<'r, Postgres> + Type<Postgres>,
{
    row.try_get(column).map_err(Error::internal)
}

/// Reads an id.
pub fn read_uuid(row: &PgRow, column: usize) -> Result<String> {
    Ok(read::<Uuid>(row, column)?.to_string())
}

/// Reads an id, if there is one.
pub fn read_uuid_or_null(row: &PgRow, column: usize) -> Result<Option<String>> {
    Ok(read::<Option<Uuid>>(row, column)?.map(|id| id.to_string()))
}

/// Reads a list of ids.
pub fn read_uuids(row: &PgRow, column: usize) -> Result<Vec<String>> {
    Ok(read::<Vec<Uuid>>(row, column)?.iter().map(Uuid::to_string).collect())
}

/// Reads an instant, if there is one.
pub fn read_timestamp(row: &PgRow, column: usize) -> Result<Option<Timestamp>> {
    Ok(read::<Option<OffsetDateTime>>(row, column)?.map(timestamp))
}

/// Reads a money from this column and the next, if there is one.
pub fn read_money(row: &PgRow, column: usize) -> Result<Option<Money>> {
    let (minor, code) = (read::<Option<i64>>(row, column)?, read::<Option<String>>(row, column + 1)?);
    let (Some(minor), Some(code)) = (minor, code) else { return Ok(None) };
    // What is wrong in a row is not the caller's to mend.
    let currency = Currency::parse(&code, "currency").map_err(Error::internal)?;
    Ok(Some(Money::new(minor, currency)))
}

/// Reads the etag that names a revision.
pub fn read_revision(row: &PgRow, column: usize) -> Result<String> {
    Ok(etag(read(row, column)?))
}

/// Reads the JSON columns of a row into a record that has nothing else. Fields that the contract no longer has
/// are passed over.
pub fn read_json<R: Record>(row: &PgRow, columns: &[(usize, &str)]) -> Result<R> {
    let mut object = String::from("{");
    for (column, field) in columns {
        let Some(Json(json)) = read::<Option<Json<&RawValue>>>(row, *column)? else { continue };
        if object.len() > 1 {
            object.push(',');
        }
        object.push('"');
        object.push_str(field);
        object.push_str("\":");
        object.push_str(json.get());
    }
    if object.len() == 1 {
        return Ok(R::default());
    }
    object.push('}');
    from_json(&object)
}

fn from_json<R: Record>(object: &str) -> Result<R> {
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let mut json = serde_json::Deserializer::from_str(object);
    DynamicMessage::deserialize_with_options(R::default().descriptor(), &mut json, &options)
        .map_err(Error::internal)?
        .transcode_to()
        .map_err(Error::internal)
}

/// The proto3 JSON of one field, whatever its type; null when it is not set.
pub fn field_json<R: Record>(record: &R, field: &str) -> Value {
    if !record.is_set(field) {
        return Value::Null;
    }
    // A message of our own always is a message of its descriptor.
    one_field(record, field, true).unwrap_or(Value::Null)
}

/// The same with the zero values inside it, so that SQL finds every field.
fn complete_json<R: Record>(record: &R, field: &str) -> Result<Value> {
    one_field(record, field, false)
}

fn one_field<R: Record>(record: &R, field: &str, skip_defaults: bool) -> Result<Value> {
    let mut only = R::default();
    only.copy_field(record, field);
    let only = only.transcode_to_dynamic();
    let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(skip_defaults);
    let json = |message: &DynamicMessage| {
        message.serialize_with_options(serde_json::value::Serializer, &options).map_err(Error::internal)
    };
    let descriptor = only.descriptor().get_field_by_name(field).filter(|field| only.has_field(field));
    let value = descriptor.as_ref().map(|field| only.get_field(field));
    match value.as_deref() {
        Some(prost_reflect::Value::Message(message)) => json(message),
        Some(prost_reflect::Value::List(list)) if list.iter().all(|one| one.as_message().is_some()) => {
            list.iter().filter_map(|one| one.as_message()).map(json).collect::<Result<_>>().map(Value::Array)
        }
        // Of the rest only the record knows how to write it, with all its other fields.
        _ => match json(&only)? {
            Value::Object(mut fields) => Ok(fields.remove(field).unwrap_or(Value::Null)),
            _ => Err(Error::internal("a message became no JSON object")),
        },
    }
}

/// Types whose proto3 JSON needs no descriptor.
pub trait Scalar {
    /// The proto3 JSON; null for the type's zero.
    fn to_json(&self) -> Value;
}

/// The proto3 JSON of a scalar field; null when it is not set.
pub fn json<T: Scalar>(value: &T) -> Value {
    value.to_json()
}

impl Scalar for String {
    fn to_json(&self) -> Value {
        if self.is_empty() { Value::Null } else { Value::String(self.clone()) }
    }
}

impl Scalar for bool {
    fn to_json(&self) -> Value {
        if *self { Value::Bool(true) } else { Value::Null }
    }
}

impl Scalar for i32 {
    fn to_json(&self) -> Value {
        if *self == 0 { Value::Null } else { Value::from(*self) }
    }
}

impl Scalar for i64 {
    // A JSON number is a double for most readers, so that proto3 has a string here.
    fn to_json(&self) -> Value {
        if *self == 0 { Value::Null } else { Value::String(self.to_string()) }
    }
}

impl Scalar for Option<String> {
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, |text| Value::String(text.clone()))
    }
}

impl Scalar for Option<bool> {
    fn to_json(&self) -> Value {
        self.map_or(Value::Null, Value::Bool)
    }
}

impl Scalar for Option<i32> {
    fn to_json(&self) -> Value {
        self.map_or(Value::Null, Value::from)
    }
}

impl Scalar for Option<i64> {
    fn to_json(&self) -> Value {
        self.map_or(Value::Null, |number| Value::String(number.to_string()))
    }
}

/// The instant of a timestamp, cut to microseconds; `field` is named in the error.
pub fn instant(value: &Timestamp, field: &str) -> Result<OffsetDateTime> {
    let wrong = || Error::invalid(field, "must be an instant of the years 1 to 9999");
    let nanos = u32::try_from(value.nanos).ok().filter(|nanos| *nanos < 1_000_000_000).ok_or_else(wrong)?;
    let instant = OffsetDateTime::from_unix_timestamp(value.seconds).map_err(|_| wrong())?;
    let instant = Some(instant).filter(|instant| instant.year() >= 1).ok_or_else(wrong)?;
    instant.replace_nanosecond(nanos / 1_000 * 1_000).map_err(|_| wrong())
}

/// The timestamp of an instant.
pub fn timestamp(instant: OffsetDateTime) -> Timestamp {
    let nanos = i32::try_from(instant.nanosecond()).expect("a second has fewer than 2^31 nanoseconds");
    Timestamp { seconds: instant.unix_timestamp(), nanos }
}

/// `"3"`, with the quotes, for the third revision.
pub fn etag(revision: i64) -> String {
    format!("\"{revision}\"")
}

/// The revision that an etag names; an empty one is the first. `field` is named in the error.
pub fn revision(etag: &str, field: &str) -> Result<i64> {
    if etag.is_empty() {
        return Ok(1);
    }
    let number = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    number
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| Error::invalid(field, "is no etag of this record"))
}

/// The error of generated code for a column that the table does not have.
pub fn unknown(entity: &str, column: usize) -> Error {
    Error::internal(format!("{entity} has no column {column}"))
}

fn parse_uuid(value: &str, field: &str) -> Result<Uuid> {
    Uuid::parse_str(value).map_err(|_| Error::invalid(field, "must be a UUID"))
}

/// PostgreSQL's texts can't hold the character NUL, and would answer with an error that names no field.
fn refuse_nul(text: &str, field: &str) -> Result<()> {
    if text.contains('\0') { Err(nul_refused(field)) } else { Ok(()) }
}

fn nul_refused(field: &str) -> Error {
    Error::invalid(field, "must not contain the character NUL")
}

fn has_nul(json: &Value) -> bool {
    match json {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_name_revisions() {
        // What a client sends back must be the revision it has read, and nothing else may pass for one.
        assert_eq!(revision(&etag(3), "etag").unwrap(), 3);
        assert_eq!(revision("", "etag").unwrap(), 1);
        for wrong in ["3", "\"\"", "\"x\"", "W/\"3\"", "\""] {
            assert!(revision(wrong, "etag").is_err(), "{wrong}");
        }
    }

    #[test]
    fn instants_have_microseconds() {
        // What is written must compare equal to what is read back.
        let value = Timestamp { seconds: 1_764_000_000, nanos: 123_456_789 };
        let back = timestamp(instant(&value, "t").unwrap());
        assert_eq!(back, Timestamp { seconds: 1_764_000_000, nanos: 123_456_000 });
        for (seconds, nanos) in [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (-100_000_000_000, 0)] {
            let error = instant(&Timestamp { seconds, nanos }, "due").unwrap_err();
            assert_eq!(error.violations()[0].field, "due");
        }
    }

    #[test]
    fn a_bad_value_names_its_field() {
        // The database would refuse these without saying which field is wrong.
        let mut arguments = PgArguments::default();
        let field = |result: Result<()>| result.unwrap_err().violations()[0].field.clone();
        assert_eq!(field(bind_uuid("x", "parent_id", &mut arguments)), "parent_id");
        assert_eq!(field(bind_uuid("", "parent_id", &mut arguments)), "parent_id");
        assert_eq!(field(bind_uuids(&["x".to_owned()], "ids", &mut arguments)), "ids");
        assert_eq!(field(bind_text(Some("a\0"), "code", &mut arguments)), "code");
        assert_eq!(field(bind_texts(&["\0".to_owned()], "tags", &mut arguments)), "tags");
        assert!(has_nul(&serde_json::json!({"a": [{"b": "\0"}]})));
        assert_eq!(arguments.len(), 0);
        bind_uuid_or_null("", "parent_id", &mut arguments).unwrap();
        assert_eq!(arguments.len(), 1);
    }

    #[test]
    fn scalars_become_proto3_json() {
        // Zero is null where a field has no presence, and a value where it has.
        assert_eq!(json(&0), Value::Null);
        assert_eq!(json(&Some(0)), Value::from(0));
        assert_eq!(json(&9_007_199_254_740_993_i64), Value::from("9007199254740993"));
        assert_eq!(json(&Some(String::new())), Value::from(""));
    }
}
