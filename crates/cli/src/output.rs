//! Data on stdout: tables for people, JSON for programs.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{Attribute, Cell, ContentArrangement, Table};
use serde_json::Value;

use crate::Result;
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

    /// Prints one document: as JSON, or as a table made of the fields that it has.
    pub fn document(self, value: &Value) -> Result<()> {
        if self.is_json() {
            return put(&format!("{value:#}\n"));
        }
        put(&match rows_of(value) {
            Some((rows, rest)) => {
                let mut text = self.records(rows);
                for (name, value) in rest {
                    text.push_str(&format!("{name}: {}\n", cell(value)));
                }
                text
            }
            None => self.fields(value),
        })
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

    fn fields(self, value: &Value) -> String {
        let Value::Object(fields) = value else { return format!("{}\n", cell(value)) };
        if fields.is_empty() {
            return "done\n".to_owned();
        }
        let rows = fields.iter().map(|(name, value)| vec![self.bold(name), whole(value)]);
        self.draw(Vec::new(), rows.collect())
    }

    fn records(self, records: &[Value]) -> String {
        if records.is_empty() {
            return "nothing found\n".to_owned();
        }
        let columns = columns(records);
        let rows = records.iter().map(|record| {
            columns.iter().map(|name| record.get(name).map(cell).unwrap_or_default()).collect()
        });
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

/// The one list of records in an answer, and what stands beside it.
fn rows_of(value: &Value) -> Option<(&[Value], Vec<(&String, &Value)>)> {
    let Value::Object(fields) = value else { return None };
    let is_list = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_object));
    let (name, list) = fields.iter().find(|(_, value)| is_list(value))?;
    // A record with a list in it, such as an order with its lines, is a record.
    if fields.contains_key("id") {
        return None;
    }
    let rest = fields.iter().filter(|(other, _)| *other != name).collect();
    Some((list.as_array()?, rest))
}

/// The fields worth a column: those that some record has, in the order of their first appearance.
fn columns(records: &[Value]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for record in records.iter().filter_map(Value::as_object) {
        for (name, value) in record {
            let shown = !QUIET.contains(&name.as_str()) && is_short(value);
            if shown && !columns.contains(name) {
                columns.push(name.clone());
            }
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
    let only = |names: &[&str]| !fields.is_empty() && fields.keys().all(|name| names.contains(&name.as_str()));
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
        assert!(rows_of(&json!({"accounts": [{"id": "1"}], "nextPageToken": "x"})).is_some());
        assert!(rows_of(&json!({"id": "1", "lines": [{"sku": "a"}]})).is_none());
    }

    #[test]
    fn columns_leave_out_what_tells_nothing() {
        // Eight columns fit on a screen; the tenant's id is the same in each row.
        let records = [json!({"id": "1", "tenantId": "t", "lines": []}), json!({"id": "2", "code": "A"})];
        assert_eq!(columns(&records), ["id", "code"]);
    }
}
