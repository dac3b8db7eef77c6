//! Fields: those of Kubernetes' own kinds by its types, those of custom resources by the schemas of their releases.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result};
use jsonschema::Validator;
use k8s_openapi::api;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Report;
use super::world::World;
use crate::objects::Object;

/// Custom resources that no schema at hand describes: what their fields may be stands here.
const BY_HAND: [(&str, &[&str]); 2] = [
    (
        "VerticalPodAutoscaler autoscaling.k8s.io/v1",
        &[
            "/spec/targetRef/apiVersion",
            "/spec/targetRef/kind",
            "/spec/targetRef/name",
            "/spec/updatePolicy/updateMode",
        ],
    ),
    (
        "ObjectStore barmancloud.cnpg.io/v1",
        &[
            "/spec/retentionPolicy",
            "/spec/configuration/destinationPath",
            "/spec/configuration/s3Credentials/accessKeyId/name",
            "/spec/configuration/s3Credentials/accessKeyId/key",
            "/spec/configuration/s3Credentials/secretAccessKey/name",
            "/spec/configuration/s3Credentials/secretAccessKey/key",
            "/spec/configuration/wal/compression",
            "/spec/configuration/data/compression",
        ],
    ),
];

/// The schemas of custom resources, where they are at hand.
pub struct Schemas {
    folder: Option<PathBuf>,
    /// A large one takes longer to compile than to use. None: there is no schema.
    compiled: RefCell<BTreeMap<String, Option<Rc<Validator>>>>,
}

impl Schemas {
    /// Those below this folder; none when it is not there.
    pub fn at(folder: &Path) -> Self {
        let folder = folder.join("json-schema");
        Self { folder: folder.is_dir().then_some(folder), compiled: RefCell::default() }
    }

    /// Whether there are any.
    pub fn found(&self) -> bool {
        self.folder.is_some()
    }

    fn of(&self, folder: &Path, object: &Object) -> Result<Option<Rc<Validator>>> {
        // `certificate_cert-manager.io_v1.json`.
        let name = format!("{}_{}.json", object.kind().to_lowercase(), object.api().replace('/', "_"));
        if let Some(known) = self.compiled.borrow().get(&name) {
            return Ok(known.clone());
        }
        let path = folder.join(&name);
        let compiled = if path.is_file() { Some(Rc::new(compile(&path)?)) } else { None };
        self.compiled.borrow_mut().insert(name, compiled.clone());
        Ok(compiled)
    }
}

/// Refuses fields that do not exist and kinds that nobody knows.
pub fn check(world: &World<'_>, schemas: &Schemas, report: &mut Report) -> Result<()> {
    for object in world.objects {
        let known = format!("{} {}", object.kind(), object.api());
        if let Some(result) = core(object) {
            if let Err(why) = result {
                report.add(object, why);
            }
        } else if let Some((_, fields)) = BY_HAND.iter().find(|(name, _)| *name == known) {
            by_hand(object, fields, report);
        } else if !object.api().contains('.') {
            // A group without a dot is Kubernetes' own.
            report.add(object, format!("nothing is known of {known}"));
        } else if let Some(folder) = &schemas.folder {
            let Some(validator) = schemas.of(folder, object)? else {
                report.add(object, format!("there is no schema of {known}"));
                continue;
            };
            for error in validator.iter_errors(&object.0) {
                report.add(object, format!("{}: {error}", error.instance_path()));
            }
        }
    }
    Ok(())
}

fn compile(path: &Path) -> Result<Validator> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let schema: Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    jsonschema::validator_for(&schema).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
}

/// Reads an object of Kubernetes' own as its type; `None` when it is not one that this project has.
fn core(object: &Object) -> Option<Result<(), String>> {
    let value = &object.0;
    Some(match (object.api(), object.kind()) {
        ("v1", "Namespace") => strict::<api::core::v1::Namespace>(value),
        ("v1", "ServiceAccount") => strict::<api::core::v1::ServiceAccount>(value),
        ("v1", "ConfigMap") => strict::<api::core::v1::ConfigMap>(value),
        ("v1", "Service") => strict::<api::core::v1::Service>(value),
        ("v1", "ResourceQuota") => strict::<api::core::v1::ResourceQuota>(value),
        ("v1", "LimitRange") => strict::<api::core::v1::LimitRange>(value),
        ("apps/v1", "Deployment") => strict::<api::apps::v1::Deployment>(value),
        ("apps/v1", "StatefulSet") => strict::<api::apps::v1::StatefulSet>(value),
        ("batch/v1", "Job") => strict::<api::batch::v1::Job>(value),
        ("batch/v1", "CronJob") => strict::<api::batch::v1::CronJob>(value),
        ("autoscaling/v2", "HorizontalPodAutoscaler") => {
            strict::<api::autoscaling::v2::HorizontalPodAutoscaler>(value)
        }
        ("policy/v1", "PodDisruptionBudget") => strict::<api::policy::v1::PodDisruptionBudget>(value),
        ("networking.k8s.io/v1", "NetworkPolicy") => strict::<api::networking::v1::NetworkPolicy>(value),
        ("rbac.authorization.k8s.io/v1", "Role") => strict::<api::rbac::v1::Role>(value),
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => strict::<api::rbac::v1::RoleBinding>(value),
        _ => return None,
    })
}

/// What a type does not know it passes over when it reads, so that it is missing when it is written again.
fn strict<T: DeserializeOwned + Serialize>(value: &Value) -> Result<(), String> {
    let read: T = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    let written = serde_json::to_value(read).map_err(|error| error.to_string())?;
    match lost(value, &written, String::new()) {
        Some(field) => Err(format!("unknown field `{field}`")),
        None => Ok(()),
    }
}

/// The first field of `given` that `kept` does not have.
fn lost(given: &Value, kept: &Value, path: String) -> Option<String> {
    match (given, kept) {
        (Value::Object(given), kept) => given.iter().find_map(|(name, value)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match kept.get(name) {
                Some(kept) => lost(value, kept, path),
                // Null says as much as nothing.
                None => (!value.is_null()).then_some(path),
            }
        }),
        (Value::Array(given), Value::Array(kept)) => given
            .iter()
            .zip(kept)
            .enumerate()
            .find_map(|(place, (given, kept))| lost(given, kept, format!("{path}[{place}]"))),
        _ => None,
    }
}

fn by_hand(object: &Object, fields: &[&str], report: &mut Report) {
    let mut pending = vec![(String::from("/spec"), object.at("/spec"))];
    while let Some((path, value)) = pending.pop() {
        if let Some(inner) = value.as_object() {
            pending.extend(inner.iter().map(|(name, value)| (format!("{path}/{name}"), value)));
        } else if !fields.contains(&path.as_str()) {
            report.add(object, format!("unknown field `{path}`"));
        }
    }
    for field in fields.iter().filter(|field| object.at(field).is_null()) {
        report.add(object, format!("lacks `{field}`"));
    }
}
