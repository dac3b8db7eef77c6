//! Values of path and query beside those of the body.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Report, list, load, pairs, show};
use crate::codec::plan::Plans;
use crate::codec::{Encoder, JsonOptions};
use crate::snapshot::resolve;

#[test]
fn weave() {
    let Some(file) = load("body_response.json") else { return };
    Report::new("weave").run(&file, "id", case).settle();
}

/// The cases have no messages: fields are called after their types (`int32_field`), and each case is
/// about one field within messages.
fn case(case: &Value) -> Result<(), String> {
    let bindings: Vec<(&str, &str)> = match &case["binding"] {
        Value::Array(pair) => vec![(pair[0].as_str().unwrap(), pair[1].as_str().unwrap())],
        _ => pairs(case, "bindings"),
    };
    let body = case["body"].as_object().ok_or("no body")?;
    let mut text = String::from("syntax = \"proto3\";");
    message("Root", body, &bindings, &mut text)?;
    let file = protox_parse(&text)?;
    let mut pool = prost_reflect::DescriptorPool::new();
    pool.add_file_descriptor_proto(file).map_err(|error| error.to_string())?;
    let plans = Plans::compile(&pool);
    let root = plans.find("Root").ok_or("no root")?;
    let mut encoder = Encoder::new(&plans, Vec::new());
    let written = (|| {
        encoder.message(root, case["body"].to_string().as_bytes())?;
        for (name, value) in &bindings {
            let path = resolve(&plans, root, name.split('.'), false).unwrap();
            encoder.parameter(&path, None, value)?;
        }
        Ok::<_, crate::JsonError>(())
    })();
    match (written, case["error"].is_string()) {
        (Err(_), true) => return Ok(()),
        (Err(error), false) => return Err(error.to_string()),
        (Ok(()), true) => return Err("the path's value took the place of the body's".to_owned()),
        (Ok(()), false) => {}
    }
    let shown =
        show(&plans, root, &encoder.out, JsonOptions { proto_names: true, ..JsonOptions::default() })?;
    match &case["expect"] {
        Value::Null => {
            // The last one wins, and that is the path's.
            let (name, value) = bindings.last().ok_or("no binding")?;
            let found = name.split('.').fold(&shown, |at, part| &at[part]);
            let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            if found == *value { Ok(()) } else { Err(format!("{name} is {found}, not {value}")) }
        }
        expected if shown == *expected => Ok(()),
        expected => Err(format!("gave {shown}, expected {expected}")),
    }
}

fn protox_parse(text: &str) -> Result<prost_types::FileDescriptorProto, String> {
    let file = protox::file::File::from_source("weave.proto", text).map_err(|error| error.to_string())?;
    Ok(file.file_descriptor_proto().clone())
}

/// Writes the messages that a body and its bindings need.
fn message(
    name: &str,
    body: &Map<String, Value>,
    bindings: &[(&str, &str)],
    out: &mut String,
) -> Result<(), String> {
    let mut fields: BTreeMap<&str, String> = BTreeMap::new();
    let nothing = Map::new();
    let bound = |field: &str| {
        let inner = bindings.iter().filter_map(|(name, value)| Some((name.split_once('.')?, *value)));
        inner
            .filter(|((own, _), _)| *own == field)
            .map(|((_, rest), value)| (rest, value))
            .collect::<Vec<_>>()
    };
    let names = body
        .keys()
        .map(String::as_str)
        .chain(bindings.iter().map(|(name, _)| name.split('.').next().unwrap_or(name)));
    for field in names {
        if fields.contains_key(field) {
            continue;
        }
        let inner = bound(field);
        let ty = match body.get(field) {
            Some(Value::Object(content)) => nested(name, field, content, &inner, out)?,
            None if !inner.is_empty() => nested(name, field, &nothing, &inner, out)?,
            value => scalar(field, value),
        };
        fields.insert(field, ty);
    }
    out.push_str(&format!("message {name} {{"));
    for (index, (field, ty)) in fields.iter().enumerate() {
        out.push_str(&format!("{ty} {field} = {};", index + 1));
    }
    out.push('}');
    Ok(())
}

fn nested(
    outer: &str,
    field: &str,
    content: &Map<String, Value>,
    bindings: &[(&str, &str)],
    out: &mut String,
) -> Result<String, String> {
    let name = format!("{outer}{field}");
    message(&name, content, bindings, out)?;
    Ok(name)
}

fn scalar(field: &str, value: Option<&Value>) -> String {
    const SCALARS: [&str; 15] = [
        "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
        "sfixed32", "sfixed64", "bool", "string", "bytes",
    ];
    let named = field.strip_suffix("_field").filter(|name| SCALARS.contains(name));
    match (named, value) {
        (Some(name), _) => name.to_owned(),
        (None, Some(Value::Array(items))) => format!("repeated {}", scalar(field, items.first())),
        (None, Some(Value::Bool(_))) => "bool".to_owned(),
        (None, Some(Value::Number(_))) => "double".to_owned(),
        _ => "string".to_owned(),
    }
}

#[test]
fn every_list_of_the_file_is_run() {
    let Some(file) = load("body_response.json") else { return };
    let run = [
        "meta",
        "body",
        "weave",
        "response",
        "grpc_frame_errors",
        "field_mask_from_patch_body",
        "status_http",
        "path_encoding_reverse",
        "rest_end_to_end",
    ];
    let lists: Vec<_> =
        file.as_object().unwrap().keys().filter(|name| !run.contains(&name.as_str())).collect();
    assert!(lists.is_empty(), "nobody runs {lists:?}");
    assert!(!list(&file, "weave").is_empty() || file.get("weave").is_none());
}
