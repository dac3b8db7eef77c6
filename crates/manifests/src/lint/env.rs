//! Variables: what a manifest sets, the program must read.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result};
use regex::Regex;
use serde_json::Value;

use super::Report;
use super::world::{Template, World};
use crate::objects::{at, list, text};

/// What libraries read by themselves.
const OF_LIBRARIES: [&str; 2] = ["OTEL_SERVICE_NAME", "RUST_LOG"];
/// Our own images; the others' programs are not ours to read.
const OURS: &str = "/tessera/";

/// The variables that each program reads, found once.
pub struct Programs {
    root: PathBuf,
    read: RefCell<BTreeMap<String, Rc<BTreeSet<String>>>>,
}

impl Programs {
    /// Those of the project in this folder.
    pub fn of(root: &Path) -> Self {
        Self { root: root.to_owned(), read: RefCell::default() }
    }

    /// Whether a program reads a variable.
    pub fn read(&self, program: &str, variable: &str) -> Result<bool> {
        Ok(is_patterned(program, variable) || self.read_by(program)?.contains(variable))
    }

    fn read_by(&self, program: &str) -> Result<Rc<BTreeSet<String>>> {
        if let Some(known) = self.read.borrow().get(program) {
            return Ok(known.clone());
        }
        let found = Rc::new(read_by(&self.root, program)?);
        self.read.borrow_mut().insert(program.to_owned(), found.clone());
        Ok(found)
    }
}

pub fn check(world: &World<'_>, programs: &Programs, report: &mut Report) -> Result<()> {
    for pod in world.templates() {
        for container in list(pod.spec, "/containers") {
            references(world, &pod, container, report);
            let Some(program) = program(container) else { continue };
            for name in set(world, &pod, container) {
                if !programs.read(program, &name)? {
                    report.add(pod.owner, format!("sets `{name}`, which {program} does not read"));
                }
            }
        }
    }
    peers(world, report);
    Ok(())
}

/// `crm` of `registry.example/tessera/crm:1.2.3`.
fn program(container: &Value) -> Option<&str> {
    let (_, name) = text(container, "/image").split_once(OURS)?;
    name.split([':', '@']).next()
}

/// Every word in the program's sources that could be a variable.
fn read_by(root: &Path, program: &str) -> Result<BTreeSet<String>> {
    let word = Regex::new(r#""([A-Z][A-Z0-9_]{3,})""#)?;
    let folders = match program {
        crate::model::GATEWAY => vec!["gateway-grpcweb/src".to_owned()],
        service => vec!["crates/host/src".to_owned(), format!("services/{service}/src")],
    };
    let mut found: BTreeSet<String> = OF_LIBRARIES.map(str::to_owned).into();
    let mut pending: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    // What all programs start their logs and traces with, where it is a crate of its own.
    pending.extend(Some(root.join("crates/telemetry/src")).filter(|folder| folder.is_dir()));
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path)?;
                found.extend(word.captures_iter(&source).map(|found| found[1].to_owned()));
            }
        }
    }
    Ok(found)
}

/// Names that are put together from that of a service.
fn is_patterned(program: &str, name: &str) -> bool {
    let upper = program.to_uppercase();
    name.starts_with("TESSERA_PEER_")
        || name == format!("TESSERA_{upper}_DATABASE_URL")
        || name == format!("TESSERA_{upper}_OWNER_DATABASE_URL")
}

/// The variables of a container.
fn set(world: &World<'_>, pod: &Template<'_>, container: &Value) -> BTreeSet<String> {
    let mut names: BTreeSet<String> =
        list(container, "/env").iter().map(|variable| text(variable, "/name").to_owned()).collect();
    for source in list(container, "/envFrom") {
        let map = world.find("ConfigMap", pod.owner.namespace(), text(source, "/configMapRef/name"));
        let data = map.and_then(|map| map.at("/data").as_object());
        names.extend(data.into_iter().flat_map(|data| data.keys().cloned()));
    }
    names
}

/// ConfigMaps and Secrets that a container is told by.
fn references(world: &World<'_>, pod: &Template<'_>, container: &Value, report: &mut Report) {
    let namespace = pod.owner.namespace();
    let mut maps: Vec<&str> =
        list(container, "/envFrom").iter().map(|one| text(one, "/configMapRef/name")).collect();
    let mut secrets: Vec<(&str, &str)> = Vec::new();
    for variable in list(container, "/env") {
        if variable.get("valueFrom").is_some() {
            let place = "/valueFrom/secretKeyRef";
            secrets.push((text(variable, &format!("{place}/name")), text(variable, &format!("{place}/key"))));
        }
    }
    let of_sidecar = at(pod.metadata, "/annotations")["sidecar.istio.io/userVolume"].as_str();
    let of_sidecar: Vec<Value> =
        of_sidecar.map_or(Vec::new(), |text| serde_json::from_str(text).unwrap_or_default());
    for volume in list(pod.spec, "/volumes").iter().chain(&of_sidecar) {
        maps.extend(volume.pointer("/configMap/name").and_then(Value::as_str));
        let name = text(volume, "/secret/secretName");
        if !name.is_empty() {
            let items = list(volume, "/secret/items");
            secrets.push((name, items.first().map_or("", |item| text(item, "/key"))));
        }
    }
    for name in maps {
        if world.find("ConfigMap", namespace, name).is_none() {
            report.add(pod.owner, format!("the ConfigMap `{name}` does not exist"));
        }
    }
    for (name, key) in secrets {
        if !has_secret(world, namespace, name, key) {
            let part = if key.is_empty() { String::new() } else { format!("`{key}` of ") };
            report.add(pod.owner, format!("nothing makes {part}the Secret `{name}`"));
        }
    }
}

/// Whether an ExternalSecret makes this key; any, where none is named.
fn has_secret(world: &World<'_>, namespace: &str, name: &str, key: &str) -> bool {
    world.of_kind("ExternalSecret").any(|secret| {
        let target = match secret.text("/spec/target/name") {
            "" => secret.name(),
            named => named,
        };
        let template = secret.at("/spec/target/template/data").as_object();
        let has = match template {
            Some(template) => template.contains_key(key),
            None => secret.list("/spec/data").iter().any(|one| text(one, "/secretKey") == key),
        };
        secret.namespace() == namespace && target == name && (key.is_empty() || has)
    })
}

/// Addresses of other services lead somewhere.
fn peers(world: &World<'_>, report: &mut Report) {
    for map in world.of_kind("ConfigMap") {
        let Some(data) = map.at("/data").as_object() else { continue };
        for (name, value) in data.iter().filter_map(|(name, value)| Some((name, value.as_str()?))) {
            let place = value.split_once("://").map_or(value, |(_, rest)| rest);
            let host = place.split([':', '/']).next().unwrap_or_default();
            if host.ends_with(".svc.cluster.local")
                && world.service(host).is_none()
                && !world.is_made_by_operators(host)
            {
                report.add(map, format!("{name}: the host `{host}` does not exist"));
            }
        }
    }
}
