//! The one mapping between [`Error`] and what travels over gRPC.

use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};

use crate::{Error, Violation};

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let mut details = ErrorDetails::new();
        let metadata = error.metadata().clone().into_iter().collect::<std::collections::HashMap<_, _>>();
        details.set_error_info(error.reason(), error.domain(), metadata);
        for violation in error.violations() {
            details.add_bad_request_violation(&violation.field, &violation.description);
        }
        if error.is_retryable() {
            details.set_retry_info(Some(std::time::Duration::from_millis(100)));
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
                    rule: String::new(),
                });
            }
        }
        error
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
}
