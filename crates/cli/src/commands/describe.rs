//! `tessera describe`: the contracts, as they are compiled into this program.

use std::sync::LazyLock;

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor,
    MethodDescriptor, ReflectMessage as _, ServiceDescriptor, Value as Reflected,
};
use serde_json::{Value, json};

use crate::Result;
use crate::cli::Describe;
use crate::names::{self, Symbol};
use crate::output::{Output, put};

/// Describes one thing, or lists all services.
pub fn run(options: &Describe, output: Output) -> Result<()> {
    match options.symbol.as_deref().map(names::symbol).transpose()? {
        None => domains(output),
        Some(Symbol::Domain(package)) => domain(&package, output),
        Some(Symbol::Service(service)) => self::service(&service, output),
        Some(Symbol::Method(method)) => self::method(&method, output),
        Some(Symbol::Message(message)) => self::message(&message, output),
        Some(Symbol::Enum(found)) => self::enumeration(&found, output),
    }
}

fn domains(output: Output) -> Result<()> {
    let rows: Vec<_> = names::services()
        .map(|service| {
            let methods: Vec<_> = service.methods().map(|method| method.name().to_owned()).collect();
            let comment = comment(&service.parent_file(), service.path());
            (names::domain(service.package_name()).to_owned(), service.name().to_owned(), methods, comment)
        })
        .collect();
    let as_json = rows.iter().map(|(domain, name, methods, comment)| {
        json!({"domain": domain, "service": name, "methods": methods, "comment": comment})
    });
    let table = rows
        .iter()
        .map(|(domain, name, methods, comment)| {
            vec![domain.clone(), name.clone(), methods.len().to_string(), first_sentence(comment)]
        })
        .collect();
    output.table(&as_json.collect(), &["domain", "service", "methods", ""], table)?;
    eprintln!("next: tessera describe crm    (or crm.ListAccounts, crm.Account)");
    Ok(())
}

fn domain(package: &str, output: Output) -> Result<()> {
    let methods = names::services()
        .filter(|service| service.package_name() == package)
        .flat_map(|service| service.methods().collect::<Vec<_>>());
    methods_table(methods.collect(), output)
}

fn service(service: &ServiceDescriptor, output: Output) -> Result<()> {
    if !output.is_json() {
        let comment = comment(&service.parent_file(), service.path());
        put(&format!("{}\n{comment}\n\n", output.bold(service.full_name())))?;
    }
    methods_table(service.methods().collect(), output)
}

fn methods_table(methods: Vec<MethodDescriptor>, output: Output) -> Result<()> {
    let as_json: Vec<_> = methods.iter().map(method_json).collect();
    let rows = methods.iter().map(|method| {
        let comment = comment(&method.parent_service().parent_file(), method.path());
        vec![names::short(method), access(method), first_sentence(&comment)]
    });
    output.table(&json!(as_json), &["method", "permission", ""], rows.collect())
}

fn method(method: &MethodDescriptor, output: Output) -> Result<()> {
    if output.is_json() {
        return put(&format!("{:#}\n", method_json(method)));
    }
    let comment = comment(&method.parent_service().parent_file(), method.path());
    let mut text = format!("{}\n{comment}\n\n", output.bold(&names::full(method)));
    text.push_str(&format!("permission  {}\n", access(method)));
    for route in routes(method) {
        text.push_str(&format!("http        {route}\n"));
    }
    text.push_str(&format!("answers     {}\n\n", method.output().full_name()));
    text.push_str(&format!("{}\n", output.bold(method.input().full_name())));
    put(&text)?;
    fields_table(&method.input(), output)
}

fn method_json(method: &MethodDescriptor) -> Value {
    json!({
        "method": names::full(method),
        "permission": access(method),
        "http": routes(method),
        "comment": comment(&method.parent_service().parent_file(), method.path()),
        "request": method.input().full_name(),
        "fields": method.input().fields().map(|field| field_json(&field)).collect::<Vec<_>>(),
        "answer": method.output().full_name(),
    })
}

fn message(message: &MessageDescriptor, output: Output) -> Result<()> {
    let comment = comment(&message.parent_file(), message.path());
    if output.is_json() {
        let told = json!({
            "message": message.full_name(),
            "comment": comment,
            "fields": message.fields().map(|field| field_json(&field)).collect::<Vec<_>>(),
        });
        return put(&format!("{told:#}\n"));
    }
    put(&format!("{}\n{comment}\n\n", output.bold(message.full_name())))?;
    fields_table(message, output)
}

fn fields_table(message: &MessageDescriptor, output: Output) -> Result<()> {
    let rows: Vec<_> = message
        .fields()
        .map(|field| {
            let comment = comment(&field.parent_file(), field.path());
            vec![field.name().to_owned(), kind(&field), rules(&field).join(", "), comment.replace('\n', " ")]
        })
        .collect();
    if rows.is_empty() {
        return put("no fields\n");
    }
    output.table(&Value::Null, &["field", "type", "rules", ""], rows)
}

fn field_json(field: &FieldDescriptor) -> Value {
    json!({
        "field": field.name(),
        "type": kind(field),
        "rules": rules(field),
        "comment": comment(&field.parent_file(), field.path()),
    })
}

fn enumeration(found: &EnumDescriptor, output: Output) -> Result<()> {
    let values: Vec<_> = found
        .values()
        .map(|value| (value.name().to_owned(), value.number(), comment(&found.parent_file(), value.path())))
        .collect();
    let as_json = json!({
        "enum": found.full_name(),
        "comment": comment(&found.parent_file(), found.path()),
        "values": values
            .iter()
            .map(|(name, number, comment)| json!({"value": name, "number": number, "comment": comment}))
            .collect::<Vec<_>>(),
    });
    let rows = values
        .iter()
        .map(|(name, number, comment)| vec![name.clone(), number.to_string(), comment.replace('\n', " ")]);
    output.table(&as_json, &["value", "number", ""], rows.collect())
}

/// What stands above a thing in the proto file.
fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    static WITH_COMMENTS: LazyLock<Option<DescriptorPool>> =
        LazyLock::new(|| DescriptorPool::decode(contracts::DESCRIPTORS).ok());
    let file = WITH_COMMENTS.as_ref().and_then(|pool| pool.get_file_by_name(file.name()));
    let info = file.as_ref().and_then(|file| file.file_descriptor_proto().source_code_info.as_ref());
    let location = info.and_then(|info| info.location.iter().find(|location| location.path == path));
    let text = location.and_then(|location| location.leading_comments.as_deref()).unwrap_or_default();
    text.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn first_sentence(comment: &str) -> String {
    let line = comment.replace('\n', " ");
    match line.find(". ") {
        Some(end) => line.get(..=end).unwrap_or(&line).to_owned(),
        None => line,
    }
}

fn kind(field: &FieldDescriptor) -> String {
    let name = match field.kind() {
        Kind::Message(message) if field.is_map() => {
            let value = message.map_entry_value_field();
            return format!("map of {}", kind(&value));
        }
        Kind::Message(message) => message.full_name().trim_start_matches("erp.").to_owned(),
        Kind::Enum(found) => found.full_name().trim_start_matches("erp.").to_owned(),
        other => format!("{other:?}").to_lowercase(),
    };
    match () {
        () if field.is_list() => format!("list of {name}"),
        () if field.field_descriptor_proto().proto3_optional() => format!("{name}, optional"),
        () => name,
    }
}

/// What the contract demands of a field, in short.
fn rules(field: &FieldDescriptor) -> Vec<String> {
    let options = field.options();
    let mut rules = Vec::new();
    if let Some(Reflected::List(behaviours)) = extension(&options, "google.api.field_behavior") {
        let words = behaviours.iter().filter_map(Reflected::as_enum_number).map(|number| match number {
            2 => "required",
            3 => "output only",
            5 => "immutable",
            _ => "",
        });
        rules.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
    }
    if let Some(Reflected::Message(ours)) = extension(&options, "erp.v1.field") {
        if let Some(entity) =
            ours.get_field_by_name("references").and_then(|one| one.as_str().map(str::to_owned))
            && !entity.is_empty()
        {
            rules.push(format!("id of {}", entity.trim_start_matches("erp.")));
        }
        for word in ["personal", "secret"] {
            if ours.get_field_by_name(word).is_some_and(|one| one.as_bool() == Some(true)) {
                rules.push(word.to_owned());
            }
        }
    }
    if let Some(Reflected::Message(validate)) = extension(&options, "buf.validate.field")
        && let Ok(json) = serde_json::to_value(&validate)
    {
        flatten("", &json, &mut rules);
    }
    rules
}

/// `{"string": {"minLen": "1"}}` as `minLen 1`.
fn flatten(name: &str, value: &Value, rules: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| flatten(name, value, rules)),
        _ if name == "ignore" => {}
        Value::Bool(true) => rules.push(name.to_owned()),
        Value::String(text) => rules.push(format!("{name} {text}")),
        other => rules.push(format!("{name} {other}")),
    }
}

fn extension(options: &DynamicMessage, name: &str) -> Option<Reflected> {
    let extension = options.descriptor().parent_pool().get_extension_by_name(name)?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

fn access(method: &MethodDescriptor) -> String {
    let options = method.options();
    let Some(Reflected::Message(access)) = extension(&options, "erp.v1.access") else { return String::new() };
    let flag = |name: &str| access.get_field_by_name(name).is_some_and(|one| one.as_bool() == Some(true));
    match () {
        () if flag("public") => "anyone".to_owned(),
        () if flag("authenticated") => "anyone who is signed in".to_owned(),
        () => {
            let permission = access.get_field_by_name("permission");
            permission.and_then(|one| one.as_str().map(str::to_owned)).unwrap_or_default()
        }
    }
}

/// `POST /api/v1/accounts`
fn routes(method: &MethodDescriptor) -> Vec<String> {
    let options = method.options();
    let Some(Reflected::Message(rule)) = extension(&options, "google.api.http") else { return Vec::new() };
    let mut rules = vec![rule.clone()];
    if let Some(more) = rule.get_field_by_name("additional_bindings")
        && let Some(list) = more.as_list()
    {
        rules.extend(list.iter().filter_map(Reflected::as_message).cloned());
    }
    let route = |rule: &DynamicMessage| {
        ["get", "post", "put", "patch", "delete"].iter().find_map(|verb| {
            let path = rule.get_field_by_name(verb)?.as_str()?.to_owned();
            (!path.is_empty()).then(|| format!("{} {path}", verb.to_uppercase()))
        })
    };
    rules.iter().filter_map(route).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_tells_its_permission_and_path() {
        // Both come from options, which other tools drop.
        let method = names::method("crm.ListAccounts").unwrap();
        assert_eq!(access(&method), "crm.accounts.read");
        assert_eq!(routes(&method), ["GET /api/v1/accounts"]);
        assert_eq!(access(&names::method("identity.SignUp").unwrap()), "anyone");
    }

    #[test]
    fn a_field_tells_its_rules_and_comment() {
        // They are what a person needs to fill a request in.
        let Symbol::Message(account) = names::symbol("crm.Account").unwrap() else { panic!("no message") };
        let name = account.get_field_by_name("display_name").unwrap();
        assert_eq!(rules(&name), ["required", "maxLen 200", "minLen 1"]);
        assert_eq!(comment(&name.parent_file(), name.path()), "The name people use for the company.");
        let parent = account.get_field_by_name("parent_id").unwrap();
        assert!(rules(&parent).contains(&"id of crm.v1.Account".to_owned()));
        assert_eq!(kind(&parent), "string, optional");
    }
}
