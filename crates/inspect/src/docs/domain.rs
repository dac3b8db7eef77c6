//! The page of one domain.

use std::collections::BTreeSet;

use prost_reflect::{EnumDescriptor, MessageDescriptor, MethodDescriptor};

use super::markdown::{code, head, line, message_link, row};
use super::{events, fields};
use crate::options::Access;
use crate::{Tree, options, tree};

/// The file of a domain's page; the vocabulary of all domains has no name of its own.
pub fn file(domain: &str) -> String {
    if domain.is_empty() { "common.md".to_owned() } else { format!("{domain}.md") }
}

/// The page.
pub fn page(tree: &Tree, domain: &str) -> String {
    let title = if domain.is_empty() { "What all domains share" } else { domain };
    let mut page = format!("# {title}\n\n");
    for file in tree.files().filter(|file| tree::domain(file.package_name()) == domain) {
        page.push_str(&format!("- {}: {}\n", code(file.name()), line(tree.head(&file))));
    }
    page.push('\n');
    let (resources, others) = messages(tree, domain);
    section(&mut page, "Resources", resources.iter().map(|message| resource(tree, message, domain)));
    section(&mut page, "Methods", services(tree, domain));
    section(&mut page, "Events", events::of_domain(tree, domain));
    section(&mut page, "Errors", enums(tree, domain, true).iter().map(|declared| errors(tree, declared)));
    section(&mut page, "Messages", others.iter().map(|message| fields::message(tree, message, domain)));
    section(
        &mut page,
        "Enums",
        enums(tree, domain, false).iter().map(|declared| fields::enumeration(tree, declared)),
    );
    page
}

/// The domain's row of the index.
pub fn summary(tree: &Tree, domain: &str) -> String {
    let (resources, others) = messages(tree, domain);
    let links = resources.iter().map(|message| message_link(message, "the index"));
    let methods = tree.methods().filter(|method| of(method.parent_service().package_name(), domain)).count();
    let events = others.iter().filter(|message| options::event(message).is_some()).count();
    let name = if domain.is_empty() { "common" } else { domain };
    let page = format!("[{name}]({})", file(domain));
    row([page, links.collect::<Vec<_>>().join(", "), methods.to_string(), events.to_string()])
}

fn of(package: &str, domain: &str) -> bool {
    tree::domain(package) == domain
}

fn section(page: &mut String, title: &str, parts: impl Iterator<Item = String>) {
    let parts: String = parts.collect();
    if !parts.is_empty() {
        page.push_str(&format!("## {title}\n\n{}\n\n", parts.trim_end()));
    }
}

/// The domain's entities, and its other messages, by name.
fn messages(tree: &Tree, domain: &str) -> (Vec<MessageDescriptor>, Vec<MessageDescriptor>) {
    let mut all: Vec<_> = tree.messages().filter(|message| of(message.package_name(), domain)).collect();
    all.sort_by(|one, other| one.full_name().cmp(other.full_name()));
    all.into_iter().partition(|message| options::entity(message).is_some())
}

fn enums(tree: &Tree, domain: &str, reasons: bool) -> Vec<EnumDescriptor> {
    let all = tree.enums().filter(|declared| of(declared.package_name(), domain));
    let mut all: Vec<_> =
        all.filter(|declared| options::reason_domain(declared).is_some() == reasons).collect();
    all.sort_by(|one, other| one.full_name().cmp(other.full_name()));
    all
}

fn resource(tree: &Tree, message: &MessageDescriptor, domain: &str) -> String {
    let mut text = fields::message(tree, message, domain);
    if let Some(entity) = options::entity(message) {
        let mut said = vec![format!("Stored in {}", code(&entity.table))];
        if !entity.search.is_empty() {
            said.push(format!("found by the words of {}", code(&entity.search)));
        }
        if entity.soft_delete {
            said.push("can be undeleted".to_owned());
        }
        if !entity.topic.is_empty() {
            said.push(format!("tells its changes to {}", code(&entity.topic)));
        }
        if entity.aggregate {
            said.push("changed by the methods of its service only".to_owned());
        }
        text.push_str(&format!("{}.\n\n", said.join("; ")));
    }
    text
}

fn services<'a>(tree: &'a Tree, domain: &'a str) -> impl Iterator<Item = String> + use<'a> {
    let mut services: Vec<_> = tree.services().filter(|service| of(service.package_name(), domain)).collect();
    services.sort_by(|one, other| one.full_name().cmp(other.full_name()));
    services.into_iter().map(move |service| {
        let head = format!("### {}\n\n{}\n\n", service.name(), line(tree.comment(&service)));
        head + &service.methods().map(|one| method(tree, &one, domain)).collect::<String>()
    })
}

fn method(tree: &Tree, method: &MethodDescriptor, domain: &str) -> String {
    let mut text = format!("#### {}\n\n{}\n\n", method.name(), line(tree.comment(method)));
    for route in options::routes(method) {
        let mut said = format!("- {}", code(&format!("{} {}", route.verb, route.path)));
        match route.body.as_str() {
            "" => {}
            "*" => said.push_str(" with the request as its body"),
            field => said.push_str(&format!(" with {} as its body", code(field))),
        }
        if !route.response_body.is_empty() {
            said.push_str(&format!(", answered with {} alone", code(&route.response_body)));
        }
        text.push_str(&(said + "\n"));
    }
    let access = match options::access(method) {
        Some(Access::Permission(name)) => format!("needs {}", code(&name)),
        Some(Access::Public) => "for everybody, without signing in".to_owned(),
        Some(Access::Authenticated) => "for everybody who is signed in".to_owned(),
        None => "for nobody".to_owned(),
    };
    let (input, output) = (message_link(&method.input(), domain), message_link(&method.output(), domain));
    text.push_str(&format!("- {access}\n- takes {input}, returns {output}\n"));
    text.extend(limits(method).into_iter().map(|limit| format!("- {limit}\n")));
    text + "\n"
}

/// How often a method may be called and how long its answer is kept.
fn limits(method: &MethodDescriptor) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(rate) = options::rate(method) {
        for (limit, whose) in [(rate.caller_limit, "caller"), (rate.tenant_limit, "tenant")] {
            if limit > 0 {
                said.push(format!("at most {limit} calls of one {whose} in {} s", rate.window_seconds));
            }
        }
    }
    if let Some(cache) = options::cache(method) {
        let whom = if cache.shared { "everybody" } else { "one caller" };
        said.push(format!(
            "may be answered from a copy of {} s at most, kept for {whom}",
            cache.max_age_seconds
        ));
    }
    said
}

fn errors(tree: &Tree, declared: &EnumDescriptor) -> String {
    let domain = options::reason_domain(declared).unwrap_or_default();
    let mut text = format!(
        "### {}\n\n{} Error domain: {}.\n\n",
        declared.name(),
        line(tree.comment(declared)),
        code(&domain)
    );
    text.push_str(&head(["reason", "code", "message", "meaning"]));
    for value in declared.values() {
        let (code_name, message) = options::reason(&value)
            .map(|reason| (code(&reason.code), line(&reason.message)))
            .unwrap_or_default();
        text.push_str(&row([code(value.name()), code_name, message, line(tree.comment(&value))]));
    }
    text + "\n"
}

/// The domains that have a page.
pub fn names(tree: &Tree) -> BTreeSet<String> {
    tree.files().map(|file| tree::domain(file.package_name()).to_owned()).collect()
}
