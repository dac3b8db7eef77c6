//! The requests, made from the rules: every kind of field in the body, the query and the path, with values
//! that fit and values that do not.

use std::collections::BTreeMap;

/// One request.
#[derive(Debug, Clone)]
pub struct Case {
    pub id: String,
    pub method: &'static str,
    pub target: String,
    pub content_type: Option<&'static str>,
    pub body: Vec<u8>,
}

/// The values, in cases.json.
#[derive(serde::Deserialize)]
struct Values {
    /// Kind of field, by which its name ends, and JSON near its limits.
    kinds: BTreeMap<String, Vec<String>>,
    /// JSON that every field is given.
    common: Vec<String>,
    /// Fields of a shape of their own, and JSON for them.
    shapes: BTreeMap<String, Vec<String>>,
    /// Name and text of whole bodies.
    bodies: Vec<(String, String)>,
    queries: Vec<String>,
    /// Paths behind `/v1/path`, with a query perhaps.
    paths: Vec<String>,
    /// Errors of services: code, message, details.
    failures: Vec<(i32, String, String)>,
}

/// All requests.
pub fn all() -> Vec<Case> {
    let values: Values = serde_json::from_str(include_str!("cases.json")).unwrap();
    let mut cases = Vec::new();
    for (kind, special) in &values.kinds {
        for value in values.common.iter().chain(special) {
            cases.push(post(
                format!("body/f{kind}/{value}"),
                "/v1/whole",
                format!("{{\"f{kind}\":{value}}}"),
            ));
        }
    }
    for (field, special) in &values.shapes {
        // What is common and special both is sent once.
        for value in values.common.iter().filter(|one| !special.contains(one)).chain(special) {
            cases.push(post(
                format!("body/{field}/{value}"),
                "/v1/whole",
                format!("{{\"{field}\":{value}}}"),
            ));
        }
    }
    for (name, body) in &values.bodies {
        cases.push(post(format!("whole/{name}"), "/v1/whole", body.clone()));
        let part = post(format!("part/{name}"), "/v1/part/p", body.clone());
        cases.push(Case { method: "PUT", ..part });
    }
    for query in &values.queries {
        cases.push(get(format!("query/{query}"), format!("/v1/query{}", written(query))));
    }
    for path in &values.paths {
        cases.push(get(format!("path/{path}"), format!("/v1/path{}", written(path))));
    }
    for (code, message, details) in &values.failures {
        let body = format!(r#"{{"code":{code},"message":"{message}","details":[{details}]}}"#);
        cases.push(post(format!("fail/{code} {message}"), "/v1/fail", body));
    }
    more(&mut cases);
    cases
}

fn more(cases: &mut Vec<Case>) {
    for method in ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD"] {
        for target in
            ["/v1/whole", "/v1/query", "/v1/part/p", "/v1/path/string/a", "/v1/path/rest/a/b", "/v1/nothing"]
        {
            let body = if matches!(method, "GET" | "HEAD" | "DELETE" | "OPTIONS") { "" } else { "{}" };
            let case = post(format!("method/{method} {target}"), target, body.to_owned());
            cases.push(Case { method, ..case });
        }
    }
    let types = [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/json; charset=latin1",
        "application/merge-patch+json",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "application/xml",
        "nonsense",
        "",
    ];
    for content_type in types {
        let case = post(format!("content-type/{content_type}"), "/v1/whole", r#"{"fInt32":1}"#.to_owned());
        cases.push(Case { content_type: Some(content_type), ..case });
    }
    let bare = post("content-type/none".to_owned(), "/v1/whole", r#"{"fInt32":1}"#.to_owned());
    cases.push(Case { content_type: None, ..bare });
    for (id, target, body) in [
        ("part/query beside", "/v1/part/p?fInt32=7", r#"{"fInt32":1}"#),
        ("part/query into the body's field", "/v1/part/p?fMessage.fInt64=7", r#"{"fInt32":1}"#),
        ("part/query of what the path binds", "/v1/part/p?fString=q", "{}"),
    ] {
        cases.push(Case { method: "PUT", ..post(id.to_owned(), target, body.to_owned()) });
    }
    cases.push(post("whole/query beside".to_owned(), "/v1/whole?fInt32=7", "{}".to_owned()));
    for depth in [10, 30, 90, 110, 1000] {
        let body = format!("{}{{}}{}", r#"{"fMessage":"#.repeat(depth), "}".repeat(depth));
        cases.push(post(format!("deep/messages {depth}"), "/v1/whole", body));
        let body = format!(r#"{{"wValue":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        cases.push(post(format!("deep/values {depth}"), "/v1/whole", body));
    }
    for (id, query) in [
        ("none", ""),
        ("one", "?fInt32=1"),
        ("three", "?fInt32=3"),
        ("error at once", "?fString=fail"),
        ("error behind", "?fInt32=1&fString=fail"),
    ] {
        cases.push(get(format!("stream/{id}"), format!("/v1/repeat{query}")));
    }
    for (id, bytes) in [
        ("utf-8 broken", &b"{\"fString\":\"\xff\"}"[..]),
        ("utf-8 surrogate", b"{\"fString\":\"\xed\xa0\x80\"}"),
        ("utf-16", b"{\0}\0"),
    ] {
        cases.push(Case { body: bytes.to_vec(), ..post(format!("whole/{id}"), "/v1/whole", String::new()) });
    }
    for path in ["/test.echo.v1.Echo/Whole", "/test.echo.v1.Echo/Nothing", "/test.echo.v1.Nobody/Whole", "/"]
    {
        cases.push(post(format!("path by name/{path}"), path, "{}".to_owned()));
    }
}

fn post(id: String, target: &str, body: String) -> Case {
    let content_type = Some("application/json");
    Case {
        id: id.replace('`', "'").replace('\n', "\\n"),
        method: "POST",
        target: target.to_owned(),
        content_type,
        body: body.into(),
    }
}

fn get(id: String, target: String) -> Case {
    Case { id, method: "GET", target, content_type: None, body: Vec::new() }
}

/// Writes what no request line may hold in escapes, and leaves the escapes that are there.
fn written(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '{' | '}' | '[' | ']' | '"' | ' ' | '\\' | '^' | '|' => {
                out.push_str(&format!("%{:02X}", u32::from(char)))
            }
            _ => out.push(char),
        }
    }
    out
}
