//! `tessera call`: any method, from descriptors.

use std::io::Read as _;
use std::time::Duration;

use prost_reflect::{DynamicMessage, Kind, MethodDescriptor, Value};
use serde_json::json;

use crate::cli::Call;
use crate::client::{Client, Sent, new_id, parse_request, to_json};
use crate::failure::{Failure, of_file};
use crate::output::{Output, put};
use crate::{Result, names};

/// Reads the request, sends it, prints the answer.
pub async fn run(options: &Call, address: Option<&str>, output: Output) -> Result<()> {
    let method = names::method(&options.method)?;
    let text = request_text(options.data.as_deref().or(options.request.as_deref()))?;
    let mut request = parse_request(&method, &text)?;
    if let Some(id) = add_request_id(&method, &mut request) {
        eprintln!("request_id: {id}");
    }
    if options.dry_run {
        let shown = json!({"method": names::full(&method), "request": to_json(&request)?});
        return put(&format!("{shown:#}\n"));
    }
    let client = if is_public(&method) { Client::stranger(address)? } else { Client::open(address).await? };
    let timeout = Some(Duration::from_secs(options.timeout));
    match client.send_any(&method, request, timeout).await? {
        Sent::Answer(answer) => output.message(&answer),
        Sent::Stream(mut stream) => loop {
            let next = stream.message().await;
            match next.map_err(|status| Failure::of_call(&status, &names::full(&method), ""))? {
                Some(answer) => put(&format!("{}\n", to_json(&answer)?))?,
                None => break Ok(()),
            }
        },
    }
}

/// The request as it was given, `@FILE` or `@-`.
fn request_text(given: Option<&str>) -> Result<String> {
    match given {
        None | Some("") => Ok("{}".to_owned()),
        Some("@-" | "-") => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| Failure::new(format!("cannot read the request from stdin: {error}")))?;
            Ok(text)
        }
        Some(text) => match text.strip_prefix('@') {
            Some(path) => {
                let path = std::path::Path::new(path);
                std::fs::read_to_string(path).map_err(|error| of_file("read", path, error))
            }
            None => Ok(text.to_owned()),
        },
    }
}

/// Gives the request an id, so that it may be sent again; where it takes one and has none.
fn add_request_id(method: &MethodDescriptor, request: &mut DynamicMessage) -> Option<String> {
    let field =
        method.input().get_field_by_name("request_id").filter(|field| field.kind() == Kind::String)?;
    if request.has_field(&field) {
        return None;
    }
    let id = new_id();
    request.set_field(&field, Value::String(id.clone()));
    Some(id)
}

/// Whether the method takes calls without a token.
fn is_public(method: &MethodDescriptor) -> bool {
    let Some(access) = contracts::POOL.get_extension_by_name("erp.v1.access") else { return false };
    match method.options().get_extension(&access).as_message() {
        Some(access) => access.get_field_by_name("public").is_some_and(|value| value.as_bool() == Some(true)),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_gets_an_id_and_a_read_none() {
        // Without it nobody can send a call again whose answer was lost.
        let add = |name: &str, json: &str| {
            let method = names::method(name).unwrap();
            let mut request = parse_request(&method, json).unwrap();
            add_request_id(&method, &mut request)
        };
        assert!(add("crm.CreateAccount", "{}").is_some());
        assert!(add("crm.CreateAccount", r#"{"request_id": "x"}"#).is_none());
        assert!(add("crm.ListAccounts", "{}").is_none());
    }

    #[test]
    fn methods_without_a_token_are_known() {
        // Asking for a login before SignUp would be a circle.
        assert!(is_public(&names::method("identity.SignUp").unwrap()));
        assert!(!is_public(&names::method("crm.ListAccounts").unwrap()));
    }
}
