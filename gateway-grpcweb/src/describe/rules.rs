//! The rules of `buf.validate` as constraints of JSON Schema; what JSON Schema cannot say becomes a
//! sentence, so that no rule is lost.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, OneofDescriptor, ReflectMessage, Value as Set};
use serde_json::{Map, Value, json};

use super::numbers;
use super::pattern;

/// A JSON Schema on its way.
pub(crate) type Schema = Map<String, Value>;

/// What the rules of one value say.
#[derive(Default)]
pub(crate) struct Rules {
    /// The rules of the value's type, such as `StringRules`.
    typed: Option<DynamicMessage>,
    pub(crate) required: bool,
    /// `IGNORE_IF_ZERO_VALUE`: the zero value passes whatever the rules say.
    pub(crate) skip_zero: bool,
    /// Sentences for what no constraint says.
    pub(crate) texts: Vec<String>,
}

impl Rules {
    /// The rules of a field.
    pub(crate) fn of(field: &FieldDescriptor) -> Self {
        let options = field.options();
        extension(&options, "buf.validate.field").map_or_else(Self::default, |rules| Self::read(&rules))
    }

    /// Reads a `buf.validate.FieldRules`.
    pub(crate) fn read(rules: &DynamicMessage) -> Self {
        let mut read = Self::default();
        for (rule, set) in rules.fields() {
            match (rule.name(), set) {
                ("required", _) => read.required = set.as_bool() == Some(true),
                ("ignore", _) => match set.as_enum_number() {
                    Some(1) => read.skip_zero = true,
                    // Never looked at: there is nothing that a caller must know.
                    Some(3) => return Self::default(),
                    _ => {}
                },
                ("cel", Set::List(list)) => read.texts.extend(list.iter().filter_map(cel)),
                ("cel_expression", Set::List(list)) => {
                    read.texts.extend(list.iter().filter_map(Set::as_str).map(|text| format!("`{text}`.")));
                }
                (_, Set::Message(typed)) => read.typed = Some(typed.clone()),
                (name, _) => read.texts.push(told(name, set)),
            }
        }
        read
    }

    /// Writes the constraints of a single value into its schema. Lists and maps have their own
    /// rules, which [`Rules::each`] reads.
    pub(crate) fn constrain(&mut self, kind: &Kind, schema: &mut Schema) {
        let Some(typed) = self.typed.take() else { return };
        let name = typed.descriptor().name().trim_end_matches("Rules").to_lowercase();
        let mut own = Schema::new();
        for (rule, set) in typed.fields() {
            let done = match kind {
                Kind::String => string(rule.name(), set, &mut own),
                Kind::Bytes => bytes(rule.name(), set, &mut own),
                Kind::Bool => constant(rule.name(), set, &mut own),
                Kind::Enum(_) => enumeration(rule.name(), set, kind, &mut own),
                Kind::Message(_) => false,
                _ => numbers::rule(kind, rule.name(), set, &mut own),
            };
            // `example` shows a value; it asks for nothing.
            if !done && rule.name() != "example" {
                self.texts.push(sentence(&name, rule.name(), set));
            }
        }
        // Rules of the contract's own making, which are CEL behind an extension of StringRules and the like.
        for (rule, set) in typed.extensions() {
            self.texts.push(told(rule.full_name(), set));
        }
        numbers::finish(kind, &mut own, &mut self.texts);
        merge(schema, own);
    }

    /// Takes the rules of a list or a map: those of the whole go into `schema`, the others are
    /// given back for the items, or for keys and values.
    pub(crate) fn each(&mut self, schema: &mut Schema) -> (Self, Self) {
        let (mut first, mut second) = (Self::default(), Self::default());
        let Some(typed) = self.typed.take() else { return (first, second) };
        for (rule, set) in typed.fields() {
            match (rule.name(), set) {
                ("items" | "values", Set::Message(rules)) => first = Self::read(rules),
                ("keys", Set::Message(rules)) => second = Self::read(rules),
                ("min_items", _) => put(schema, "minItems", number(set)),
                ("max_items", _) => put(schema, "maxItems", number(set)),
                ("min_pairs", _) => put(schema, "minProperties", number(set)),
                ("max_pairs", _) => put(schema, "maxProperties", number(set)),
                ("unique", _) => put(schema, "uniqueItems", json!(set.as_bool() == Some(true))),
                (name, _) => self.texts.push(told(name, set)),
            }
        }
        (first, second)
    }
}

/// An option of buf.validate.
fn extension(options: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let extension = options.descriptor().parent_pool().get_extension_by_name(name)?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).as_message().cloned())?
}

/// Whether one member of the oneof must be set.
pub(crate) fn oneof_required(oneof: &OneofDescriptor) -> bool {
    extension(&oneof.options(), "buf.validate.oneof")
        .and_then(|rules| rules.get_field_by_name("required")?.as_bool())
        .unwrap_or(false)
}

/// The rules of a whole message, as sentences.
pub(crate) fn of_message(message: &prost_reflect::MessageDescriptor) -> Vec<String> {
    let Some(rules) = extension(&message.options(), "buf.validate.message") else { return Vec::new() };
    let mut texts = Vec::new();
    for (rule, set) in rules.fields() {
        match (rule.name(), set) {
            ("cel", Set::List(list)) => texts.extend(list.iter().filter_map(cel)),
            ("cel_expression", Set::List(list)) => {
                texts.extend(list.iter().filter_map(Set::as_str).map(|text| format!("`{text}`.")));
            }
            ("oneof", Set::List(list)) => texts.extend(list.iter().filter_map(|one| {
                let one = one.as_message()?;
                let fields = one.get_field_by_name("fields")?;
                let names: Vec<_> = fields.as_list()?.iter().filter_map(Set::as_str).collect();
                let must = one.get_field_by_name("required")?.as_bool()?;
                let many = if must { "Exactly" } else { "At most" };
                Some(format!("{many} one of `{}` may be set.", names.join("`, `")))
            })),
            (name, _) => texts.push(told(name, set)),
        }
    }
    texts
}

/// A `buf.validate.Rule`: its message, and the expression that it stands for.
fn cel(rule: &Set) -> Option<String> {
    let rule = rule.as_message()?;
    let text = |name: &str| rule.get_field_by_name(name)?.as_str().map(str::to_owned);
    let (message, expression) = (text("message").unwrap_or_default(), text("expression").unwrap_or_default());
    Some(if message.is_empty() { format!("`{expression}`.") } else { format!("{message} (`{expression}`).") })
}

/// A rule that no constraint and no sentence of its own tells.
fn told(name: &str, set: &Set) -> String {
    format!("Rule `{name}`: `{}`.", shown(set))
}

fn sentence(rules: &str, rule: &str, set: &Set) -> String {
    let shown = shown(set);
    match rule {
        "gt" => format!("More than {shown}."),
        "gte" => format!("At least {shown}."),
        "lt" => format!("Less than {shown}."),
        "lte" => format!("At most {shown}."),
        "const" => format!("Always {shown}."),
        "min_bytes" => format!("At least {shown} bytes in UTF-8."),
        "max_bytes" => format!("At most {shown} bytes in UTF-8."),
        "len_bytes" => format!("{shown} bytes in UTF-8."),
        _ => told(&format!("{rules}.{rule}"), set),
    }
}

/// A rule's value for a person.
pub(crate) fn shown(set: &Set) -> String {
    match set {
        Set::Bool(value) => value.to_string(),
        Set::String(text) => text.clone(),
        Set::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Set::List(list) => list.iter().map(shown).collect::<Vec<_>>().join(", "),
        Set::Message(message) => {
            let part = |name: &str| message.get_field_by_name(name).map(|set| shown(&set));
            match (message.descriptor().name(), part("seconds"), part("nanos")) {
                ("Duration", Some(seconds), Some(nanos)) if nanos == "0" => format!("{seconds}s"),
                _ => message.to_string(),
            }
        }
        other => other.to_string(),
    }
}

/// A whole number as JSON.
fn number(set: &Set) -> Value {
    set.as_u64().map_or(Value::Null, Value::from)
}

pub(super) fn put(schema: &mut Schema, key: &str, value: Value) {
    schema.insert(key.to_owned(), value);
}

/// Adds constraints to a schema; keys that are there already are joined by `allOf`.
pub(crate) fn merge(schema: &mut Schema, own: Schema) {
    for (key, value) in own {
        match schema.get_mut(&key) {
            None => put(schema, &key, value),
            Some(Value::Array(list)) if key == "allOf" => {
                list.extend(value.as_array().cloned().unwrap_or_default());
            }
            // The type's own pattern says less than the rule's.
            Some(there) if ["pattern", "minLength", "minimum"].contains(&key.as_str()) => *there = value,
            Some(_) => also(schema, json!({key: value})),
        }
    }
}

/// Asks for one more thing.
fn also(schema: &mut Schema, more: Value) {
    if let Value::Array(all) = schema.entry("allOf").or_insert_with(|| json!([])) {
        all.push(more);
    }
}

fn put_pattern(schema: &mut Schema, pattern: String) {
    if schema.contains_key("pattern") {
        also(schema, json!({"pattern": pattern}));
    } else {
        put(schema, "pattern", pattern.into());
    }
}

fn quote(text: &str) -> String {
    pattern::to_ecma(&regex_syntax::escape(text)).unwrap_or_default()
}

fn strings(set: &Set) -> Value {
    set.as_list().unwrap_or_default().iter().filter_map(Set::as_str).collect()
}

/// One rule of `StringRules`; false when JSON Schema cannot say it.
fn string(rule: &str, set: &Set, schema: &mut Schema) -> bool {
    let format = match rule {
        "email" | "hostname" | "ipv4" | "ipv6" | "uri" | "uuid" => rule,
        "uri_ref" => "uri-reference",
        _ => "",
    };
    if set.as_bool() == Some(false) {
        return true;
    }
    let text = set.as_str().unwrap_or_default();
    match rule {
        _ if !format.is_empty() => put(schema, "format", format.into()),
        "ip" => put(schema, "anyOf", json!([{"format": "ipv4"}, {"format": "ipv6"}])),
        "address" => {
            put(schema, "anyOf", json!([{"format": "hostname"}, {"format": "ipv4"}, {"format": "ipv6"}]));
        }
        "tuuid" => put_pattern(schema, "^[0-9a-fA-F]{32}$".to_owned()),
        "const" => put(schema, "const", text.into()),
        "in" => put(schema, "enum", strings(set)),
        "not_in" => put(schema, "not", json!({"enum": strings(set)})),
        "len" => {
            put(schema, "minLength", number(set));
            put(schema, "maxLength", number(set));
        }
        "min_len" => put(schema, "minLength", number(set)),
        "max_len" => put(schema, "maxLength", number(set)),
        "prefix" => put_pattern(schema, format!("^{}", quote(text))),
        "suffix" => put_pattern(schema, format!("{}$", quote(text))),
        "contains" => put_pattern(schema, quote(text)),
        "not_contains" => also(schema, json!({"not": {"pattern": quote(text)}})),
        "pattern" => match pattern::to_ecma(text) {
            Some(pattern) => put_pattern(schema, pattern),
            None => return false,
        },
        _ => return false,
    }
    true
}

/// One rule of `BytesRules`, whose lengths are those of the bytes behind the base64.
fn bytes(rule: &str, set: &Set, schema: &mut Schema) -> bool {
    let Some(count) = set.as_u64() else { return false };
    let (shortest, longest) = ((count * 4).div_ceil(3), count.div_ceil(3) * 4);
    match rule {
        "len" => {
            put(schema, "minLength", shortest.into());
            put(schema, "maxLength", longest.into());
        }
        "min_len" => put(schema, "minLength", shortest.into()),
        "max_len" => put(schema, "maxLength", longest.into()),
        _ => return false,
    }
    true
}

fn constant(rule: &str, set: &Set, schema: &mut Schema) -> bool {
    let Some(value) = set.as_bool().filter(|_| rule == "const") else { return false };
    put(schema, "const", value.into());
    true
}

/// One rule of `EnumRules`, whose numbers stand for names.
fn enumeration(rule: &str, set: &Set, kind: &Kind, schema: &mut Schema) -> bool {
    let Kind::Enum(descriptor) = kind else { return false };
    let name = |number: &Set| -> Option<Value> {
        Some(descriptor.get_value(number.as_i32()?)?.name().to_owned().into())
    };
    let names = |set: &Set| -> Value { set.as_list().unwrap_or_default().iter().filter_map(name).collect() };
    match rule {
        // The enum's own schema lists the defined values, and no others.
        "defined_only" => {}
        "const" => put(schema, "const", name(set).unwrap_or_default()),
        "in" => put(schema, "enum", names(set)),
        "not_in" => put(schema, "not", json!({"enum": names(set)})),
        _ => return false,
    }
    true
}
