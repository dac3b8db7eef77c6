//! Objects of Kubernetes as they stand in files or as kustomize renders them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

/// Nothing, to borrow where there is nothing.
static NOTHING: Value = Value::Null;

/// One object.
#[derive(Debug, Clone)]
pub struct Object(pub Value);

impl Object {
    /// `Deployment`.
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// `apps/v1`.
    pub fn api(&self) -> &str {
        self.text("/apiVersion")
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// Its namespace; empty where it has none.
    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    /// What a person calls it: `Deployment tessera-core/crm`.
    pub fn id(&self) -> String {
        match self.namespace() {
            "" => format!("{} {}", self.kind(), self.name()),
            namespace => format!("{} {namespace}/{}", self.kind(), self.name()),
        }
    }

    /// What stands at a JSON pointer; null where nothing does.
    pub fn at(&self, pointer: &str) -> &Value {
        at(&self.0, pointer)
    }

    /// The text at a JSON pointer; empty where there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    /// The elements of the list at a JSON pointer; none where there is no list.
    pub fn list(&self, pointer: &str) -> &[Value] {
        list(&self.0, pointer)
    }
}

/// What stands at a JSON pointer; null where nothing does.
pub fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&NOTHING)
}

/// The text at a JSON pointer; empty where there is none.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    at(value, pointer).as_str().unwrap_or_default()
}

/// The elements of the list at a JSON pointer; none where there is no list.
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    at(value, pointer).as_array().map_or(&[], Vec::as_slice)
}

/// The texts of the list at a JSON pointer.
pub fn texts<'a>(value: &'a Value, pointer: &str) -> Vec<&'a str> {
    list(value, pointer).iter().filter_map(Value::as_str).collect()
}

/// The objects of a file, or of what kustomize prints. A key that stands twice is refused.
pub fn parse(yaml: &str) -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(yaml) {
        let document = serde_yaml_ng::Value::deserialize(document)?;
        if !document.is_null() {
            objects.push(Object(serde_json::to_value(document)?));
        }
    }
    Ok(objects)
}

/// What kustomize makes of a folder.
pub fn build(kustomize: &Path, folder: &Path) -> Result<Vec<Object>> {
    let program = kustomize.display();
    let output = Command::new(kustomize)
        .arg("build")
        .arg(folder)
        .output()
        .with_context(|| format!("{program}: run `make tools` to get it"))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    parse(std::str::from_utf8(&output.stdout)?)
}

/// The objects that a kustomization lists, with those of the kustomizations it lists, as they stand in their files.
pub fn collect(folder: &Path) -> Result<Vec<Object>> {
    let path = folder.join("kustomization.yaml");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let list = parse(&text)?;
    let [list] = list.as_slice() else { bail!("{}: not one document", path.display()) };
    let mut objects = Vec::new();
    for resource in list.list("/resources").iter().chain(list.list("/components")) {
        let target: PathBuf = folder.join(resource.as_str().unwrap_or_default());
        if target.is_dir() {
            objects.extend(collect(&target)?);
        } else {
            let text = fs::read_to_string(&target).with_context(|| target.display().to_string())?;
            objects.extend(parse(&text).with_context(|| target.display().to_string())?);
        }
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        // Which of the two counts is up to who reads.
        assert!(parse("kind: A\nkind: B\n").is_err());
        assert_eq!(parse("kind: A\n---\n---\nkind: B\n").unwrap().len(), 2);
    }
}
