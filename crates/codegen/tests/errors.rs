//! What must stop the build, and with which words.

use std::fs;
use std::path::{Path, PathBuf};

use codegen::Contracts;

/// A method that says all it has to.
const PING: &str = r#"
    rpc Ping(PingRequest) returns (PingRequest) {
      option (google.api.http) = {post: "/api/v1/ping" body: "*"};
      option (erp.v1.access) = {permission: "test.pings.write"};
    }"#;
const PING_REQUEST: &str = "message PingRequest { string request_id = 1; }";

/// Generates a contract of these declarations; what is wrong with it, or nothing.
fn problems(declarations: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("erp/test/v1");
    fs::create_dir_all(&file).expect("a folder");
    let head = r#"syntax = "proto3"; package erp.test.v1;
        import "buf/validate/validate.proto"; import "erp/v1/options.proto"; import "google/api/annotations.proto";
        import "google/protobuf/timestamp.proto"; import "google/protobuf/descriptor.proto";"#;
    fs::write(file.join("test.proto"), format!("{head}\n{declarations}")).expect("a file");
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let third_party = proto.join("third_party");
    let folders: [&Path; 3] = [folder.path(), &proto, &third_party];
    let made = Contracts::compile(&folders, &[PathBuf::from("erp/test/v1/test.proto")]);
    made.and_then(|contracts| contracts.packages()).err().map(|error| error.to_string()).unwrap_or_default()
}

#[track_caller]
fn refuses(declarations: &str, words: &[&str]) {
    let told = problems(declarations);
    for word in words {
        assert!(told.contains(word), "`{word}` is not in: {told}");
    }
}

fn service(methods: &str) -> String {
    format!("service PingService {{ {methods} }} {PING_REQUEST}")
}

fn entity(option: &str, fields: &str) -> String {
    format!("message Thing {{ option (erp.v1.entity) = {{ {option} }}; {fields} }}")
}

#[test]
fn a_right_contract_passes() {
    // Otherwise the tests below might find their words by chance.
    assert_eq!(problems(&service(PING)), "");
    assert_eq!(problems(&entity("table: \"things\"", "string id = 1; string name = 2;")), "");
}

#[test]
fn methods_must_say_what_they_are() {
    // Nobody may forget who calls, where the route is, and how a repeated write is known.
    let access = PING.replace("option (erp.v1.access)", "//");
    refuses(&service(&access), &["erp.test.v1.PingService.Ping", "(erp.v1.access)"]);
    let both = PING.replace("permission: \"test.pings.write\"", "public: true authenticated: true");
    refuses(&service(&both), &["exactly one field of (erp.v1.access)"]);
    let http = PING.replace("option (google.api.http)", "//");
    refuses(&service(&http), &["erp.test.v1.PingService.Ping", "(google.api.http)"]);
    let bare = format!("service PingService {{ {PING} }} message PingRequest {{ string name = 1; }}");
    refuses(&bare, &["erp.test.v1.PingService.Ping", "`PingRequest` needs the field request_id"]);
    let streamed = PING.replace("returns (", "returns (stream ");
    refuses(&service(&streamed), &["erp.test.v1.PingService.Ping", "GET route and no request_id"]);
    let streaming = PING.replace("(PingRequest)", "(stream PingRequest)");
    refuses(&service(&streaming), &["erp.test.v1.PingService.Ping", "takes a stream"]);
    let foreign = PING.replace("Ping(PingRequest)", "Ping(google.protobuf.Timestamp)");
    refuses(&service(&foreign), &["must be a message of the project"]);
}

#[test]
fn logging_in_and_asking_need_no_request_id() {
    // A public call has no tenant to remember it in, and a question changes nothing.
    let request = "message PingRequest { string name = 1; }";
    for access in ["public: true", "permission: \"test.pings.read\""] {
        let ping = PING.replace("permission: \"test.pings.write\"", access);
        assert_eq!(problems(&format!("service PingService {{ {ping} }} {request}")), "");
    }
}

#[test]
fn rules_that_would_not_be_checked_are_refused() {
    // A rule that is written and not enforced is worse than none.
    let field = |rule: &str| format!("message M {{ string a = 1 [(buf.validate.field){rule}]; }}");
    refuses(&field(".string.ulid = true"), &["erp.test.v1.M.a", "`string.ulid` is not supported"]);
    refuses(&field(".string.pattern = \"(\""), &["erp.test.v1.M.a", "`string.pattern` is not supported"]);
    refuses(
        &field(".cel_expression = \"this != ''\""),
        &["erp.test.v1.M.a", "`cel_expression` is not supported"],
    );
    refuses(&field(".int32.gt = 1"), &["erp.test.v1.M.a", "has rules of `int32`"]);
    let list = "message M { repeated string a = 1 [(buf.validate.field).string.uuid = true]; }";
    refuses(list, &["erp.test.v1.M.a", "is not supported"]);
    let map = "message M { map<string, int32> a = 1 [(buf.validate.field).map.values.int64.gt = 1]; }";
    refuses(map, &["has rules of `int64`"]);
    let whole = "message M { option (buf.validate.message).cel_expression = \"true\"; string a = 1; }";
    refuses(whole, &["erp.test.v1.M", "(buf.validate.message).cel_expression"]);
    let time =
        "message M { google.protobuf.Timestamp a = 1 [(buf.validate.field).timestamp.lt_now = true]; }";
    refuses(time, &["erp.test.v1.M.a", "`timestamp.lt_now` is not supported"]);
}

#[test]
fn events_must_have_a_topic_and_a_key() {
    // An event to nowhere would only be missed in production.
    let event =
        |option: &str| format!("message E {{ option (erp.v1.event) = {{ {option} }}; string id = 1; }}");
    let topics = "option (erp.v1.topics) = {name: \"test.pings\" partitions: 1 retention_hours: 1};";
    let with_topic = |option: &str| format!("{topics} {}", event(option));
    assert_eq!(problems(&with_topic("type: \"ping.sent\" topic: \"test.pings\" key: \"id\"")), "");
    refuses(
        &event("type: \"ping.sent\" topic: \"test.pings\""),
        &["erp.test.v1.E", "`test.pings` is not declared"],
    );
    refuses(&with_topic("type: \"ping.sent\" topic: \"test.pings\" key: \"x\""), &["key `x` is not a field"]);
    refuses(&with_topic("type: \"ping\" topic: \"test.pings\""), &["`ping` is not `<noun>.<past tense>`"]);
    refuses(
        "option (erp.v1.topics) = {name: \"t\"};",
        &["a topic needs a name, partitions and retention_hours"],
    );
    refuses(&format!("{topics} {topics}"), &["`test.pings`, which is declared already"]);
}

#[test]
fn reasons_must_have_a_code_and_a_message() {
    // A caller acts on the code.
    let reason = |option: &str| {
        format!(
            "enum R {{ option (erp.v1.reason_set) = {{domain: \"erp.test\"}}; R_UNSPECIFIED = 0; R_A = 1 {option}; }}"
        )
    };
    assert_eq!(problems(&reason("[(erp.v1.reason) = {code: ABORTED message: \"no\"}]")), "");
    refuses(&reason(""), &["erp.test.v1.R_A", "needs the option (erp.v1.reason)"]);
    refuses(
        &reason("[(erp.v1.reason) = {message: \"no\"}]"),
        &["erp.test.v1.R_A", "needs the code of an error"],
    );
    refuses(&reason("[(erp.v1.reason) = {code: ABORTED}]"), &["erp.test.v1.R_A", "needs a message"]);
}

#[test]
fn entities_must_fit_their_table() {
    // The engine would fail at run time, or not at all.
    let thing = "table: \"things\"";
    refuses(&entity(thing, "string name = 1;"), &["erp.test.v1.Thing", "needs `string id = 1`"]);
    refuses(&entity("", "string id = 1;"), &["needs a table"]);
    refuses(&entity(thing, "string id = 1; float size = 2;"), &["erp.test.v1.Thing.size", "can't store"]);
    refuses(&entity(thing, "string id = 1; oneof k { string a = 2; }"), &["erp.test.v1.Thing.a", "no oneof"]);
    let soft = format!("{thing} soft_delete: true");
    refuses(&entity(&soft, "string id = 1;"), &["needs the field delete_time"]);
    let search = format!("{thing} search: \"name\"");
    refuses(&entity(&search, "string id = 1;"), &["`name`, which is no text field"]);
    let topic = format!("{thing} topic: \"test.none\"");
    refuses(&entity(&topic, "string id = 1;"), &["`test.none` is not declared"]);
    let reference = "string id = 1; string x_id = 2 [(erp.v1.field).references = \"erp.test.v1.None\"];";
    refuses(&entity(thing, reference), &["erp.test.v1.Thing.x_id", "`erp.test.v1.None`, which is no entity"]);
}

#[test]
fn a_broken_file_is_named_with_its_line() {
    // Several people write contracts at once.
    refuses("message M { strin a = 1; }", &["test.proto", "strin"]);
}

#[test]
fn all_problems_are_told_at_once() {
    // One build must be enough to see them.
    let told = problems(
        "message M { string a = 1 [(buf.validate.field).string.ulid = true];
                     string b = 2 [(buf.validate.field).string.ulid = true]; }",
    );
    assert_eq!(told.lines().count(), 2, "{told}");
}
