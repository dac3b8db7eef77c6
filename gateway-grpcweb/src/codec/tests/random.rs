//! Random messages of any type, from a seed.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

/// A small generator (splitmix64): the tests need repeatable variety, no quality.
struct Source(u64);

impl Source {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^ mixed >> 27
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Mostly small numbers, and the edges.
    fn integer(&mut self) -> u64 {
        match self.below(4) {
            0 => self.below(3),
            1 => self.next() >> self.below(64),
            2 => u64::MAX - self.below(2),
            _ => 1 << self.below(64),
        }
    }

    fn double(&mut self) -> f64 {
        match self.below(6) {
            0 => 0.0,
            1 => f64::NAN,
            2 => f64::NEG_INFINITY,
            3 => self.below(1000) as f64 / 8.0,
            4 => 10_f64.powi(self.below(600) as i32 - 300) * self.below(1000) as f64,
            _ => f64::from_bits(self.next()),
        }
    }

    fn text(&mut self) -> String {
        const LETTERS: [char; 12] = ['a', 'Z', '"', '\\', '\n', '\u{1}', 'é', '世', '😀', '/', ' ', '\u{7f}'];
        (0..self.below(12)).map(|_| LETTERS[self.below(12) as usize]).collect()
    }
}

pub(super) fn message(descriptor: &MessageDescriptor, seed: u64) -> DynamicMessage {
    fill(descriptor, &mut Source(seed), 0)
}

fn fill(descriptor: &MessageDescriptor, source: &mut Source, depth: u32) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    match descriptor.full_name() {
        "google.protobuf.Timestamp" => {
            time(&mut message, source, 253_402_300_799 + 62_135_596_800, -62_135_596_800)
        }
        "google.protobuf.Duration" => {
            time(&mut message, source, 315_576_000_000, 0);
            if source.below(2) == 0 {
                let negate = |value: &Value| match value {
                    Value::I64(one) => Value::I64(-one),
                    Value::I32(one) => Value::I32(-one),
                    other => other.clone(),
                };
                for name in ["seconds", "nanos"] {
                    let value = negate(&message.get_field_by_name(name).unwrap());
                    message.set_field_by_name(name, value);
                }
            }
        }
        "google.protobuf.FieldMask" => {
            let paths = (0..source.below(3)).map(|index| Value::String(format!("some_path.field{index}")));
            message.set_field_by_name("paths", Value::List(paths.collect()));
        }
        "google.protobuf.Any" => {
            // Of one field each: the order of fields inside is not the same in JSON and on the wire.
            let name =
                ["test.library.v1.GetBookRequest", "google.protobuf.Int64Value"][source.below(2) as usize];
            let inner = descriptor.parent_pool().get_message_by_name(name).unwrap();
            let inner = prost::Message::encode_to_vec(&fill(&inner, source, depth + 1));
            message.set_field_by_name("type_url", Value::String(format!("type.googleapis.com/{name}")));
            message.set_field_by_name("value", Value::Bytes(inner.into()));
        }
        // prost-reflect prints an infinite wrapper as null, where proto3 says "Infinity".
        "google.protobuf.DoubleValue" => {
            message.set_field_by_name("value", Value::F64(source.below(9) as f64 / 4.0))
        }
        "google.protobuf.FloatValue" => {
            message.set_field_by_name("value", Value::F32(source.below(9) as f32 / 4.0))
        }
        "google.protobuf.Value" => {
            let kind = source.below(if depth > 4 { 4 } else { 6 }) as u32 + 1;
            let field = descriptor.get_field(kind).unwrap();
            let value = match kind {
                1 => Value::EnumNumber(0),
                2 => Value::F64(source.below(1000) as f64 / 4.0),
                _ => single(&field.kind(), source, depth),
            };
            message.set_field(&field, value);
        }
        _ => {
            let every = if depth == 0 { 4 } else { 12 };
            for field in descriptor.fields() {
                if source.below(every) == 0 && (depth < 4 || field.kind().as_message().is_none()) {
                    let value = value(&field, source, depth);
                    message.set_field(&field, value);
                }
            }
        }
    }
    message
}

fn time(message: &mut DynamicMessage, source: &mut Source, span: u64, offset: i64) {
    let seconds = source.below(span) as i64 + offset;
    let nanos = [0, 5, 1000, 250_000_000, 999_999_999][source.below(5) as usize];
    message.set_field_by_name("seconds", Value::I64(seconds));
    message.set_field_by_name("nanos", Value::I32(nanos));
}

fn value(field: &FieldDescriptor, source: &mut Source, depth: u32) -> Value {
    if field.is_map() {
        let entry = field.kind().as_message().unwrap().clone();
        let (key, inner) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
        let few = (0..source.below(12)).map(|_| {
            let key = match single(&key, source, depth) {
                Value::Bool(one) => MapKey::Bool(one),
                Value::I32(one) => MapKey::I32(one),
                Value::I64(one) => MapKey::I64(one),
                Value::U32(one) => MapKey::U32(one),
                Value::U64(one) => MapKey::U64(one),
                Value::String(one) => MapKey::String(one),
                other => panic!("{other:?} is no key"),
            };
            (key, single(&inner, source, depth))
        });
        return Value::Map(few.collect());
    }
    if field.is_list() {
        return Value::List((0..source.below(4)).map(|_| single(&field.kind(), source, depth)).collect());
    }
    single(&field.kind(), source, depth)
}

fn single(kind: &Kind, source: &mut Source, depth: u32) -> Value {
    match kind {
        Kind::Double => Value::F64(source.double()),
        Kind::Float => Value::F32(source.double() as f32),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(source.integer() as i32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(source.integer() as i64),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(source.integer() as u32),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(source.integer()),
        Kind::Bool => Value::Bool(source.below(2) == 0),
        Kind::String => Value::String(source.text()),
        Kind::Bytes => Value::Bytes(source.text().into_bytes().into()),
        Kind::Enum(one) if one.full_name() == "google.protobuf.NullValue" => Value::EnumNumber(0),
        Kind::Enum(_) => Value::EnumNumber([0, 1, 2, 77, -3][source.below(5) as usize]),
        Kind::Message(one) => Value::Message(fill(one, source, depth + 1)),
    }
}
