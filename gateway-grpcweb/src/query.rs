//! Query parameters and path variables to protobuf.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::codec::plan::{Card, MessageId, Plans, Shape, Ty};
use crate::codec::{Encoder, FieldPath, JsonError};
use crate::routing::decode_query;

/// More parameters than any contract needs.
const MOST: usize = 1000;

/// What to do with a parameter whose field the path or the body has bound already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Refuse,
    #[cfg_attr(not(test), expect(dead_code, reason = "how grpc-gateway treats them, which its cases assert"))]
    Ignore,
}

/// A decoded name and its value.
pub(crate) type Pair<'q> = (Cow<'q, str>, Cow<'q, str>);

/// Reads a query: names and values in their order.
pub(crate) fn parse(query: &str) -> Result<Vec<Pair<'_>>, JsonError> {
    let mut pairs = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        if pairs.len() == MOST {
            return Err(refuse("", format!("more than {MOST} query parameters")));
        }
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let decoded = decode_query(name).zip(decode_query(value));
        pairs.push(decoded.ok_or_else(|| refuse(name, "has a broken percent escape".into()))?);
    }
    Ok(pairs)
}

/// Appends the parameters as fields of the message.
pub(crate) fn bind(
    encoder: &mut Encoder<'_>,
    root: MessageId,
    pairs: &[Pair<'_>],
    taken: &[&FieldPath],
    bound: Bound,
) -> Result<(), JsonError> {
    let mut given = Given::default();
    for (name, value) in pairs {
        let (path, key) = locate(encoder, root, name)?;
        if taken.iter().any(|taken| path.starts_with(taken)) {
            match bound {
                Bound::Ignore => continue,
                Bound::Refuse => {
                    return Err(refuse(
                        name,
                        "is given by the path or the body, not as a query parameter".into(),
                    ));
                }
            }
        }
        given.note(encoder, &path, name)?;
        encoder.parameter(&path, key, value).map_err(|error| named(name, error))?;
    }
    Ok(())
}

/// Appends a path's variable.
pub(crate) fn bind_variable(
    encoder: &mut Encoder<'_>,
    path: &[(MessageId, u16)],
    text: &str,
) -> Result<(), JsonError> {
    encoder.parameter(path, None, text).map_err(|error| named(&dotted(encoder.plans, path), error))
}

/// The names of the fields on a path, as a mask writes them.
pub(crate) fn dotted(plans: &Plans, path: &[(MessageId, u16)]) -> String {
    let name =
        |(message, index): &(MessageId, u16)| &*plans.message(*message).fields[usize::from(*index)].name;
    path.iter().map(name).collect::<Vec<_>>().join(".")
}

/// Whether one of the parameters is the mask that a PATCH would otherwise compute.
pub(crate) fn has_field(
    encoder: &Encoder<'_>,
    root: MessageId,
    pairs: &[Pair<'_>],
    field: (MessageId, u16),
) -> bool {
    pairs
        .iter()
        .any(|(name, _)| locate(encoder, root, name).is_ok_and(|(path, _)| path.starts_with(&[field])))
}

/// Finds the field that a parameter's name tells, and the key of a map's entry.
fn locate<'q>(
    encoder: &Encoder<'_>,
    root: MessageId,
    name: &'q str,
) -> Result<(FieldPath, Option<&'q str>), JsonError> {
    let unknown = || refuse(name, "is no parameter of this method".into());
    let (dotted, key) = match name.split_once('[') {
        Some((dotted, rest)) => (dotted, Some(rest.strip_suffix(']').ok_or_else(unknown)?)),
        None => (name, None),
    };
    let mut path = Vec::new();
    let mut next = Some(root);
    for part in dotted.split('.') {
        let message = next.ok_or_else(unknown)?;
        let plan = encoder.plans.message(message);
        let index = plan.field_named(part).ok_or_else(unknown)?;
        let field = &plan.fields[usize::from(index)];
        path.push((message, index));
        next = match (field.card, field.ty) {
            (Card::One, Ty::Message(inner)) if encoder.plans.message(inner).shape == Shape::Plain => {
                Some(inner)
            }
            _ => None,
        };
        if path.len() > crate::codec::MAX_DEPTH as usize {
            return Err(refuse(name, "is nested too deep".into()));
        }
    }
    if next.is_some() {
        return Err(refuse(name, "is a message; give its fields".into()));
    }
    Ok((path.into(), key))
}

/// What was given so far: a single field may come once, and one member of a oneof.
#[derive(Default)]
struct Given {
    fields: HashSet<Vec<(MessageId, u16)>>,
    oneofs: HashMap<(Vec<(MessageId, u16)>, u16), u16>,
}

impl Given {
    fn note(
        &mut self,
        encoder: &Encoder<'_>,
        path: &[(MessageId, u16)],
        name: &str,
    ) -> Result<(), JsonError> {
        for (at, (message, index)) in path.iter().enumerate() {
            let field = &encoder.plans.message(*message).fields[usize::from(*index)];
            let Some(oneof) = field.oneof else { continue };
            let member = *self.oneofs.entry((path[..at].to_vec(), oneof)).or_insert(*index);
            if member != *index {
                return Err(refuse(name, "another field of the same oneof is set".into()));
            }
        }
        let Some((message, index)) = path.last() else { return Ok(()) };
        let field = &encoder.plans.message(*message).fields[usize::from(*index)];
        let single = matches!(field.card, Card::One);
        let twice = single && !self.fields.insert(path.to_vec());
        if twice { Err(refuse(name, "is given twice".into())) } else { Ok(()) }
    }
}

fn refuse(name: &str, message: String) -> JsonError {
    JsonError { field: name.chars().take(80).collect(), message }
}

fn named(name: &str, error: JsonError) -> JsonError {
    refuse(name, error.message)
}
