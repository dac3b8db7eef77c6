//! What the options of a contract say: read by number, so that they are found whether or not their
//! proto files are among the descriptors.

use prost::Message;
use prost_reflect::{
    DynamicMessage, EnumDescriptor, EnumValueDescriptor, FieldDescriptor, MessageDescriptor, MethodDescriptor,
};

fn read<T: Message + Default>(options: &DynamicMessage) -> T {
    T::decode(&*options.encode_to_vec()).unwrap_or_default()
}

/// The part of `google.protobuf.MethodOptions` that callers are told of.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MethodFacts {
    #[prost(bool, tag = "33")]
    pub(crate) deprecated: bool,
    /// `(erp.v1.access)`
    #[prost(message, optional, tag = "50001")]
    pub(crate) access: Option<Access>,
    /// `(erp.v1.rate)`
    #[prost(message, optional, tag = "50002")]
    pub(crate) rate: Option<Rate>,
}

/// Who may call: one of the three is set.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Access {
    #[prost(string, tag = "1")]
    pub(crate) permission: String,
    #[prost(bool, tag = "2")]
    pub(crate) public: bool,
    #[prost(bool, tag = "3")]
    pub(crate) authenticated: bool,
}

/// How often a method may be called.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Rate {
    #[prost(int32, tag = "1")]
    pub(crate) caller_limit: i32,
    #[prost(int32, tag = "2")]
    pub(crate) tenant_limit: i32,
    #[prost(int32, tag = "3")]
    pub(crate) window_seconds: i32,
}

impl MethodFacts {
    pub(crate) fn of(method: &MethodDescriptor) -> Self {
        read(&method.options())
    }

    /// The permission that the caller must hold.
    pub(crate) fn permission(&self) -> Option<&str> {
        self.access.as_ref().map(|access| access.permission.as_str()).filter(|name| !name.is_empty())
    }
}

#[derive(Clone, PartialEq, Message)]
struct FieldOptions {
    #[prost(bool, tag = "3")]
    deprecated: bool,
    #[prost(bool, tag = "16")]
    debug_redact: bool,
    #[prost(int32, repeated, packed = "false", tag = "1052")]
    behavior: Vec<i32>,
    #[prost(message, optional, tag = "50001")]
    engine: Option<EngineField>,
}

/// `(erp.v1.field)`
#[derive(Clone, PartialEq, Message)]
struct EngineField {
    #[prost(string, tag = "1")]
    references: String,
    #[prost(bool, tag = "2")]
    personal: bool,
    #[prost(bool, tag = "3")]
    secret: bool,
}

/// What the options of a field say.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldFacts {
    pub(crate) deprecated: bool,
    pub(crate) required: bool,
    pub(crate) output_only: bool,
    pub(crate) input_only: bool,
    pub(crate) immutable: bool,
    pub(crate) secret: bool,
    pub(crate) personal: bool,
    /// Full name of the entity whose id it is.
    pub(crate) references: String,
}

impl FieldFacts {
    pub(crate) fn of(field: &FieldDescriptor) -> Self {
        let options: FieldOptions = read(&field.options());
        let engine = options.engine.unwrap_or_default();
        // The numbers of google.api.FieldBehavior.
        let has = |number: i32| options.behavior.contains(&number);
        Self {
            deprecated: options.deprecated,
            required: has(2),
            output_only: has(3) || has(8),
            input_only: has(4),
            immutable: has(5),
            secret: options.debug_redact || engine.secret,
            personal: engine.personal,
            references: engine.references,
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct Deprecated3 {
    #[prost(bool, tag = "3")]
    deprecated: bool,
}

pub(crate) fn message_deprecated(message: &MessageDescriptor) -> bool {
    read::<Deprecated3>(&message.options()).deprecated
}

pub(crate) fn enum_deprecated(one: &EnumDescriptor) -> bool {
    read::<Deprecated3>(&one.options()).deprecated
}

#[derive(Clone, PartialEq, Message)]
struct EnumOptions {
    #[prost(message, optional, tag = "50001")]
    reason_set: Option<ReasonSet>,
}

#[derive(Clone, PartialEq, Message)]
struct ReasonSet {
    #[prost(string, tag = "1")]
    domain: String,
}

/// The error domain of an enum that lists reasons.
pub(crate) fn reason_domain(one: &EnumDescriptor) -> Option<String> {
    read::<EnumOptions>(&one.options()).reason_set.map(|set| set.domain)
}

#[derive(Clone, PartialEq, Message)]
struct EnumValueOptions {
    #[prost(message, optional, tag = "50001")]
    reason: Option<Reason>,
}

/// `(erp.v1.reason)`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Reason {
    /// A `google.rpc.Code`.
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}

pub(crate) fn reason(value: &EnumValueDescriptor) -> Option<Reason> {
    read::<EnumValueOptions>(&value.options()).reason
}
