//! Debug output of messages with fields that must not be printed.

use proc_macro2::TokenStream;
use prost_reflect::{FieldDescriptor, MessageDescriptor};
use quote::quote;

use crate::source::{Contracts, is_own};
use crate::{names, options};

/// The messages for which this module, and not prost, writes `Debug`.
pub(crate) fn messages(contracts: &Contracts) -> impl Iterator<Item = MessageDescriptor> {
    contracts.pool.all_messages().filter(|message| is_own(message.package_name()) && needs(message))
}

fn needs(message: &MessageDescriptor) -> bool {
    message.fields().any(|field| is_hidden(&field))
}

/// `debug_redact` says so, or the field is a secret.
fn is_hidden(field: &FieldDescriptor) -> bool {
    let said = options::field(field);
    said.redact || said.secret
}

/// `Debug` that names the hidden fields and leaves out their values.
pub(crate) fn generate(message: &MessageDescriptor) -> Option<TokenStream> {
    if !needs(message) {
        return None;
    }
    let name = names::message(message, message.package_name());
    let title = message.name();
    let mut seen_oneofs = Vec::new();
    let mut lines = Vec::new();
    for field in names::declared(message) {
        // The fields of a oneof are one field in Rust.
        let (label, hidden) = match field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
            Some(oneof) if seen_oneofs.contains(&oneof) => continue,
            Some(oneof) => {
                seen_oneofs.push(oneof.clone());
                (oneof.name().to_owned(), oneof.fields().any(|field| is_hidden(&field)))
            }
            None => (field.name().to_owned(), is_hidden(&field)),
        };
        let rust_name = names::snake(&label);
        lines.push(if hidden {
            quote!(.field(#label, &::core::format_args!("[redacted]")))
        } else {
            quote!(.field(#label, &self.#rust_name))
        });
    }
    Some(quote! {
        impl ::core::fmt::Debug for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#title) #(#lines)* .finish()
            }
        }
    })
}
