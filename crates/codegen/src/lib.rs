//! Turns the contracts in `proto/` into Rust: messages, clients and servers by prost and tonic, and everything
//! that the engine must know of them by the modules of this crate. What the options of a contract can't mean
//! stops the build with a sentence that names the place.

mod columns;
mod event;
mod names;
mod options;
mod package;
mod problems;
mod prost;
mod reason;
mod record;
mod redact;
mod rules;
mod service;
mod source;
mod standard;
mod tables;

use std::fs;
use std::path::Path;

pub use package::Package;
pub use problems::Error;
pub use source::Contracts;

/// Compiles every contract below `proto_dir` into `out_dir`: `mods.rs` (the module tree), `tables.rs` (the lists
/// over all packages, for services), `descriptors.bin`, and the same without comments as `descriptors-bare.bin`.
/// tonic's clients are there with the feature `client`, and with the feature `server` what needs the engine.
pub fn generate(proto_dir: &Path, out_dir: &Path) -> Result<(), Error> {
    let contracts = Contracts::find(proto_dir)?;
    let packages = contracts.packages()?;
    prost::write(&contracts, out_dir)?;
    for package in &packages {
        // Beside prost's file of the package, and in its module.
        let prost_file = out_dir.join(format!("{}.rs", package.name));
        let mut text = fs::read_to_string(&prost_file).unwrap_or_default();
        for (part, gate, rust) in
            [("engine", "", &package.text), ("server", "#[cfg(feature = \"server\")]\n", &package.server)]
        {
            let name = format!("{}.{part}.rs", package.name);
            write(&out_dir.join(&name), rust)?;
            text.push_str(&format!("{gate}include!(concat!(env!(\"OUT_DIR\"), \"/{name}\"));\n"));
        }
        write(&prost_file, &text)?;
    }
    write(&out_dir.join("tables.rs"), &tables::generate(&contracts))?;
    for (name, bytes) in [("descriptors.bin", &contracts.bytes), ("descriptors-bare.bin", &contracts.bare)] {
        fs::write(out_dir.join(name), bytes).map_err(|error| Error::io(out_dir, &error))?;
    }
    Ok(())
}

/// The generated text of the packages whose name holds `word`, for people.
pub fn show(proto_dir: &Path, word: &str) -> Result<String, Error> {
    let packages = Contracts::find(proto_dir)?.packages()?;
    let shown = packages.iter().filter(|package| package.name.split('.').any(|part| part == word));
    let parts = shown.flat_map(|package| [package.text.as_str(), package.server.as_str()]);
    Ok(parts.collect::<Vec<_>>().join("\n"))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|error| Error::io(path, &error))
}
