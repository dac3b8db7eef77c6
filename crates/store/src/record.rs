//! What generated code gives the engine for every message of a contract.

use kit::{Result, Violation};
use prost::Message;
use prost_reflect::ReflectMessage;
use prost_types::Timestamp;
use sqlx::postgres::{PgArguments, PgRow};

use crate::table::Table;

/// A message whose fields are checked by the rules of its contract (`buf.validate`, `REQUIRED`).
pub trait Validate {
    /// Adds what is wrong to `violations`; `path` is the place of the message in the request, such as
    /// `order.lines[2]`, empty for the request itself.
    fn validate(&self, path: &str, violations: &mut Vec<Violation>);
}

/// The request of a method.
pub trait Request: Message + ReflectMessage + Validate + Default + Clone + Send + Sync + 'static {
    /// The caller's `request_id`; empty when it is not given or the request has none.
    fn request_id(&self) -> &str;
}

/// A message that is stored as a row.
pub trait Record:
    Message + ReflectMessage + Validate + Default + Clone + PartialEq + Send + Sync + 'static
{
    /// The entity's table.
    fn table() -> &'static Table;

    /// The record's id.
    fn id(&self) -> &str;

    /// The fields that the engine sets.
    fn header(&mut self) -> Header<'_>;

    /// Adds the value of a column to a statement. Fails, naming the field, for what the column can't hold.
    fn bind(&self, column: usize, arguments: &mut PgArguments) -> Result<()>;

    /// Reads a row whose columns are those of the table, in their order.
    fn read(row: &PgRow) -> Result<Self>;

    /// Takes one field over from another record; false when there is no such field.
    fn copy_field(&mut self, from: &Self, field: &str) -> bool;

    /// Whether a field differs from its proto default.
    fn is_set(&self, field: &str) -> bool;

    /// The proto3 JSON of one field; null when it is not set.
    fn field_json(&self, field: &str) -> serde_json::Value;
}

/// The fields that the engine sets; `None` where the entity lacks them.
#[derive(Debug)]
pub struct Header<'a> {
    pub id: &'a mut String,
    pub tenant_id: Option<&'a mut String>,
    pub create_time: Option<&'a mut Option<Timestamp>>,
    pub update_time: Option<&'a mut Option<Timestamp>>,
    pub delete_time: Option<&'a mut Option<Timestamp>>,
    pub created_by: Option<&'a mut String>,
    pub updated_by: Option<&'a mut String>,
    pub etag: Option<&'a mut String>,
}

/// A message that is the payload of an event.
pub trait Event: Message + ReflectMessage + Default + Send + Sync + 'static {
    /// `order.completed`.
    const TYPE: &'static str;
    /// The topic it goes to.
    const TOPIC: &'static str;
    /// What is joined to the tenant's id as the key; empty: nothing.
    fn key(&self) -> &str;
}

/// A log of events that a contract declares.
#[derive(Debug)]
pub struct Topic {
    /// `orders.orders`.
    pub name: &'static str,
    /// How many partitions it is created with.
    pub partitions: i32,
    /// How long events are kept.
    pub retention_hours: i32,
}
