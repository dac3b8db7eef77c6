//! Fields that mean something to the gateway itself, found when a descriptor set is loaded: etags,
//! cursors of streams, and bodies that are no JSON.

use crate::codec::FieldPath;
use crate::codec::plan::{Card, FieldPlan, MessageId, Plans, Shape, Ty};
use crate::snapshot::Body;

/// Names by which a stream can be taken up again: a field of the answer's messages, and that of the
/// request to which a caller sends back the last one it saw.
const CURSORS: [(&str, &str); 3] =
    [("cursor", "cursor"), ("resume_token", "resume_token"), ("next_page_token", "page_token")];

/// A message whose bytes are sent as they are.
const HTTP_BODY: &str = "google.api.HttpBody";

/// Where a stream can be taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Number of the field in every message of the answer.
    pub(crate) number: u32,
    /// The field of the request.
    pub(crate) request: (MessageId, u16),
}

/// The cursor of a stream. None: it has none.
pub(crate) fn cursor(plans: &Plans, input: MessageId, output: MessageId) -> Option<Cursor> {
    CURSORS.iter().find_map(|(shown, taken)| {
        let number = field(plans, output, text(plans, output, shown)?).number;
        Some(Cursor { number, request: (input, text(plans, input, taken)?) })
    })
}

/// Where the etag goes that a caller expects: the request's own, or that of the body's resource.
pub(crate) fn etag_in(plans: &Plans, input: MessageId, body: &Body) -> Option<FieldPath> {
    if let Some(own) = text(plans, input, "etag") {
        return Some([(input, own)].into());
    }
    let Body::Field(path) = body else { return None };
    let (message, index) = *path.last()?;
    let resource = nested(field(plans, message, index))?;
    let own = text(plans, resource, "etag")?;
    Some(path.iter().copied().chain([(resource, own)]).collect())
}

/// Numbers of the fields on the way to the etag of what is shown of an answer.
pub(crate) fn etag_out(plans: &Plans, output: MessageId, shown: Option<u16>) -> Option<Box<[u32]>> {
    let Some(shown) = shown else {
        let own = text(plans, output, "etag")?;
        return Some([field(plans, output, own).number].into());
    };
    let shown = field(plans, output, shown);
    let resource = nested(shown)?;
    let own = text(plans, resource, "etag")?;
    Some([shown.number, field(plans, resource, own).number].into())
}

/// Where the bytes of a body go that is taken as it is; empty when that is the message itself.
pub(crate) fn raw_in(plans: &Plans, input: MessageId, body: &Body) -> Option<FieldPath> {
    match body {
        Body::None => None,
        Body::Message => is_raw(plans, input).then(FieldPath::default),
        Body::Field(path) => {
            let (message, index) = *path.last()?;
            is_raw(plans, nested(field(plans, message, index))?).then(|| path.clone())
        }
    }
}

/// Number of the field whose bytes are the answer; empty when that is the message itself.
pub(crate) fn raw_out(plans: &Plans, output: MessageId, shown: Option<u16>) -> Option<Box<[u32]>> {
    let Some(shown) = shown else { return is_raw(plans, output).then(Box::default) };
    let shown = field(plans, output, shown);
    is_raw(plans, nested(shown)?).then(|| [shown.number].into())
}

fn is_raw(plans: &Plans, message: MessageId) -> bool {
    plans.message(message).full_name() == HTTP_BODY
}

fn field(plans: &Plans, message: MessageId, index: u16) -> &FieldPlan {
    &plans.message(message).fields[usize::from(index)]
}

/// A single field of text.
fn text(plans: &Plans, message: MessageId, name: &str) -> Option<u16> {
    let plan = plans.message(message);
    let index = plan.field_named(name).filter(|_| plan.shape == Shape::Plain)?;
    let field = &plan.fields[usize::from(index)];
    (&*field.name == name && matches!((field.card, field.ty), (Card::One, Ty::String))).then_some(index)
}

/// The message that a single field holds.
fn nested(field: &FieldPlan) -> Option<MessageId> {
    match (field.card, field.ty) {
        (Card::One, Ty::Message(id)) => Some(id),
        _ => None,
    }
}
