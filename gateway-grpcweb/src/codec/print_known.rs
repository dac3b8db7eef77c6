//! Protobuf to JSON: the well-known types.

use super::plan::{MessagePlan, Shape, Ty, Wire};
use super::print::{Printer, Stop, zero};
use super::text::{put_base64, put_json_string};
use super::time::{put_duration, put_mask_path, put_timestamp};
use super::wire::{Malformed, Raw, Reader};

impl<'p> Printer<'p> {
    pub(super) fn known(&mut self, plan: &'p MessagePlan, bytes: &[u8]) -> Result<(), Stop> {
        match plan.shape {
            Shape::Timestamp | Shape::Duration => self.seconds(plan.shape, bytes),
            Shape::FieldMask => self.mask(bytes),
            Shape::Wrapper => {
                let inner = plan.fields[0].ty;
                let mut value = zero(inner);
                let mut reader = Reader::new(bytes);
                while !reader.is_empty() {
                    match reader.tag()? {
                        (1, wire) if wire == inner.wire() as u8 => value = reader.raw(inner.wire())?,
                        (number, wire) => reader.skip(number, wire)?,
                    }
                }
                self.value(inner, value)
            }
            Shape::Struct | Shape::ListValue => self.collection(plan, bytes),
            Shape::Value => self.any_json(plan, bytes),
            Shape::Any => self.any(bytes),
            Shape::Plain | Shape::Reflect => self.reflect(plan, bytes),
        }
    }

    fn seconds(&mut self, shape: Shape, bytes: &[u8]) -> Result<(), Stop> {
        let (mut seconds, mut nanos) = (0, 0);
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            match reader.tag()? {
                (1, 0) => seconds = reader.varint()? as i64,
                (2, 0) => nanos = reader.varint()? as i32,
                (number, wire) => reader.skip(number, wire)?,
            }
        }
        self.out.push(b'"');
        let written = if shape == Shape::Timestamp {
            put_timestamp(&mut self.out, seconds, nanos)
        } else {
            put_duration(&mut self.out, seconds, nanos)
        };
        written.ok_or(Stop::Bad("a time is out of range"))?;
        self.out.push(b'"');
        Ok(())
    }

    fn mask(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.out.push(b'"');
        let mut reader = Reader::new(bytes);
        let mut first = true;
        while !reader.is_empty() {
            match reader.tag()? {
                (1, 2) => {
                    let Raw::Bytes(path) = reader.raw(Wire::Len)? else { return Err(Malformed.into()) };
                    let path = std::str::from_utf8(path).map_err(|_| Malformed)?;
                    if !first {
                        self.out.push(b',');
                    }
                    first = false;
                    put_mask_path(&mut self.out, path).ok_or(Stop::Bad("a mask's path has no JSON form"))?;
                }
                (number, wire) => reader.skip(number, wire)?,
            }
        }
        self.out.push(b'"');
        Ok(())
    }

    /// `Struct` and `ListValue` are their one field.
    fn collection(&mut self, plan: &'p MessagePlan, bytes: &[u8]) -> Result<(), Stop> {
        let (open, close) = if plan.shape == Shape::Struct { (b'{', b'}') } else { (b'[', b']') };
        let start = self.out.len();
        match self.fields(plan, bytes, false) {
            Ok(()) if self.out.len() == start => self.out.extend([open, close]),
            Ok(()) => drop(self.out.drain(start..start + self.key_len(plan))),
            Err(Stop::Scattered) => {
                self.out.truncate(start);
                self.reflect(plan, bytes)?;
            }
            Err(stop) => return Err(stop),
        }
        Ok(())
    }

    fn key_len(&self, plan: &MessagePlan) -> usize {
        let field = &plan.fields[0];
        if self.options.proto_names { field.name_key.len() } else { field.json_key.len() }
    }

    fn any_json(&mut self, plan: &'p MessagePlan, bytes: &[u8]) -> Result<(), Stop> {
        let mut kind = None;
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            let (number, wire) = reader.tag()?;
            let field = plan.field_numbered(number).map(|index| &plan.fields[usize::from(index)]);
            match field.filter(|field| wire == field.ty.wire() as u8) {
                Some(field) => {
                    if matches!((&kind, field.ty), (Some((before, _)), Ty::Message(_)) if *before == field.ty)
                    {
                        // Two structs or lists merge.
                        return self.reflect(plan, bytes);
                    }
                    kind = Some((field.ty, reader.raw(field.ty.wire())?));
                }
                None => reader.skip(number, wire)?,
            }
        }
        match kind {
            Some((Ty::Double, Raw::Bits(bits))) if !f64::from_bits(bits).is_finite() => {
                Err(Stop::Bad("a Value holds a number that JSON has no form for"))
            }
            Some((ty, raw)) => self.value(ty, raw),
            None => Err(Stop::Bad("a Value holds nothing")),
        }
    }

    fn any(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let (mut url, mut content): (&[u8], &[u8]) = (&[], &[]);
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            let (number, wire) = reader.tag()?;
            match (number, wire) {
                (1 | 2, 2) => {
                    let Raw::Bytes(value) = reader.raw(Wire::Len)? else { return Err(Malformed.into()) };
                    if number == 1 { url = value } else { content = value }
                }
                _ => reader.skip(number, wire)?,
            }
        }
        if url.is_empty() && content.is_empty() {
            self.out.extend_from_slice(b"{}");
            return Ok(());
        }
        let url = std::str::from_utf8(url).map_err(|_| Malformed)?;
        self.any_content(url, content)
    }

    /// Prints a detail of an error: an `Any` whose fields are at hand. None: it has no JSON form,
    /// and something of it may have been printed.
    pub(crate) fn detail(&mut self, url: &str, content: &[u8]) -> Option<()> {
        self.any_content(url, content).ok()
    }

    /// Prints the content of an `Any`. A type that the descriptors lack is shown by its bytes, so
    /// that one unknown detail does not cost the whole answer.
    fn any_content(&mut self, url: &str, content: &[u8]) -> Result<(), Stop> {
        self.out.extend_from_slice(b"{\"@type\":");
        put_json_string(&mut self.out, url);
        let name = url.rsplit_once('/').map_or(url, |(_, name)| name);
        let Some(id) = self.plans.find(name) else {
            self.out.extend_from_slice(b",\"value\":\"");
            put_base64(&mut self.out, content);
            self.out.extend_from_slice(b"\"}");
            return Ok(());
        };
        let plan = self.plans.message(id);
        if plan.shape == Shape::Plain {
            let start = self.out.len();
            match self.fields(plan, content, true) {
                Err(Stop::Scattered) => self.out.truncate(start),
                Ok(()) => {
                    self.out.push(b'}');
                    return Ok(());
                }
                stop => return stop,
            }
        }
        if matches!(plan.shape, Shape::Plain | Shape::Reflect) {
            return self.splice_reflected(plan, content);
        }
        self.out.extend_from_slice(b",\"value\":");
        self.nested(id, content)?;
        self.out.push(b'}');
        Ok(())
    }

    fn splice_reflected(&mut self, plan: &MessagePlan, content: &[u8]) -> Result<(), Stop> {
        let start = self.out.len();
        self.reflect(plan, content)?;
        if self.out.get(start + 1) == Some(&b'}') {
            self.out.remove(start);
        } else {
            self.out[start] = b',';
        }
        Ok(())
    }
}
