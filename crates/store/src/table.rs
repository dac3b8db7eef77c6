//! What the engine knows of an entity: generated as constants out of the contract.

/// One entity's table.
#[derive(Debug)]
pub struct Table {
    /// Full name of the message: `erp.crm.v1.Account`.
    pub entity: &'static str,
    /// The entity's name in snake case, for messages and event types: `account`.
    pub noun: &'static str,
    /// The table's name: `accounts`.
    pub name: &'static str,
    /// The columns in the order in which [`crate::Record::bind`] and [`crate::Record::read`] know them.
    pub columns: &'static [Column],
    /// Columns that Search looks through.
    pub search: &'static [&'static str],
    /// Whether Delete keeps the row.
    pub soft_delete: bool,
    /// Whether only the service's own methods write it.
    pub aggregate: bool,
    /// Where the engine's record events go; `None`: it writes none.
    pub topic: Option<&'static str>,
}

/// One column.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// The column's name: `price_minor`.
    pub name: &'static str,
    /// The proto field that it holds, or holds a part of: `price`.
    pub field: &'static str,
    /// The type.
    pub kind: Kind,
    /// Whether NULL stands for an unset field.
    pub nullable: bool,
    /// Whether only the service sets it.
    pub output_only: bool,
    /// Whether it stays as it was created.
    pub immutable: bool,
    /// Whether the value tells something of a natural person.
    pub personal: bool,
    /// Whether the value may not leave the service.
    pub secret: bool,
    /// Without it the value is neither shown nor compared.
    pub read_permission: Option<&'static str>,
    /// For enums the values by name, full and without the enum's prefix.
    pub values: &'static [(&'static str, i32)],
}

/// The type of a column, on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `uuid`, a string on the wire.
    Uuid,
    /// `text`.
    Text,
    /// `boolean`.
    Bool,
    /// `integer`.
    Int32,
    /// `bigint`.
    Int64,
    /// `double precision`.
    Double,
    /// `bytea`.
    Bytes,
    /// `integer`, an enum on the wire.
    Enum,
    /// `timestamptz`.
    Timestamp,
    /// `date`.
    Date,
    /// `bigint`, the minor units of a `google.type.Money`.
    MoneyMinor,
    /// `text`, the currency of a `google.type.Money`.
    MoneyCurrency,
    /// `numeric`.
    Decimal,
    /// `uuid[]`.
    UuidArray,
    /// `text[]`.
    TextArray,
    /// `integer[]`.
    Int32Array,
    /// `bigint[]`.
    Int64Array,
    /// `boolean[]`.
    BoolArray,
    /// `integer[]`, enums on the wire.
    EnumArray,
    /// `jsonb`: messages, maps and lists of messages as proto3 JSON with the proto's field names.
    Json,
    /// `bigint`, the `etag` on the wire.
    Revision,
}

impl Table {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns that hold this proto field, with their places: two for money, else one.
    pub fn columns_of<'a>(&self, field: &'a str) -> impl Iterator<Item = (usize, &'static Column)> + use<'a> {
        self.columns.iter().enumerate().filter(move |(_, column)| column.field == field)
    }
}
