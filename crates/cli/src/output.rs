//! Data on stdout: tables for people, JSON for programs.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{Attribute, Cell, ContentArrangement, Table};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, SerializeOptions,
};
use serde_json::Value;

use crate::Result;
use crate::client::to_json;
use crate::failure::Failure;

/// How data are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// The most characters of one cell.
const CELL_MAX: usize = 60;
/// The most columns of a table made of records; JSON shows all fields.
const COLUMNS_MAX: usize = 8;
/// Fields that tell people nothing in a list.
const QUIET: &[&str] = &["tenantId", "createdBy", "updatedBy", "etag", "updateTime", "deleteTime"];

/// Prints data.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: Format,
    colour: bool,
}

impl Output {
    /// As asked for, or as it fits what stdout is.
    pub fn new(asked: Option<Format>) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let format = asked.unwrap_or(if is_terminal { Format::Table } else { Format::Json });
        Self { format, colour: is_terminal && !no_colour }
    }

    /// Whether programs read it.
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Prints an answer: as JSON, or as a table of the records in it, or of its fields. In the contract's order.
    pub fn message(self, message: &DynamicMessage) -> Result<()> {
        if self.is_json() {
            let mut text = Vec::new();
            let mut json = serde_json::Serializer::pretty(&mut text);
            let written = message.serialize_with_options(&mut json, &SerializeOptions::new());
            written.map_err(|error| Failure::new(format!("the answer has no form in JSON: {error}")))?;
            text.push(b'\n');
            return put(&String::from_utf8_lossy(&text));
        }
        let value = to_json(message)?;
        let descriptor = message.descriptor();
        let Some((name, records)) = records_of(&value) else {
            return put(&self.fields(&in_order(&value, &descriptor)));
        };
        let mut text = match descriptor.get_field_by_json_name(name).map(|field| field.kind()) {
            Some(Kind::Message(record)) => {
                let records: Vec<_> = records.iter().map(|one| in_order(one, &record)).collect();
                self.records(&records)
            }
            _ => String::new(),
        };
        for (other, value) in in_order(&value, &descriptor) {
            if other != *name {
                text.push_str(&format!("{other}: {}\n", cell(&value)));
            }
        }
        put(&text)
    }

    /// Prints named values: as a JSON object, or as a table in this order.
    pub fn fields_of(self, fields: &[(String, Value)]) -> Result<()> {
        if self.is_json() {
            let object: Value = fields.iter().cloned().collect();
            return put(&format!("{object:#}\n"));
        }
        put(&self.fields(fields))
    }

    /// Prints one line of a stream.
    pub fn line(self, value: &Value, text: &str) -> Result<()> {
        if self.is_json() { put(&format!("{value}\n")) } else { put(&format!("{text}\n")) }
    }

    /// Prints a table, or the value as JSON.
    pub fn table(self, value: &Value, header: &[&str], rows: Vec<Vec<String>>) -> Result<()> {
        if self.is_json() {
            return put(&format!("{value:#}\n"));
        }
        put(&self.draw(header.iter().map(ToString::to_string).collect(), rows))
    }

    /// Bold, where colours are wanted.
    pub fn bold(self, text: &str) -> String {
        if self.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Faint, where colours are wanted.
    pub fn faint(self, text: &str) -> String {
        if self.colour { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn fields(self, fields: &[(String, Value)]) -> String {
        if fields.is_empty() {
            return "done\n".to_owned();
        }
        let rows = fields.iter().map(|(name, value)| vec![self.bold(name), whole(value)]);
        self.draw(Vec::new(), rows.collect())
    }

    fn records(self, records: &[Vec<(String, Value)>]) -> String {
        if records.is_empty() {
            return "nothing found\n".to_owned();
        }
        let columns = columns(records);
        let value = |record: &[(String, Value)], name: &String| {
            record.iter().find(|(other, _)| other == name).map(|(_, value)| cell(value)).unwrap_or_default()
        };
        let rows = records.iter().map(|record| columns.iter().map(|name| value(record, name)).collect());
        self.draw(columns.clone(), rows.collect())
    }

    fn draw(self, header: Vec<String>, rows: Vec<Vec<String>>) -> String {
        let mut table = Table::new();
        table.load_preset(comfy_table::presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        if !header.is_empty() {
            let head = header.into_iter().map(|name| {
                let cell = Cell::new(name);
                if self.colour { cell.add_attribute(Attribute::Bold) } else { cell }
            });
            table.set_header(head.collect::<Vec<_>>());
        }
        table.add_rows(rows);
        let mut text = table.trim_fmt();
        text.push('\n');
        text
    }
}

/// Writes to stdout. A reader that went away, such as `head`, is no failure.
pub fn put(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::new(format!("cannot write to stdout: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// The one list of records in an answer.
fn records_of(value: &Value) -> Option<(&String, &[Value])> {
    let Value::Object(fields) = value else { return None };
    // A record with a list in it, such as an order with its lines, is a record.
    if fields.contains_key("id") {
        return None;
    }
    let is_list = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_object));
    let (name, list) = fields.iter().find(|(_, value)| is_list(value))?;
    Some((name, list.as_array()?))
}

/// The fields of an object as the contract orders them.
fn in_order(value: &Value, descriptor: &MessageDescriptor) -> Vec<(String, Value)> {
    let fields = descriptor.fields();
    fields.filter_map(|field| Some((field.json_name().to_owned(), plain(value, &field)?))).collect()
}

/// A field's value; that of an enum as filters write it, `CUSTOMER` and not `ACCOUNT_TYPE_CUSTOMER`.
fn plain(value: &Value, field: &FieldDescriptor) -> Option<Value> {
    let value = value.get(field.json_name())?;
    let (Kind::Enum(kind), Some(name)) = (field.kind(), value.as_str()) else { return Some(value.clone()) };
    let zero = kind.default_value().name().to_owned();
    let prefix = zero.strip_suffix("UNSPECIFIED").unwrap_or_default();
    Some(name.strip_prefix(prefix).unwrap_or(name).into())
}

/// The fields worth a column: those that some record has.
fn columns(records: &[Vec<(String, Value)>]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for (name, value) in records.iter().flatten() {
        let shown = !QUIET.contains(&name.as_str()) && is_short(value);
        if shown && !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    columns.truncate(COLUMNS_MAX);
    columns
}

fn is_short(value: &Value) -> bool {
    match value {
        Value::Array(_) => false,
        Value::Object(_) => known(value).is_some(),
        _ => true,
    }
}

/// A value in a cell, cut where it is long.
pub fn cell(value: &Value) -> String {
    let text = whole(value);
    let mut letters = text.chars();
    let mut cut: String = letters.by_ref().take(CELL_MAX).collect();
    if letters.next().is_some() {
        cut.push('…');
    }
    cut
}

fn whole(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(_) => known(value).unwrap_or_else(|| value.to_string()),
        _ => value.to_string(),
    }
}

/// Amounts, decimals and days as people write them.
fn known(value: &Value) -> Option<String> {
    let fields = value.as_object()?;
    let number = |name: &str| fields.get(name).and_then(Value::as_i64).unwrap_or(0);
    let only =
        |names: &[&str]| !fields.is_empty() && fields.keys().all(|name| names.contains(&name.as_str()));
    if fields.contains_key("currencyCode") && only(&["currencyCode", "units", "nanos"]) {
        let units = fields.get("units").and_then(Value::as_str).unwrap_or("0");
        let nanos = i32::try_from(number("nanos")).ok()?;
        let money = contracts::google::r#type::Money {
            currency_code: fields.get("currencyCode")?.as_str()?.to_owned(),
            units: units.parse().ok()?,
            nanos,
        };
        return money.to_money("amount").ok().map(|money| money.to_string());
    }
    if only(&["value"]) {
        return fields.get("value")?.as_str().map(str::to_owned);
    }
    if fields.contains_key("year") && only(&["year", "month", "day"]) {
        return Some(format!("{:04}-{:02}-{:02}", number("year"), number("month"), number("day")));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn amounts_and_days_are_written_as_people_do() {
        // A cell with {"units": "12", "nanos": 300000000} in it helps nobody.
        let money = json!({"currencyCode": "EUR", "units": "-12", "nanos": -300_000_000});
        assert_eq!(cell(&money), "-12.30 EUR");
        assert_eq!(cell(&json!({"currencyCode": "EUR"})), "0.00 EUR");
        assert_eq!(cell(&json!({"year": 2026, "month": 1, "day": 9})), "2026-01-09");
        assert_eq!(cell(&json!({"value": "0.15"})), "0.15");
        assert_eq!(cell(&json!({"a": 1})), r#"{"a":1}"#);
    }

    #[test]
    fn a_list_is_a_table_and_a_record_with_a_list_is_not() {
        // An order has lines, but what was asked for is the order.
        assert!(records_of(&json!({"accounts": [{"id": "1"}], "nextPageToken": "x"})).is_some());
        assert!(records_of(&json!({"id": "1", "lines": [{"sku": "a"}]})).is_none());
    }

    #[test]
    fn columns_leave_out_what_tells_nothing() {
        // Eight columns fit on a screen; the tenant's id is the same in each row.
        let pairs = |value: Value| -> Vec<(String, Value)> {
            value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        let records =
            [pairs(json!({"id": "1", "tenantId": "t", "lines": []})), pairs(json!({"id": "2", "name": "A"}))];
        assert_eq!(columns(&records), ["id", "name"]);
    }

    #[test]
    fn fields_stand_as_in_the_contract() {
        // By the alphabet the id of an account would stand behind its phone.
        let account = contracts::POOL.get_message_by_name("erp.crm.v1.Account").unwrap();
        let value = json!({"code": "A", "type": "ACCOUNT_TYPE_CUSTOMER", "displayName": "B", "id": "1"});
        let ordered = in_order(&value, &account);
        let names: Vec<&str> = ordered.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["id", "displayName", "code", "type"]);
        assert_eq!(ordered[3].1, "CUSTOMER");
    }
}
