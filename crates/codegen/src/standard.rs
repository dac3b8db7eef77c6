//! The standard methods: Create, Get, BatchGet, List, Search, Update, Delete, Undelete. A method is one when its
//! name, its request and its response all fit; anything else is a method of the service's own.

use heck::{ToSnakeCase, ToUpperCamelCase};
use proc_macro2::{Ident, TokenStream};
use prost_reflect::{Kind, MessageDescriptor, MethodDescriptor};
use quote::quote;

use crate::{names, options};

/// Fields that any request may have: the engine deals with them.
const ANYWHERE: [&str; 2] = ["request_id", "tenant_id"];

/// Makes the body of one kind of method, if the shape fits.
type Make = fn(&Shape) -> Option<TokenStream>;

/// The default body of a standard method.
pub(crate) fn body(method: &MethodDescriptor) -> Option<TokenStream> {
    let name = method.name();
    let verbs: [(&str, Make); 8] = [
        ("Create", create),
        ("BatchGet", batch_get),
        ("Get", get),
        ("List", list),
        ("Search", search),
        ("Update", update),
        ("Delete", delete),
        ("Undelete", undelete),
    ];
    let (verb, make) = verbs.into_iter().find(|(verb, _)| {
        name.strip_prefix(verb).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
    })?;
    make(&Shape { rest: name.strip_prefix(verb)?.to_owned(), input: method.input(), output: method.output() })
}

/// What a method is made of.
struct Shape {
    /// The method's name without its verb.
    rest: String,
    input: MessageDescriptor,
    output: MessageDescriptor,
}

impl Shape {
    /// The entity that the method is named after; with `writes` only one that the engine may write.
    fn entity(&self, writes: bool) -> Option<MessageDescriptor> {
        let full_name = format!("{}.{}", self.input.package_name(), self.rest);
        let entity = self.input.parent_pool().get_message_by_name(&full_name)?;
        let said = options::entity(&entity)?;
        (!writes || !said.aggregate).then_some(entity)
    }

    /// Whether the request has all of `needed`, and besides them only some of `allowed`.
    fn takes(&self, needed: &[&str], allowed: &[&str]) -> bool {
        let known =
            |name: &str| needed.contains(&name) || allowed.contains(&name) || ANYWHERE.contains(&name);
        needed.iter().all(|name| self.has(name)) && self.input.fields().all(|field| known(field.name()))
    }

    fn has(&self, name: &str) -> bool {
        self.input.get_field_by_name(name).is_some()
    }

    /// Whether the field of the request is one plain string, or a list of them.
    fn has_string(&self, name: &str, list: bool) -> bool {
        let field = self.input.get_field_by_name(name);
        field.is_some_and(|field| {
            matches!(field.kind(), Kind::String) && field.is_list() == list && !field.supports_presence()
        })
    }

    /// The request's field with the entity.
    fn entity_field(&self, entity: &MessageDescriptor) -> Option<String> {
        let name = entity.name().to_snake_case();
        let field = self.input.get_field_by_name(&name)?;
        (names::holds(&field, entity.full_name()) && !field.is_list()).then_some(name)
    }

    /// The answer for one record: the record itself, or a message around it.
    fn answer(&self, entity: &MessageDescriptor, record: &TokenStream) -> Option<TokenStream> {
        if self.output == *entity {
            return Some(record.clone());
        }
        let mut fields = self.output.fields();
        let (field, rest) = (fields.next()?, fields.next());
        if rest.is_some() || field.is_list() || !names::holds(&field, entity.full_name()) {
            return None;
        }
        let (wrapper, name) = (names::message(&self.output, self.input.package_name()), names::field(&field));
        Some(quote!(#record.map(|record| #wrapper { #name: Some(record) })))
    }

    /// The response's list of records, when the method is named after it: `ListAccounts` and `accounts`.
    fn items(&self) -> Option<(MessageDescriptor, Ident)> {
        let mut lists = self.output.fields().filter(|field| field.is_list() && !field.is_map());
        let (field, rest) = (lists.next()?, lists.next());
        let Kind::Message(entity) = field.kind() else { return None };
        let said = options::entity(&entity)?;
        let named =
            self.rest == field.name().to_upper_camel_case() || self.rest == said.table.to_upper_camel_case();
        let own = entity.package_name() == self.input.package_name();
        (rest.is_none() && named && own).then(|| (entity.clone(), names::field(&field)))
    }

    /// Whether the response has its list and besides it only some of `allowed`.
    fn gives(&self, items: &Ident, allowed: &[&str]) -> bool {
        let known = |name: &str| *items == names::snake(name) || allowed.contains(&name);
        self.output.fields().all(|field| known(field.name()))
    }

    fn output_type(&self) -> TokenStream {
        names::message(&self.output, self.input.package_name())
    }
}

fn create(shape: &Shape) -> Option<TokenStream> {
    let entity = shape.entity(true)?;
    let field = shape.entity_field(&entity).filter(|field| shape.takes(&[field], &[]))?;
    let answer = shape.answer(&entity, &quote!(cx.create(record).await))?;
    let rust = names::snake(&field);
    Some(quote! {
        let record = request.#rust.ok_or_else(|| ::kit::Error::invalid(#field, "is required"))?;
        #answer
    })
}

fn get(shape: &Shape) -> Option<TokenStream> {
    let entity = shape.entity(false)?;
    (shape.takes(&["id"], &[]) && shape.has_string("id", false)).then_some(())?;
    let ty = names::message(&entity, entity.package_name());
    shape.answer(&entity, &quote!(cx.glance::<#ty>(&request.id).await))
}

fn batch_get(shape: &Shape) -> Option<TokenStream> {
    let (entity, items) = shape.items()?;
    (shape.takes(&["ids"], &[]) && shape.has_string("ids", true) && shape.gives(&items, &[])).then_some(())?;
    let (ty, output) = (names::message(&entity, entity.package_name()), shape.output_type());
    Some(quote! {
        let records = cx.batch_get::<#ty>(&request.ids).await?;
        Ok(#output { #items: records })
    })
}

fn list(shape: &Shape) -> Option<TokenStream> {
    let (entity, items) = shape.items()?;
    let takes =
        shape.takes(&["page_size", "page_token"], &["filter", "order_by", "show_deleted", "show_total_size"]);
    let gives = shape.gives(&items, &["next_page_token", "total_size"]);
    let pages = shape.output.get_field_by_name("next_page_token").is_some();
    (takes && gives && pages).then_some(())?;
    let given = |name: &str, absent: TokenStream, borrow: bool| {
        let rust = names::snake(name);
        match (shape.has(name), borrow) {
            (false, _) => absent,
            (true, true) => quote!(&request.#rust),
            (true, false) => quote!(request.#rust),
        }
    };
    let (filter, order_by) = (given("filter", quote!(""), true), given("order_by", quote!(""), true));
    let show_deleted = given("show_deleted", quote!(false), false);
    let show_total_size = given("show_total_size", quote!(false), false);
    let (ty, output) = (names::message(&entity, entity.package_name()), shape.output_type());
    let total = match shape.output.get_field_by_name("total_size").map(|field| field.kind()) {
        None => TokenStream::new(),
        Some(Kind::Int64) => quote!(total_size: page.total_size,),
        Some(_) => return None,
    };
    Some(quote! {
        let query = ::store::ListQuery {
            page_size: request.page_size,
            page_token: &request.page_token,
            filter: #filter,
            order_by: #order_by,
            show_deleted: #show_deleted,
            show_total_size: #show_total_size,
            ..::store::ListQuery::default()
        };
        let page = cx.list::<#ty>(query).await?;
        Ok(#output { #items: page.items, next_page_token: page.next_page_token, #total })
    })
}

fn search(shape: &Shape) -> Option<TokenStream> {
    let (entity, items) = shape.items()?;
    let takes = shape.takes(&["query", "page_size", "page_token"], &[]);
    let gives = shape.gives(&items, &["next_page_token"]);
    let searches = options::entity(&entity).is_some_and(|said| !said.search.is_empty());
    let pages = shape.output.get_field_by_name("next_page_token").is_some();
    (takes && gives && pages && searches).then_some(())?;
    let (ty, output) = (names::message(&entity, entity.package_name()), shape.output_type());
    Some(quote! {
        let page = cx.search::<#ty>(&request.query, request.page_size, &request.page_token).await?;
        Ok(#output { #items: page.items, next_page_token: page.next_page_token })
    })
}

fn update(shape: &Shape) -> Option<TokenStream> {
    let entity = shape.entity(true)?;
    let field = shape.entity_field(&entity).filter(|field| shape.takes(&[field, "update_mask"], &[]))?;
    let mask = shape.input.get_field_by_name("update_mask")?;
    names::holds(&mask, "google.protobuf.FieldMask").then_some(())?;
    let record = quote!(cx.update(record, request.update_mask.as_ref(), #field).await);
    let answer = shape.answer(&entity, &record)?;
    let rust = names::snake(&field);
    Some(quote! {
        let record = request.#rust.ok_or_else(|| ::kit::Error::invalid(#field, "is required"))?;
        #answer
    })
}

fn delete(shape: &Shape) -> Option<TokenStream> {
    let entity = shape.entity(true)?;
    (shape.takes(&["id"], &["etag"]) && shape.has_string("id", false)).then_some(())?;
    let etag = if shape.has("etag") { quote!(&request.etag) } else { quote!("") };
    let ty = names::message(&entity, entity.package_name());
    let record = quote!(cx.delete::<#ty>(&request.id, #etag).await);
    if shape.output.fields().len() == 0 {
        let empty = match shape.output.full_name() {
            "google.protobuf.Empty" => quote!(()),
            _ => {
                let output = shape.output_type();
                quote!(#output {})
            }
        };
        return Some(quote!(#record.map(|_| #empty)));
    }
    shape.answer(&entity, &record)
}

fn undelete(shape: &Shape) -> Option<TokenStream> {
    let entity = shape.entity(true)?;
    let soft = options::entity(&entity).is_some_and(|said| said.soft_delete);
    (soft && shape.takes(&["id"], &[]) && shape.has_string("id", false)).then_some(())?;
    let ty = names::message(&entity, entity.package_name());
    shape.answer(&entity, &quote!(cx.undelete::<#ty>(&request.id).await))
}
