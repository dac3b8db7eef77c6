//! The descriptor set for programs that learn the contracts when they start, such as the console.
//!
//! It is the set that the gateway serves, options byte for byte, but with no more of the source than
//! people read: the comments of declarations, in the files of our own contracts. The comments of
//! Google's files alone would be half of it.

use std::collections::HashSet;

use prost_reflect::DescriptorPool;

use super::source;
use crate::served::{Served, digest};

/// What is told to such programs.
pub(super) struct DescriptorSet {
    /// Follows from the bytes, so that these may be kept for ever under it.
    pub(super) name: String,
    /// Where it is now.
    pub(super) pointer: Served,
    pub(super) bytes: Served,
}

impl DescriptorSet {
    pub(super) fn of(pool: &DescriptorPool) -> Self {
        let bytes = encode(pool);
        let name = digest(&bytes);
        let pointer = serde_json::json!({ "url": format!("/descriptors/{name}.binpb") }).to_string();
        Self {
            pointer: Served::new(pointer, "application/json"),
            bytes: Served::new(bytes, "application/protobuf").for_ever().brotlied().gzipped(),
            name,
        }
    }
}

fn encode(pool: &DescriptorPool) -> Vec<u8> {
    let services = pool.services().map(|service| root(service.package_name()).to_owned());
    let own: HashSet<String> = services.collect();
    let mut out = Vec::new();
    for file in pool.files() {
        let encoded = file.encode_to_vec();
        match own.contains(root(file.package_name())) {
            true => source::put_file(&mut out, &encoded),
            // It was encoded a moment ago, and can be read; the whole file would do no harm, either.
            false => source::put_file(&mut out, &source::without(&encoded).unwrap_or(encoded)),
        }
    }
    out
}

/// `erp` of `erp.crm.v1`: packages under the same root have one author.
fn root(package: &str) -> &str {
    package.split('.').next().unwrap_or_default()
}
