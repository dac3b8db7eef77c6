//! JSON to protobuf: the visitors that serde_json drives.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::encode::{Encoder, Fail, Outcome, Put, Step};
use super::plan::{Card, FieldPlan, MessageId, MessagePlan, Shape, Ty};
use super::scalar::{Scalar, describe};
use super::seeds_map::{KeySeed, shown_key, twice};
use super::wire::{Seen, close_len, open_len};

/// Reads one JSON value and writes it as one value of a type.
pub(super) struct ValueSeed<'e, 'p> {
    pub(super) enc: &'e mut Encoder<'p>,
    pub(super) ty: Ty,
    pub(super) put: Put<'p>,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_, '_> {
    type Value = Outcome;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Outcome, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_, '_> {
    type Value = Outcome;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(describe(self.ty))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Outcome, E> {
        self.scalar(Scalar::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Outcome, E> {
        self.scalar(Scalar::Int(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Outcome, E> {
        self.scalar(Scalar::Int(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Outcome, E> {
        self.scalar(Scalar::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Outcome, E> {
        self.scalar(Scalar::Text(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Outcome, E> {
        match self.ty {
            Ty::Enum(id) if self.enc.plans.enumeration(id).is_null => {
                self.enc.bits(self.ty, self.put, 0);
                Ok(Outcome::Set)
            }
            Ty::Message(id) if self.enc.plans.message(id).shape == Shape::Value => {
                self.enc.value_null(id, self.put).map_err(|fail| self.enc.fail(fail))?;
                Ok(Outcome::Set)
            }
            _ => Ok(Outcome::Null),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Outcome, A::Error> {
        match self.ty {
            Ty::Message(id) => self.enc.array(id, self.put, seq),
            ty => Err(self.enc.fail(Fail(format!("expected {}, got an array", describe(ty))))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Outcome, A::Error> {
        match self.ty {
            Ty::Message(id) => self.enc.object(id, self.put, map),
            ty => Err(self.enc.fail(Fail(format!("expected {}, got an object", describe(ty))))),
        }
    }
}

impl ValueSeed<'_, '_> {
    fn scalar<E: Error>(self, value: Scalar<'_>) -> Result<Outcome, E> {
        self.enc.scalar(self.ty, self.put, value).map_err(|fail| self.enc.fail(fail))
    }
}

/// Reads one JSON value and writes it as a field, whatever its cardinality.
pub(super) struct FieldSeed<'e, 'p> {
    pub(super) enc: &'e mut Encoder<'p>,
    pub(super) field: &'p FieldPlan,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_, '_> {
    type Value = Outcome;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Outcome, D::Error> {
        let Self { enc, field } = self;
        match field.card {
            Card::One => {
                let put = if field.presence { Put::Always(&field.tag) } else { Put::NonZero(&field.tag) };
                source.deserialize_any(ValueSeed { enc, ty: field.ty, put })
            }
            Card::Many { .. } => source.deserialize_any(ListVisitor { enc, field }),
            Card::Map { .. } => source.deserialize_any(MapVisitor { enc, field }),
        }
    }
}

struct ListVisitor<'e, 'p> {
    enc: &'e mut Encoder<'p>,
    field: &'p FieldPlan,
}

impl<'de> Visitor<'de> for ListVisitor<'_, '_> {
    type Value = Outcome;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_unit<E: Error>(self) -> Result<Outcome, E> {
        Ok(Outcome::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Outcome, A::Error> {
        self.enc.elements(self.field, seq)
    }
}

struct MapVisitor<'e, 'p> {
    enc: &'e mut Encoder<'p>,
    field: &'p FieldPlan,
}

impl<'de> Visitor<'de> for MapVisitor<'_, '_> {
    type Value = Outcome;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<Outcome, E> {
        Ok(Outcome::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Outcome, A::Error> {
        self.enc.entries(self.field, map)
    }
}

impl<'p> Encoder<'p> {
    fn object<'de, A: MapAccess<'de>>(
        &mut self,
        id: MessageId,
        put: Put<'_>,
        map: A,
    ) -> Result<Outcome, A::Error> {
        let plan = self.plans.message(id);
        let start = self.open(put).map_err(|fail| self.fail(fail))?;
        match plan.shape {
            Shape::Plain => self.fields(plan, map)?,
            Shape::Struct => drop(self.entries(&plan.fields[0], map)?),
            Shape::Value => {
                let inner = &plan.fields[4];
                let Ty::Message(structure) = inner.ty else { return Err(A::Error::custom("odd Value")) };
                self.object(structure, Put::Always(&inner.tag), map)?;
            }
            Shape::Any => self.any(map)?,
            Shape::Reflect => self.reflect(plan, map)?,
            _ => return Err(self.fail(Fail("expected a JSON scalar, got an object".into()))),
        }
        self.close(start);
        Ok(Outcome::Set)
    }

    fn array<'de, A: SeqAccess<'de>>(
        &mut self,
        id: MessageId,
        put: Put<'_>,
        seq: A,
    ) -> Result<Outcome, A::Error> {
        let plan = self.plans.message(id);
        let start = self.open(put).map_err(|fail| self.fail(fail))?;
        match (plan.shape, plan.fields.get(5).map(|one| (one, one.ty))) {
            (Shape::ListValue, _) => drop(self.elements(&plan.fields[0], seq)?),
            (Shape::Value, Some((inner, Ty::Message(list)))) => {
                self.array(list, Put::Always(&inner.tag), seq)?;
            }
            _ => return Err(self.fail(Fail("expected an object, got an array".into()))),
        }
        self.close(start);
        Ok(Outcome::Set)
    }

    pub(super) fn fields<'de, A: MapAccess<'de>>(
        &mut self,
        plan: &'p MessagePlan,
        mut map: A,
    ) -> Result<(), A::Error> {
        let mut seen = Seen::new(plan.fields.len());
        let mut oneofs = Seen::new(plan.oneofs);
        while let Some(index) = map.next_key_seed(NameSeed { enc: self, plan })? {
            let Some(index) = index else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let field = &plan.fields[usize::from(index)];
            if seen.set(index) {
                self.step(Step::Field(&field.json));
                return Err(self.fail(Fail("is given twice".into())));
            }
            let entered = self.mask.as_mut().map(|mask| mask.enter(self.plans, field));
            let outcome = map.next_value_seed(FieldSeed { enc: self, field }).inspect_err(|_| {
                self.step(Step::Field(&field.json));
            })?;
            if let (Some(mask), Some(entered)) = (&mut self.mask, entered) {
                mask.leave(&entered);
            }
            if let Some(oneof) = field.oneof
                && outcome == Outcome::Set
                && oneofs.set(oneof)
            {
                self.step(Step::Field(&field.json));
                return Err(self.fail(Fail("another field of the same oneof is set".into())));
            }
        }
        Ok(())
    }

    fn elements<'de, A: SeqAccess<'de>>(
        &mut self,
        field: &'p FieldPlan,
        mut seq: A,
    ) -> Result<Outcome, A::Error> {
        let (put, packed, begin) = match field.card {
            Card::Many { packed: true } => {
                let begin = self.out.len();
                self.out.extend_from_slice(field.tag.as_slice());
                (Put::Bare, Some(open_len(&mut self.out)), begin)
            }
            _ => (Put::Always(&field.tag), None, 0),
        };
        let mut index = 0;
        loop {
            match seq.next_element_seed(ValueSeed { enc: self, ty: field.ty, put }) {
                Ok(None) => break,
                Ok(Some(Outcome::Null)) => {
                    self.step(Step::Index(index));
                    return Err(self.fail(Fail("null is no element of an array".into())));
                }
                Ok(Some(_)) => index += 1,
                Err(error) => {
                    self.step(Step::Index(index));
                    return Err(error);
                }
            }
        }
        if let Some(start) = packed {
            if self.out.len() == start {
                self.out.truncate(begin);
            } else {
                close_len(&mut self.out, start);
            }
        }
        Ok(Outcome::Set)
    }

    fn entries<'de, A: MapAccess<'de>>(
        &mut self,
        field: &'p FieldPlan,
        mut map: A,
    ) -> Result<Outcome, A::Error> {
        let Card::Map { key, tags } = &field.card else { return Err(A::Error::custom("odd map")) };
        let mut keys = Vec::new();
        loop {
            let begin = self.out.len();
            let seed = KeySeed { enc: self, field, key: *key, tag: &tags[0] };
            let Some((start, key_len)) = map.next_key_seed(seed)? else { break };
            let value = ValueSeed { enc: self, ty: field.ty, put: Put::Always(&tags[1]) };
            let outcome = map.next_value_seed(value);
            if !matches!(outcome, Ok(Outcome::Set | Outcome::Skipped)) {
                let key = shown_key(*key, &self.out[start..start + key_len]);
                self.step(Step::Key(key));
            }
            match outcome? {
                Outcome::Set => {
                    let start = close_len(&mut self.out, start);
                    keys.push((start, key_len));
                }
                Outcome::Null => return Err(self.fail(Fail("null is no value of a map".into()))),
                Outcome::Skipped => self.out.truncate(begin),
            }
        }
        if let Some((start, len)) = twice(&self.out, &mut keys) {
            let key = shown_key(*key, &self.out[start..start + len]);
            self.step(Step::Key(key));
            return Err(self.fail(Fail("is given twice".into())));
        }
        Ok(Outcome::Set)
    }
}

/// Looks a field's name up without keeping it. None: not known and to be ignored.
struct NameSeed<'e, 'p> {
    enc: &'e mut Encoder<'p>,
    plan: &'p MessagePlan,
}

impl<'de> DeserializeSeed<'de> for NameSeed<'_, '_> {
    type Value = Option<u16>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Option<u16>, D::Error> {
        source.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_, '_> {
    type Value = Option<u16>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<u16>, E> {
        let found = self.plan.field_named(name);
        if found.is_none() && !self.enc.ignore_unknown {
            self.enc.step(Step::Name(name.chars().take(80).collect()));
            return Err(self.enc.fail(Fail(format!("is no field of {}", self.plan.full_name()))));
        }
        Ok(found)
    }
}
