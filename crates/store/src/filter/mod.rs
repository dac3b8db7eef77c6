//! Filters by [AIP-160](https://google.aip.dev/160): text in, a condition with parameters out.
//!
//! | Filter | Meaning |
//! | --- | --- |
//! | `a b` | both; a word without a field is sought in the search columns, whatever its case |
//! | `a AND b OR c` | `a AND (b OR c)`: OR binds tighter, and `a b` tighter than AND |
//! | `NOT a`, `-a` | rows for which `a` does not hold, also those where a field of `a` is unset |
//! | `name = "Ann*"` | `*` stands for any text, with `=` and `!=`; `\*` for the asterisk |
//! | `name:ann` | the text has it in it, whatever its case |
//! | `field:*` | the field is set: not null, and where it cannot be null, not its default |
//! | `tags:red` | a list has the element; lists know `:` only |
//! | `labels:env`, `labels.env = "prod"` | a map has the key; the key's value |
//! | `lines.sku:"A-1"` | one of a list of messages has the value |
//! | `billing_address.locality = "Berlin"` | a field of a message |
//! | `state = (OPEN OR WON)` | either value; with `=` and `:` |
//! | `state = OPEN`, `STATE_OPEN`, `2` | an enum by its short name, its name or its number |
//! | `create_time > 2026-01-31T10:00:00Z` | an instant; without a time it is midnight in UTC |
//! | `due_date <= 2026-01-31` | a date |
//! | `create_time > daysAgo(7)` | also `now()` and `today()`; days begin in UTC |
//! | `price > 10.50` | the amount in whole units of each row's own currency |
//! | `price = "10.50 EUR"`, `price > "10 EUR"` | rows of that currency, with that amount |
//! | `price.currency_code = EUR`, `price.units > 10`, `price.nanos` | the parts of a money |
//!
//! **A field that is unset matches no comparison, not even `!=`**: AIP-160 asks it of messages on the way, and
//! one rule for all is easier to remember. `NOT state = OPEN` also finds the unset ones.
//!
//! In `jsonb` (messages, maps) the contract's types are not known here, so the written value decides: a number
//! compares with numbers and with texts that are numbers (an `int64` is one in JSON), an instant with
//! timestamps, everything else with the text. There `:` seeks an equal element and not a part of a text.

mod ast;
mod compile;
mod json;
mod lexer;
mod money;
mod params;
mod parser;
mod scalar;
#[cfg(test)]
mod tests;
mod value;

pub use params::{Params, Value};
pub use parser::{MAX_CHARACTERS, MAX_DEPTH, MAX_TERMS};

use kit::Result;
use time::OffsetDateTime;

use crate::table::{Column, Kind, Table};

/// Compiles a filter to a condition over the table's columns. It is never empty (`true` for a blank filter)
/// and can be joined to others with AND as it is. Whatever the caller wrote goes to `params`.
pub fn compile(
    table: &'static Table,
    text: &str,
    params: &mut Params,
    now: OffsetDateTime,
) -> Result<String> {
    match parser::parse(text)? {
        None => Ok("true".to_owned()),
        Some(node) => compile::Compiler { table, params, now }.node(&node),
    }
}

/// The fields that a filter may name, in the order of the contract.
pub fn fields(table: &Table) -> Vec<&'static str> {
    let mut fields: Vec<_> =
        table.columns.iter().filter(|column| is_filterable(column)).map(|c| c.field).collect();
    // The two columns of a money stand side by side.
    fields.dedup();
    fields
}

fn is_filterable(column: &Column) -> bool {
    !column.secret && column.name != "tenant_id" && !matches!(column.kind, Kind::Bytes | Kind::Revision)
}

/// A name as SQL takes it, whatever the name is: `"order"`.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
