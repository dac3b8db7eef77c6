//! The names that prost and tonic give to what a contract declares, and its comments.

use heck::{ToSnakeCase, ToUpperCamelCase};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use prost_reflect::{EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};
use quote::quote;

/// An identifier, raw where the name is a keyword.
pub(crate) fn ident(name: &str) -> Ident {
    match name {
        // These can't be raw; prost adds an underscore.
        "self" | "super" | "crate" | "Self" | "extern" | "_" => {
            Ident::new(&format!("{name}_"), Span::call_site())
        }
        _ if name.starts_with(|first: char| first.is_ascii_digit()) => {
            Ident::new(&format!("_{name}"), Span::call_site())
        }
        _ => syn::parse_str(name).unwrap_or_else(|_| Ident::new_raw(name, Span::call_site())),
    }
}

/// `r#type` for the field `type`.
pub(crate) fn snake(name: &str) -> Ident {
    ident(&name.to_snake_case())
}

/// `HrmService` for `HRMService`.
pub(crate) fn camel(name: &str) -> Ident {
    ident(&name.to_upper_camel_case())
}

/// `ACCOUNT_SERVICE`, for statics.
pub(crate) fn shout(name: &str) -> String {
    name.to_snake_case().to_uppercase()
}

/// The struct's field.
pub(crate) fn field(field: &FieldDescriptor) -> Ident {
    snake(field.name())
}

/// The message's type as code of the package `from` names it.
pub(crate) fn message(message: &MessageDescriptor, from: &str) -> TokenStream {
    match message.full_name() {
        "google.protobuf.Empty" => return quote!(()),
        _ if message.package_name() == "google.protobuf" => {
            let name = camel(message.name());
            return quote!(::prost_types::#name);
        }
        _ => {}
    }
    path(message.package_name(), message.full_name(), from)
}

/// The enum's type as code of the package `from` names it.
pub(crate) fn enumeration(kind: &EnumDescriptor, from: &str) -> TokenStream {
    path(kind.package_name(), kind.full_name(), from)
}

fn path(package: &str, full_name: &str, from: &str) -> TokenStream {
    let inner = full_name.strip_prefix(package).unwrap_or(full_name).trim_start_matches('.');
    let mut parts: Vec<&str> = inner.split('.').collect();
    let name = camel(parts.pop().unwrap_or_default());
    // Nested types live in a module named after the message around them.
    let parents = parts.iter().map(|part| snake(part));
    if package == from {
        return quote!(#(#parents::)* #name);
    }
    let modules = package.split('.').map(snake);
    quote!(crate:: #(#modules::)* #(#parents::)* #name)
}

/// The enum variant of a value: its name without the enum's, as prost strips it.
pub(crate) fn variant(enumeration: &EnumDescriptor, value: &str) -> Ident {
    let prefix = enumeration.name().to_upper_camel_case();
    let name = value.to_upper_camel_case();
    let stripped = name.strip_prefix(&prefix).filter(|rest| rest.starts_with(char::is_uppercase));
    ident(stripped.unwrap_or(&name))
}

/// `PROSPECT` for `ACCOUNT_TYPE_PROSPECT` of `AccountType`; the whole name when it lacks the prefix.
pub(crate) fn short_value<'a>(enumeration: &EnumDescriptor, value: &'a str) -> &'a str {
    let prefix = format!("{}_", shout(enumeration.name()));
    value.strip_prefix(&prefix).filter(|rest| !rest.is_empty()).unwrap_or(value)
}

/// Whether the field holds messages of this full name.
pub(crate) fn holds(field: &FieldDescriptor, full_name: &str) -> bool {
    matches!(field.kind(), Kind::Message(target) if target.full_name() == full_name)
}

/// The comment above a declaration as doc attributes.
pub(crate) fn docs(file: &FileDescriptor, path: &[i32]) -> TokenStream {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let location = info.and_then(|info| info.location.iter().find(|location| location.path == path));
    let comment = location.map(|location| location.leading_comments()).unwrap_or_default();
    let lines = comment.trim_end().lines().map(|line| format!(" {}", line.trim()).trim_end().to_owned());
    quote!(#(#[doc = #lines])*)
}

/// The fields of a message in the order in which its file has them.
pub(crate) fn declared(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let mut fields: Vec<FieldDescriptor> = message.fields().collect();
    fields.sort_by(|a, b| a.path().cmp(b.path()));
    fields
}

/// A place in an array, without the suffix that `quote` gives to numbers.
pub(crate) fn place(number: usize) -> Literal {
    Literal::usize_unsuffixed(number)
}
