//! Writing scalars, and the well-known messages that stand as one JSON scalar.

use std::borrow::Cow;

use super::encode::{Encoder, Fail, Outcome, Put};
use super::plan::{MessageId, Shape, Ty, Wire};
use super::text::{narrow, parse_double, parse_int, put_from_base64, whole};
use super::time::{mask_path_from_json, parse_duration, parse_timestamp};
use super::wire::{put_bytes, put_varint};

/// A scalar as JSON or a parameter gives it.
#[derive(Clone, Copy)]
pub(super) enum Scalar<'a> {
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(&'a str),
}

impl Encoder<'_> {
    /// Writes one scalar as a value of the type.
    pub(super) fn scalar(&mut self, ty: Ty, put: Put<'_>, value: Scalar<'_>) -> Result<Outcome, Fail> {
        match (ty, value) {
            (Ty::Message(id), _) => return self.scalar_message(id, put, value),
            (Ty::String, Scalar::Text(text)) => self.put_tagged_bytes(put, text.as_bytes()),
            (Ty::Bytes, Scalar::Text(text)) => self.base64(put, text)?,
            (Ty::Bool, Scalar::Bool(value)) => self.bits(ty, put, value.into()),
            (Ty::Bool, Scalar::Text("true")) if self.plain_text => self.bits(ty, put, 1),
            (Ty::Bool, Scalar::Text("false")) if self.plain_text => self.bits(ty, put, 0),
            (Ty::Enum(id), _) => return self.enumeration(id, put, value),
            (Ty::Double | Ty::Float, Scalar::Int(value)) => self.float(ty, put, value as f64)?,
            (Ty::Double | Ty::Float, Scalar::Float(value)) => self.float(ty, put, value)?,
            (Ty::Double | Ty::Float, Scalar::Text(text)) => match parse_double(text) {
                Some(value) => self.float(ty, put, value)?,
                None => return Err(mismatch(ty, value)),
            },
            (Ty::String | Ty::Bytes | Ty::Bool, _) | (_, Scalar::Bool(_)) => return Err(mismatch(ty, value)),
            _ => self.integer(ty, put, value)?,
        }
        Ok(Outcome::Set)
    }

    fn integer(&mut self, ty: Ty, put: Put<'_>, value: Scalar<'_>) -> Result<(), Fail> {
        let number = match value {
            Scalar::Int(value) => Some(value),
            Scalar::Float(value) => whole(value),
            Scalar::Text(text) => parse_int(text),
            Scalar::Bool(_) => None,
        };
        let number = number.ok_or_else(|| mismatch(ty, value))?;
        let bits = match ty {
            Ty::Int32 => i32::try_from(number).ok().map(|one| i64::from(one) as u64),
            Ty::SInt32 => i32::try_from(number).ok().map(|one| u64::from((one << 1 ^ one >> 31) as u32)),
            Ty::SFixed32 => i32::try_from(number).ok().map(|one| u64::from(one as u32)),
            Ty::UInt32 | Ty::Fixed32 => u32::try_from(number).ok().map(u64::from),
            Ty::Int64 | Ty::SFixed64 => i64::try_from(number).ok().map(|one| one as u64),
            Ty::SInt64 => i64::try_from(number).ok().map(|one| (one << 1 ^ one >> 63) as u64),
            _ => u64::try_from(number).ok(),
        };
        let bits = bits.ok_or_else(|| Fail(format!("{number} is out of the range of {}", describe(ty))))?;
        self.bits(ty, put, bits);
        Ok(())
    }

    fn float(&mut self, ty: Ty, put: Put<'_>, value: f64) -> Result<(), Fail> {
        let bits = if ty == Ty::Float {
            let narrow = narrow(value).ok_or_else(|| Fail("is out of the range of a float".into()))?;
            u64::from(narrow.to_bits())
        } else {
            value.to_bits()
        };
        self.bits(ty, put, bits);
        Ok(())
    }

    fn enumeration(&mut self, id: u32, put: Put<'_>, value: Scalar<'_>) -> Result<Outcome, Fail> {
        let plan = self.plans.enumeration(id);
        let number = match value {
            Scalar::Text(name) => {
                let by_number = || if self.plain_text { parse_int(name) } else { None };
                plan.number(name).map(i128::from).or_else(by_number)
            }
            Scalar::Int(number) => Some(number),
            Scalar::Float(number) => whole(number),
            Scalar::Bool(_) => None,
        };
        match (number.and_then(|one| i32::try_from(one).ok()), value) {
            (Some(number), _) => self.bits(Ty::Enum(id), put, i64::from(number) as u64),
            (None, Scalar::Text(_)) if self.ignore_unknown => return Ok(Outcome::Skipped),
            (None, Scalar::Text(name)) => {
                return Err(Fail(format!("{} is no value of {}", shown(name), plan.full_name)));
            }
            (None, _) => return Err(mismatch(Ty::Enum(id), value)),
        }
        Ok(Outcome::Set)
    }

    fn base64(&mut self, put: Put<'_>, text: &str) -> Result<(), Fail> {
        let start = self.out.len();
        if let Put::Always(tag) | Put::NonZero(tag) = put {
            self.out.extend_from_slice(tag.as_slice());
        }
        match put_from_base64(&mut self.out, text) {
            Some(0) if matches!(put, Put::NonZero(_)) => self.out.truncate(start),
            Some(_) => {}
            None => return Err(Fail("is no base64".into())),
        }
        Ok(())
    }

    /// Writes a number whose wire form is at hand.
    pub(super) fn bits(&mut self, ty: Ty, put: Put<'_>, bits: u64) {
        match put {
            Put::NonZero(_) if bits == 0 => return,
            Put::Always(tag) | Put::NonZero(tag) => self.out.extend_from_slice(tag.as_slice()),
            Put::Bare => {}
        }
        match ty.wire() {
            Wire::Fixed32 => self.out.extend_from_slice(&(bits as u32).to_le_bytes()),
            Wire::Fixed64 => self.out.extend_from_slice(&bits.to_le_bytes()),
            _ => put_varint(&mut self.out, bits),
        }
    }

    fn scalar_message(&mut self, id: MessageId, put: Put<'_>, value: Scalar<'_>) -> Result<Outcome, Fail> {
        let plan = self.plans.message(id);
        match (plan.shape, value) {
            (Shape::Wrapper, _) => {
                let inner = &plan.fields[0];
                let start = self.open(put)?;
                self.scalar(inner.ty, Put::NonZero(&inner.tag), value)?;
                self.close(start);
            }
            (Shape::Timestamp, Scalar::Text(text)) => {
                let parsed = parse_timestamp(text);
                let time = parsed.ok_or_else(|| Fail(format!("{} is no RFC 3339 time", shown(text))))?;
                self.seconds_nanos(put, time)?;
            }
            (Shape::Duration, Scalar::Text(text)) => {
                let parsed = parse_duration(text);
                let time =
                    parsed.ok_or_else(|| Fail(format!("{} is no duration, such as 1.5s", shown(text))))?;
                self.seconds_nanos(put, time)?;
            }
            (Shape::FieldMask, Scalar::Text(text)) => {
                let start = self.open(put)?;
                for path in text.split(',').filter(|path| !path.is_empty()) {
                    let path = mask_path_from_json(path, self.plain_text);
                    let path = path.ok_or_else(|| Fail("has a path that is not in lowerCamelCase".into()))?;
                    self.out.push(0x0A);
                    put_bytes(&mut self.out, path.as_bytes());
                }
                self.close(start);
            }
            (Shape::Value, _) => self.value_scalar(id, put, value)?,
            _ => return Err(mismatch(Ty::Message(id), value)),
        }
        Ok(Outcome::Set)
    }

    fn value_scalar(&mut self, id: MessageId, put: Put<'_>, value: Scalar<'_>) -> Result<(), Fail> {
        let fields = &self.plans.message(id).fields;
        let (field, value) = match value {
            Scalar::Int(value) => (&fields[1], Scalar::Float(value as f64)),
            Scalar::Float(_) => (&fields[1], value),
            Scalar::Text(_) => (&fields[2], value),
            Scalar::Bool(_) => (&fields[3], value),
        };
        let start = self.open(put)?;
        self.scalar(field.ty, Put::Always(&field.tag), value)?;
        self.close(start);
        Ok(())
    }

    /// JSON's null as a `google.protobuf.Value`.
    pub(super) fn value_null(&mut self, id: MessageId, put: Put<'_>) -> Result<(), Fail> {
        let field = &self.plans.message(id).fields[0];
        let start = self.open(put)?;
        self.bits(field.ty, Put::Always(&field.tag), 0);
        self.close(start);
        Ok(())
    }

    fn seconds_nanos(&mut self, put: Put<'_>, (seconds, nanos): (i64, i32)) -> Result<(), Fail> {
        let start = self.open(put)?;
        if seconds != 0 {
            self.out.push(0x08);
            put_varint(&mut self.out, seconds as u64);
        }
        if nanos != 0 {
            self.out.push(0x10);
            put_varint(&mut self.out, i64::from(nanos) as u64);
        }
        self.close(start);
        Ok(())
    }
}

/// The complaint about a value of another type.
fn mismatch(ty: Ty, value: Scalar<'_>) -> Fail {
    let got: Cow<'_, str> = match value {
        Scalar::Bool(_) => "a boolean".into(),
        Scalar::Int(_) | Scalar::Float(_) => "a number".into(),
        Scalar::Text(text) => shown(text).into(),
    };
    Fail(format!("expected {}, got {got}", describe(ty)))
}

/// A caller's text as it may stand in a message.
fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().nth(LONGEST).is_none() {
        return format!("{text:?}");
    }
    let short: String = text.chars().take(LONGEST).collect();
    format!("{short:?}...")
}

/// What a type looks like in JSON.
pub(super) fn describe(ty: Ty) -> &'static str {
    match ty {
        Ty::Double => "a number",
        Ty::Float => "a number (float)",
        Ty::Int32 | Ty::SInt32 | Ty::SFixed32 => "an integer of 32 bits",
        Ty::UInt32 | Ty::Fixed32 => "an unsigned integer of 32 bits",
        Ty::Int64 | Ty::SInt64 | Ty::SFixed64 => "an integer of 64 bits",
        Ty::UInt64 | Ty::Fixed64 => "an unsigned integer of 64 bits",
        Ty::Bool => "true or false",
        Ty::String => "a string",
        Ty::Bytes => "a string of base64",
        Ty::Enum(_) => "the name or number of an enum value",
        Ty::Message(_) => "an object",
    }
}
