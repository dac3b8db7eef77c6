//! The one mapping between [`Error`] and what travels over gRPC.

use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::{Error, Violation};

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let mut details = ErrorDetails::new();
        let metadata = error.metadata().clone().into_iter().collect::<std::collections::HashMap<_, _>>();
        details.set_error_info(error.reason(), error.domain(), metadata);
        if !error.violations().is_empty() {
            details.set_bad_request(error.violations().iter().map(on_wire).collect::<Vec<_>>());
        }
        if let Some(pause) = error.retry_after() {
            details.set_retry_info(Some(pause));
        }
        Self::with_error_details(error.code(), error.text(), details)
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let mut error = match details.error_info() {
            Some(info) => {
                let mut error = Self::new(status.code(), &info.reason, &info.domain, status.message());
                for (key, value) in &info.metadata {
                    error = error.with(key, value);
                }
                error
            }
            None => Self::new(status.code(), bare_reason(status.code()), "erp", status.message()),
        };
        if let Some(request) = details.bad_request() {
            for violation in &request.field_violations {
                error = error.violation(Violation {
                    field: violation.field.clone(),
                    description: violation.description.clone(),
                    rule: violation.reason.clone(),
                });
            }
        }
        error
    }
}

/// The rule's id travels as the reason, so that a client can say it in its own words.
fn on_wire(violation: &Violation) -> FieldViolation {
    FieldViolation {
        reason: violation.rule.clone(),
        ..FieldViolation::new(&violation.field, &violation.description)
    }
}

/// The reason of a status that came without one: from a proxy, or from the transport itself.
fn bare_reason(code: tonic::Code) -> &'static str {
    match code {
        tonic::Code::Unavailable => "UNAVAILABLE",
        tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => "DEADLINE_EXCEEDED",
        tonic::Code::Unauthenticated => "UNAUTHENTICATED",
        tonic::Code::PermissionDenied => "PERMISSION_MISSING",
        tonic::Code::NotFound => "NOT_FOUND",
        tonic::Code::Unimplemented => "UNIMPLEMENTED",
        tonic::Code::InvalidArgument => "INVALID_FIELD",
        _ => "INTERNAL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_wire() {
        // What a client acts on (code, reason, domain, metadata, violations) must come back; the cause must not.
        let error =
            Error::invalid("contact.email", "must be an address").with("hint", "x").caused_by("secret");
        let back = Error::from(Status::from(error.clone()));
        assert_eq!((back.code(), back.reason(), back.domain()), (error.code(), "INVALID_FIELD", "erp"));
        assert_eq!(back.violations()[0].field, "contact.email");
        assert_eq!(back.metadata()["hint"], "x");
        assert_eq!(back.cause(), None);
    }

    #[test]
    fn the_rule_of_a_violation_survives_the_wire() {
        // A client that translates knows a rule by its id, not by our sentence.
        let violation = Violation {
            field: "email".to_owned(),
            description: "must be an address".to_owned(),
            rule: "string.email".to_owned(),
        };
        let back = Error::from(Status::from(Error::invalid_fields(vec![violation])));
        assert_eq!(back.violations()[0].rule, "string.email");
    }

    #[test]
    fn only_what_mends_by_itself_is_worth_another_try() {
        // A client that trusts the hint must not hammer with a stale etag, and must wait as long as it is told.
        let pause = |code, reason: &str| {
            let status = Status::from(Error::new(code, reason, "erp", "x"));
            status.get_error_details().retry_info().and_then(|hint| hint.retry_delay)
        };
        assert!(pause(tonic::Code::Aborted, "CONFLICT").is_some());
        assert!(pause(tonic::Code::Unavailable, "UNAVAILABLE").is_some());
        assert_eq!(pause(tonic::Code::Aborted, "STALE_ETAG"), None);
        assert_eq!(pause(tonic::Code::InvalidArgument, "INVALID_FIELD"), None);
        let throttled = Error::new(tonic::Code::ResourceExhausted, "LOGIN_THROTTLED", "erp.identity", "x");
        let status = Status::from(throttled.with("retry_after_seconds", 29));
        let hint = status.get_error_details().retry_info().and_then(|hint| hint.retry_delay);
        assert_eq!(hint, Some(std::time::Duration::from_secs(29)));
    }
}
