//! One error type for every service: a status code, a reason out of a contract, and what a client can act on.

use std::collections::BTreeMap;
use std::fmt;

/// The result of everything that can fail for a caller.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub use tonic::Code;

/// A value of a reason enum: why a call failed, by contract.
pub trait Reason: Copy + Send + Sync + 'static {
    /// The status code that travels with the reason.
    fn code(self) -> Code;
    /// The name without the enum's prefix, such as `ORDER_NOT_CANCELLABLE`.
    fn name(self) -> &'static str;
    /// The error domain, such as `erp.orders`.
    fn domain(self) -> &'static str;
    /// One lowercase sentence for a person.
    fn message(self) -> &'static str;
}

/// The pause before a call that met another one, or a service that was away, is sent again.
const RETRY_AFTER: std::time::Duration = std::time::Duration::from_millis(100);

/// A field of a request that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request, such as `contact.emails[0]`.
    pub field: String,
    /// What is wrong, for a person.
    pub description: String,
    /// The id of the rule, such as `string.uuid`; empty when there is none.
    pub rule: String,
}

/// Why a call failed.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    code: Code,
    reason: String,
    domain: String,
    message: String,
    violations: Vec<Violation>,
    metadata: BTreeMap<String, String>,
    source: Option<String>,
}

impl Error {
    /// An error with a code, a reason's name, its domain and a message.
    pub fn new(code: Code, reason: &str, domain: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            reason: reason.to_owned(),
            domain: domain.to_owned(),
            message: message.into(),
            violations: Vec::new(),
            metadata: BTreeMap::new(),
            source: None,
        }))
    }

    /// One field of the request breaks a rule.
    pub fn invalid(field: &str, description: impl Into<String>) -> Self {
        Self::invalid_fields(vec![Violation {
            field: field.to_owned(),
            description: description.into(),
            rule: String::new(),
        }])
    }

    /// Several fields of the request break rules.
    pub fn invalid_fields(violations: Vec<Violation>) -> Self {
        let mut message = "the request has an invalid field".to_owned();
        if let Some(first) = violations.first() {
            message = format!("{} {}", first.field, first.description);
        }
        let mut error = Self::new(Code::InvalidArgument, "INVALID_FIELD", "erp", message);
        error.0.violations = violations;
        error
    }

    /// The row does not exist for this caller.
    pub fn not_found(noun: &str, id: &str) -> Self {
        Self::new(Code::NotFound, "NOT_FOUND", "erp", format!("{noun} not found"))
            .with("resource", noun)
            .with("id", id)
    }

    /// The caller must hold a permission, of a method or of a field, and does not.
    pub fn permission_missing(permission: &str) -> Self {
        let message = format!("the caller lacks the permission {permission}");
        Self::new(Code::PermissionDenied, "PERMISSION_MISSING", "erp", message).with("permission", permission)
    }

    /// Another row has the same value.
    pub fn already_exists(field: &str) -> Self {
        let mut error = Self::new(Code::AlreadyExists, "ALREADY_EXISTS", "erp", format!("{field} is taken"));
        error.0.violations.push(Violation {
            field: field.to_owned(),
            description: "is taken".to_owned(),
            rule: "unique".to_owned(),
        });
        error
    }

    /// Something that the caller cannot mend. The cause goes to the log, never to the caller.
    #[track_caller]
    pub fn internal(cause: impl fmt::Display) -> Self {
        let place = std::panic::Location::caller();
        let mut error = Self::new(Code::Internal, "INTERNAL", "erp", "internal error");
        error.0.source = Some(format!("{cause} (at {}:{})", place.file(), place.line()));
        error
    }

    /// A part that is needed does not answer.
    pub fn unavailable(what: &str, cause: impl fmt::Display) -> Self {
        let mut error = Self::new(Code::Unavailable, "UNAVAILABLE", "erp", format!("{what} does not answer"));
        error.0.source = Some(cause.to_string());
        error
    }

    /// Adds a pair that clients may read.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.0.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// Replaces the sentence for a person.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Adds a field that breaks a rule.
    #[must_use]
    pub fn violation(mut self, violation: Violation) -> Self {
        self.0.violations.push(violation);
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.0.source = Some(cause.to_string());
        self
    }

    /// The status code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The reason's name without the enum's prefix.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// The error domain of the reason.
    pub fn domain(&self) -> &str {
        &self.0.domain
    }

    /// The sentence for a person.
    pub fn text(&self) -> &str {
        &self.0.message
    }

    /// The fields that break rules.
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// The pairs that clients may read.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.0.metadata
    }

    /// The cause, for the log only.
    pub fn cause(&self) -> Option<&str> {
        self.0.source.as_deref()
    }

    /// Whether the error has this reason.
    pub fn is<R: Reason>(&self, reason: R) -> bool {
        self.0.reason == reason.name() && self.0.domain == reason.domain()
    }

    /// After how long the same call may succeed without a change; `None` when it never will as it is. A stale
    /// etag, unlike two calls that met, does not mend by itself. Metadata `retry_after_seconds` names a pause.
    pub fn retry_after(&self) -> Option<std::time::Duration> {
        let named = self.metadata().get("retry_after_seconds").and_then(|text| text.parse().ok());
        match self.0.code {
            _ if named.is_some() => named.map(std::time::Duration::from_secs),
            Code::Unavailable | Code::DeadlineExceeded => Some(RETRY_AFTER),
            Code::Aborted if self.0.reason == "CONFLICT" => Some(RETRY_AFTER),
            _ => None,
        }
    }
}

impl<R: Reason> From<R> for Error {
    fn from(reason: R) -> Self {
        Self::new(reason.code(), reason.name(), reason.domain(), reason.message())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.reason, self.0.message)?;
        if let Some(cause) = &self.0.source {
            write!(f, " [{cause}]")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
