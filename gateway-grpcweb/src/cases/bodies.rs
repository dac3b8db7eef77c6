//! Bodies, answers, masks and statuses.

use std::collections::BTreeSet;
use std::sync::Arc;

use prost_reflect::DynamicMessage;
use serde_json::Value;

use super::queries::same;
use super::{list, load, pairs, plans, pool, settle, show, text};
use crate::call::Messages;
use crate::codec::plan::Plans;
use crate::codec::{Encoder, JsonOptions};
use crate::snapshot::{Snapshot, resolve};
use crate::stream::{JsonStream, Layout, Shown};

#[test]
fn bodies() {
    let Some(file) = load("body_response.json") else { return };
    let plans = plans("cases.proto");
    // Streams of a client come with a later issue.
    let cases: Vec<_> = list(&file, "body").iter().filter(|case| case["streaming"] != true).collect();
    let failed: Vec<_> = cases
        .iter()
        .filter_map(|case| body(&plans, case).err().map(|why| (text(case, "id").to_owned(), why)))
        .collect();
    settle(cases.len(), &failed, &[("b2-Prefix", "a trailing comma is no JSON")]);
}

fn body(plans: &Plans, case: &Value) -> Result<(), String> {
    let id = plans.find(text(case, "message")).ok_or("no such message")?;
    let mut encoder = Encoder::new(plans, Vec::new());
    encoder.ignore_unknown = text(case, "option") == "ignore_unknown_fields";
    let json = text(case, "body").as_bytes();
    let field = text(case, "body_field");
    let mut encode = || {
        match (json, field) {
            ([], _) => {}
            (_, "") => encoder.message(id, json)?,
            _ => encoder.field(&resolve(plans, id, field.split('.'), false).unwrap(), json)?,
        }
        for (name, value) in pairs(case, "bindings") {
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
    let expected = &case["expect"][0];
    if same(&shown, expected) && same(&direct, expected) {
        Ok(())
    } else {
        Err(format!("gave {shown} and {direct}, expected {expected}"))
    }
}

#[test]
fn answers() {
    let Some(file) = load("body_response.json") else { return };
    let set = pool("cases.proto").encode_to_vec();
    let snapshot = Arc::new(Snapshot::compile(&set).unwrap());
    let cases = list(&file, "response");
    let failed: Vec<_> = cases
        .iter()
        .filter_map(|case| answer(&snapshot, case).err().map(|why| (text(case, "id").to_owned(), why)))
        .collect();
    settle(cases.len(), &failed, &[]);
}

fn answer(snapshot: &Arc<Snapshot>, case: &Value) -> Result<(), String> {
    let plans = &snapshot.plans;
    let id = plans.find(text(case, "message")).ok_or("no such message")?;
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
    let plans = plans("cases.proto");
    let cases = list(&file, "field_mask_from_patch_body");
    let failed: Vec<_> = cases
        .iter()
        .filter_map(|case| mask(&plans, case).err().map(|why| (text(case, "id").to_owned(), why)))
        .collect();
    let reason =
        "keys of a Struct are data; a mask names fields of the contract, and a Struct is replaced as a whole";
    settle(
        cases.len(),
        &failed,
        &[
            ("fm-struct", reason),
            ("fm-structJsonName", reason),
            ("fm-repeated-any", "the type inside the Any is not in these descriptors"),
        ],
    );
}

fn mask(plans: &Plans, case: &Value) -> Result<(), String> {
    let id = plans.find(text(case, "message")).ok_or("no such message")?;
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
    let cases = list(&file, "status_http");
    let failed: Vec<_> = cases
        .iter()
        .filter(|case| {
            let code = tonic::Code::from_i32(case["grpc"].as_i64().unwrap() as i32);
            i64::from(crate::error::http_status(code).as_u16()) != case["http"].as_i64().unwrap()
        })
        .map(|case| (text(case, "name").to_owned(), "another status".to_owned()))
        .collect();
    settle(cases.len(), &failed, &[]);
}
