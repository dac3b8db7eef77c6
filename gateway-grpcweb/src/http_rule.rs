//! `google.api.http` as it stands in a method's options.

use prost::Message;
use prost_reflect::MethodDescriptor;

/// The part of `google.protobuf.MethodOptions` that matters here: read by number, so that it is
/// found whether or not google/api/annotations.proto is among the descriptors.
#[derive(Clone, PartialEq, prost::Message)]
struct MethodOptions {
    #[prost(message, optional, tag = "72295728")]
    http: Option<HttpRule>,
}

/// `google.api.HttpRule`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HttpRule {
    #[prost(oneof = "Pattern", tags = "2, 3, 4, 5, 6, 8")]
    pub(crate) pattern: Option<Pattern>,
    #[prost(string, tag = "7")]
    pub(crate) body: String,
    #[prost(message, repeated, tag = "11")]
    pub(crate) additional_bindings: Vec<HttpRule>,
    #[prost(string, tag = "12")]
    pub(crate) response_body: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Pattern {
    #[prost(string, tag = "2")]
    Get(String),
    #[prost(string, tag = "3")]
    Put(String),
    #[prost(string, tag = "4")]
    Post(String),
    #[prost(string, tag = "5")]
    Delete(String),
    #[prost(string, tag = "6")]
    Patch(String),
    #[prost(message, tag = "8")]
    Custom(Custom),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Custom {
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    #[prost(string, tag = "2")]
    pub(crate) path: String,
}

impl HttpRule {
    /// Whether the rule itself is a GET.
    pub(crate) fn is_get(&self) -> bool {
        matches!(self.pattern, Some(Pattern::Get(_)))
    }
}

impl Pattern {
    /// The HTTP method and the template.
    pub(crate) fn parts(&self) -> (&str, &str) {
        match self {
            Self::Get(path) => ("GET", path),
            Self::Put(path) => ("PUT", path),
            Self::Post(path) => ("POST", path),
            Self::Delete(path) => ("DELETE", path),
            Self::Patch(path) => ("PATCH", path),
            Self::Custom(custom) => (&custom.kind, &custom.path),
        }
    }
}

/// The rule of a method, if it has one.
pub(crate) fn of(method: &MethodDescriptor) -> Option<HttpRule> {
    let encoded = method.options().encode_to_vec();
    MethodOptions::decode(&*encoded).ok()?.http
}

/// Whether the method declares `idempotency_level = NO_SIDE_EFFECTS`.
pub(crate) fn has_no_side_effects(method: &MethodDescriptor) -> bool {
    const NO_SIDE_EFFECTS: i32 = 1;
    let options = method.method_descriptor_proto().options.as_ref();
    options.and_then(|options| options.idempotency_level) == Some(NO_SIDE_EFFECTS)
}
