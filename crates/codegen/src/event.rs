//! Messages that are the payload of events.

use proc_macro2::TokenStream;
use prost_reflect::{Kind, MessageDescriptor};
use quote::quote;

use crate::package::Known;
use crate::problems::Problems;
use crate::{names, options};

/// `impl store::Event` for a message with the option `event`.
pub(crate) fn generate(
    message: &MessageDescriptor,
    known: &Known,
    problems: &mut Problems,
) -> Vec<TokenStream> {
    let Some(event) = options::event(message) else { return Vec::new() };
    let place = message.full_name();
    if event.kind.split('.').filter(|part| !part.is_empty()).count() != 2 {
        problems.add(place, format!("the event type `{}` is not `<noun>.<past tense>`", event.kind));
    }
    if !known.topics.contains(&event.topic) {
        problems
            .add(place, format!("the topic `{}` is not declared in any file's (erp.v1.topics)", event.topic));
    }
    let key = if event.key.is_empty() {
        quote!("")
    } else {
        match message.get_field_by_name(&event.key) {
            Some(field)
                if matches!(field.kind(), Kind::String) && !field.is_list() && !field.supports_presence() =>
            {
                let name = names::field(&field);
                quote!(&self.#name)
            }
            Some(_) => {
                problems.add(place, format!("the key `{}` must be a plain string field", event.key));
                return Vec::new();
            }
            None => {
                problems.add(place, format!("the key `{}` is not a field of the event", event.key));
                return Vec::new();
            }
        }
    };
    let name = names::message(message, message.package_name());
    let (kind, topic) = (event.kind, event.topic);
    vec![quote! {
        impl ::store::Event for #name {
            const TYPE: &'static str = #kind;
            const TOPIC: &'static str = #topic;
            fn key(&self) -> &str {
                #key
            }
        }
    }]
}
