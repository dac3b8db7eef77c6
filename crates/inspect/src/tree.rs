//! The compiled contracts, and what is declared in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use prost_reflect::{
    DescriptorPool, EnumDescriptor, EnumValueDescriptor, FieldDescriptor, FileDescriptor, Kind,
    MessageDescriptor, MethodDescriptor, OneofDescriptor, ServiceDescriptor,
};
use protox::Compiler;

/// The contracts of one moment, with their comments where they were compiled from source.
#[derive(Debug)]
pub struct Tree {
    pool: DescriptorPool,
    /// Comments by file and by the path that protobuf gives to a declaration.
    comments: BTreeMap<(String, Vec<i32>), String>,
}

impl Tree {
    /// Compiles every file below `<proto_dir>/erp`.
    pub fn find(proto_dir: &Path) -> Result<Self> {
        Self::compile(&[proto_dir, &proto_dir.join("third_party")], &files(proto_dir)?)
    }

    /// Compiles these files, named relative to one of the folders.
    pub fn compile(folders: &[&Path], files: &[PathBuf]) -> Result<Self> {
        Self::decode(&encode(folders, files, true)?)
    }

    /// The contracts of an encoded `FileDescriptorSet`, such as that of a release.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let pool = DescriptorPool::decode(bytes).context("these are no descriptors")?;
        let comments = pool.files().filter(is_own).flat_map(|file| comments(&file)).collect();
        Ok(Self { pool, comments })
    }

    /// The project's own files.
    pub fn files(&self) -> impl Iterator<Item = FileDescriptor> {
        self.pool.files().filter(is_own)
    }

    /// The project's own services.
    pub fn services(&self) -> impl Iterator<Item = ServiceDescriptor> {
        self.pool.services().filter(|service| is_own(&service.parent_file()))
    }

    /// All methods of the project's own services.
    pub fn methods(&self) -> impl Iterator<Item = MethodDescriptor> {
        self.services().flat_map(|service| service.methods().collect::<Vec<_>>())
    }

    /// The project's own messages, also nested ones; the entries of maps are none.
    pub fn messages(&self) -> impl Iterator<Item = MessageDescriptor> {
        self.pool.all_messages().filter(|message| is_own(&message.parent_file()) && !message.is_map_entry())
    }

    /// The fields of the project's own messages.
    pub fn fields(&self) -> impl Iterator<Item = FieldDescriptor> {
        self.messages().flat_map(|message| message.fields().collect::<Vec<_>>())
    }

    /// The project's own enums.
    pub fn enums(&self) -> impl Iterator<Item = EnumDescriptor> {
        self.pool.all_enums().filter(|declared| is_own(&declared.parent_file()))
    }

    /// The message of this full name.
    pub fn message(&self, full_name: &str) -> Option<MessageDescriptor> {
        self.pool.get_message_by_name(full_name)
    }

    /// The enum of this full name.
    pub fn enumeration(&self, full_name: &str) -> Option<EnumDescriptor> {
        self.pool.get_enum_by_name(full_name)
    }

    /// The method of this full name.
    pub fn method(&self, full_name: &str) -> Option<MethodDescriptor> {
        let (service, method) = full_name.rsplit_once('.')?;
        let service = self.pool.get_service_by_name(service)?;
        service.methods().find(|candidate| candidate.name() == method)
    }

    /// The comment above a declaration; empty where there is none.
    pub fn comment(&self, place: &impl Declared) -> &str {
        let key = (place.file().name().to_owned(), place.path().to_vec());
        self.comments.get(&key).map_or("", String::as_str)
    }

    /// What stands at the head of a file.
    pub fn head(&self, file: &FileDescriptor) -> &str {
        // 12 is the number of `syntax`, the first declaration of every file.
        self.comments.get(&(file.name().to_owned(), vec![12])).map_or("", String::as_str)
    }

    /// Full names of the messages that callers send: requests and what lies in them.
    pub fn sent(&self) -> BTreeSet<String> {
        let mut pending: Vec<MessageDescriptor> = self.methods().map(|method| method.input()).collect();
        let mut sent = BTreeSet::new();
        while let Some(message) = pending.pop() {
            if sent.insert(message.full_name().to_owned()) {
                pending.extend(message.fields().filter_map(|field| match field.kind() {
                    Kind::Message(target) => Some(target),
                    _ => None,
                }));
            }
        }
        sent
    }
}

/// The descriptors of every file below `<proto_dir>/erp` with their imports, encoded without comments: the
/// same contracts give the same bytes.
pub fn release(proto_dir: &Path) -> Result<Vec<u8>> {
    encode(&[proto_dir, &proto_dir.join("third_party")], &files(proto_dir)?, false)
}

/// The domain of a package: `crm` of `erp.crm.v1`; empty for the vocabulary in `erp.v1`.
pub fn domain(package: &str) -> &str {
    match package.split('.').collect::<Vec<_>>()[..] {
        ["erp", domain, _] => domain,
        _ => "",
    }
}

/// A declaration that has a name, a place and perhaps a comment.
pub trait Declared {
    /// The file that holds it.
    fn file(&self) -> FileDescriptor;
    /// Where in the file, in protobuf's counting.
    fn path(&self) -> &[i32];
    /// Its own name.
    fn name(&self) -> &str;
    /// Its name with all that surrounds it.
    fn full_name(&self) -> &str;
    /// What it is, for a sentence.
    fn what(&self) -> &'static str;
}

macro_rules! declared {
    ($($kind:ty: $what:literal),*) => {
        $(impl Declared for $kind {
            fn file(&self) -> FileDescriptor {
                self.parent_file()
            }
            fn path(&self) -> &[i32] {
                self.path()
            }
            fn name(&self) -> &str {
                self.name()
            }
            fn full_name(&self) -> &str {
                self.full_name()
            }
            fn what(&self) -> &'static str {
                $what
            }
        })*
    };
}

declared!(
    MessageDescriptor: "message", FieldDescriptor: "field", OneofDescriptor: "oneof", EnumDescriptor: "enum",
    EnumValueDescriptor: "enum value", ServiceDescriptor: "service", MethodDescriptor: "method"
);

fn is_own(file: &FileDescriptor) -> bool {
    let package = file.package_name();
    package == "erp" || package.starts_with("erp.")
}

/// Compiles these files with their imports, in the form in which options survive.
pub fn encode(folders: &[&Path], files: &[PathBuf], source_info: bool) -> Result<Vec<u8>> {
    let mut compiler = Compiler::new(folders)?;
    compiler.include_imports(true).include_source_info(source_info);
    // The debug form is the one that tells line and column.
    compiler.open_files(files).map_err(|error| anyhow!("{error:?}"))?;
    // Only this form keeps the custom options.
    Ok(compiler.encode_file_descriptor_set())
}

fn files(proto_dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![proto_dir.join("erp")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "proto") {
                found.push(path.strip_prefix(proto_dir)?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn comments(file: &FileDescriptor) -> Vec<((String, Vec<i32>), String)> {
    let proto = file.file_descriptor_proto();
    let places = proto.source_code_info.iter().flat_map(|info| &info.location);
    let comments = places.filter_map(|place| {
        let lines = place.leading_comments.as_ref()?.lines().map(str::trim).collect::<Vec<_>>();
        Some(((file.name().to_owned(), place.path.clone()), lines.join("\n").trim().to_owned()))
    });
    comments.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_release_is_the_same_twice_and_keeps_the_options() {
        // Otherwise every release would look changed, or hide what changed.
        let proto = testing::proto_dir();
        let first = release(&proto).unwrap();
        assert_eq!(first, release(&proto).unwrap());
        let tree = Tree::decode(&first).unwrap();
        let method = tree.method("erp.crm.v1.AccountService.GetAccount").unwrap();
        assert_eq!(crate::options::routes(&method)[0].path, "/api/v1/accounts/{id}");
        assert_eq!(tree.comment(&method), "");
    }

    #[test]
    fn comments_are_found_by_their_place() {
        // Everything that people read comes from them.
        let tree = testing::tree(
            "// A thing.\nmessage Thing {\n  // Its colour,\n  // in words.\n  string colour = 1;\n}",
        );
        let thing = tree.message("erp.test.v1.Thing").unwrap();
        assert_eq!(tree.comment(&thing), "A thing.");
        assert_eq!(tree.comment(&thing.get_field_by_name("colour").unwrap()), "Its colour,\nin words.");
    }

    #[test]
    fn what_is_sent_is_told_from_what_is_answered() {
        // Rules for input must not be asked of output.
        let tree = testing::tree(
            "service S { rpc Do(A) returns (C); } message A { B b = 1; } message B {} message C {}",
        );
        assert_eq!(tree.sent().into_iter().collect::<Vec<_>>(), ["erp.test.v1.A", "erp.test.v1.B"]);
        assert_eq!((domain("erp.crm.v1"), domain("erp.v1")), ("crm", ""));
    }
}
