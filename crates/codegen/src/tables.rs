//! The lists over all packages.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::package::{format_item, with_nested};
use crate::source::Contracts;
use crate::{names, options, record, service};

/// The text of `tables.rs`.
pub(crate) fn generate(contracts: &Contracts) -> String {
    let (mut tables, mut methods, mut topics) = (Vec::new(), Vec::new(), Vec::new());
    for file in contracts.own_files() {
        let modules: TokenStream = {
            let parts = file.package_name().split('.').map(names::snake);
            quote!(crate #(::#parts)*)
        };
        for message in
            file.messages().flat_map(with_nested).filter(|message| options::entity(message).is_some())
        {
            let name = record::table_name(&message);
            tables.push(quote!(&#modules::#name));
        }
        for descriptor in file.services() {
            let name = service::methods_name(&descriptor);
            let places = (0..descriptor.methods().len()).map(names::place);
            methods.extend(places.map(|place| quote!(&#modules::#name[#place])));
        }
        for topic in options::topics(&file) {
            let options::Topic { name, partitions, retention_hours } = topic;
            let numbers = (Literal::i32_unsuffixed(partitions), Literal::i32_unsuffixed(retention_hours));
            let (partitions, retention_hours) = numbers;
            topics.push(quote!(::store::Topic {
                name: #name, partitions: #partitions, retention_hours: #retention_hours,
            }));
        }
    }
    format_item(quote! {
        /// The tables of all entities.
        pub static TABLES: &[&::store::Table] = &[#(#tables),*];
        /// The methods of all services.
        pub static METHODS: &[&::store::Method] = &[#(#methods),*];
        /// The topics of all domains.
        pub static TOPICS: &[::store::Topic] = &[#(#topics),*];
    })
}
