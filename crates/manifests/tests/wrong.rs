//! Manifests that are wrong on purpose: each must be refused, and for the right reason.

use std::fs;
use std::path::{Path, PathBuf};

use manifests::lint::{Finding, Lint, Size};
use manifests::model::Model;
use manifests::objects::{self, Object};
use manifests::render;
use manifests::settings::Settings;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What is done to the manifests of production, and what must then be said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrong {
    /// What is found, as it is printed.
    refused: String,
    /// Whether it takes the schemas of custom resources to notice.
    #[serde(default)]
    by_schema: bool,
    #[serde(default)]
    set: Vec<Change>,
    #[serde(default)]
    add: Vec<Value>,
    #[serde(default)]
    remove: Vec<String>,
}

/// A value at a JSON pointer of an object; none: it is taken away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    object: String,
    at: String,
    #[serde(default)]
    to: Option<Value>,
}

#[test]
fn the_committed_manifests_are_what_the_services_say() {
    // A service that calls another one must not find the mesh closed, and one that no longer does must not find it open.
    let settings = Settings::read(&root().join("k8s/services.toml")).unwrap();
    let files = render::all(&Model::of_suite(&settings).unwrap(), &root()).unwrap();
    let wrong = render::differing(&files, &root()).unwrap();
    assert!(wrong.is_empty(), "run `make manifests`: {wrong:?}");
}

#[test]
fn every_wrong_manifest_is_refused_for_its_reason() {
    // A check that lets one of these pass protects nobody from it.
    let (good, lint) = (production(), lint());
    let found = lint.check(&good, Size::Full).unwrap();
    assert_eq!(found, [], "what is not yet wrong must be clean");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "{} wrong manifests", files.len());
    let (mut refused, mut skipped) = (0, 0);
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let wrong: Wrong = serde_yaml_ng::from_str(&fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        if wrong.by_schema && !lint.has_schemas() {
            skipped += 1;
            continue;
        }
        let found = lint.check(&spoilt(&good, &wrong, &name), Size::Full).unwrap();
        let said: Vec<String> = found.iter().map(Finding::to_string).collect();
        assert!(said.iter().any(|text| text.contains(&wrong.refused)), "{name}: said only {said:#?}");
        refused += 1;
    }
    println!("{refused} wrong manifests refused");
    if skipped > 0 {
        skip::skipped(format!("{skipped} wrong manifests: there are no schemas of custom resources here"));
    }
}

fn spoilt(good: &[Object], wrong: &Wrong, name: &str) -> Vec<Object> {
    let mut objects = good.to_vec();
    for change in &wrong.set {
        let object = objects.iter_mut().find(|object| object.id() == change.object);
        let object = object.unwrap_or_else(|| panic!("{name}: there is no {}", change.object));
        set(&mut object.0, &change.at, change.to.clone());
    }
    for id in &wrong.remove {
        let before = objects.len();
        objects.retain(|object| object.id() != *id);
        assert!(objects.len() < before, "{name}: there is no {id}");
    }
    objects.extend(wrong.add.iter().cloned().map(Object));
    objects
}

fn set(value: &mut Value, pointer: &str, to: Option<Value>) {
    let (parent, last) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    let last = last.replace("~1", "/");
    // What is on the way and not there yet begins as an object.
    let mut place = value;
    for step in parent.split('/').skip(1) {
        let step = step.replace("~1", "/");
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        place = match place {
            Value::Array(list) => &mut list[place_in(&step)],
            other => &mut other[step],
        };
    }
    match (place, to) {
        (Value::Array(list), Some(to)) => list[place_in(&last)] = to,
        (Value::Array(list), None) => drop(list.remove(place_in(&last))),
        (Value::Object(map), None) => assert!(map.remove(&last).is_some(), "{pointer} is not there"),
        (other, Some(to)) => other[last] = to,
        (_, None) => panic!("{pointer} is not there"),
    }
}

fn place_in(step: &str) -> usize {
    step.parse().expect("elements of lists are numbered")
}

/// The objects of production as they stand in their files, without the overlay's own patches: no kustomize is needed.
fn production() -> Vec<Object> {
    objects::collect(&root().join("k8s/overlays/production")).expect("the files of production are there")
}

fn lint() -> Lint {
    let schemas =
        std::env::var_os("TESSERA_CRDS").map_or_else(|| root().join("../shared/crds"), PathBuf::from);
    Lint::new(&schemas, &root())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
