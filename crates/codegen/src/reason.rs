//! Enums whose values are the reasons of errors.

use proc_macro2::TokenStream;
use prost_reflect::EnumDescriptor;
use quote::{format_ident, quote};

use crate::problems::Problems;
use crate::{names, options};

/// `impl kit::Reason` for an enum with the option `reason_set`.
pub(crate) fn generate(enumeration: &EnumDescriptor, problems: &mut Problems) -> Vec<TokenStream> {
    let Some(domain) = options::reason_domain(enumeration) else { return Vec::new() };
    if domain.is_empty() {
        problems.add(enumeration.full_name(), "its (erp.v1.reason_set) needs a domain");
    }
    let ty = names::enumeration(enumeration, enumeration.package_name());
    let (mut codes, mut reasons, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    for value in enumeration.values() {
        let variant = names::variant(enumeration, value.name());
        let short = names::short_value(enumeration, value.name());
        let (code, message) = match options::reason(&value) {
            Some(reason) => reason,
            // Zero is never sent; 2 is UNKNOWN.
            None if value.number() == 0 => (2, "no reason was given".to_owned()),
            None => {
                problems.add(value.full_name(), "a reason needs the option (erp.v1.reason)");
                continue;
            }
        };
        let Some(code) = code_name(code) else {
            problems.add(value.full_name(), "its (erp.v1.reason) needs the code of an error");
            continue;
        };
        if message.is_empty() {
            problems.add(value.full_name(), "its (erp.v1.reason) needs a message");
        }
        let code = format_ident!("{code}");
        codes.push(quote!(Self::#variant => ::kit::Code::#code));
        reasons.push(quote!(Self::#variant => #short));
        messages.push(quote!(Self::#variant => #message));
    }
    vec![quote! {
        impl ::kit::Reason for #ty {
            fn code(self) -> ::kit::Code {
                match self { #(#codes,)* }
            }
            fn name(self) -> &'static str {
                match self { #(#reasons,)* }
            }
            fn domain(self) -> &'static str {
                #domain
            }
            fn message(self) -> &'static str {
                match self { #(#messages,)* }
            }
        }
    }]
}

/// The variant of `tonic::Code` for a number of `google.rpc.Code`; none for OK.
fn code_name(number: i32) -> Option<&'static str> {
    const NAMES: [&str; 16] = [
        "Cancelled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    ];
    usize::try_from(number).ok()?.checked_sub(1).and_then(|place| NAMES.get(place)).copied()
}
