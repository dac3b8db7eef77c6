//! The values of a statement, kept apart from its text.

use kit::{Error, Result};
use rust_decimal::Decimal;
use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::table::Column;

/// A value that goes into a statement as a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `uuid`.
    Uuid(Uuid),
    /// `text`.
    Text(String),
    /// `boolean`.
    Bool(bool),
    /// `integer`.
    I32(i32),
    /// `bigint`.
    I64(i64),
    /// `double precision`.
    F64(f64),
    /// `numeric`.
    Decimal(Decimal),
    /// `timestamptz`.
    Timestamp(OffsetDateTime),
    /// `date`.
    Date(Date),
    /// `jsonb`.
    Json(serde_json::Value),
    /// `text[]`.
    TextArray(Vec<String>),
}

/// The parameters of one statement, in the order of their numbers.
///
/// Every value carries its type to PostgreSQL, so `$n` needs a cast only where the column's type has no
/// value of its own here.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    first: usize,
    values: Vec<Value>,
    /// The columns that the caller compares with them.
    compared: Vec<&'static Column>,
}

impl Params {
    /// Parameters whose first one is `$first`: 1 when the statement has no others before them.
    pub fn starting_at(first: usize) -> Self {
        Self { first, values: Vec::new(), compared: Vec::new() }
    }

    /// Adds a value and tells its placeholder, such as `$3`.
    pub fn push(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.first + self.values.len() - 1)
    }

    /// Remembers that the caller compares this column with something.
    pub(super) fn note(&mut self, column: &'static Column) {
        self.compared.push(column);
    }

    /// The columns that the caller compares.
    pub(crate) fn compared(&self) -> &[&'static Column] {
        &self.compared
    }

    /// The values so far.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Adds the values to a statement's arguments, which must hold exactly those before `$first`.
    pub fn bind_all(self, arguments: &mut PgArguments) -> Result<()> {
        for value in self.values {
            let added = match value {
                Value::Uuid(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::Bool(value) => arguments.add(value),
                Value::I32(value) => arguments.add(value),
                Value::I64(value) => arguments.add(value),
                Value::F64(value) => arguments.add(value),
                Value::Decimal(value) => arguments.add(value),
                Value::Timestamp(value) => arguments.add(value),
                Value::Date(value) => arguments.add(value),
                Value::Json(value) => arguments.add(value),
                Value::TextArray(value) => arguments.add(value),
            };
            added.map_err(Error::internal)?;
        }
        Ok(())
    }
}

impl Default for Params {
    fn default() -> Self {
        Self::starting_at(1)
    }
}
