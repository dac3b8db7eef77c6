//! Everything that requests need of one descriptor set, compiled once and then immutable.

use std::collections::HashMap;
use std::fmt;

use http::uri::PathAndQuery;
use prost_reflect::{DescriptorPool, MethodDescriptor};

use crate::codec::plan::{Card, MessageId, Plans, Shape, Ty};
use crate::codec::{Encoder, FieldPath};
use crate::describe::{Described, source};
use crate::edge::declared::{self, Declared};
use crate::edge::metrics::Meter;
use crate::fields::{self, Cursor};
use crate::http_rule::{self, HttpRule};
use crate::routing::{Found, Router, Template, Unescape};

/// A compiled descriptor set: the route table, the methods and the message plans.
pub struct Snapshot {
    pub(crate) plans: Plans,
    methods: Vec<MethodPlan>,
    by_path: HashMap<Box<str>, usize>,
    router: Router<Route>,
    pub(crate) pool: DescriptorPool,
    /// What callers can read of the contracts, made when it is first asked for.
    pub(crate) described: Described,
}

/// Why a descriptor set was refused.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The options beside the set cannot be carried out.
    #[error("{0}")]
    Options(String),
    /// The bytes are no complete descriptor set.
    #[error("the descriptor set cannot be read: {0}")]
    Descriptors(#[from] prost_reflect::DescriptorError),
    /// An HTTP rule is wrong.
    #[error("{method}: {message}")]
    Rule {
        /// Full name of the method whose rule it is.
        method: String,
        /// What is wrong with the rule.
        message: String,
    },
}

/// One gRPC method.
pub(crate) struct MethodPlan {
    pub(crate) full_name: Box<str>,
    /// `/package.Service/Method`
    pub(crate) path: PathAndQuery,
    pub(crate) input: MessageId,
    pub(crate) output: MessageId,
    pub(crate) client_streaming: bool,
    pub(crate) server_streaming: bool,
    /// It changes nothing: it says so, or is called by GET.
    pub(crate) safe: bool,
    pub(crate) declared: Declared,
    pub(crate) meter: Meter,
}

/// One HTTP rule.
pub(crate) struct Route {
    /// Its place among all rules.
    index: usize,
    pub(crate) method: usize,
    /// The HTTP method.
    pub(crate) verb: Box<str>,
    /// The path as the contract writes it.
    pub(crate) template: Box<str>,
    pub(crate) body: Body,
    /// Field of the answer that is shown alone.
    pub(crate) response_body: Option<u16>,
    /// The fields that the path binds, in the order of the template's variables.
    pub(crate) variables: Vec<FieldPath>,
    /// Where a mask computed from the body goes: PATCH with a message in the body, and
    /// `update_mask` beside it.
    pub(crate) mask: Option<(MessageId, u16)>,
    /// Where the etag goes that a caller expects: the request's own, or that of the body's resource.
    pub(crate) etag_in: Option<FieldPath>,
    /// Numbers of the fields on the way to the etag of what is shown of the answer.
    pub(crate) etag_out: Option<Box<[u32]>>,
    /// Where the bytes of a body go that is no JSON; empty when that is the message itself.
    pub(crate) raw_in: Option<FieldPath>,
    /// Number of the field whose bytes are the answer; empty when that is the message itself.
    pub(crate) raw_out: Option<Box<[u32]>>,
    /// By which a stream of the service can be taken up again.
    pub(crate) cursor: Option<Cursor>,
}

/// The rule that a request fits.
pub(crate) struct Matched {
    route: usize,
    /// The text of the path's variables, decoded, in their order.
    pub(crate) variables: Vec<String>,
}

/// What a request's body is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    Message,
    Field(FieldPath),
}

impl Snapshot {
    /// Compiles an encoded `google.protobuf.FileDescriptorSet`.
    ///
    /// # Errors
    /// When the set is not complete, or a method's HTTP rule cannot be served as it stands.
    pub fn compile(descriptor_set: &[u8]) -> Result<Self, LoadError> {
        // What is no set at all is refused by what reads it, which says why.
        let slim = source::slim(descriptor_set);
        let mut pool = DescriptorPool::decode(slim.as_deref().unwrap_or(descriptor_set))?;
        add_error_details(&mut pool);
        Self::from_pool(&pool)
    }

    fn from_pool(pool: &DescriptorPool) -> Result<Self, LoadError> {
        let mut snapshot = Self {
            plans: Plans::compile(pool),
            methods: Vec::new(),
            by_path: HashMap::new(),
            router: Router::new(Unescape::default()),
            pool: pool.clone(),
            described: Described::default(),
        };
        for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            let refuse = |message| LoadError::Rule { method: method.full_name().to_owned(), message };
            snapshot.add_method(&method).map_err(refuse)?;
        }
        Ok(snapshot)
    }

    /// Number of HTTP rules, bindings included.
    pub fn route_count(&self) -> usize {
        self.router.routes().len()
    }

    /// Number of gRPC methods.
    pub fn method_count(&self) -> usize {
        self.methods.len()
    }

    /// Writes the JSON of the named message as protobuf. None when there is no such message.
    pub fn json_to_protobuf(&self, message: &str, json: &[u8]) -> Option<Result<Vec<u8>, crate::JsonError>> {
        let id = self.plans.find(message)?;
        let mut encoder = Encoder::new(&self.plans, Vec::with_capacity(json.len()));
        Some(encoder.message(id, json).map(|()| encoder.out))
    }

    /// As [`Snapshot::json_to_protobuf`], but skips fields that the message does not have.
    pub fn known_json_to_protobuf(
        &self,
        message: &str,
        json: &[u8],
    ) -> Option<Result<Vec<u8>, crate::JsonError>> {
        let id = self.plans.find(message)?;
        let mut encoder = Encoder::new(&self.plans, Vec::with_capacity(json.len()));
        encoder.ignore_unknown = true;
        Some(encoder.message(id, json).map(|()| encoder.out))
    }

    /// Shows the named message as JSON. None when there is no such message.
    pub fn protobuf_to_json(
        &self,
        message: &str,
        bytes: &[u8],
        options: crate::JsonOptions,
    ) -> Option<Result<Vec<u8>, String>> {
        let id = self.plans.find(message)?;
        let mut printer =
            crate::codec::Printer::new(&self.plans, options, Vec::with_capacity(bytes.len() * 3));
        Some(printer.message(id, bytes).map(|()| printer.out).map_err(|error| error.to_string()))
    }

    pub(crate) fn find<'q>(&self, method: &str, path: &'q str) -> Found<'_, 'q, Route> {
        self.router.find(method, path)
    }

    /// Every HTTP rule, in the order of the contracts.
    pub(crate) fn routes(&self) -> impl Iterator<Item = (&Template, &Route)> {
        self.router.routes()
    }

    pub(crate) fn method(&self, route: &Route) -> &MethodPlan {
        &self.methods[route.method]
    }

    pub(crate) fn methods(&self) -> &[MethodPlan] {
        &self.methods
    }

    /// Finds the rule that a request fits; HEAD is answered like GET, without the body.
    pub(crate) fn matched(&self, method: &http::Method, path: &str) -> Option<Matched> {
        let matched = |method: &str| match self.find(method, path) {
            Found::Route(route, bound) => {
                let variables = bound.into_iter().map(|(_, text)| text.into_owned()).collect();
                Some(Matched { route: route.index, variables })
            }
            _ => None,
        };
        let found = matched(method.as_str());
        if found.is_none() && *method == http::Method::HEAD { matched("GET") } else { found }
    }

    pub(crate) fn route(&self, matched: &Matched) -> &Route {
        self.router.value(matched.route)
    }

    /// The method whose own path it is.
    pub(crate) fn method_at(&self, path: &str) -> Option<&MethodPlan> {
        self.index_at(path).map(|index| &self.methods[index])
    }

    /// The place of the method whose own path it is.
    pub(crate) fn index_at(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// Whether the path is that of a gRPC method.
    pub(crate) fn has_method(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    fn add_method(&mut self, method: &MethodDescriptor) -> Result<(), String> {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let rule = http_rule::of(method);
        let message = |name: &str| self.plans.find(name).ok_or_else(|| format!("{name} is missing"));
        let plan = MethodPlan {
            full_name: method.full_name().into(),
            path: PathAndQuery::try_from(path.as_str()).map_err(|error| error.to_string())?,
            input: message(method.input().full_name())?,
            output: message(method.output().full_name())?,
            client_streaming: method.is_client_streaming(),
            server_streaming: method.is_server_streaming(),
            safe: rule.as_ref().is_some_and(HttpRule::is_get) || http_rule::has_no_side_effects(method),
            declared: declared::of(method)?,
            meter: Meter::default(),
        };
        let index = self.methods.len();
        self.by_path.insert(path.into(), index);
        self.methods.push(plan);
        let Some(rule) = rule else { return Ok(()) };
        self.add_rule(index, &rule)?;
        for binding in &rule.additional_bindings {
            if !binding.additional_bindings.is_empty() {
                return Err("additional_bindings may not be nested".into());
            }
            self.add_rule(index, binding)?;
        }
        Ok(())
    }

    fn add_rule(&mut self, method: usize, rule: &HttpRule) -> Result<(), String> {
        let Some(pattern) = &rule.pattern else { return Err("its HTTP rule has no path".into()) };
        let (verb, path) = pattern.parts();
        if http::Method::from_bytes(verb.as_bytes()).is_err() {
            return Err(format!("{verb:?} is no HTTP method"));
        }
        let template = Template::parse(path).map_err(|error| format!("path {path:?}: {error}"))?;
        let plan = &self.methods[method];
        let mut variables = Vec::new();
        for variable in &template.variables {
            let bound = resolve(&self.plans, plan.input, variable.path.iter().map(String::as_str), true)
                .map_err(|why| format!("path variable `{}`: {why}", variable.path.join(".")))?;
            variables.push(bound);
        }
        let body = match rule.body.as_str() {
            "" => Body::None,
            "*" => Body::Message,
            path => Body::Field(
                resolve(&self.plans, plan.input, path.split('.'), false)
                    .map_err(|why| format!("body `{path}`: {why}"))?,
            ),
        };
        let response_body = match rule.response_body.as_str() {
            "" => None,
            name => Some(
                self.plans
                    .message(plan.output)
                    .field_named(name)
                    .ok_or_else(|| format!("response_body `{name}`: no such field"))?,
            ),
        };
        let mask = mask_field(&self.plans, plan.input, verb, &body);
        let route = Route {
            index: self.router.routes().len(),
            method,
            verb: verb.into(),
            template: path.into(),
            etag_in: fields::etag_in(&self.plans, plan.input, &body),
            etag_out: fields::etag_out(&self.plans, plan.output, response_body),
            raw_in: fields::raw_in(&self.plans, plan.input, &body),
            raw_out: fields::raw_out(&self.plans, plan.output, response_body),
            cursor: fields::cursor(&self.plans, plan.input, plan.output),
            body,
            response_body,
            variables,
            mask,
        };
        self.router.insert(verb, template, route).map_err(|conflict| {
            let other = self.router.routes().nth(conflict.with).map_or(0, |(_, route)| route.method);
            let other = &self.methods[other].full_name;
            format!("{verb} {path} cannot be told from a path of {other}")
        })
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("methods", &self.methods.len())
            .field("routes", &self.router.routes().len())
            .finish_non_exhaustive()
    }
}

/// Adds the messages of google/rpc/error_details.proto where the set lacks them: contracts rarely
/// import them, yet services send them.
fn add_error_details(pool: &mut DescriptorPool) {
    let known = |name: &str| pool.get_message_by_name(name).is_some();
    let mut own = DescriptorPool::global();
    let Ok(()) = own.decode_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET) else { return };
    let missing = own.files().filter(|file| {
        pool.get_file_by_name(file.name()).is_none()
            && !file.messages().any(|message| known(message.full_name()))
    });
    let missing: Vec<_> = missing.map(|file| file.file_descriptor_proto().clone()).collect();
    // A set that has other messages under these names keeps its own.
    let _ = pool.add_file_descriptor_protos(missing);
}

/// Finds the fields that a dotted path names.
pub(crate) fn resolve<'a>(
    plans: &Plans,
    root: MessageId,
    names: impl Iterator<Item = &'a str>,
    scalar: bool,
) -> Result<FieldPath, String> {
    let mut path = Vec::new();
    let mut next = Some(root);
    for name in names {
        let Some(message) = next else {
            return Err(format!("`{name}` is inside a field that is no single message"));
        };
        let plan = plans.message(message);
        let Some(index) = plan.field_named(name) else {
            return Err(format!("{} has no field `{name}`", plan.full_name()));
        };
        let field = &plan.fields[usize::from(index)];
        path.push((message, index));
        next = match (field.card, field.ty) {
            (Card::One, Ty::Message(inner)) if plans.message(inner).shape == Shape::Plain => Some(inner),
            _ => None,
        };
    }
    if scalar && let Some((message, index)) = path.last() {
        let field = &plans.message(*message).fields[usize::from(*index)];
        if !matches!(field.card, Card::One) {
            return Err("a path cannot bind a repeated field".into());
        }
        if next.is_some() {
            return Err("a path cannot bind a message".into());
        }
    }
    Ok(path.into())
}

fn mask_field(plans: &Plans, input: MessageId, verb: &str, body: &Body) -> Option<(MessageId, u16)> {
    let Body::Field(path) = body else { return None };
    let [(message, index)] = **path else { return None };
    let body = &plans.message(message).fields[usize::from(index)];
    let index = plans.message(input).field_named("update_mask")?;
    let mask = &plans.message(input).fields[usize::from(index)];
    let is_mask = matches!((mask.card, mask.ty), (Card::One, Ty::Message(id)) if plans.message(id).shape == Shape::FieldMask);
    let is_message = matches!((body.card, body.ty), (Card::One, Ty::Message(_)));
    (verb == "PATCH" && is_mask && is_message).then_some((input, index))
}
