//! JSON to protobuf: the state of one encoding, and its entry points.

use std::fmt;

use serde::de::DeserializeSeed;

use super::MAX_DEPTH;
use super::mask::Mask;
use super::plan::{Card, FieldPlan, MessageId, Plans, Shape, Tag, Ty};
use super::scalar::Scalar;
use super::seeds::{FieldSeed, ValueSeed};
use super::wire::{close_len, open_len, put_bytes, put_varint};

/// Writes one request message. Everything goes into [`Encoder::out`] in the order in which it is
/// given; protobuf lets the last value of a field win and merges messages.
pub(crate) struct Encoder<'p> {
    pub(crate) plans: &'p Plans,
    pub(crate) out: Vec<u8>,
    /// Skip fields and enum names that the contract does not know instead of refusing them.
    pub(crate) ignore_unknown: bool,
    /// Values come from a path or a query: all of them are text.
    pub(super) plain_text: bool,
    pub(super) mask: Option<Mask>,
    problem: Option<String>,
    /// Where the problem is, innermost step first.
    trail: Vec<Step<'p>>,
    depth: u32,
}

/// A field within nested messages, outermost first.
pub(crate) type FieldPath = Box<[(MessageId, u16)]>;

/// Why a request's JSON or parameter was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// Path of the field, such as `lines[2].unitPrice`; empty for the body itself.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}

impl std::error::Error for JsonError {}

/// A refusal whose place is told by the steps on the way out.
pub(super) struct Fail(pub(super) String);

pub(super) enum Step<'p> {
    Field(&'p str),
    /// A name that the contract does not know.
    Name(String),
    Index(usize),
    Key(String),
}

/// What became of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Set,
    Null,
    /// An unknown enum name that was ignored.
    Skipped,
}

/// How a value is introduced.
#[derive(Clone, Copy)]
pub(super) enum Put<'p> {
    /// As the content of what is open already: the root, or an element of a packed list.
    Bare,
    Always(&'p Tag),
    /// Left out when it is the type's zero, as for fields without presence.
    NonZero(&'p Tag),
}

impl<'p> Encoder<'p> {
    /// Goes on behind what `out` holds.
    pub(crate) fn new(plans: &'p Plans, out: Vec<u8>) -> Self {
        Self {
            plans,
            out,
            ignore_unknown: false,
            plain_text: false,
            mask: None,
            problem: None,
            trail: Vec::new(),
            depth: 0,
        }
    }

    /// Writes a JSON text as the message itself (`body: "*"`).
    pub(crate) fn message(&mut self, id: MessageId, json: &[u8]) -> Result<(), JsonError> {
        let mut source = serde_json::Deserializer::from_slice(json);
        let seed = ValueSeed { enc: self, ty: Ty::Message(id), put: Put::Bare };
        match seed.deserialize(&mut source).and_then(|outcome| source.end().map(|()| outcome)) {
            Ok(Outcome::Null) => Err(self.refuse(Fail("expected an object, got null".into()))),
            Ok(_) => Ok(()),
            Err(error) => Err(self.explain(&error)),
        }
    }

    /// Writes a JSON text as one field (`body: "account"`).
    pub(crate) fn field(&mut self, path: &[(MessageId, u16)], json: &[u8]) -> Result<(), JsonError> {
        let Some((last, outer)) = path.split_last() else { return Ok(()) };
        let opened = self.open_path(outer);
        let field = self.plan_of(*last);
        let mut source = serde_json::Deserializer::from_slice(json);
        let seed = FieldSeed { enc: self, field };
        let result = seed.deserialize(&mut source).and_then(|_| source.end());
        result.map_err(|error| self.explain(&error))?;
        self.close_path(opened);
        Ok(())
    }

    /// Writes one field from the text of a path variable or query parameter; `key` is that of a
    /// map's entry (`labels[colour]`).
    pub(crate) fn parameter(
        &mut self,
        path: &[(MessageId, u16)],
        key: Option<&str>,
        text: &str,
    ) -> Result<(), JsonError> {
        let Some((last, outer)) = path.split_last() else { return Ok(()) };
        let opened = self.open_path(outer);
        self.plain_text = true;
        let written = self.parameter_value(self.plan_of(*last), key, text);
        self.plain_text = false;
        written?;
        self.close_path(opened);
        Ok(())
    }

    fn parameter_value(
        &mut self,
        field: &'p FieldPlan,
        key: Option<&str>,
        text: &str,
    ) -> Result<(), JsonError> {
        let (put, outer) = match (&field.card, key) {
            (Card::One, None) | (Card::Many { packed: false }, None) => (Put::Always(&field.tag), None),
            (Card::Many { packed: true }, None) => {
                self.out.extend_from_slice(field.tag.as_slice());
                (Put::Bare, Some(open_len(&mut self.out)))
            }
            (Card::Map { key: ty, tags }, Some(key)) => {
                self.out.extend_from_slice(field.tag.as_slice());
                let start = open_len(&mut self.out);
                self.scalar(*ty, Put::Always(&tags[0]), Scalar::Text(key))
                    .map_err(|fail| self.refuse(fail))?;
                (Put::Always(&tags[1]), Some(start))
            }
            (Card::Map { .. }, None) => {
                return Err(self.refuse(Fail(format!("is a map; write `{}[key]=value`", field.name))));
            }
            (_, Some(_)) => return Err(self.refuse(Fail("is no map".into()))),
        };
        let json = matches!(field.ty, Ty::Message(id) if matches!(
            self.plans.message(id).shape, Shape::Struct | Shape::Value | Shape::ListValue));
        if json {
            let mut source = serde_json::Deserializer::from_str(text);
            let seed = ValueSeed { enc: self, ty: field.ty, put };
            let result = seed.deserialize(&mut source).and_then(|_| source.end());
            result.map_err(|error| self.explain(&error))?;
        } else {
            self.scalar(field.ty, put, Scalar::Text(text)).map_err(|fail| self.refuse(fail))?;
        }
        if let Some(start) = outer {
            close_len(&mut self.out, start);
        }
        Ok(())
    }

    /// Writes a `google.api.HttpBody` into a field; an empty path means the message itself.
    pub(crate) fn raw(&mut self, path: &[(MessageId, u16)], content_type: &[u8], data: &[u8]) {
        let opened = self.open_path(path);
        for (tag, bytes) in [(0x0A, content_type), (0x12, data)] {
            if !bytes.is_empty() {
                self.out.push(tag);
                put_bytes(&mut self.out, bytes);
            }
        }
        self.close_path(opened);
    }

    /// Starts to note the paths of the fields that the JSON names.
    pub(crate) fn start_mask(&mut self) {
        self.mask = Some(Mask::default());
    }

    /// Appends the noted paths as the mask field, leaving out those that `skip` accepts.
    pub(crate) fn finish_mask(&mut self, field: (MessageId, u16), skip: impl Fn(&str) -> bool) {
        let Some(mask) = self.mask.take() else { return };
        let paths: Vec<_> = mask.into_paths().into_iter().filter(|path| !skip(path)).collect();
        if paths.is_empty() {
            return;
        }
        self.out.extend_from_slice(self.plan_of(field).tag.as_slice());
        let start = open_len(&mut self.out);
        for path in paths {
            self.out.push(0x0A);
            put_bytes(&mut self.out, path.as_bytes());
        }
        close_len(&mut self.out, start);
    }

    fn plan_of(&self, (message, field): (MessageId, u16)) -> &'p FieldPlan {
        &self.plans.message(message).fields[usize::from(field)]
    }

    fn open_path(&mut self, outer: &[(MessageId, u16)]) -> Vec<usize> {
        let mut opened = Vec::new();
        for one in outer {
            self.out.extend_from_slice(self.plan_of(*one).tag.as_slice());
            opened.push(open_len(&mut self.out));
        }
        opened
    }

    fn close_path(&mut self, opened: Vec<usize>) {
        for start in opened.into_iter().rev() {
            close_len(&mut self.out, start);
        }
    }

    /// Begins a message; pass the result to [`Encoder::close`].
    pub(super) fn open(&mut self, put: Put<'_>) -> Result<Option<usize>, Fail> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fail(format!("is nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(match put {
            Put::Bare => None,
            Put::Always(tag) | Put::NonZero(tag) => {
                self.out.extend_from_slice(tag.as_slice());
                Some(open_len(&mut self.out))
            }
        })
    }

    pub(super) fn close(&mut self, start: Option<usize>) {
        self.depth -= 1;
        if let Some(start) = start {
            close_len(&mut self.out, start);
        }
    }

    /// Writes a tag and a length of nothing unknown: for values whose bytes are at hand.
    pub(super) fn put_tagged_bytes(&mut self, put: Put<'_>, bytes: &[u8]) {
        match put {
            Put::NonZero(_) if bytes.is_empty() => return,
            Put::Always(tag) | Put::NonZero(tag) => self.out.extend_from_slice(tag.as_slice()),
            Put::Bare => {}
        }
        put_varint(&mut self.out, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    /// Keeps the message for the answer; serde's error only carries the fact outwards.
    pub(super) fn fail<E: serde::de::Error>(&mut self, fail: Fail) -> E {
        self.problem = Some(fail.0);
        E::custom("refused")
    }

    pub(super) fn step(&mut self, step: Step<'p>) {
        self.trail.push(step);
    }

    fn refuse(&mut self, fail: Fail) -> JsonError {
        self.problem = Some(fail.0);
        self.place(String::new())
    }

    fn explain(&mut self, error: &serde_json::Error) -> JsonError {
        let message = match error.classify() {
            serde_json::error::Category::Data => error.to_string(),
            _ => format!("malformed JSON: {error}"),
        };
        self.place(message)
    }

    fn place(&mut self, fallback: String) -> JsonError {
        let mut field = String::new();
        for step in self.trail.drain(..).rev() {
            match step {
                Step::Index(index) => field.push_str(&format!("[{index}]")),
                Step::Key(key) => field.push_str(&format!("[{key:?}]")),
                Step::Field(name) => push_name(&mut field, name),
                Step::Name(name) => push_name(&mut field, &name),
            }
        }
        JsonError { field, message: self.problem.take().unwrap_or(fallback) }
    }
}

fn push_name(field: &mut String, name: &str) {
    if !field.is_empty() {
        field.push('.');
    }
    field.push_str(name);
}
