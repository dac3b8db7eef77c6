//! gRPC services: the trait that a service implements, and the glue between it and tonic.

use std::collections::{BTreeSet, HashSet};

use proc_macro2::{Ident, TokenStream};
use prost_reflect::{MessageDescriptor, MethodDescriptor, ServiceDescriptor};
use quote::{format_ident, quote};

use crate::problems::Problems;
use crate::source::is_own;
use crate::{names, options, standard};

/// `ACCOUNT_METHODS`.
pub(crate) fn methods_name(service: &ServiceDescriptor) -> Ident {
    format_ident!("{}_METHODS", names::shout(noun(service)))
}

/// `Account` for `AccountService`.
fn noun(service: &ServiceDescriptor) -> &str {
    let name = service.name();
    name.strip_suffix("Service").filter(|noun| !noun.is_empty()).unwrap_or(name)
}

/// One method with what the parts of a service need of it.
struct Rpc {
    rust: Ident,
    input: TokenStream,
    output: TokenStream,
    docs: TokenStream,
    body: Option<TokenStream>,
    literal: TokenStream,
    /// The type of the stream that tonic's trait asks for, of a method that streams.
    stream: Option<Ident>,
}

/// Methods table, trait, `Rpc` and glue of a service.
pub(crate) fn generate(service: &ServiceDescriptor, problems: &mut Problems) -> Vec<TokenStream> {
    let rpcs: Vec<Rpc> = service.methods().filter_map(|method| rpc(&method, problems)).collect();
    let mut items = vec![methods(service, &rpcs), api(service, &rpcs)];
    items.extend(mount(service));
    items.push(glue(service, &rpcs));
    if rpcs.iter().all(|rpc| rpc.body.is_some()) {
        let api = format_ident!("{}Api", names::camel(noun(service)));
        items.push(quote!(impl #api for ::store::Standard {}));
    }
    items
}

/// `impl store::Request` of a method's input.
pub(crate) fn request(message: &MessageDescriptor) -> Option<TokenStream> {
    let name = names::message(message, message.package_name());
    let field = message.get_field_by_name("request_id");
    let value = match field {
        Some(field) if field.supports_presence() => quote!(self.request_id.as_deref().unwrap_or_default()),
        Some(_) => quote!(&self.request_id),
        None => quote!(""),
    };
    Some(quote! {
        impl ::store::Request for #name {
            fn request_id(&self) -> &str {
                #value
            }
        }
    })
}

fn rpc(method: &MethodDescriptor, problems: &mut Problems) -> Option<Rpc> {
    let access = check(method, problems)?;
    let (input, output) = (method.input(), method.output());
    let service = method.parent_service();
    let package = service.package_name().to_owned();
    let path = format!("/{}/{}", service.full_name(), method.name());
    let mutating = has_request_id(&input);
    let read_permissions = read_permissions(&output);
    let access = match access {
        options::Access::Permission(name) => quote!(::store::Access::Permission(#name)),
        options::Access::Public => quote!(::store::Access::Public),
        options::Access::Authenticated => quote!(::store::Access::Authenticated),
    };
    Some(Rpc {
        rust: names::snake(method.name()),
        input: names::message(&input, &package),
        output: names::message(&output, &package),
        docs: names::docs(&service.parent_file(), method.path()),
        body: standard::body(method).filter(|_| !method.is_server_streaming()),
        stream: method.is_server_streaming().then(|| format_ident!("{}Stream", method.name())),
        literal: quote! {
            ::store::Method {
                path: #path, access: #access, mutating: #mutating, read_permissions: &[#(#read_permissions),*],
            }
        },
    })
}

/// The permissions that fields of an answer, at any depth, ask for.
fn read_permissions(answer: &MessageDescriptor) -> BTreeSet<String> {
    let (mut found, mut seen) = (BTreeSet::new(), HashSet::new());
    let mut open = vec![answer.clone()];
    while let Some(message) = open.pop() {
        if !seen.insert(message.full_name().to_owned()) {
            continue;
        }
        for field in message.fields() {
            found.insert(options::field(&field).read_permission);
            open.extend(field.kind().as_message().cloned());
        }
    }
    found.remove("");
    found
}

fn has_request_id(input: &MessageDescriptor) -> bool {
    input.get_field_by_name("request_id").is_some()
}

/// What every method must say of itself.
fn check(method: &MethodDescriptor, problems: &mut Problems) -> Option<options::Access> {
    let (place, input) = (method.full_name(), method.input());
    if method.is_client_streaming() {
        problems.add(place, "takes a stream, which no browser can send: take a list, or several calls");
    }
    if method.is_server_streaming() && (options::is_get(method) != Some(true) || has_request_id(&input)) {
        problems.add(
            place,
            "answers with a stream, which is for reading: it needs a GET route and no request_id",
        );
    }
    if !is_own(input.package_name()) {
        problems.add(place, format!("its request `{}` must be a message of the project", input.full_name()));
    }
    let is_get = options::is_get(method);
    if is_get.is_none() {
        problems.add(place, "has no REST route: it needs the option (google.api.http)");
    }
    let access = match options::access(method) {
        Ok(access) => access,
        Err(problem) => {
            problems.add(place, problem);
            return None;
        }
    };
    let may_write = match &access {
        // Whoever may only read can't be let write; such a POST is a question that needs a body.
        options::Access::Permission(name) => !name.ends_with(".read"),
        // Logging in and the like have nobody whose request could be remembered.
        options::Access::Public => false,
        options::Access::Authenticated => true,
    };
    let request_id = input.get_field_by_name("request_id");
    if is_get == Some(false) && may_write && request_id.is_none() {
        problems.add(place, format!("writes, so that `{}` needs the field request_id", input.name()));
    }
    if request_id.is_some_and(|field| !matches!(field.kind(), prost_reflect::Kind::String) || field.is_list())
    {
        problems.add(place, "its request_id is no string");
    }
    Some(access)
}

fn methods(service: &ServiceDescriptor, rpcs: &[Rpc]) -> TokenStream {
    let (name, count) = (methods_name(service), names::place(rpcs.len()));
    let literals = rpcs.iter().map(|rpc| &rpc.literal);
    quote! {
        pub(crate) static #name: [::store::Method; #count] = [#(#literals),*];
    }
}

fn api(service: &ServiceDescriptor, rpcs: &[Rpc]) -> TokenStream {
    let api = format_ident!("{}Api", names::camel(noun(service)));
    let docs = names::docs(&service.parent_file(), service.path());
    let functions = rpcs.iter().map(|Rpc { rust, input, output, docs, body, stream, .. }| {
        let output = if stream.is_some() { quote!(::store::Feed<#output>) } else { output.clone() };
        let head = quote! {
            #docs
            fn #rust<'a>(
                &'a self, cx: &'a mut ::store::Cx, request: #input,
            ) -> impl ::core::future::Future<Output = ::kit::Result<#output>> + Send + 'a
        };
        match body {
            Some(body) => quote!(#head { async move { #body } }),
            None => quote!(#head;),
        }
    });
    quote! {
        #docs
        pub trait #api: Send + Sync + 'static {
            #(#functions)*
        }
    }
}

/// The struct that services mount.
fn mount(service: &ServiceDescriptor) -> Vec<TokenStream> {
    let noun = names::camel(noun(service));
    let (api, rpc, glue) =
        (format_ident!("{noun}Api"), format_ident!("{noun}Rpc"), format_ident!("{noun}Glue"));
    let full_name = service.full_name();
    let methods = methods_name(service);
    let (module, server) = tonic_server(service);
    let docs = format!(" `{full_name}`, answered by `T`.");
    vec![
        quote! {
            #[doc = #docs]
            #[derive(Debug)]
            pub struct #rpc<T>(pub T);
        },
        quote! {
            impl<T: #api> ::store::Rpc for #rpc<T> {
                fn name(&self) -> &'static str {
                    #full_name
                }
                fn methods(&self) -> &'static [::store::Method] {
                    &#methods
                }
                fn mount(self: Box<Self>, env: ::store::Env, routes: &mut ::tonic::service::RoutesBuilder) {
                    routes.add_service(#module::#server::new(#glue { env, api: self.0 }));
                }
            }
        },
    ]
}

/// The module and the server that tonic makes of a service.
fn tonic_server(service: &ServiceDescriptor) -> (Ident, Ident) {
    let name = names::camel(service.name());
    // tonic puts an underscore before each capital of prost's name, which heck does as well.
    (format_ident!("{}_server", names::snake(&name.to_string())), format_ident!("{name}Server"))
}

fn glue(service: &ServiceDescriptor, rpcs: &[Rpc]) -> TokenStream {
    let noun = names::camel(noun(service));
    let (api, glue) = (format_ident!("{noun}Api"), format_ident!("{noun}Glue"));
    let (module, _) = tonic_server(service);
    let (methods, tonic_trait) = (methods_name(service), names::camel(service.name()));
    let functions = rpcs.iter().enumerate().map(|(place, Rpc { rust, input, output, stream, .. })| {
        let place = names::place(place);
        let (close, declared, output) = match stream {
            Some(stream) => (
                quote!(close_feed),
                quote!(type #stream = ::store::FeedStream<#output>;),
                quote!(Self::#stream),
            ),
            None => (quote!(close), quote!(), output.clone()),
        };
        quote! {
            #declared

            async fn #rust(
                &self, request: ::tonic::Request<#input>,
            ) -> ::core::result::Result<::tonic::Response<#output>, ::tonic::Status> {
                let (mut call, request) = ::store::Call::open(&self.env, &#methods[#place], request).await?;
                loop {
                    let result = self.api.#rust(call.cx(), request.clone()).await;
                    if let Some(answer) = call.#close(result).await {
                        return answer;
                    }
                }
            }
        }
    });
    quote! {
        struct #glue<T> {
            env: ::store::Env,
            api: T,
        }

        #[::tonic::async_trait]
        impl<T: #api> #module::#tonic_trait for #glue<T> {
            #(#functions)*
        }
    }
}
