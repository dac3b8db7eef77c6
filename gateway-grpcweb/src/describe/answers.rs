//! What an operation answers when it fails, and the headers that answers have.

use serde_json::{Value, json};
use tonic::Code;

use super::rules::{Schema, put};

/// HTTP statuses of errors: name of the response, status, what it means.
const STATUSES: &[(&str, u16, &str)] = &[
    (
        "BadRequest",
        400,
        "The request breaks the contract, or the state of things forbids it; `details` name the fields.",
    ),
    ("Unauthenticated", 401, "There is no token, or it is not valid."),
    ("PermissionDenied", 403, "The caller may not do this."),
    ("NotFound", 404, "There is no such record, or none that the caller may know of."),
    ("NotAcceptable", 406, "None of the media types of `accept` can be made."),
    ("Conflict", 409, "It exists already, or something else changed it meanwhile."),
    ("PreconditionFailed", 412, "The record is no longer the one that `if-match` names."),
    ("TooLarge", 413, "The body is longer than the gateway takes."),
    ("UnsupportedMediaType", 415, "The body is not of a type that the gateway takes."),
    ("TooManyRequests", 429, "A limit is used up; `retry-after` tells when to come again."),
    ("Cancelled", 499, "The call was cancelled before it was done."),
    (
        "Internal",
        500,
        "Something broke inside; nothing is told but the request id, which finds it in the logs.",
    ),
    ("Unimplemented", 501, "The service does not have this method."),
    ("Unavailable", 503, "A service does not answer; the call may be made again after `retry-after`."),
    ("DeadlineExceeded", 504, "The deadline passed before the answer came."),
];

/// A reason that contracts list: why a call fails, for programs.
#[derive(Clone)]
pub(crate) struct Reason {
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) code: i32,
    pub(crate) message: String,
}

impl Reason {
    fn status(&self) -> u16 {
        crate::error::http_status(Code::from_i32(self.code)).as_u16()
    }

    /// The reason as an extension of an operation.
    pub(crate) fn json(&self) -> Value {
        json!({
            "reason": self.name,
            "domain": self.domain,
            "code": format!("{:?}", Code::from_i32(self.code)),
            "status": self.status(),
            "message": self.message,
        })
    }
}

/// What an operation may be refused for.
#[derive(Clone, Copy, Default)]
pub(crate) struct Can {
    pub(crate) body: bool,
    pub(crate) etag: bool,
}

/// The error answers of an operation, by status.
pub(crate) fn errors(can: Can, reasons: &[&Reason]) -> Schema {
    let mut answers = Schema::new();
    for (name, status, meaning) in STATUSES {
        let there = match status {
            412 => can.etag,
            413 | 415 => can.body,
            _ => true,
        };
        if !there {
            continue;
        }
        let mut answer = json!({"$ref": format!("#/components/responses/{name}")});
        let own: Vec<_> = reasons.iter().filter(|reason| reason.status() == *status).collect();
        if !own.is_empty() {
            let mut text = format!("{meaning}\n\nReasons:");
            for reason in own {
                text.push_str(&format!("\n- `{}`: {}", reason.name, reason.message));
            }
            answer["description"] = text.into();
        }
        put(&mut answers, &status.to_string(), answer);
    }
    answers
}

/// The responses that operations refer to.
pub(crate) fn components() -> Value {
    let mut responses = Schema::new();
    for (name, status, meaning) in STATUSES {
        let mut headers = json!({"x-request-id": {"$ref": "#/components/headers/RequestId"}});
        if matches!(status, 429 | 503) {
            headers["retry-after"] = json!({"$ref": "#/components/headers/RetryAfter"});
        }
        let response = json!({
            "description": meaning,
            "headers": headers,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Error"}},
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
            },
        });
        put(&mut responses, name, response);
    }
    responses.into()
}

/// The schemas of errors.
pub(crate) fn schemas() -> [(&'static str, Value); 3] {
    let details = json!({
        "type": "array",
        "description": "The messages of `google.rpc.Status`: `google.rpc.BadRequest` names the fields, \
            `google.rpc.ErrorInfo` the reason for programs, `google.rpc.RetryInfo` when to try again.",
        "items": {"$ref": "#/components/schemas/ErrorDetail"},
    });
    let code =
        json!({"type": "string", "description": "Name of a `google.rpc.Code`.", "examples": ["NOT_FOUND"]});
    let detail = json!({
        "type": "object",
        "required": ["@type"],
        "properties": {"@type": {
            "type": "string",
            "description": "The URL that names the message's type.",
            "examples": ["type.googleapis.com/google.rpc.ErrorInfo"],
        }},
        "additionalProperties": true,
    });
    let error = json!({
        "type": "object",
        "description": "An error, for callers that ask for `application/json`.",
        "required": ["error"],
        "properties": {"error": {
            "type": "object",
            "required": ["code", "status", "message"],
            "properties": {
                "code": code,
                "status": {"type": "integer", "description": "The HTTP status.", "examples": [404]},
                "message": {"type": "string", "description": "A sentence for a person."},
                "details": details,
            },
        }},
    });
    let problem = json!({
        "type": "object",
        "description": "An error as RFC 9457 has it, for callers that ask for `application/problem+json`.",
        "required": ["title", "status", "code"],
        "properties": {
            "title": {"type": "string", "description": "What the status means."},
            "status": {"type": "integer", "description": "The HTTP status.", "examples": [404]},
            "detail": {"type": "string", "description": "A sentence for a person."},
            "reason": {"type": "string", "description": "The reason of the `google.rpc.ErrorInfo`."},
            "errors": {
                "type": "array",
                "description": "The fields at fault.",
                "items": {"type": "object", "properties": {
                    "field": {"type": "string"}, "detail": {"type": "string"},
                }},
            },
            "code": code,
            "details": details,
        },
        "additionalProperties": true,
    });
    [("Error", error), ("ErrorDetail", detail), ("Problem", problem)]
}

/// The headers that answers refer to.
pub(crate) fn headers() -> Value {
    let text = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    json!({
        "RequestId": text("Names the request in all logs: the caller's own, or one made by the gateway."),
        "ETag": text("Changes with the record; send it as `if-none-match` or `if-match`."),
        "RetryAfter": text("Seconds to wait before the next try."),
        "RateLimitLimit": text("Calls that the limit nearest to its end allows in its window."),
        "RateLimitRemaining": text("Calls left in the window."),
        "RateLimitReset": text("Seconds until the window begins anew."),
        "RateLimitPolicy": text("The limits that apply, with their windows."),
    })
}

/// The headers of an answer that is no error.
pub(crate) fn success_headers(etag: bool) -> Value {
    let mut headers = json!({
        "x-request-id": {"$ref": "#/components/headers/RequestId"},
        "ratelimit-limit": {"$ref": "#/components/headers/RateLimitLimit"},
        "ratelimit-remaining": {"$ref": "#/components/headers/RateLimitRemaining"},
        "ratelimit-reset": {"$ref": "#/components/headers/RateLimitReset"},
        "ratelimit-policy": {"$ref": "#/components/headers/RateLimitPolicy"},
    });
    if etag {
        headers["etag"] = json!({"$ref": "#/components/headers/ETag"});
    }
    headers
}
