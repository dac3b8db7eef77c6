//! Protobuf to JSON in one pass over the bytes.

use std::fmt;

use prost_reflect::{DynamicMessage, SerializeOptions};

use super::MAX_DEPTH;
use super::plan::{Card, FieldPlan, MessageId, MessagePlan, Plans, Shape, Ty, Wire};
use super::print_list::{Keys, OpenList};
use super::text::{put_base64, put_double, put_float, put_json_string, put_uint};
use super::time::put_quoted_int;
use super::wire::{Malformed, Raw, Reader, Seen};

/// How messages are printed; the default is proto3's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JsonOptions {
    /// Print fields without presence that hold their type's zero, and empty lists and maps.
    pub emit_defaults: bool,
    /// Print enum values as numbers.
    pub enum_numbers: bool,
    /// Print the names of the proto file instead of lowerCamelCase.
    pub proto_names: bool,
}

/// The message cannot be shown as JSON: it is malformed, or holds a value that JSON has no form for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PrintError(pub(crate) &'static str);

impl fmt::Display for PrintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Why one message's pass ended early.
pub(super) enum Stop {
    /// The elements of a field are scattered, or a single field is given twice: only a message
    /// object can put them together.
    Scattered,
    Bad(&'static str),
}

impl From<Malformed> for Stop {
    fn from(_: Malformed) -> Self {
        Self::Bad("malformed protobuf")
    }
}

/// Prints messages behind each other into [`Printer::out`].
pub(crate) struct Printer<'p> {
    pub(super) plans: &'p Plans,
    pub(super) options: JsonOptions,
    pub(crate) out: Vec<u8>,
    depth: u32,
}

impl<'p> Printer<'p> {
    pub(crate) fn new(plans: &'p Plans, options: JsonOptions, out: Vec<u8>) -> Self {
        Self { plans, options, out, depth: 0 }
    }

    /// Prints one message.
    pub(crate) fn message(&mut self, id: MessageId, bytes: &[u8]) -> Result<(), PrintError> {
        self.nested(id, bytes).map_err(|stop| match stop {
            Stop::Scattered => PrintError("malformed protobuf"),
            Stop::Bad(why) => PrintError(why),
        })
    }

    /// Prints the value of one field alone, as `response_body` asks for.
    pub(crate) fn field_of(&mut self, id: MessageId, field: u16, bytes: &[u8]) -> Result<(), PrintError> {
        let plan = self.plans.message(id);
        let field = &plan.fields[usize::from(field)];
        let mut only = Vec::new();
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            let before = reader.rest();
            let step = |reader: &mut Reader<'_>| {
                let (number, wire) = reader.tag()?;
                reader.skip(number, wire)?;
                Ok::<_, Malformed>(number)
            };
            let number = step(&mut reader).map_err(|_| PrintError("malformed protobuf"))?;
            if number == field.number {
                only.extend_from_slice(&before[..before.len() - reader.rest().len()]);
            }
        }
        let start = self.out.len();
        self.message(id, &only)?;
        let key = 1 + self.key_of(field).len();
        if self.out.len() < start + 1 + key {
            self.out.truncate(start);
            self.default_value(field);
        } else {
            self.out.pop();
            self.out.drain(start..start + key);
        }
        Ok(())
    }

    pub(super) fn nested(&mut self, id: MessageId, bytes: &[u8]) -> Result<(), Stop> {
        let plan = self.plans.message(id);
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Stop::Bad("nested too deep"));
        }
        if plan.shape == Shape::Plain {
            let start = self.out.len();
            self.out.push(b'{');
            match self.fields(plan, bytes, false) {
                Ok(()) => self.out.push(b'}'),
                Err(Stop::Scattered) => {
                    self.out.truncate(start);
                    self.reflect(plan, bytes)?;
                }
                Err(stop) => return Err(stop),
            }
        } else {
            self.known(plan, bytes)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Prints the fields of a message; `comma` tells that something stands before them.
    pub(super) fn fields(
        &mut self,
        plan: &'p MessagePlan,
        bytes: &[u8],
        mut comma: bool,
    ) -> Result<(), Stop> {
        let mut reader = Reader::new(bytes);
        let mut seen = Seen::new(plan.fields.len());
        let mut oneofs = Seen::new(plan.oneofs);
        let mut list: Option<OpenList<'_>> = None;
        while !reader.is_empty() {
            let (number, wire) = reader.tag()?;
            let known = plan.field_numbered(number).map(|index| (index, &plan.fields[usize::from(index)]));
            let Some((index, field)) = known.filter(|(_, field)| accepts(field, wire)) else {
                reader.skip(number, wire)?;
                continue;
            };
            if let Card::One = field.card {
                let raw = reader.raw(field.ty.wire())?;
                if seen.set(index) || field.oneof.is_some_and(|oneof| oneofs.set(oneof)) {
                    return Err(Stop::Scattered);
                }
                if field.presence || self.options.emit_defaults || !raw.is_zero() {
                    self.close_list(&mut list);
                    self.key(field, &mut comma);
                    self.value(field.ty, raw)?;
                }
                continue;
            }
            let goes_on = list.as_ref().is_some_and(|list| list.index == index);
            if !goes_on {
                if seen.set(index) {
                    return Err(Stop::Scattered);
                }
                if wire == Wire::Len as u8 && field.ty.wire() != Wire::Len && is_empty_packed(field, &reader)
                {
                    reader.skip(number, wire)?;
                    self.unset_list(field, &mut comma, &mut list);
                    continue;
                }
                self.close_list(&mut list);
                self.key(field, &mut comma);
                let close = if let Card::Map { .. } = field.card { b'}' } else { b']' };
                self.out.push(if close == b'}' { b'{' } else { b'[' });
                list = Some(OpenList { index, close, empty: true, keys: Keys::default() });
            }
            if let Some(list) = &mut list {
                self.element(field, wire, &mut reader, list)?;
            }
        }
        self.close_list(&mut list);
        if self.options.emit_defaults {
            self.defaults(plan, &seen, &mut comma);
        }
        Ok(())
    }

    /// A list of no elements that is nevertheless on the wire.
    fn unset_list(&mut self, field: &FieldPlan, comma: &mut bool, list: &mut Option<OpenList<'_>>) {
        if self.options.emit_defaults {
            self.close_list(list);
            self.key(field, comma);
            self.out.extend_from_slice(b"[]");
        }
    }

    fn close_list(&mut self, list: &mut Option<OpenList<'_>>) {
        if let Some(list) = list.take() {
            self.out.push(list.close);
        }
    }

    fn element<'a>(
        &mut self,
        field: &FieldPlan,
        wire: u8,
        reader: &mut Reader<'a>,
        list: &mut OpenList<'a>,
    ) -> Result<(), Stop> {
        if let Card::Map { key, .. } = field.card {
            let Raw::Bytes(entry) = reader.raw(Wire::Len)? else { return Err(Malformed.into()) };
            return self.entry(key, field.ty, entry, list);
        }
        if wire == Wire::Len as u8 && field.ty.wire() != Wire::Len {
            let Raw::Bytes(packed) = reader.raw(Wire::Len)? else { return Err(Malformed.into()) };
            let mut packed = Reader::new(packed);
            while !packed.is_empty() {
                let raw = packed.raw(field.ty.wire())?;
                list.comma(&mut self.out);
                self.value(field.ty, raw)?;
            }
            return Ok(());
        }
        let raw = reader.raw(field.ty.wire())?;
        list.comma(&mut self.out);
        self.value(field.ty, raw)
    }

    fn entry<'a>(&mut self, key: Ty, ty: Ty, entry: &'a [u8], list: &mut OpenList<'a>) -> Result<(), Stop> {
        let mut reader = Reader::new(entry);
        let mut found = [None, None];
        while !reader.is_empty() {
            match reader.tag()? {
                (1, wire) if wire == key.wire() as u8 => found[0] = Some(reader.raw(key.wire())?),
                (2, wire) if wire == ty.wire() as u8 => {
                    if found[1].is_some() && matches!(ty, Ty::Message(_)) {
                        return Err(Stop::Scattered);
                    }
                    found[1] = Some(reader.raw(ty.wire())?);
                }
                (number, wire) => reader.skip(number, wire)?,
            }
        }
        let [name, value] = found;
        let name = name.unwrap_or_else(|| zero(key));
        if !list.keys.insert(name) {
            return Err(Stop::Scattered);
        }
        list.comma(&mut self.out);
        match (key, name) {
            (Ty::String, _) => self.value(key, name)?,
            (Ty::Bool, Raw::Bits(bits)) => {
                self.out.extend_from_slice(if bits == 0 { b"\"false\"" } else { b"\"true\"" });
            }
            (_, Raw::Bits(bits)) => {
                self.out.extend_from_slice(format!("\"{}\"", integer(key, bits)).as_bytes())
            }
            _ => return Err(Malformed.into()),
        }
        self.out.push(b':');
        self.value(ty, value.unwrap_or_else(|| zero(ty)))
    }

    fn key_of(&self, field: &'p FieldPlan) -> &'p [u8] {
        if self.options.proto_names { &field.name_key } else { &field.json_key }
    }

    fn key(&mut self, field: &FieldPlan, comma: &mut bool) {
        if *comma {
            self.out.push(b',');
        }
        *comma = true;
        let key = if self.options.proto_names { &field.name_key } else { &field.json_key };
        self.out.extend_from_slice(key);
    }

    pub(super) fn value(&mut self, ty: Ty, raw: Raw<'_>) -> Result<(), Stop> {
        let out = &mut self.out;
        match (ty, raw) {
            (Ty::String, Raw::Bytes(bytes)) => {
                let text = std::str::from_utf8(bytes).map_err(|_| Stop::Bad("a string is no UTF-8"))?;
                put_json_string(out, text);
            }
            (Ty::Bytes, Raw::Bytes(bytes)) => {
                out.push(b'"');
                put_base64(out, bytes);
                out.push(b'"');
            }
            (Ty::Message(id), Raw::Bytes(bytes)) => self.nested(id, bytes)?,
            (Ty::Bool, Raw::Bits(bits)) => out.extend_from_slice(if bits == 0 { b"false" } else { b"true" }),
            (Ty::Double, Raw::Bits(bits)) => put_double(out, f64::from_bits(bits)),
            (Ty::Float, Raw::Bits(bits)) => put_float(out, f32::from_bits(bits as u32)),
            (Ty::Enum(id), Raw::Bits(bits)) => {
                let plan = self.plans.enumeration(id);
                let number = bits as i32;
                match plan.quoted(number).filter(|_| !self.options.enum_numbers) {
                    _ if plan.is_null => out.extend_from_slice(b"null"),
                    Some(name) => out.extend_from_slice(name),
                    None => super::text::put_int(out, number.into()),
                }
            }
            (Ty::Int64 | Ty::SInt64 | Ty::SFixed64, Raw::Bits(bits)) => {
                put_quoted_int(out, integer(ty, bits) as i64);
            }
            (Ty::UInt64 | Ty::Fixed64, Raw::Bits(bits)) => {
                out.push(b'"');
                put_uint(out, bits);
                out.push(b'"');
            }
            (_, Raw::Bits(bits)) => super::text::put_int(out, integer(ty, bits) as i64),
            _ => return Err(Malformed.into()),
        }
        Ok(())
    }

    fn defaults(&mut self, plan: &'p MessagePlan, seen: &Seen, comma: &mut bool) {
        for (index, field) in plan.fields.iter().enumerate() {
            let absent = matches!(field.card, Card::One) && field.presence;
            if !absent && !seen.has(index as u16) {
                self.key(field, comma);
                self.default_value(field);
            }
        }
    }

    fn default_value(&mut self, field: &FieldPlan) {
        match (field.card, field.ty) {
            (Card::Many { .. }, _) => self.out.extend_from_slice(b"[]"),
            (Card::Map { .. }, _) => self.out.extend_from_slice(b"{}"),
            (Card::One, Ty::Message(_)) => self.out.extend_from_slice(b"null"),
            // The zero of a scalar always has a form.
            (Card::One, ty) => drop(self.value(ty, zero(ty))),
        }
    }

    /// Prints through a message object.
    pub(super) fn reflect(&mut self, plan: &MessagePlan, bytes: &[u8]) -> Result<(), Stop> {
        let message = DynamicMessage::decode(plan.descriptor.clone(), bytes).map_err(|_| Malformed)?;
        let options = SerializeOptions::new()
            .skip_default_fields(!self.options.emit_defaults)
            .use_enum_numbers(self.options.enum_numbers)
            .use_proto_field_name(self.options.proto_names);
        let start = self.out.len();
        let mut target = serde_json::Serializer::new(&mut self.out);
        if message.serialize_with_options(&mut target, &options).is_err() {
            self.out.truncate(start);
            return Err(Stop::Bad("a value has no JSON form"));
        }
        Ok(())
    }
}

/// Whether a field may come with the wire type; repeated numbers may come packed or not.
fn accepts(field: &FieldPlan, wire: u8) -> bool {
    match field.card {
        Card::Map { .. } => wire == Wire::Len as u8,
        Card::One => wire == field.ty.wire() as u8,
        Card::Many { .. } => wire == field.ty.wire() as u8 || wire == Wire::Len as u8,
    }
}

fn is_empty_packed(field: &FieldPlan, reader: &Reader<'_>) -> bool {
    matches!(field.card, Card::Many { .. }) && reader.rest().first() == Some(&0)
}

pub(super) fn zero<'a>(ty: Ty) -> Raw<'a> {
    if ty.wire() == Wire::Len { Raw::Bytes(&[]) } else { Raw::Bits(0) }
}

/// The value of an integer's bits.
pub(super) fn integer(ty: Ty, bits: u64) -> i128 {
    match ty {
        Ty::Int32 | Ty::SFixed32 | Ty::Enum(_) => (bits as i32).into(),
        Ty::UInt32 | Ty::Fixed32 => (bits as u32).into(),
        Ty::SInt32 => {
            let bits = bits as u32;
            ((bits >> 1) as i32 ^ -((bits & 1) as i32)).into()
        }
        Ty::SInt64 => ((bits >> 1) as i64 ^ -((bits & 1) as i64)).into(),
        Ty::Int64 | Ty::SFixed64 => (bits as i64).into(),
        _ => bits.into(),
    }
}
