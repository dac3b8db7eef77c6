//! What the codec knows of every message, compiled once from the descriptors.
//!
//! The tables are flat: a message is an index into [`Plans::messages`], so that recursive types
//! need no reference counting and a lookup is one addition.

use std::collections::HashMap;

use prost::Message;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use super::names::NameTable;
use super::wire::put_varint;

/// Position of a message in [`Plans::messages`].
pub(crate) type MessageId = u32;

/// Every message and enum of one descriptor set.
pub(crate) struct Plans {
    messages: Vec<MessagePlan>,
    enums: Vec<EnumPlan>,
    by_name: HashMap<Box<str>, MessageId>,
}

impl Plans {
    /// Compiles all messages of the pool.
    pub(crate) fn compile(pool: &DescriptorPool) -> Self {
        let descriptors: Vec<_> = pool.all_messages().collect();
        let mut by_name = HashMap::with_capacity(descriptors.len());
        for (index, message) in descriptors.iter().enumerate() {
            by_name.insert(message.full_name().into(), index as MessageId);
        }
        let mut enums = Vec::new();
        let mut enum_ids = HashMap::new();
        for one in pool.all_enums() {
            enum_ids.insert(one.full_name().to_owned(), enums.len() as u32);
            enums.push(EnumPlan::compile(&one));
        }
        let types = Types { messages: &by_name, enums: &enum_ids };
        let messages = descriptors.into_iter().map(|one| MessagePlan::compile(one, &types)).collect();
        Self { messages, enums, by_name }
    }

    pub(crate) fn message(&self, id: MessageId) -> &MessagePlan {
        &self.messages[id as usize]
    }

    pub(crate) fn enumeration(&self, id: u32) -> &EnumPlan {
        &self.enums[id as usize]
    }

    /// Finds a message by its full name.
    pub(crate) fn find(&self, full_name: &str) -> Option<MessageId> {
        self.by_name.get(full_name).copied()
    }
}

/// One message.
pub(crate) struct MessagePlan {
    pub(crate) shape: Shape,
    /// Sorted by number.
    pub(crate) fields: Box<[FieldPlan]>,
    pub(crate) oneofs: usize,
    pub(crate) descriptor: MessageDescriptor,
    names: NameTable,
    /// Field index + 1 by number, for the numbers below its length.
    dense: Box<[u16]>,
}

impl MessagePlan {
    fn compile(descriptor: MessageDescriptor, types: &Types<'_>) -> Self {
        let mut fields: Vec<_> = descriptor.fields().map(|one| FieldPlan::compile(&one, types)).collect();
        fields.sort_by_key(|one| one.number);
        let mut names = NameTable::with_capacity(fields.len() * 2);
        for (index, field) in fields.iter().enumerate() {
            names.insert(&field.json, index as u16);
            names.insert(&field.name, index as u16);
        }
        let longest = fields.iter().map(|one| one.number).filter(|one| *one < DENSE).max().unwrap_or(0);
        let mut dense = vec![0_u16; longest as usize + 1];
        for (index, field) in fields.iter().enumerate() {
            if let Some(slot) = dense.get_mut(field.number as usize) {
                *slot = index as u16 + 1;
            }
        }
        let shape = Shape::of(&descriptor);
        let oneofs = descriptor.oneofs().len();
        Self { shape, fields: fields.into(), oneofs, descriptor, names, dense: dense.into() }
    }

    pub(crate) fn full_name(&self) -> &str {
        self.descriptor.full_name()
    }

    /// Finds a field by its JSON name or its name in the proto file.
    pub(crate) fn field_named(&self, name: &str) -> Option<u16> {
        let index = self.names.get(name)?;
        let field = &self.fields[index as usize];
        (*field.json == *name || *field.name == *name).then_some(index)
    }

    /// Finds a field by its number.
    pub(crate) fn field_numbered(&self, number: u32) -> Option<u16> {
        if let Some(slot) = self.dense.get(number as usize) {
            return slot.checked_sub(1);
        }
        self.fields.binary_search_by_key(&number, |one| one.number).ok().map(|index| index as u16)
    }
}

/// Numbers from here on are looked up by binary search.
const DENSE: u32 = 1024;

/// How a message stands in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Plain,
    Timestamp,
    Duration,
    FieldMask,
    Struct,
    Value,
    ListValue,
    Wrapper,
    Any,
    /// Has groups or extensions, which only the reflective message knows.
    Reflect,
}

impl Shape {
    fn of(descriptor: &MessageDescriptor) -> Self {
        match descriptor.full_name() {
            "google.protobuf.Timestamp" => Self::Timestamp,
            "google.protobuf.Duration" => Self::Duration,
            "google.protobuf.FieldMask" => Self::FieldMask,
            "google.protobuf.Struct" => Self::Struct,
            "google.protobuf.Value" => Self::Value,
            "google.protobuf.ListValue" => Self::ListValue,
            "google.protobuf.Any" => Self::Any,
            "google.protobuf.DoubleValue"
            | "google.protobuf.FloatValue"
            | "google.protobuf.Int64Value"
            | "google.protobuf.UInt64Value"
            | "google.protobuf.Int32Value"
            | "google.protobuf.UInt32Value"
            | "google.protobuf.BoolValue"
            | "google.protobuf.StringValue"
            | "google.protobuf.BytesValue" => Self::Wrapper,
            _ if descriptor.fields().any(|one| one.is_group() || one.is_required()) => Self::Reflect,
            _ if descriptor.extensions().len() > 0 => Self::Reflect,
            _ => Self::Plain,
        }
    }
}

/// One field.
pub(crate) struct FieldPlan {
    pub(crate) name: Box<str>,
    pub(crate) json: Box<str>,
    /// `"jsonName":` as it is printed.
    pub(crate) json_key: Box<[u8]>,
    /// `"proto_name":` as it is printed when the original names are wanted.
    pub(crate) name_key: Box<[u8]>,
    pub(crate) number: u32,
    pub(crate) tag: Tag,
    pub(crate) card: Card,
    /// The type of the value, of an element, or of a map's value.
    pub(crate) ty: Ty,
    /// Whether an absent value differs from the type's zero.
    pub(crate) presence: bool,
    /// Index of the oneof within the message.
    pub(crate) oneof: Option<u16>,
    /// Never taken from a caller (`OUTPUT_ONLY`, `IDENTIFIER`), so it is no part of a computed mask.
    pub(crate) output_only: bool,
}

impl FieldPlan {
    fn compile(field: &FieldDescriptor, types: &Types<'_>) -> Self {
        let (card, ty) = match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let key = types.ty(&entry.map_entry_key_field().kind());
                let value = types.ty(&entry.map_entry_value_field().kind());
                let tags = [Tag::new(1, key.wire()), Tag::new(2, value.wire())];
                (Card::Map { key, tags }, value)
            }
            kind if field.is_list() => (Card::Many { packed: field.is_packed() }, types.ty(&kind)),
            kind => (Card::One, types.ty(&kind)),
        };
        let wire = match card {
            Card::One | Card::Many { packed: false } => ty.wire(),
            Card::Many { packed: true } | Card::Map { .. } => Wire::Len,
        };
        Self {
            name: field.name().into(),
            json: field.json_name().into(),
            json_key: quoted_key(field.json_name()),
            name_key: quoted_key(field.name()),
            number: field.number(),
            tag: Tag::new(field.number(), wire),
            card,
            ty,
            presence: field.supports_presence(),
            oneof: field.containing_oneof().map(|one| *one.path().last().unwrap_or(&0) as u16),
            output_only: is_output_only(field),
        }
    }
}

fn quoted_key(name: &str) -> Box<[u8]> {
    let mut key = Vec::with_capacity(name.len() + 3);
    super::text::put_json_string(&mut key, name);
    key.push(b':');
    key.into()
}

/// The part of `google.protobuf.FieldOptions` that matters here.
#[derive(Clone, PartialEq, prost::Message)]
struct FieldOptions {
    /// `google.api.field_behavior`
    #[prost(int32, repeated, packed = "false", tag = "1052")]
    behavior: Vec<i32>,
}

fn is_output_only(field: &FieldDescriptor) -> bool {
    const OUTPUT_ONLY: i32 = 3;
    const IDENTIFIER: i32 = 8;
    let encoded = field.options().encode_to_vec();
    FieldOptions::decode(&*encoded)
        .is_ok_and(|options| options.behavior.iter().any(|one| matches!(*one, OUTPUT_ONLY | IDENTIFIER)))
}

/// How many values a field has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Card {
    One,
    Many { packed: bool },
    Map { key: Ty, tags: [Tag; 2] },
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ty {
    Double,
    Float,
    Int32,
    Int64,
    UInt32,
    UInt64,
    SInt32,
    SInt64,
    Fixed32,
    Fixed64,
    SFixed32,
    SFixed64,
    Bool,
    String,
    Bytes,
    Enum(u32),
    Message(MessageId),
}

impl Ty {
    pub(crate) fn wire(self) -> Wire {
        match self {
            Self::Double | Self::Fixed64 | Self::SFixed64 => Wire::Fixed64,
            Self::Float | Self::Fixed32 | Self::SFixed32 => Wire::Fixed32,
            Self::String | Self::Bytes | Self::Message(_) => Wire::Len,
            _ => Wire::Varint,
        }
    }
}

/// The wire types of proto3; groups are left to the reflective message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Len = 2,
    Fixed32 = 5,
}

/// A field's tag as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag {
    bytes: [u8; 5],
    len: u8,
}

impl Tag {
    pub(crate) fn new(number: u32, wire: Wire) -> Self {
        let mut encoded = Vec::with_capacity(5);
        put_varint(&mut encoded, u64::from(number) << 3 | wire as u64);
        let mut bytes = [0; 5];
        bytes[..encoded.len()].copy_from_slice(&encoded);
        Self { bytes, len: encoded.len() as u8 }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }
}

/// One enum.
pub(crate) struct EnumPlan {
    /// `google.protobuf.NullValue`, which is JSON's null.
    pub(crate) is_null: bool,
    pub(crate) full_name: Box<str>,
    /// Sorted by number; of aliases the first declared.
    by_number: Box<[(i32, Box<[u8]>)]>,
    by_name: HashMap<Box<str>, i32>,
}

impl EnumPlan {
    fn compile(descriptor: &prost_reflect::EnumDescriptor) -> Self {
        let mut by_number: Vec<(i32, Box<[u8]>)> = Vec::new();
        let mut by_name = HashMap::new();
        for value in descriptor.values() {
            by_name.insert(value.name().into(), value.number());
            let mut quoted = Vec::new();
            super::text::put_json_string(&mut quoted, value.name());
            by_number.push((value.number(), quoted.into()));
        }
        by_number.sort_by_key(|one| one.0);
        by_number.dedup_by_key(|one| one.0);
        let full_name: Box<str> = descriptor.full_name().into();
        Self {
            is_null: &*full_name == "google.protobuf.NullValue",
            full_name,
            by_number: by_number.into(),
            by_name,
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<i32> {
        self.by_name.get(name).copied()
    }

    /// The value's name with its quotes.
    pub(crate) fn quoted(&self, number: i32) -> Option<&[u8]> {
        let index = self.by_number.binary_search_by_key(&number, |one| one.0).ok()?;
        Some(&self.by_number[index].1)
    }
}

struct Types<'a> {
    messages: &'a HashMap<Box<str>, MessageId>,
    enums: &'a HashMap<String, u32>,
}

impl Types<'_> {
    fn ty(&self, kind: &Kind) -> Ty {
        match kind {
            Kind::Double => Ty::Double,
            Kind::Float => Ty::Float,
            Kind::Int32 => Ty::Int32,
            Kind::Int64 => Ty::Int64,
            Kind::Uint32 => Ty::UInt32,
            Kind::Uint64 => Ty::UInt64,
            Kind::Sint32 => Ty::SInt32,
            Kind::Sint64 => Ty::SInt64,
            Kind::Fixed32 => Ty::Fixed32,
            Kind::Fixed64 => Ty::Fixed64,
            Kind::Sfixed32 => Ty::SFixed32,
            Kind::Sfixed64 => Ty::SFixed64,
            Kind::Bool => Ty::Bool,
            Kind::String => Ty::String,
            Kind::Bytes => Ty::Bytes,
            Kind::Message(one) => Ty::Message(self.messages[one.full_name()]),
            Kind::Enum(one) => Ty::Enum(self.enums[one.full_name()]),
        }
    }
}
