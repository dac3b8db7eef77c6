//! Finds and compiles the proto files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use prost_reflect::{DescriptorPool, FileDescriptor, Kind, MessageDescriptor};
use prost_types::FileDescriptorSet;
use protox::Compiler;

use crate::package::{self, Package};
use crate::problems::{Error, Problems};

/// The compiled contracts.
#[derive(Debug)]
pub struct Contracts {
    /// With custom options: for people, reflection and the modules of this crate.
    pub(crate) pool: DescriptorPool,
    /// The encoded descriptors, with custom options and comments.
    pub(crate) bytes: Vec<u8>,
    /// The same without comments.
    pub(crate) bare: Vec<u8>,
    /// Without custom options: what prost generates from.
    pub(crate) set: FileDescriptorSet,
}

impl Contracts {
    /// Compiles every file below `<proto_dir>/erp`, and `third_party/google/type`, for whose values the
    /// contracts crate has conversions.
    pub fn find(proto_dir: &Path) -> Result<Self, Error> {
        let third_party = proto_dir.join("third_party");
        let mut files = Vec::new();
        collect(&proto_dir.join("erp"), proto_dir, &mut files)?;
        collect(&third_party.join("google/type"), &third_party, &mut files)?;
        Self::compile(&[proto_dir, &third_party], &files)
    }

    /// Compiles these files, named relative to one of the folders.
    pub fn compile(folders: &[&Path], files: &[PathBuf]) -> Result<Self, Error> {
        let mut compiler = new_compiler(folders)?;
        if compiler.open_files(files).is_err() {
            return Err(broken(folders, files)?);
        }
        let bytes = compiler.encode_file_descriptor_set();
        let pool = DescriptorPool::decode(bytes.as_slice()).map_err(|error| Error::new(error.to_string()))?;
        let needed = needed_packages(&pool);
        let mut set = compiler.file_descriptor_set();
        // prost needs google.protobuf to resolve its types, which then map to prost_types.
        set.file.retain(|file| file.package() == "google.protobuf" || needed.contains(file.package()));
        let bare = compiler.include_source_info(false).encode_file_descriptor_set();
        Ok(Self { pool, bytes, bare, set })
    }

    /// The files of the project's own packages.
    pub(crate) fn own_files(&self) -> impl Iterator<Item = FileDescriptor> {
        self.pool.files().filter(|file| is_own(file.package_name()))
    }

    /// What each of the project's packages becomes.
    pub fn packages(&self) -> Result<Vec<Package>, Error> {
        package::generate(self)
    }
}

/// Whether a package is the project's own.
pub(crate) fn is_own(package: &str) -> bool {
    package == "erp" || package.starts_with("erp.")
}

fn new_compiler(folders: &[&Path]) -> Result<Compiler, Error> {
    let mut compiler = Compiler::new(folders).map_err(|error| Error::new(error.to_string()))?;
    compiler.include_imports(true).include_source_info(true);
    Ok(compiler)
}

/// The compiler stops at the first broken file; this names all of them.
fn broken(folders: &[&Path], files: &[PathBuf]) -> Result<Error, Error> {
    let mut lines = BTreeSet::new();
    for file in files {
        if let Err(error) = new_compiler(folders)?.open_file(file) {
            // The debug form is the one that tells line and column.
            lines.insert(format!("{error:?}"));
        }
    }
    Ok(Problems::from_lines(lines.into_iter().collect()).into_result().err().unwrap_or_else(|| {
        Error::new("each file compiles alone, but not all together: two of them declare the same name")
    }))
}

fn collect(folder: &Path, root: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let entries = fs::read_dir(folder).map_err(|error| Error::io(folder, &error))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|error| Error::io(folder, &error))?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, root, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path.strip_prefix(root).unwrap_or(&path).to_owned());
        }
    }
    Ok(())
}

/// The packages whose messages Rust needs: our own, google.type, and what their fields refer to. The packages
/// that only hold options stay out.
fn needed_packages(pool: &DescriptorPool) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    let own = pool
        .all_messages()
        .filter(|message| is_own(message.package_name()) || message.package_name() == "google.type");
    let mut pending: Vec<MessageDescriptor> = own.collect();
    let mut seen = BTreeSet::new();
    while let Some(message) = pending.pop() {
        if !seen.insert(message.full_name().to_owned()) {
            continue;
        }
        needed.insert(message.package_name().to_owned());
        for field in message.fields() {
            match field.kind() {
                Kind::Message(target) => pending.push(target),
                Kind::Enum(target) => {
                    needed.insert(target.package_name().to_owned());
                }
                _ => {}
            }
        }
    }
    needed.extend(pool.files().map(|file| file.package_name().to_owned()).filter(|package| is_own(package)));
    needed
}
