//! Messages as a case file's `meta.types` describes them.
//!
//! A type is `{"field": "int64", ...}`, and a field's type one of: a scalar, a message's name,
//! `repeated T`, `map<K,V>`, `T in oneof`, `enum Name{A=0,B=1}` (also without `enum`), or a message
//! of its own, `Name{field:T,...}`.

use std::fmt::Write;
use std::path::PathBuf;

use prost_reflect::DescriptorPool;
use protox::file::{ChainFileResolver, File, FileResolver, IncludeFileResolver};
use serde_json::Value;

/// The package of the messages that are made here.
pub(super) const PACKAGE: &str = "described";

const FILE: &str = "described.proto";

/// The messages of `cases.proto`, and those of the file's description that it does not have.
pub(super) fn pool(file: &Value) -> DescriptorPool {
    let known = super::pool("cases.proto");
    let text = describe(&known, file);
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut files = ChainFileResolver::new();
    for folder in [root.join("tests/protos"), root.join("../proto/third_party")] {
        files.add(IncludeFileResolver::new(folder));
    }
    files.add(protox::file::GoogleFileResolver::new());
    files.add(Described(text));
    let mut compiler = protox::Compiler::with_file_resolver(files);
    compiler.include_imports(true).open_file(FILE).unwrap_or_else(|error| panic!("meta.types: {error}"));
    compiler.descriptor_pool()
}

struct Described(String);

impl FileResolver for Described {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == FILE { File::from_source(name, &self.0) } else { Err(protox::Error::file_not_found(name)) }
    }
}

/// A proto file with the messages that are not known with these fields.
fn describe(known: &DescriptorPool, file: &Value) -> String {
    let mut text = format!("syntax = \"proto3\"; package {PACKAGE}; import \"cases.proto\";");
    for name in ["any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"] {
        let _ = write!(text, "import \"google/protobuf/{name}.proto\";");
    }
    let types = file["meta"]["types"].as_object().into_iter().flatten();
    for (name, fields) in types {
        let Some(fields) = fields.as_object() else { continue };
        let has = |field: &String| {
            known.get_message_by_name(name).is_some_and(|message| message.get_field_by_name(field).is_some())
        };
        if fields.keys().all(has) {
            continue;
        }
        let pairs = fields.iter().filter_map(|(name, ty)| Some((name.as_str(), ty.as_str()?)));
        let _ = write!(text, "message {name} {{ {} }}", fields_of(pairs));
    }
    text
}

fn fields_of<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let (mut plain, mut oneof, mut nested) = (String::new(), String::new(), String::new());
    for (index, (name, ty)) in fields.enumerate() {
        let number = index + 1;
        let (ty, target) = match ty.strip_suffix(" in oneof") {
            Some(ty) => (ty, &mut oneof),
            None => (ty, &mut plain),
        };
        let (label, ty) = ty.strip_prefix("repeated ").map_or(("", ty), |ty| ("repeated ", ty));
        let ty = ty.strip_prefix("enum ").unwrap_or(ty);
        let ty = match ty.split_once('{') {
            Some((own, content)) => {
                let content = content.trim_end_matches('}');
                nested.push_str(&own_type(own, content));
                own
            }
            None => ty,
        };
        let _ = write!(target, "{label}{ty} {name} = {number};");
    }
    if !oneof.is_empty() {
        oneof = format!("oneof one_of {{ {oneof} }}");
    }
    nested + &plain + &oneof
}

/// An enum or message that one field brings along; the first field that names it describes it.
fn own_type(name: &str, content: &str) -> String {
    if content.contains('=') {
        let values = content.split(',').map(|value| format!("{};", value.trim()));
        return format!("enum {name} {{ {} }}", values.collect::<String>());
    }
    let fields = content.split(',').filter_map(|field| field.split_once(':'));
    // An enum within is known by its numbers alone.
    let fields =
        fields.map(|(name, ty)| (name.trim(), if ty.trim() == "enum" { "int32" } else { ty.trim() }));
    format!("message {name} {{ {} }}", fields_of(fields))
}

#[test]
fn messages_are_made_of_their_descriptions() {
    let file = serde_json::json!({"meta": {"types": {
        "Robot": {"id": "int64", "kind": "enum KIND{A=0,B=1}", "parts": "repeated Part", "tags": "map<string,Part>",
            "left": "double in oneof", "right": "string in oneof", "at": "google.protobuf.Timestamp",
            "arm": "Arm{length:double,kind:enum}"},
        "Part": {"name": "string"},
        "Shelf": {"name": "string", "theme": "string", "height": "int32"},
        "Book": {"title": "string"},
    }}});
    let pool = pool(&file);
    let robot = pool.get_message_by_name("described.Robot").unwrap();
    assert_eq!((robot.fields().len(), robot.oneofs().len()), (8, 1));
    assert!(pool.get_message_by_name("described.Shelf").is_some(), "a field is new");
    assert!(pool.get_message_by_name("described.Book").is_none(), "cases.proto has it");
}
