//! Rules of strings and bytes.

use proc_macro2::{Literal, TokenStream};
use prost_reflect::Value;
use quote::{format_ident, quote};

/// The well-known formats: rule, function of `store::rules`, what a person reads.
const FORMATS: &[(&str, &str, &str)] = &[
    ("uuid", "is_uuid", "must be a UUID"),
    ("email", "is_email", "must be an email address"),
    ("hostname", "is_hostname", "must be a host name"),
    ("uri", "is_uri", "must be a URI with a scheme"),
    ("ip", "is_ip", "must be an IP address"),
];

/// The check of one rule of a string; `None` when it is not known.
pub(super) fn string(rule: &str, set: &Value, id: &str) -> Option<TokenStream> {
    if let Some((_, function, text)) = FORMATS.iter().find(|(name, ..)| *name == rule) {
        let function = format_ident!("{function}");
        let check = quote!(if !rules::#function(value) { at.breaks(#id, #text, violations); });
        return Some(if set.as_bool() == Some(true) { check } else { TokenStream::new() });
    }
    if let Some(count) = count(set) {
        let (measure, unit) = match rule {
            "len_bytes" | "min_bytes" | "max_bytes" => (quote!(value.len()), "byte"),
            _ => (quote!(rules::chars(value)), "character"),
        };
        return bound(rule.trim_end_matches("_bytes").trim_end_matches("_len"), count, &measure, unit, id);
    }
    if let Value::List(list) = set {
        let words: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
        let listed = words.join(", ");
        return match rule {
            "in" => {
                let text = format!("must be one of {listed}");
                Some(
                    quote!(if ![#(#words),*].contains(&value.as_str()) { at.breaks(#id, #text, violations); }),
                )
            }
            "not_in" => {
                let text = format!("must be none of {listed}");
                Some(
                    quote!(if [#(#words),*].contains(&value.as_str()) { at.breaks(#id, #text, violations); }),
                )
            }
            _ => None,
        };
    }
    let word = set.as_str()?;
    let (wrong, text) = match rule {
        "const" => (quote!(value != #word), format!("must be `{word}`")),
        "prefix" => (quote!(!value.starts_with(#word)), format!("must begin with `{word}`")),
        "suffix" => (quote!(!value.ends_with(#word)), format!("must end with `{word}`")),
        "contains" => (quote!(!value.contains(#word)), format!("must contain `{word}`")),
        "not_contains" => (quote!(value.contains(#word)), format!("must not contain `{word}`")),
        "pattern" => return pattern(word, id),
        _ => return None,
    };
    Some(quote!(if #wrong { at.breaks(#id, #text, violations); }))
}

/// A pattern is compiled once, when it is first needed; that it can be compiled is found out here.
fn pattern(word: &str, id: &str) -> Option<TokenStream> {
    regex::Regex::new(word).ok()?;
    let text = format!("must match `{word}`");
    Some(quote! {
        static PATTERN: rules::Pattern = rules::Pattern::new(|| rules::compile(#word));
        if !PATTERN.matches(value) { at.breaks(#id, #text, violations); }
    })
}

/// The check of one rule of bytes; `None` when it is not known.
pub(super) fn bytes(rule: &str, set: &Value, id: &str) -> Option<TokenStream> {
    match rule {
        "len" | "min_len" | "max_len" => {
            bound(rule.trim_end_matches("_len"), count(set)?, &quote!(value.len()), "byte", id)
        }
        _ => None,
    }
}

fn count(set: &Value) -> Option<usize> {
    set.as_u64().and_then(|count| usize::try_from(count).ok())
}

fn bound(side: &str, count: usize, measure: &TokenStream, unit: &str, id: &str) -> Option<TokenStream> {
    let limit = Literal::usize_unsuffixed(count);
    let plural = if count == 1 { "" } else { "s" };
    let (wrong, text) = match (side, count) {
        // Asking whether something is empty needs no counting.
        ("min", 1) => (quote!(value.is_empty()), "must not be empty".to_owned()),
        ("min", _) => (quote!(#measure < #limit), format!("must have at least {count} {unit}{plural}")),
        ("max", _) => (quote!(#measure > #limit), format!("must have at most {count} {unit}{plural}")),
        ("len", _) => (quote!(#measure != #limit), format!("must have {count} {unit}{plural}")),
        _ => return None,
    };
    Some(quote!(if #wrong { at.breaks(#id, #text, violations); }))
}
