//! The form of an answer, chosen by `Accept` before anything is done.
//!
//! Parameters of the chosen media range choose how JSON looks, in this one answer:
//!
//! | parameter | values | meaning |
//! | --- | --- | --- |
//! | `enum` | `name`, `number` | how enum values are printed |
//! | `defaults` | `omit`, `emit` | whether fields that hold their type's zero are printed |
//! | `names` | `json`, `original` | lowerCamelCase, or the names of the proto file |
//! | `unknown` | `refuse`, `ignore` | what becomes of fields of the request that the contract does not have |
//!
//! What is not given is as the operator chose it. Other parameters are not looked at.

use http::HeaderMap;
use http::header::ACCEPT;

use crate::accept::{Accept, Range};
use crate::codec::JsonOptions;
use crate::error::ApiError;
use crate::options::Options;

pub(crate) const JSON: &str = "application/json";
pub(crate) const NDJSON: &str = "application/x-ndjson";
pub(crate) const JSONL: &str = "application/jsonl";

pub(crate) const EVENTS: &str = "text/event-stream";

/// What one answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) media: &'static str,
    pub(crate) json: JsonOptions,
    pub(crate) ignore_unknown: bool,
}

impl Form {
    /// What the operator chose; also for answers whose media type their service chooses.
    pub(crate) fn of(options: &Options) -> Self {
        Self { media: JSON, json: options.json, ignore_unknown: options.ignore_unknown_fields }
    }

    /// Chooses among the media types that a method can answer with; the first is the default.
    pub(crate) fn choose(
        headers: &HeaderMap,
        options: &Options,
        offers: &[&'static str],
    ) -> Result<Self, ApiError> {
        let mut form = Self::of(options);
        if !headers.contains_key(ACCEPT) {
            return Ok(form);
        }
        let accept = Accept::of(headers);
        match accept.choose(offers) {
            Some(chosen) => form.media = chosen,
            // Who only names the form of errors takes the default where there is none.
            None if accept.quality("application/problem+json") > 0 => {}
            None => {
                return Err(ApiError::not_acceptable(&format!("the answer comes as {}", offers.join(", "))));
            }
        }
        if let Some(range) = accept.range(form.media) {
            form.take(range)?;
        }
        Ok(form)
    }

    fn take(&mut self, range: &Range) -> Result<(), ApiError> {
        for (name, value) in &range.parameters {
            let (option, [no, yes]) = match name.as_str() {
                "enum" => (&mut self.json.enum_numbers, ["name", "number"]),
                "defaults" => (&mut self.json.emit_defaults, ["omit", "emit"]),
                "names" => (&mut self.json.proto_names, ["json", "original"]),
                "unknown" => (&mut self.ignore_unknown, ["refuse", "ignore"]),
                _ => continue,
            };
            *option = match value.as_str() {
                value if value == no => false,
                value if value == yes => true,
                _ => {
                    let why = format!("the parameter `{name}` of accept is `{no}` or `{yes}`");
                    return Err(ApiError::not_acceptable(&why));
                }
            };
        }
        Ok(())
    }

    /// Tells apart the forms that one version of a resource can have.
    pub(crate) fn variant(&self) -> u8 {
        let JsonOptions { emit_defaults, enum_numbers, proto_names } = self.json;
        u8::from(emit_defaults) | u8::from(enum_numbers) << 1 | u8::from(proto_names) << 2
    }
}
