//! How the fields of an entity lie in the columns of its table.

use proc_macro2::{Ident, TokenStream};
use prost_reflect::{FieldDescriptor, Kind};
use quote::{format_ident, quote};

use crate::{names, options};

/// What a field becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    Uuid,
    Text,
    Bool,
    Int32,
    Int64,
    Double,
    Bytes,
    Enum,
    Timestamp,
    Date,
    Money,
    Decimal,
    UuidArray,
    TextArray,
    Int32Array,
    Int64Array,
    BoolArray,
    EnumArray,
    Json,
    Revision,
}

/// A field with its storage.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub field: FieldDescriptor,
    pub storage: Storage,
    pub nullable: bool,
    pub options: options::FieldOptions,
}

impl Stored {
    /// Decides how a field of an entity is stored.
    pub(crate) fn of(field: &FieldDescriptor) -> Result<Self, String> {
        if field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) {
            return Err("an entity has no oneof: put it into a message of its own".to_owned());
        }
        let storage = storage(field)?;
        let may_be_empty = storage == Storage::Uuid && ignores_zero(field);
        let nullable = match storage {
            Storage::Timestamp | Storage::Date | Storage::Money | Storage::Decimal | Storage::Json => true,
            _ => field.supports_presence() || may_be_empty,
        };
        Ok(Self { field: field.clone(), storage, nullable, options: options::field(field) })
    }

    /// Whether Rust has the field as an `Option`.
    pub(crate) fn is_option(&self) -> bool {
        self.field.supports_presence()
    }

    /// The columns: name, kind, and the expression that binds it.
    pub(crate) fn columns(&self) -> Vec<(String, Ident, TokenStream)> {
        let name = self.field.name();
        let rust = names::field(&self.field);
        if self.storage == Storage::Money {
            let money = quote!(self.#rust.as_ref().map(|money| money.to_money(#name)).transpose()?);
            return vec![
                (
                    format!("{name}_minor"),
                    format_ident!("MoneyMinor"),
                    quote!(column::bind(#money.map(|money| money.minor), arguments)),
                ),
                (
                    format!("{name}_currency"),
                    format_ident!("MoneyCurrency"),
                    quote!(column::bind(#money.map(|money| money.currency.code().to_owned()), arguments)),
                ),
            ];
        }
        let column = if self.storage == Storage::Revision { "revision" } else { name };
        vec![(column.to_owned(), format_ident!("{}", format!("{:?}", self.storage)), self.bind(name, &rust))]
    }

    fn bind(&self, name: &str, rust: &Ident) -> TokenStream {
        match self.storage {
            Storage::Uuid if self.is_option() => {
                quote!(column::bind_uuid_or_null(self.#rust.as_deref().unwrap_or_default(), #name, arguments))
            }
            Storage::Uuid if self.nullable => {
                quote!(column::bind_uuid_or_null(&self.#rust, #name, arguments))
            }
            Storage::Uuid => quote!(column::bind_uuid(&self.#rust, #name, arguments)),
            Storage::Text if self.is_option() => {
                quote!(column::bind_text(self.#rust.as_deref(), #name, arguments))
            }
            Storage::Text => quote!(column::bind_text(Some(&self.#rust), #name, arguments)),
            Storage::Bytes if self.is_option() => quote!(column::bind(self.#rust.as_deref(), arguments)),
            Storage::Bytes
            | Storage::Int32Array
            | Storage::Int64Array
            | Storage::BoolArray
            | Storage::EnumArray => {
                quote!(column::bind(self.#rust.as_slice(), arguments))
            }
            Storage::Bool | Storage::Int32 | Storage::Int64 | Storage::Double | Storage::Enum => {
                quote!(column::bind(self.#rust, arguments))
            }
            Storage::Timestamp => quote!(column::bind_timestamp(self.#rust.as_ref(), #name, arguments)),
            Storage::Date => {
                quote!(column::bind(self.#rust.as_ref().map(|date| date.to_date(#name)).transpose()?, arguments))
            }
            Storage::Decimal => quote! {
                column::bind(self.#rust.as_ref().map(|number| number.to_decimal(#name)).transpose()?, arguments)
            },
            Storage::UuidArray => quote!(column::bind_uuids(&self.#rust, #name, arguments)),
            Storage::TextArray => quote!(column::bind_texts(&self.#rust, #name, arguments)),
            Storage::Json => quote!(column::bind_json(self, #name, arguments)),
            Storage::Revision => quote!(column::bind_revision(&self.#rust, #name, arguments)),
            Storage::Money => TokenStream::new(),
        }
    }

    /// The expression that reads the field from the columns that begin at `place`.
    pub(crate) fn read(&self, place: usize) -> TokenStream {
        let place = names::place(place);
        let rust = names::field(&self.field);
        match self.storage {
            Storage::Uuid if self.is_option() => quote!(column::read_uuid_or_null(row, #place)?),
            Storage::Uuid if self.nullable => {
                quote!(column::read_uuid_or_null(row, #place)?.unwrap_or_default())
            }
            Storage::Uuid => quote!(column::read_uuid(row, #place)?),
            Storage::UuidArray => quote!(column::read_uuids(row, #place)?),
            Storage::Timestamp => quote!(column::read_timestamp(row, #place)?),
            Storage::Date => {
                quote!(column::read::<::core::option::Option<::kit::Date>>(row, #place)?.map(Into::into))
            }
            Storage::Decimal => {
                quote!(column::read::<::core::option::Option<::kit::Decimal>>(row, #place)?.map(Into::into))
            }
            Storage::Money => quote!(column::read_money(row, #place)?.map(Into::into)),
            Storage::Json => quote!(json.#rust),
            Storage::Revision => quote!(column::read_revision(row, #place)?),
            _ => quote!(column::read(row, #place)?),
        }
    }

    /// The expression that tells whether the field differs from its default.
    pub(crate) fn is_set(&self) -> TokenStream {
        let rust = names::field(&self.field);
        if self.is_option() {
            return quote!(self.#rust.is_some());
        }
        match self.storage {
            Storage::Bool => quote!(self.#rust),
            Storage::Int32 | Storage::Int64 | Storage::Enum => quote!(self.#rust != 0),
            Storage::Double => quote!(self.#rust != 0.0),
            _ => quote!(!self.#rust.is_empty()),
        }
    }

    /// Whether `store::column::Scalar` knows the proto3 JSON of the field's type.
    pub(crate) fn is_json_scalar(&self) -> bool {
        matches!(
            self.storage,
            Storage::Uuid
                | Storage::Text
                | Storage::Bool
                | Storage::Int32
                | Storage::Int64
                | Storage::Revision
        )
    }
}

fn storage(field: &FieldDescriptor) -> Result<Storage, String> {
    if field.name() == "etag" {
        return match field.kind() {
            Kind::String if !field.is_list() && !field.supports_presence() => Ok(Storage::Revision),
            _ => Err("an etag is a plain string".to_owned()),
        };
    }
    if field.is_map() {
        return Ok(Storage::Json);
    }
    let uuid = matches!(field.name(), "id" | "tenant_id") || is_uuid(field);
    Ok(match (field.kind(), field.is_list()) {
        (Kind::String, false) if uuid => Storage::Uuid,
        (Kind::String, false) => Storage::Text,
        (Kind::String, true) if uuid => Storage::UuidArray,
        (Kind::String, true) => Storage::TextArray,
        (Kind::Bool, false) => Storage::Bool,
        (Kind::Bool, true) => Storage::BoolArray,
        (Kind::Int32, false) => Storage::Int32,
        (Kind::Int32, true) => Storage::Int32Array,
        (Kind::Int64, false) => Storage::Int64,
        (Kind::Int64, true) => Storage::Int64Array,
        (Kind::Enum(_), false) => Storage::Enum,
        (Kind::Enum(_), true) => Storage::EnumArray,
        (Kind::Double, false) => Storage::Double,
        (Kind::Bytes, false) => Storage::Bytes,
        (Kind::Message(message), false) => match message.full_name() {
            "google.protobuf.Timestamp" => Storage::Timestamp,
            "google.type.Date" => Storage::Date,
            "google.type.Money" => Storage::Money,
            "google.type.Decimal" => Storage::Decimal,
            _ => Storage::Json,
        },
        (Kind::Message(_), true) => Storage::Json,
        (kind, _) => {
            return Err(format!("an entity can't store {kind:?} here; see docs/engine.md for what it can"));
        }
    })
}

/// Whether the rules want a UUID: of the string, or of each item.
fn is_uuid(field: &FieldDescriptor) -> bool {
    let Some(rules) = options::rules(field) else { return false };
    let wants = |rules: &prost_reflect::DynamicMessage| -> Option<bool> {
        let string = rules.get_field_by_name("string")?;
        string.as_message()?.get_field_by_name("uuid")?.as_bool()
    };
    if field.is_list() {
        let items = rules
            .get_field_by_name("repeated")
            .and_then(|rules| rules.as_message()?.get_field_by_name("items")?.as_message().cloned());
        return items.is_some_and(|items| wants(&items) == Some(true));
    }
    wants(&rules) == Some(true)
}

/// Whether an empty value passes the rules: `IGNORE_IF_ZERO_VALUE` is 1.
fn ignores_zero(field: &FieldDescriptor) -> bool {
    let ignore = options::rules(field).and_then(|rules| rules.get_field_by_name("ignore")?.as_enum_number());
    ignore == Some(1)
}
