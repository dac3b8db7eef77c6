//! When a field is checked: presence, `REQUIRED`, `ignore`, lists and maps.

use proc_macro2::TokenStream;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage, Value};
use quote::quote;

use super::value;
use crate::problems::Problems;
use crate::{names, options};

/// What is said of a field, or of the items of one.
struct Said {
    rules: Option<DynamicMessage>,
    required: bool,
    /// `IGNORE_IF_ZERO_VALUE`.
    skip_zero: bool,
    /// `IGNORE_ALWAYS`.
    never: bool,
}

impl Said {
    fn of(rules: Option<DynamicMessage>, field: &FieldDescriptor, problems: &mut Problems) -> Self {
        let mut said = Self { rules: None, required: false, skip_zero: false, never: false };
        let Some(rules) = rules else { return said };
        for (rule, set) in rules.fields() {
            match rule.name() {
                "required" => said.required = set.as_bool() == Some(true),
                "ignore" => match set.as_enum_number() {
                    Some(1) => said.skip_zero = true,
                    Some(3) => said.never = true,
                    _ => {}
                },
                _ if rule.containing_oneof().is_some() => said.rules = set.as_message().cloned(),
                other => problems.add(field.full_name(), format!("the rule `{other}` is not supported")),
            }
        }
        let kind = said.rules.as_ref().map(|rules| rules.descriptor().name().to_owned());
        if let Some(problem) = kind.and_then(|kind| value::mismatch(&kind, field)) {
            problems.add(field.full_name(), problem);
            said.rules = None;
        }
        said
    }
}

/// The checks of a field that is no member of a oneof.
pub(super) fn checks(field: &FieldDescriptor, partial: bool, problems: &mut Problems) -> Option<TokenStream> {
    let behavior = options::field(field);
    let mut said = Said::of(options::rules(field), field, problems);
    // What only the service sets is not looked at in requests, and it checks itself what it stores.
    if said.never || behavior.output_only {
        return None;
    }
    if field.is_list() || field.is_map() {
        return container(field, &said, behavior.required, problems);
    }
    // A number may well be zero where it is REQUIRED; a text may not be empty.
    let required = said.required
        || (behavior.required
            && (field.supports_presence()
                || matches!(field.kind(), Kind::String | Kind::Bytes | Kind::Enum(_))));
    if required
        && !field.supports_presence()
        && let Some(rules) = &mut said.rules
        && rules.get_field_by_name("min_len").is_some_and(|set| is_one("min_len", &set))
    {
        rules.clear_field_by_name("min_len");
    }
    let body =
        if partial { TokenStream::new() } else { value::checks(field, &field.kind(), &said.rules, problems) };
    if field.supports_presence() {
        optional(field, &said, required, body)
    } else {
        plain(field, &said, required, &body)
    }
}

/// The checks of a field that Rust has as an `Option`.
fn optional(
    field: &FieldDescriptor,
    said: &Said,
    required: bool,
    mut body: TokenStream,
) -> Option<TokenStream> {
    let (rust, name) = (names::field(field), field.name());
    if said.skip_zero && !body.is_empty() && !matches!(field.kind(), Kind::Message(_)) {
        let filled = filled(&field.kind(), &quote!(value));
        body = quote!(if #filled { #body });
    }
    let borrow = (!is_copy(&field.kind())).then(|| quote!(&));
    match (required, body.is_empty()) {
        (false, true) => None,
        (false, false) => Some(quote! {
            if let Some(value) = #borrow self.#rust {
                let at = Place::new(path, #name);
                #body
            }
        }),
        (true, true) => Some(quote! {
            if self.#rust.is_none() {
                Place::new(path, #name).breaks("required", "is required", violations);
            }
        }),
        (true, false) => Some(quote! {
            match #borrow self.#rust {
                Some(value) => {
                    let at = Place::new(path, #name);
                    #body
                }
                None => Place::new(path, #name).breaks("required", "is required", violations),
            }
        }),
    }
}

/// The checks of a field that always has a value.
fn plain(field: &FieldDescriptor, said: &Said, required: bool, body: &TokenStream) -> Option<TokenStream> {
    let (rust, name) = (names::field(field), field.name());
    let borrow = (!is_copy(&field.kind())).then(|| quote!(&));
    let filled = filled(&field.kind(), &quote!(self.#rust));
    let checked = quote! {
        let value = #borrow self.#rust;
        let at = Place::new(path, #name);
        #body
    };
    let empty = empty(&field.kind(), &quote!(self.#rust));
    match (required, body.is_empty()) {
        (false, true) => None,
        (false, false) if said.skip_zero => Some(quote!(if #filled { #checked })),
        (false, false) => Some(quote!({ #checked })),
        (true, true) => {
            Some(quote!(if #empty { Place::new(path, #name).breaks("required", "is required", violations); }))
        }
        (true, false) => Some(quote! {
            if #empty { Place::new(path, #name).breaks("required", "is required", violations); } else { #checked }
        }),
    }
}

/// The checks of a member of a oneof, whose value is behind the reference `value`.
pub(super) fn member_checks(field: &FieldDescriptor, problems: &mut Problems) -> TokenStream {
    let said = Said::of(options::rules(field), field, problems);
    if said.never {
        return TokenStream::new();
    }
    let body = value::checks(field, &field.kind(), &said.rules, problems);
    if body.is_empty() || !is_copy(&field.kind()) {
        return body;
    }
    quote!(let value = *value; #body)
}

/// The checks of a list or a map, and of what is in it.
fn container(
    field: &FieldDescriptor,
    said: &Said,
    required: bool,
    problems: &mut Problems,
) -> Option<TokenStream> {
    let (rust, name) = (names::field(field), field.name());
    let mut whole = Vec::new();
    let (mut items, mut keys) = (None, None);
    for (rule, set) in said.rules.iter().flat_map(DynamicMessage::fields) {
        if (required || said.required) && is_one(rule.name(), set) {
            continue;
        }
        let kind = if field.is_map() { "map" } else { "repeated" };
        let id = format!("{kind}.{}", rule.name());
        let count = set.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
        let limit = names::place(count);
        let noun = |count| match (field.is_map(), count) {
            (true, _) => "pairs",
            (false, 1) => "item",
            (false, _) => "items",
        };
        match rule.name() {
            "min_items" | "min_pairs" if count < 2 => {
                whole.push(
                    quote!(if self.#rust.is_empty() { at.breaks(#id, "must not be empty", violations); }),
                );
            }
            "min_items" | "min_pairs" => {
                let text = format!("must have at least {count} {}", noun(count));
                whole.push(quote!(if self.#rust.len() < #limit { at.breaks(#id, #text, violations); }));
            }
            "max_items" | "max_pairs" => {
                let text = format!("must have at most {count} {}", noun(count));
                whole.push(quote!(if self.#rust.len() > #limit { at.breaks(#id, #text, violations); }));
            }
            "unique" if set.as_bool() == Some(true) => {
                if matches!(field.kind(), Kind::Message(_) | Kind::Double | Kind::Float) {
                    problems.add(field.full_name(), "the rule `repeated.unique` is not supported here");
                }
                whole.push(quote! {
                    if rules::has_double(&self.#rust) { at.breaks(#id, "must not repeat an item", violations); }
                });
            }
            "unique" => {}
            "items" | "values" => items = set.as_message().cloned(),
            "keys" => keys = set.as_message().cloned(),
            _ => problems.add(field.full_name(), format!("the rule `{id}` is not supported")),
        }
    }
    if required || said.required {
        let rest = (!whole.is_empty()).then(|| quote!(else { #(#whole)* }));
        whole = vec![quote! {
            if self.#rust.is_empty() { at.breaks("required", "is required", violations); } #rest
        }];
    }
    // An empty list breaks no rule when zero values are ignored, and has no items to look at.
    let whole = match (whole.is_empty(), said.skip_zero) {
        (true, _) => None,
        (false, true) => {
            Some(quote!(if !self.#rust.is_empty() { let at = Place::new(path, #name); #(#whole)* }))
        }
        (false, false) => Some(quote!({ let at = Place::new(path, #name); #(#whole)* })),
    };
    let each = each(field, items, keys, problems);
    (whole.is_some() || each.is_some()).then(|| quote!(#whole #each))
}

/// The loop over what is in a list or a map.
fn each(
    field: &FieldDescriptor,
    items: Option<DynamicMessage>,
    keys: Option<DynamicMessage>,
    problems: &mut Problems,
) -> Option<TokenStream> {
    let (rust, name) = (names::field(field), field.name());
    if !field.is_map() {
        let body = item(field, &field.kind(), items, problems);
        return (!body.is_empty()).then(|| {
            let pattern = if is_copy(&field.kind()) { quote!(&value) } else { quote!(value) };
            quote! {
                for (index, #pattern) in self.#rust.iter().enumerate() {
                    let at = Place::item(path, #name, index);
                    #body
                }
            }
        });
    }
    let Kind::Message(entry) = field.kind() else { return None };
    let key_kind = entry.map_entry_key_field().kind();
    let value_kind = entry.map_entry_value_field().kind();
    let of_value = item(&entry.map_entry_value_field(), &value_kind, items, problems);
    let of_key = item(&entry.map_entry_key_field(), &key_kind, keys, problems);
    let pattern = |kind: &Kind, name: TokenStream| if is_copy(kind) { quote!(&#name) } else { name };
    let (key_pattern, value_pattern) = (pattern(&key_kind, quote!(key)), pattern(&value_kind, quote!(value)));
    let key_checks = (!of_key.is_empty()).then(|| quote!({ let value = key; #of_key }));
    match (key_checks, of_value.is_empty()) {
        (None, true) => None,
        (Some(checks), true) => Some(quote! {
            for #key_pattern in self.#rust.keys() { let at = Place::key(path, #name, &key); #checks }
        }),
        (checks, false) => Some(quote! {
            for (#key_pattern, #value_pattern) in &self.#rust {
                let at = Place::key(path, #name, &key);
                #checks
                #of_value
            }
        }),
    }
}

/// The checks of one item; its rules are those of a field.
fn item(
    field: &FieldDescriptor,
    kind: &Kind,
    rules: Option<DynamicMessage>,
    problems: &mut Problems,
) -> TokenStream {
    let said = Said::of(rules.clone(), field, problems);
    if said.never {
        return TokenStream::new();
    }
    let body = value::checks(field, kind, &said.rules, problems);
    if said.skip_zero && !body.is_empty() && !matches!(kind, Kind::Message(_)) {
        let filled = filled(kind, &quote!(value));
        return quote!(if #filled { #body });
    }
    body
}

/// Whether the rule only says once more that something is required.
fn is_one(rule: &str, set: &Value) -> bool {
    matches!(rule, "min_len" | "min_items" | "min_pairs") && set.as_u64() == Some(1)
}

/// Whether Rust copies values of the kind.
fn is_copy(kind: &Kind) -> bool {
    !matches!(kind, Kind::String | Kind::Bytes | Kind::Message(_))
}

fn filled(kind: &Kind, value: &TokenStream) -> TokenStream {
    match kind {
        Kind::String | Kind::Bytes => quote!(!#value.is_empty()),
        Kind::Bool => quote!(#value),
        Kind::Double | Kind::Float => quote!(#value != 0.0),
        _ => quote!(#value != 0),
    }
}

fn empty(kind: &Kind, value: &TokenStream) -> TokenStream {
    match kind {
        Kind::String | Kind::Bytes => quote!(#value.is_empty()),
        Kind::Bool => quote!(!#value),
        Kind::Double | Kind::Float => quote!(#value == 0.0),
        _ => quote!(#value == 0),
    }
}
