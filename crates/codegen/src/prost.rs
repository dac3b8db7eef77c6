//! Messages, clients and servers, which prost and tonic generate.

use std::path::Path;

use crate::problems::Error;
use crate::redact;
use crate::source::Contracts;

/// Writes prost's file for each package, and `mods.rs`, which includes them as a tree of modules.
pub(crate) fn write(contracts: &Contracts, out_dir: &Path) -> Result<(), Error> {
    let mut builder = tonic_prost_build::configure()
        .out_dir(out_dir)
        .include_file("mods.rs")
        .emit_rerun_if_changed(false)
        // Sorted, so that equal messages encode to equal bytes: request hashes depend on it.
        .btree_map(".")
        .client_mod_attribute(".", "#[cfg(feature = \"client\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"server\")]")
        .skip_debug(redact::messages(contracts).map(|message| message.full_name().to_owned()));
    let generated = contracts
        .pool
        .all_messages()
        .filter(|message| !message.is_map_entry() && message.package_name() != "google.protobuf");
    for message in generated {
        let name = message.full_name();
        builder =
            builder.message_attribute(name, "#[derive(::prost_reflect::ReflectMessage)]").message_attribute(
                name,
                format!("#[prost_reflect(message_name = \"{name}\", descriptor_pool = \"crate::POOL\")]"),
            );
    }
    builder.compile_fds(contracts.set.clone()).map_err(|error| Error::io(out_dir, &error))
}
