//! `order_by`, and where in that order the next page begins.

use kit::{Error, Result};
use sqlx::Row;
use sqlx::postgres::PgRow;
use time::macros::date;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::filter::{Params, Value, quoted};
use crate::page::bad_token;
use crate::table::{Column, Kind, Table};

/// How many fields an order may name.
pub const MAX_FIELDS: usize = 8;

/// The order of a list: total, because the id is always in it, and with NULL last in both directions.
#[derive(Debug, Clone)]
pub struct Order {
    keys: Vec<Key>,
}

#[derive(Debug, Clone, Copy)]
struct Key {
    column: &'static Column,
    descending: bool,
}

/// Reads `display_name, create_time desc`. The id goes in the direction of the last field, so that one
/// index serves the whole order, read forwards or backwards.
pub fn parse(table: &'static Table, text: &str) -> Result<Order> {
    let mut keys: Vec<Key> = Vec::new();
    let parts = if text.trim().is_empty() { Vec::new() } else { text.split(',').collect() };
    for part in parts {
        let key = parse_key(table, part)?;
        let field = key.column.field;
        if keys.iter().any(|known| known.column.field == field) {
            return Err(Error::invalid("order_by", format!("names `{field}` twice")));
        }
        keys.push(key);
    }
    if keys.len() > MAX_FIELDS {
        return Err(Error::invalid("order_by", format!("must name {MAX_FIELDS} fields at the most")));
    }
    if keys.iter().all(|key| key.column.name != "id") {
        let column =
            table.column("id").ok_or_else(|| Error::internal(format!("{} has no id", table.name)))?;
        let descending = keys.last().is_some_and(|key| key.descending);
        keys.push(Key { column, descending });
    }
    Ok(Order { keys })
}

fn parse_key(table: &'static Table, part: &str) -> Result<Key> {
    let words: Vec<_> = part.split_whitespace().collect();
    let (field, descending) = match words.as_slice() {
        [field] => (*field, false),
        [field, direction] if direction.eq_ignore_ascii_case("asc") => (*field, false),
        [field, direction] if direction.eq_ignore_ascii_case("desc") => (*field, true),
        _ => {
            let part = part.trim();
            return Err(Error::invalid(
                "order_by",
                format!("has `{part}` where `field` or `field desc` should stand"),
            ));
        }
    };
    let column = table.columns.iter().find(|column| column.field == field && is_visible(column));
    let wrong = match column {
        Some(column) if is_orderable(column.kind) => return Ok(Key { column, descending }),
        Some(_) => format!("cannot be by `{field}`, whose values have no order"),
        None => format!("has an unknown field `{field}`"),
    };
    let known = table.columns.iter().filter(|column| is_visible(column) && is_orderable(column.kind));
    let known: Vec<_> = known.map(|column| column.field).collect();
    Err(Error::invalid(
        "order_by",
        format!("{wrong}; {} can be ordered by: {}", table.noun, known.join(", ")),
    ))
}

fn is_visible(column: &Column) -> bool {
    !column.secret
        && !matches!(column.kind, Kind::Revision | Kind::MoneyCurrency)
        && column.name != "tenant_id"
}

fn is_orderable(kind: Kind) -> bool {
    match kind {
        Kind::Uuid
        | Kind::Text
        | Kind::Bool
        | Kind::Int32
        | Kind::Int64
        | Kind::Double
        | Kind::Enum
        | Kind::Timestamp
        | Kind::Date
        | Kind::MoneyMinor
        | Kind::Decimal => true,
        Kind::Bytes
        | Kind::MoneyCurrency
        | Kind::UuidArray
        | Kind::TextArray
        | Kind::Int32Array
        | Kind::Int64Array
        | Kind::BoolArray
        | Kind::EnumArray
        | Kind::Json
        | Kind::Revision => false,
    }
}

impl Order {
    /// The columns that it compares.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'static Column> {
        self.keys.iter().map(|key| key.column)
    }

    /// The list of an ORDER BY.
    pub fn sql(&self) -> String {
        let keys = self.keys.iter().map(|key| {
            let name = quoted(key.column.name);
            match (key.descending, key.column.nullable) {
                (false, _) => name,
                (true, false) => format!("{name} desc"),
                // Only where it matters: an index read backwards does not serve `desc nulls last`.
                (true, true) => format!("{name} desc nulls last"),
            }
        });
        keys.collect::<Vec<_>>().join(", ")
    }

    /// Expressions to add to the SELECT list: texts that tell the place of a row in this order without a loss.
    pub fn cursor_columns(&self) -> Vec<String> {
        let keys = self.keys.iter().enumerate().map(|(place, key)| {
            let name = quoted(key.column.name);
            let text = match key.column.kind {
                Kind::Text => name,
                // Not the text of the value, which depends on the session's settings.
                Kind::Timestamp => format!("(extract(epoch from {name}) * 1000000)::bigint::text"),
                Kind::Date => format!("({name} - date '1970-01-01')::text"),
                _ => format!("{name}::text"),
            };
            // ORDER BY takes names of the SELECT list before those of columns, so these need their own.
            format!("{text} as \"cursor.{place}\"")
        });
        keys.collect()
    }

    /// Reads the cursor columns of a row, the first of which stands at this place.
    pub fn cursor(&self, row: &PgRow, first: usize) -> Result<Vec<Option<String>>> {
        let places = first..first + self.keys.len();
        places.map(|place| row.try_get(place).map_err(Error::internal)).collect()
    }

    /// The condition for the rows behind the one whose cursor columns are given.
    pub fn after(&self, cursor: &[Option<String>], params: &mut Params) -> Result<String> {
        if cursor.len() != self.keys.len() {
            return Err(bad_token("is damaged"));
        }
        let mut places = Vec::with_capacity(cursor.len());
        for (key, text) in self.keys.iter().zip(cursor) {
            places.push(key.place(text.as_deref(), params)?);
        }
        let first = self.keys[0];
        let is_uniform =
            self.keys.iter().all(|key| !key.column.nullable && key.descending == first.descending);
        if is_uniform {
            let names: Vec<_> = self.keys.iter().map(|key| quoted(key.column.name)).collect();
            let values: Vec<_> = places.into_iter().flatten().collect();
            return Ok(format!("({}) {} ({})", names.join(", "), first.further(), values.join(", ")));
        }
        Ok(self.expanded(&places))
    }

    /// `a > $1 or a = $1 and b > $2 or ...`, with NULL behind everything.
    fn expanded(&self, places: &[Option<String>]) -> String {
        let mut ways = Vec::with_capacity(self.keys.len());
        let mut equal: Vec<String> = Vec::with_capacity(self.keys.len());
        for (key, place) in self.keys.iter().zip(places) {
            let name = quoted(key.column.name);
            if let Some(place) = place {
                let mut further = format!("{name} {} {place}", key.further());
                if key.column.nullable {
                    further = format!("({further} or {name} is null)");
                }
                let way: Vec<_> = equal.iter().cloned().chain([further]).collect();
                ways.push(format!("({})", way.join(" and ")));
            }
            equal.push(place.as_ref().map_or(format!("{name} is null"), |place| format!("{name} = {place}")));
        }
        let condition = format!("({})", ways.join(" or "));
        match (self.keys[0], &places[0]) {
            // Implied by the rest, but a range that an index can begin at.
            (first, Some(place)) if !first.column.nullable => {
                format!("({} {}= {place} and {condition})", quoted(first.column.name), first.further())
            }
            _ => condition,
        }
    }
}

impl Key {
    /// The operator that leads towards later rows.
    fn further(self) -> &'static str {
        if self.descending { "<" } else { ">" }
    }

    /// The placeholder of a cursor's value; `None` for NULL. Values are checked here, because a token
    /// comes from outside and a value that PostgreSQL cannot read would be an error of the server.
    fn place(self, text: Option<&str>, params: &mut Params) -> Result<Option<String>> {
        let Some(text) = text else {
            let may_be_null = self.column.nullable;
            return if may_be_null { Ok(None) } else { Err(bad_token("is damaged")) };
        };
        let (value, cast) = match self.column.kind {
            Kind::Decimal => (is_numeric(text).then(|| Value::Text(text.to_owned())), "::numeric"),
            kind => (read(kind, text), ""),
        };
        let value = value.ok_or_else(|| bad_token("is damaged"))?;
        Ok(Some(params.push(value) + cast))
    }
}

/// Reads what a cursor column told.
fn read(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Uuid => Uuid::parse_str(text).ok().map(Value::Uuid),
        Kind::Text => (!text.contains('\0')).then(|| Value::Text(text.to_owned())),
        Kind::Bool => text.parse().ok().map(Value::Bool),
        Kind::Int32 | Kind::Enum => text.parse().ok().map(Value::I32),
        Kind::Int64 | Kind::MoneyMinor => text.parse().ok().map(Value::I64),
        Kind::Double => text.parse().ok().map(Value::F64),
        Kind::Timestamp => {
            let nanos = text.parse::<i64>().ok().map(|micros| i128::from(micros) * 1_000)?;
            OffsetDateTime::from_unix_timestamp_nanos(nanos).ok().map(Value::Timestamp)
        }
        Kind::Date => {
            let days = text.parse::<i32>().ok().map(i64::from)?;
            date!(1970 - 01 - 01).checked_add(Duration::days(days)).map(Value::Date)
        }
        _ => None,
    }
}

/// Whether PostgreSQL reads a text as `numeric`. It can hold more digits than a decimal of ours.
fn is_numeric(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits =
        |part: &str| (1..=16_000).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit());
    matches!(text, "NaN" | "Infinity" | "-Infinity") || (is_digits(whole) && is_digits(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn column(name: &'static str, kind: Kind, nullable: bool) -> Column {
        Column {
            name,
            field: name,
            kind,
            nullable,
            output_only: false,
            immutable: false,
            personal: false,
            secret: false,
            read_permission: None,
            values: &[],
        }
    }

    static ITEMS: Table = Table {
        entity: "erp.test.v1.Item",
        noun: "item",
        name: "items",
        columns: &[
            column("id", Kind::Uuid, false),
            column("tenant_id", Kind::Uuid, false),
            column("name", Kind::Text, false),
            Column { field: "price", ..column("price_minor", Kind::MoneyMinor, true) },
            Column { field: "price", ..column("price_currency", Kind::MoneyCurrency, true) },
            column("rate", Kind::Decimal, true),
            column("tags", Kind::TextArray, false),
            column("address", Kind::Json, true),
            Column { secret: true, ..column("password", Kind::Text, false) },
            column("create_time", Kind::Timestamp, false),
            column("etag", Kind::Revision, false),
        ],
        search: &[],
        soft_delete: false,
        aggregate: false,
        topic: None,
    };

    const ID: &str = "00000000-0000-0000-0000-000000000001";

    fn after(order_by: &str, cursor: &[Option<&str>]) -> String {
        let cursor: Vec<_> = cursor.iter().map(|text| text.map(str::to_owned)).collect();
        parse(&ITEMS, order_by).unwrap().after(&cursor, &mut Params::starting_at(3)).unwrap()
    }

    #[test]
    fn orders_are_total_and_have_null_last() {
        // The id must end every order, in the direction of the last field, and NULL must be last.
        let sql = |text| parse(&ITEMS, text).unwrap().sql();
        assert_eq!(sql(""), "\"id\"");
        assert_eq!(sql(" name ,create_time  DESC"), "\"name\", \"create_time\" desc, \"id\" desc");
        assert_eq!(sql("price desc, name asc"), "\"price_minor\" desc nulls last, \"name\", \"id\"");
        assert_eq!(sql("id desc, name"), "\"id\" desc, \"name\"");
    }

    #[test]
    fn what_has_no_order_is_refused() {
        // Unknown, repeated, hidden and unorderable fields, and other nonsense, each with the choice.
        for (text, wanted) in [
            ("nam", "has an unknown field `nam`; item can be ordered by: id, name, price, rate, create_time"),
            ("name, name desc", "names `name` twice"),
            ("tags", "cannot be by `tags`"),
            ("address", "cannot be by `address`"),
            ("tenant_id", "has an unknown field"),
            ("password", "has an unknown field"),
            ("etag", "has an unknown field"),
            ("price_minor", "has an unknown field"),
            ("name down", "has `name down` where"),
            ("name,", "has `` where"),
        ] {
            let error = parse(&ITEMS, text).unwrap_err();
            assert_eq!(error.violations()[0].field, "order_by");
            let description = &error.violations()[0].description;
            assert!(description.starts_with(wanted), "{text}: {description}");
        }
    }

    #[test]
    fn the_next_page_begins_behind_the_cursor() {
        // One row comparison where an index can serve it, else every way to be further, NULL included.
        assert_eq!(after("", &[Some(ID)]), "(\"id\") > ($3)");
        assert_eq!(
            after("create_time desc", &[Some("1000000"), Some(ID)]),
            "(\"create_time\", \"id\") < ($3, $4)"
        );
        assert_eq!(
            after("name, id desc", &[Some("a"), Some(ID)]),
            "(\"name\" >= $3 and ((\"name\" > $3) or (\"name\" = $3 and \"id\" < $4)))"
        );
        assert_eq!(
            after("rate desc", &[Some("1.50"), Some(ID)]),
            "(((\"rate\" < $3::numeric or \"rate\" is null)) or (\"rate\" = $3::numeric and \"id\" < $4))"
        );
        assert_eq!(after("rate", &[None, Some(ID)]), "((\"rate\" is null and \"id\" > $3))");
    }

    #[test]
    fn a_cursor_that_postgresql_could_not_read_is_refused() {
        // A forged token must not become an error of the server.
        for (order_by, cursor) in [
            ("", vec![Some("x")]),
            ("", vec![]),
            ("", vec![None]),
            ("rate", vec![Some("1e5"), Some(ID)]),
            ("rate", vec![Some("1."), Some(ID)]),
            ("create_time", vec![Some("9223372036854775807"), Some(ID)]),
            ("name", vec![Some("a\0"), Some(ID)]),
        ] {
            let cursor: Vec<_> = cursor.into_iter().map(|text| text.map(str::to_owned)).collect();
            let error = parse(&ITEMS, order_by).unwrap().after(&cursor, &mut Params::default()).unwrap_err();
            assert_eq!(error.reason(), "BAD_PAGE_TOKEN", "{order_by}");
        }
    }
}
