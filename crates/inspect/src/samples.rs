//! Samples of events that were released: logs and backups hold such events for years, so that what a consumer once
//! read is never changed nor taken away. `samples.lock` beside them holds the hash of each and only grows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The file with the hashes.
const LOCK: &str = "samples.lock";

/// The type of an event and the place of a sample among its samples, from 1, each with a hash.
type Hashes = BTreeMap<(String, usize), String>;

/// What became of the released samples that should not have, in words.
pub fn check(folder: &Path) -> Result<Vec<String>> {
    let (released, samples) = (released(folder)?, samples(folder)?);
    let wrong = |((event, number), hash): (&(String, usize), &String)| {
        let what = match samples.get(&(event.clone(), *number)) {
            Some(found) if found == hash => return None,
            Some(_) => "has changed: put it back, and add the new one behind it",
            None => "is gone: logs and backups still hold such events, put it back",
        };
        Some(format!("{event}: sample {number} was released and {what}"))
    };
    Ok(released.iter().filter_map(wrong).collect())
}

/// Takes the samples of today among the released ones; how many are new.
pub fn release(folder: &Path) -> Result<usize> {
    let wrong = check(folder)?;
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    let (before, samples) = (released(folder)?.len(), samples(folder)?);
    let mut text = String::new();
    for ((event, number), hash) in &samples {
        writeln!(text, "{event} {number} {hash}")?;
    }
    let file = folder.join(LOCK);
    fs::write(&file, text).with_context(|| file.display().to_string())?;
    Ok(samples.len() - before)
}

fn released(folder: &Path) -> Result<Hashes> {
    let file = folder.join(LOCK);
    let text = match fs::read_to_string(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read.with_context(|| file.display().to_string())?,
    };
    let line = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        [event, number, hash] => Ok(((event.to_owned(), number.parse()?), hash.to_owned())),
        _ => bail!("{}: `{line}` is no event, number and hash", file.display()),
    };
    text.lines().map(line).collect()
}

fn samples(folder: &Path) -> Result<Hashes> {
    let mut found = Hashes::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let event = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let read = || -> Result<Vec<Value>> { Ok(serde_json::from_str(&fs::read_to_string(&path)?)?) };
        for (place, sample) in read().with_context(|| path.display().to_string())?.iter().enumerate() {
            let mut text = String::new();
            write_sorted(sample, &mut text)?;
            found.insert((event.clone(), place + 1), format!("{:x}", Sha256::digest(&text)));
        }
    }
    Ok(found)
}

/// JSON with the names in their order, so that only what it says counts.
fn write_sorted(value: &Value, text: &mut String) -> Result<()> {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.iter().collect();
            text.push('{');
            for (name, value) in fields {
                write!(text, "{}:", serde_json::to_string(name)?)?;
                write_sorted(value, text)?;
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_sorted(item, text)?;
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
    Ok(())
}
