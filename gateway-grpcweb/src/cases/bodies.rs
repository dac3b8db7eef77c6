//! Bodies, answers, masks and statuses.

use std::collections::BTreeSet;
use std::sync::Arc;

use prost_reflect::DynamicMessage;
use serde_json::Value;

use super::queries::same;
use super::{Report, list, load, message, pairs, plans, show, text, types};
use crate::call::Messages;
use crate::codec::plan::Plans;
use crate::codec::{Encoder, JsonOptions};
use crate::rest::Elements;
use crate::snapshot::{Snapshot, resolve};
use crate::stream::{JsonStream, Layout, Shown};

#[test]
fn bodies() {
    let Some(file) = load("body_response.json") else { return };
    let plans = plans(&file);
    Report::new("body").run(&file, "id", |case| body(&plans, case)).settle();
}

fn body(plans: &Plans, case: &Value) -> Result<(), String> {
    let json = text(case, "body").as_bytes();
    if case["streaming"] != true {
        return one_body(plans, case, json, pairs(case, "bindings"), &case["expect"][0]);
    }
    let mut elements = Elements::of_array(1 << 20);
    elements.push(json);
    let mut found = Vec::new();
    let cut = (|| {
        while let Some(element) = elements.next()? {
            found.push(element);
        }
        while let Some(element) = elements.finish()? {
            found.push(element);
        }
        Ok::<_, crate::error::ApiError>(())
    })();
    let refused = case["error"].is_string();
    if let Err(error) = cut {
        return if refused { Ok(()) } else { Err(error.message) };
    }
    if !refused && found.len() != list(case, "expect").len() {
        return Err(format!("{} messages", found.len()));
    }
    let mut bindings = pairs(case, "bindings");
    for (index, element) in found.iter().enumerate() {
        // Path and query go into the first message alone. One bad element is enough to refuse.
        let result = one_body(plans, case, element, std::mem::take(&mut bindings), &case["expect"][index]);
        if refused == result.is_ok() {
            return result;
        }
    }
    if refused { Err("was not refused".to_owned()) } else { Ok(()) }
}

fn one_body(
    plans: &Plans,
    case: &Value,
    json: &[u8],
    bindings: Vec<(&str, &str)>,
    expected: &Value,
) -> Result<(), String> {
    let id = message(plans, case)?;
    let mut encoder = Encoder::new(plans, Vec::new());
    encoder.ignore_unknown = text(case, "option") == "ignore_unknown_fields";
    let field = text(case, "body_field");
    let mut encode = || {
        match (json, field) {
            ([], _) => {}
            (_, "") => encoder.message(id, json)?,
            _ => encoder.field(&resolve(plans, id, field.split('.'), false).unwrap(), json)?,
        }
        for (name, value) in &bindings {
            let path = resolve(plans, id, name.split('.'), true).unwrap();
            crate::query::bind_variable(&mut encoder, &path, value)?;
        }
        Ok::<_, crate::JsonError>(())
    };
    match (encode(), case["error"].is_string()) {
        (Err(_), true) => return Ok(()),
        (Err(error), false) => return Err(error.to_string()),
        (Ok(()), true) => return Err("was not refused".to_owned()),
        (Ok(()), false) => {}
    }
    // Split messages merge as every decoder merges them.
    let descriptor = plans.message(id).descriptor.clone();
    let merged = DynamicMessage::decode(descriptor, &*encoder.out).map_err(|error| error.to_string())?;
    let bytes = prost::Message::encode_to_vec(&merged);
    let shown = show(plans, id, &bytes, JsonOptions::default())?;
    let direct = show(plans, id, &encoder.out, JsonOptions::default())?;
    if same(&shown, expected) && same(&direct, expected) {
        Ok(())
    } else {
        Err(format!("gave {shown} and {direct}, expected {expected}"))
    }
}

#[test]
fn answers() {
    let Some(file) = load("body_response.json") else { return };
    let set = types::pool(&file).encode_to_vec();
    let snapshot = Arc::new(Snapshot::compile(&set).unwrap());
    Report::new("response").run(&file, "id", |case| answer(&snapshot, case)).settle();
}

fn answer(snapshot: &Arc<Snapshot>, case: &Value) -> Result<(), String> {
    let plans = &snapshot.plans;
    let id = message(plans, case)?;
    let options = JsonOptions { emit_defaults: case["always_print"] == true, ..JsonOptions::default() };
    let mut messages = Vec::new();
    for message in list(case, "messages") {
        let mut encoder = Encoder::new(plans, Vec::new());
        encoder.message(id, message.to_string().as_bytes()).map_err(|error| error.to_string())?;
        messages.push(encoder.out);
    }
    let layout = match text(case, "streaming") {
        "" => {
            let shown = show(plans, id, &messages[0], options)?;
            return if shown == case["output"] { Ok(()) } else { Err(format!("gave {shown}")) };
        }
        "array" => Layout::Array,
        _ => Layout::Lines,
    };
    let nothing = Messages::new(crate::Body::empty(), 0);
    let shown = Shown { snapshot: snapshot.clone(), output: id, options, layout };
    let mut stream = JsonStream::new(shown, None, nothing);
    let mut out = Vec::new();
    for message in messages {
        out.extend(stream.print(Ok(Some(message.into()))));
    }
    out.extend(stream.print(Ok(None)));
    if out == text(case, "output").as_bytes() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&out).into_owned())
    }
}

#[test]
fn masks_of_patch_bodies() {
    let Some(file) = load("body_response.json") else { return };
    let plans = plans(&file);
    Report::new("field_mask_from_patch_body").run(&file, "id", |case| mask(&plans, case)).settle();
}

fn mask(plans: &Plans, case: &Value) -> Result<(), String> {
    let id = message(plans, case)?;
    let mut encoder = Encoder::new(plans, Vec::new());
    encoder.start_mask();
    match (encoder.message(id, text(case, "body").as_bytes()), case["error"].is_string()) {
        (Err(_), true) => return Ok(()),
        (Err(error), false) => return Err(error.to_string()),
        (Ok(()), true) => return Err("was not refused".to_owned()),
        (Ok(()), false) => {}
    }
    let target = plans.find("ParameterValues").unwrap();
    let field = plans.message(target).field_named("field_mask").unwrap();
    encoder.out.clear();
    encoder.finish_mask((target, field), |_| false);
    let message = DynamicMessage::decode(plans.message(target).descriptor.clone(), &*encoder.out).unwrap();
    let mask = message.get_field_by_name("field_mask").unwrap().into_owned();
    let mask = mask.as_message().unwrap();
    let paths = mask.get_field_by_name("paths").unwrap();
    let paths: BTreeSet<_> = paths.as_list().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let expected: BTreeSet<_> =
        list(case, "expect_paths_unordered").iter().map(|one| one.as_str().unwrap()).collect();
    if paths == expected { Ok(()) } else { Err(format!("{paths:?}, expected {expected:?}")) }
}

#[test]
fn statuses() {
    let Some(file) = load("body_response.json") else { return };
    Report::new("status_http").run(&file, "name", status).settle();
}

fn status(case: &Value) -> Result<(), String> {
    let code = tonic::Code::from_i32(case["grpc"].as_i64().unwrap() as i32);
    let status = crate::error::http_status(code).as_u16();
    if case["http"] == status { Ok(()) } else { Err(format!("gave {status}")) }
}

#[tokio::test]
async fn broken_frames() {
    let Some(file) = load("body_response.json") else { return };
    let mut report = Report::new("grpc_frame_errors");
    for case in list(&file, "grpc_frame_errors") {
        let frame = hex(text(case, "frame_hex"));
        let mut messages = Messages::new(crate::body(frame), 1 << 20);
        let result = match messages.next().await {
            Err(error) if error.code == tonic::Code::Internal => Ok(()),
            other => Err(format!("{other:?}")),
        };
        report.case(text(case, "frame_hex"), case, result);
    }
    report.settle();
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().map(|one| one.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
