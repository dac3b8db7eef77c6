//! `impl store::Validate`: the rules of a contract as plain Rust.

mod field;
mod number;
mod text;
mod value;

use heck::ToSnakeCase;
use proc_macro2::TokenStream;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};
use quote::quote;

use crate::problems::Problems;
use crate::{names, options};

/// The checks of one message.
pub(crate) fn generate(message: &MessageDescriptor, problems: &mut Problems) -> Vec<TokenStream> {
    if let Some(rules) = options::message_rules(message) {
        for (rule, _) in rules.fields() {
            problems.add(
                message.full_name(),
                format!("the rule (buf.validate.message).{} is not supported", rule.name()),
            );
        }
    }
    let mut checks = Vec::new();
    for field in names::declared(message) {
        if field.containing_oneof().is_none_or(|oneof| oneof.is_synthetic()) {
            checks.extend(field::checks(&field, is_partial(message, &field), problems));
        }
    }
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        checks.extend(oneof_checks(&oneof, problems));
    }
    let name = names::message(message, message.package_name());
    let (path, violations) = if checks.is_empty() {
        (quote!(_path), quote!(_violations))
    } else {
        (quote!(path), quote!(violations))
    };
    let import = match quote!(#(#checks)*).to_string() {
        text if text.is_empty() => TokenStream::new(),
        text if text.contains("rules ::") => quote!(
            use ::store::rules::{self, Place};
        ),
        _ => quote!(
            use ::store::rules::Place;
        ),
    };
    vec![quote! {
        impl ::store::Validate for #name {
            fn validate(&self, #path: &str, #violations: &mut ::std::vec::Vec<::kit::Violation>) {
                #import
                #(#checks)*
            }
        }
    }]
}

/// Whether the field is the entity of a standard update: only some of its fields are given, and the engine
/// checks the record after it has merged them.
fn is_partial(message: &MessageDescriptor, field: &FieldDescriptor) -> bool {
    let Kind::Message(target) = field.kind() else { return false };
    !field.is_list()
        && message.name() == format!("Update{}Request", target.name())
        && field.name() == target.name().to_snake_case()
        && message.get_field_by_name("update_mask").is_some()
        && options::entity(&target).is_some()
}

fn oneof_checks(oneof: &OneofDescriptor, problems: &mut Problems) -> Option<TokenStream> {
    let message = oneof.parent_message();
    let name = names::snake(oneof.name());
    let module = names::snake(message.name());
    // The enum lives in the module of its message, which for a nested one is nested as well.
    let parents = {
        let inner = message.full_name().strip_prefix(message.package_name()).unwrap_or_default();
        let parts: Vec<_> = inner.trim_start_matches('.').split('.').map(names::snake).collect();
        let outer = parts[..parts.len() - 1].to_vec();
        quote!(#(#outer::)*)
    };
    let ty = names::camel(oneof.name());
    let mut arms = Vec::new();
    for field in oneof.fields() {
        let checks = field::member_checks(&field, problems);
        if !checks.is_empty() {
            let (variant, field_name) = (names::camel(field.name()), field.name());
            arms.push(quote! {
                Some(#parents #module::#ty::#variant(value)) => {
                    let at = Place::new(path, #field_name);
                    #checks
                }
            });
        }
    }
    let title = oneof.name();
    if options::oneof_required(oneof) {
        arms.push(quote!(None => Place::new(path, #title).breaks("required", "is required", violations),));
    }
    if arms.is_empty() {
        return None;
    }
    // Every variant may have an arm already.
    let rest = (arms.len() < oneof.fields().len() + 1).then(|| quote!(_ => {}));
    Some(quote!(match &self.#name { #(#arms)* #rest }))
}
