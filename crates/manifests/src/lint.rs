//! What is wrong with a set of objects: fields that do not exist, names that lead nowhere, doors that stand open.

mod env;
mod mesh;
mod network;
mod pods;
mod policy;
mod route;
mod schema;
mod stores;
mod watch;
mod wiring;
mod world;

use std::fmt;
use std::path::Path;

use anyhow::Result;

use self::schema::Schemas;
use crate::objects::Object;

/// What is wrong with one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The object.
    pub object: String,
    /// What is wrong with it.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.text)
    }
}

/// Gathers what is wrong.
#[derive(Debug, Default)]
struct Report(Vec<Finding>);

impl Report {
    fn add(&mut self, object: &Object, text: impl Into<String>) {
        self.0.push(Finding { object: object.id(), text: text.into() });
    }

    /// About what should be there and is not.
    fn missing(&mut self, what: &str, text: impl Into<String>) {
        self.0.push(Finding { object: what.to_owned(), text: text.into() });
    }
}

/// Whether the environment has room for copies: one on a desk has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// One of everything.
    Desk,
    /// As many as it takes.
    Full,
}

/// What is known beside the objects.
pub struct Lint {
    schemas: Schemas,
    programs: env::Programs,
}

impl Lint {
    /// With the schemas of custom resources in one folder and the project in another, whose sources tell which
    /// variables are read.
    pub fn new(schemas: &Path, root: &Path) -> Self {
        Self { schemas: Schemas::at(schemas), programs: env::Programs::of(root) }
    }

    /// Whether there are schemas of custom resources.
    pub fn has_schemas(&self) -> bool {
        self.schemas.found()
    }

    /// Whether a program reads a variable.
    pub fn reads(&self, program: &str, variable: &str) -> Result<bool> {
        self.programs.read(program, variable)
    }

    /// Everything that is wrong with these objects.
    pub fn check(&self, objects: &[Object], size: Size) -> Result<Vec<Finding>> {
        let mut report = Report::default();
        let world = world::World::new(objects, size);
        world::check(&world, &mut report);
        schema::check(&world, &self.schemas, &mut report)?;
        pods::check(&world, &mut report);
        env::check(&world, &self.programs, &mut report)?;
        wiring::check(&world, &mut report);
        stores::check(&world, &mut report);
        network::check(&world, &mut report);
        mesh::check(&world, &mut report);
        policy::check(&world, &mut report);
        route::check(&world, &mut report);
        watch::check(&world, &mut report);
        report.0.sort();
        report.0.dedup();
        Ok(report.0)
    }
}
