//! Why a command failed: what a person reads, what a script gets, and what to do next.

use std::fmt::Display;
use std::io::IsTerminal as _;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Failed for a reason of this machine.
pub const FAILED: u8 = 1;
/// The command line makes no sense; clap ends with the same.
pub const USAGE: u8 = 2;
/// Done, and what was looked at is not as it should be: a check of `doctor`, a figure that does not reconcile.
pub const NOT_WELL: u8 = 3;
/// Added to the number of the gRPC code that a call ended with: NOT_FOUND, 5, ends with 15.
pub const GRPC: u8 = 10;

/// Why a command failed.
#[derive(Debug)]
pub struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    exit: u8,
    message: String,
    lines: Vec<String>,
    next: String,
}

impl Failure {
    /// Failed for a reason of this machine.
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            exit: FAILED,
            message: message.into(),
            lines: Vec::new(),
            next: String::new(),
        }))
    }

    /// The command line makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(message).exit_with(USAGE)
    }

    /// Done, and something is not as it should be.
    pub fn not_well(message: impl Into<String>) -> Self {
        Self::new(message).exit_with(NOT_WELL)
    }

    /// Names the next command.
    #[must_use]
    pub fn next(mut self, command: impl Into<String>) -> Self {
        self.0.next = command.into();
        self
    }

    /// Adds a line below the message.
    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.0.lines.push(line.into());
        self
    }

    fn exit_with(mut self, exit: u8) -> Self {
        self.0.exit = exit;
        self
    }

    /// Of a call of `method` (`erp.crm.v1.AccountService/GetAccount`); both may be empty.
    pub fn of_call(status: &Status, method: &str, correlation: &str) -> Self {
        let mut failure = Self::new(first_line(status)).exit_with(exit_of(status.code()));
        let details = status.get_error_details();
        let mut reason = String::new();
        if let Some(request) = details.bad_request() {
            let lines = request.field_violations.iter();
            failure.0.lines.extend(lines.map(|one| format!("{}: {}", one.field, one.description)));
        }
        if let Some(info) = details.error_info() {
            reason = info.reason.clone();
            let mut pairs: Vec<_> = info.metadata.iter().collect();
            pairs.sort();
            failure.0.lines.extend(pairs.into_iter().map(|(key, value)| format!("{key} = {value}")));
        }
        let told = status.metadata().get("x-request-id").and_then(|id| id.to_str().ok());
        if let Some(id) = told.or(Some(correlation)).filter(|id| !id.is_empty()) {
            failure = failure.line(format!("request id: {id}"));
        }
        failure.next(next_command(status.code(), &reason, method))
    }

    /// What the process ends with.
    pub fn exit(&self) -> u8 {
        self.0.exit
    }

    /// The first line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Tells the person.
    pub fn print(&self) {
        let colour =
            std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|one| one.is_empty());
        let (red, plain) = if colour { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
        eprintln!("{red}error:{plain} {}", self.0.message);
        for line in &self.0.lines {
            eprintln!("  {line}");
        }
        if !self.0.next.is_empty() {
            eprintln!("next: {}", self.0.next);
        }
    }
}

/// What a process ends with after a call that ended with this code.
pub fn exit_of(code: Code) -> u8 {
    GRPC + u8::try_from(i32::from(code)).unwrap_or(2)
}

/// `sign in first (UNAUTHENTICATED)`, with the reason where it says more than the code.
fn first_line(status: &Status) -> String {
    let code = code_name(status.code());
    let message = if status.message().is_empty() { "the call failed" } else { status.message() };
    match status.get_error_details().error_info() {
        Some(info) if info.reason != code => {
            format!("{message} ({code}, {} of {})", info.reason, info.domain)
        }
        _ => format!("{message} ({code})"),
    }
}

fn next_command(code: Code, reason: &str, method: &str) -> String {
    let describe =
        if method.is_empty() { "tessera describe".to_owned() } else { format!("tessera describe {method}") };
    match code {
        Code::Unauthenticated => "tessera login".to_owned(),
        Code::PermissionDenied => "tessera whoami    (which permissions you have)".to_owned(),
        Code::Unavailable => "tessera status    (is it running? `tessera up` starts it)".to_owned(),
        Code::DeadlineExceeded | Code::Aborted | Code::ResourceExhausted | Code::Cancelled => {
            "run the same command again, with the same request_id if it had one".to_owned()
        }
        Code::NotFound => match list_beside(method) {
            Some(list) => format!("tessera call {list}    (what there is)"),
            None => describe,
        },
        Code::AlreadyExists if reason == "REQUEST_ID_REUSED" => {
            "run it again with another request_id, or with none".to_owned()
        }
        Code::AlreadyExists => match list_beside(method) {
            Some(list) => format!("tessera call {list}    (what there is)"),
            None => describe,
        },
        Code::Internal | Code::Unknown | Code::DataLoss => {
            "look for the request id in the log of `tessera up`".to_owned()
        }
        _ => describe,
    }
}

/// The List method of the same service, if it has one.
fn list_beside(method: &str) -> Option<String> {
    let (service, _) = method.split_once('/')?;
    let service = contracts::POOL.get_service_by_name(service)?;
    let list = service.methods().find(|one| one.name().starts_with("List"))?;
    Some(format!("{}/{}", service.full_name(), list.name()))
}

/// The name of a code in google/rpc/code.proto.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::of_call(&status, "", "")
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(format!("{error:#}")).next("tessera doctor")
    }
}

impl From<local::Error> for Failure {
    fn from(error: local::Error) -> Self {
        Self::new(error.to_string()).next("tessera doctor")
    }
}

/// A file that could not be read or written.
pub fn of_file(doing: &str, path: &std::path::Path, error: impl Display) -> Failure {
    Failure::new(format!("cannot {doing} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_exit_code_of_its_own_below_64() {
        // Scripts tell failures apart by it, and shells use the numbers from 64 on for themselves.
        let exits: Vec<u8> = (1..=16).map(|code| exit_of(Code::from_i32(code))).collect();
        assert_eq!(exits, (11..=26).collect::<Vec<u8>>());
        assert_eq!(exit_of(Code::NotFound), 15);
    }

    #[test]
    fn an_error_names_fields_reason_and_the_next_command() {
        // Whoever reads it must not have to look elsewhere for what was wrong and what to do.
        let error = kit::Error::invalid("account.display_name", "must not be empty").with("hint", "x");
        let failure = Failure::of_call(&error.into(), "erp.crm.v1.AccountService/CreateAccount", "abc");
        assert_eq!(failure.exit(), 13);
        assert!(
            failure.message().ends_with("(INVALID_ARGUMENT, INVALID_FIELD of erp)"),
            "{}",
            failure.message()
        );
        assert_eq!(
            failure.0.lines,
            ["account.display_name: must not be empty", "hint = x", "request id: abc"]
        );
        assert_eq!(failure.0.next, "tessera describe erp.crm.v1.AccountService/CreateAccount");
    }

    #[test]
    fn what_is_not_found_leads_to_the_list() {
        // The id that was meant is found there.
        let status = Status::not_found("account not found");
        let failure = Failure::of_call(&status, "erp.crm.v1.AccountService/GetAccount", "");
        assert!(failure.0.next.starts_with("tessera call erp.crm.v1.AccountService/ListAccounts"));
    }
}
