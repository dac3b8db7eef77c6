//! Messages that are stored as rows.

use heck::ToSnakeCase;
use proc_macro2::{Ident, Literal, TokenStream};
use prost_reflect::{Kind, MessageDescriptor};
use quote::{format_ident, quote};

use crate::columns::{Storage, Stored};
use crate::package::Known;
use crate::problems::Problems;
use crate::{names, options};

/// The name of the static with the entity's table.
pub(crate) fn table_name(message: &MessageDescriptor) -> Ident {
    format_ident!("{}_TABLE", names::shout(message.name()))
}

/// The table and `impl store::Record` for a message with the option `entity`.
pub(crate) fn generate(
    message: &MessageDescriptor,
    known: &Known,
    problems: &mut Problems,
) -> Vec<TokenStream> {
    let Some(entity) = options::entity(message) else { return Vec::new() };
    let mut fields = Vec::new();
    for field in names::declared(message) {
        match Stored::of(&field) {
            Ok(stored) => {
                let target = &stored.options.references;
                if !target.is_empty() && !known.entities.contains(target) {
                    problems.add(field.full_name(), format!("references `{target}`, which is no entity"));
                }
                fields.push(stored);
            }
            Err(problem) => problems.add(field.full_name(), problem),
        }
    }
    check(message, &entity, &fields, known, problems);
    vec![table(message, &entity, &fields), record(message, &fields)]
}

fn check(
    message: &MessageDescriptor,
    entity: &options::Entity,
    fields: &[Stored],
    known: &Known,
    problems: &mut Problems,
) {
    let place = message.full_name();
    let has = |name: &str, storage: Storage| {
        fields.iter().any(|stored| stored.field.name() == name && stored.storage == storage)
    };
    if message.parent_message().is_some() {
        problems.add(place, "an entity is not declared inside another message");
    }
    if entity.table.is_empty() || entity.table != entity.table.to_snake_case() {
        problems.add(place, "its (erp.v1.entity) needs a table in snake case");
    }
    if !has("id", Storage::Uuid) {
        problems.add(place, "an entity needs `string id = 1`");
    }
    if entity.soft_delete && !has("delete_time", Storage::Timestamp) {
        problems.add(place, "soft_delete needs the field delete_time");
    }
    for name in &entity.search {
        if !has(name, Storage::Text) {
            problems.add(place, format!("Search looks through `{name}`, which is no text field"));
        }
        let withheld = |stored: &&Stored| !stored.options.read_permission.is_empty();
        if fields.iter().filter(withheld).any(|stored| stored.field.name() == name) {
            problems
                .add(place, format!("Search would tell of `{name}`, which needs a permission of its own"));
        }
    }
    if !entity.topic.is_empty() && !known.topics.contains(&entity.topic) {
        problems.add(
            place,
            format!("the topic `{}` is not declared in any file's (erp.v1.topics)", entity.topic),
        );
    }
    if !entity.topic.is_empty() && entity.aggregate {
        problems.add(place, "an aggregate emits its own events: it has no topic");
    }
}

fn table(message: &MessageDescriptor, entity: &options::Entity, fields: &[Stored]) -> TokenStream {
    let name = table_name(message);
    let full_name = message.full_name();
    let noun = message.name().to_snake_case();
    let options::Entity { table, search, soft_delete, topic, aggregate } = entity;
    let topic = if topic.is_empty() { quote!(None) } else { quote!(Some(#topic)) };
    let columns = fields.iter().flat_map(|stored| {
        stored
            .columns()
            .into_iter()
            .map(|(column, kind, _)| column_literal(stored, &column, &kind))
            .collect::<Vec<_>>()
    });
    quote! {
        pub(crate) static #name: ::store::Table = ::store::Table {
            entity: #full_name,
            noun: #noun,
            name: #table,
            columns: &[#(#columns),*],
            search: &[#(#search),*],
            soft_delete: #soft_delete,
            aggregate: #aggregate,
            topic: #topic,
        };
    }
}

fn column_literal(stored: &Stored, name: &str, kind: &Ident) -> TokenStream {
    let field = stored.field.name();
    let nullable = stored.nullable;
    let options::FieldOptions { personal, secret, output_only, immutable, .. } = stored.options;
    let read_permission = match stored.options.read_permission.as_str() {
        "" => quote!(None),
        name => quote!(Some(#name)),
    };
    let mut values = Vec::new();
    if let Kind::Enum(enumeration) = stored.field.kind()
        && matches!(stored.storage, Storage::Enum | Storage::EnumArray)
    {
        for value in enumeration.values() {
            let (full, short, number) = (
                value.name(),
                names::short_value(&enumeration, value.name()),
                Literal::i32_unsuffixed(value.number()),
            );
            values.push(quote!((#full, #number)));
            if short != full {
                values.push(quote!((#short, #number)));
            }
        }
    }
    quote! {
        ::store::Column {
            name: #name,
            field: #field,
            kind: ::store::Kind::#kind,
            nullable: #nullable,
            output_only: #output_only,
            immutable: #immutable,
            personal: #personal,
            secret: #secret,
            read_permission: #read_permission,
            values: &[#(#values),*],
        }
    }
}

fn record(message: &MessageDescriptor, fields: &[Stored]) -> TokenStream {
    let name = names::message(message, message.package_name());
    let table = table_name(message);
    let (bind, read, header) = (bind(message, fields), read(fields), header(fields));
    let (mut copies, mut sets, mut jsons) = (Vec::new(), Vec::new(), Vec::new());
    for stored in fields {
        let (field, rust, is_set) = (stored.field.name(), names::field(&stored.field), stored.is_set());
        let copy = matches!(
            stored.storage,
            Storage::Bool | Storage::Int32 | Storage::Int64 | Storage::Double | Storage::Enum
        );
        copies.push(if copy {
            quote!(#field => self.#rust = from.#rust)
        } else {
            quote!(#field => self.#rust.clone_from(&from.#rust))
        });
        sets.push(quote!(#field => #is_set));
        if stored.is_json_scalar() {
            jsons.push(quote!(#field => column::json(&self.#rust)));
        }
    }
    quote! {
        impl ::store::Record for #name {
            fn table() -> &'static ::store::Table {
                &#table
            }
            fn id(&self) -> &str {
                &self.id
            }
            #header
            #bind
            #read
            fn copy_field(&mut self, from: &Self, field: &str) -> bool {
                match field { #(#copies,)* _ => return false }
                true
            }
            fn is_set(&self, field: &str) -> bool {
                match field { #(#sets,)* _ => false }
            }
            fn field_json(&self, field: &str) -> ::store::glue::serde_json::Value {
                use ::store::column;
                match field { #(#jsons,)* _ => column::field_json(self, field) }
            }
        }
    }
}

fn bind(message: &MessageDescriptor, fields: &[Stored]) -> TokenStream {
    let columns = fields.iter().flat_map(|stored| stored.columns());
    let arms = columns.enumerate().map(|(place, (_, _, bind))| {
        let place = names::place(place);
        quote!(#place => #bind)
    });
    let full_name = message.full_name();
    quote! {
        fn bind(
            &self, column: usize, arguments: &mut ::store::glue::sqlx::postgres::PgArguments,
        ) -> ::kit::Result<()> {
            use ::store::column;
            match column {
                #(#arms,)*
                _ => Err(column::unknown(#full_name, column)),
            }
        }
    }
}

fn read(fields: &[Stored]) -> TokenStream {
    let mut place = 0;
    let (mut values, mut jsons) = (Vec::new(), Vec::new());
    for stored in fields {
        let (rust, name, value) = (names::field(&stored.field), stored.field.name(), stored.read(place));
        values.push(quote!(#rust: #value));
        if stored.storage == Storage::Json {
            let place = names::place(place);
            jsons.push(quote!((#place, #name)));
        }
        place += stored.columns().len();
    }
    let json = (!jsons.is_empty()).then(|| quote!(let json: Self = column::read_json(row, &[#(#jsons),*])?;));
    quote! {
        fn read(row: &::store::glue::sqlx::postgres::PgRow) -> ::kit::Result<Self> {
            use ::store::column;
            #json
            Ok(Self { #(#values),* })
        }
    }
}

fn header(fields: &[Stored]) -> TokenStream {
    const FIELDS: [(&str, Storage); 7] = [
        ("tenant_id", Storage::Uuid),
        ("create_time", Storage::Timestamp),
        ("update_time", Storage::Timestamp),
        ("delete_time", Storage::Timestamp),
        ("created_by", Storage::Text),
        ("updated_by", Storage::Text),
        ("etag", Storage::Revision),
    ];
    let parts = FIELDS.map(|(name, storage)| {
        let rust = format_ident!("{name}");
        let found = fields.iter().find(|stored| stored.field.name() == name && stored.storage == storage);
        // An `optional string created_by` is the service's own affair.
        match found.filter(|stored| storage == Storage::Timestamp || !stored.is_option()) {
            Some(_) => quote!(#rust: Some(&mut self.#rust)),
            None => quote!(#rust: None),
        }
    });
    quote! {
        fn header(&mut self) -> ::store::Header<'_> {
            ::store::Header { id: &mut self.id, #(#parts),* }
        }
    }
}
