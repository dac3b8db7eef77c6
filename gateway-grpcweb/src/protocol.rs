//! Which protocol a request speaks.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request};

use crate::accept::wants_problem;
use crate::connect::Kind;
use crate::grpc_web::Form;
use crate::headers::media_type;
use crate::snapshot::Snapshot;

/// The protocol of a request, with all that an answer in it needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Protocol {
    Rest {
        /// Errors are told as `application/problem+json`.
        problem: bool,
    },
    Connect {
        kind: Kind,
    },
    Grpc {
        /// As the request has it.
        content_type: HeaderValue,
    },
    GrpcWeb {
        /// None: one that is not spoken.
        form: Option<Form>,
    },
}

impl Protocol {
    /// Whether bodies are compressed as HTTP tells it, and not message by message.
    pub(crate) fn has_content_codings(&self) -> bool {
        match self {
            Self::Rest { .. } => true,
            Self::Connect { kind } => !matches!(kind, Kind::Stream(_)),
            Self::Grpc { .. } | Self::GrpcWeb { .. } => false,
        }
    }

    /// Whether calls go to the services undecoded, so that they could be of any method.
    pub(crate) fn passes_through(&self) -> bool {
        matches!(self, Self::Grpc { .. } | Self::GrpcWeb { .. })
    }

    /// As logs and metrics call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Rest { .. } => "rest",
            Self::Connect { .. } => "connect",
            Self::Grpc { .. } => "grpc",
            Self::GrpcWeb { .. } => "grpc-web",
        }
    }

    pub(crate) fn of<B>(request: &Request<B>, snapshot: &Snapshot) -> Self {
        let headers = request.headers();
        let media = media_type(headers).map(|(media, _)| media);
        if let Some(kind) = Kind::of(request, media.as_deref(), snapshot) {
            return Self::Connect { kind };
        }
        if let Some(media) = media {
            if media.starts_with("application/grpc-web") {
                return Self::GrpcWeb { form: Form::of(&media) };
            }
            if media == "application/grpc" || media.starts_with("application/grpc+") {
                let content_type = headers.get(CONTENT_TYPE).cloned();
                let fallback = HeaderValue::from_static("application/grpc");
                return Self::Grpc { content_type: content_type.unwrap_or(fallback) };
            }
        }
        Self::Rest { problem: wants_problem(headers) }
    }
}
