//! Goes through the stages: what a stage needs done is done, then its health is asked for, and only then the next one
//! begins. At the first program that is not well nothing goes on, and what was rolled out goes back, last first.

use std::fmt;

use crate::Release;

/// One thing that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The database of a program is brought to the newest schema.
    Migrate(String),
    /// Its new version takes the place of the old one.
    RollOut(String),
    /// The old version takes its place again.
    RollBack(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Migrate(name) => write!(f, "migrate {name}"),
            Self::RollOut(name) => write!(f, "roll-out {name}"),
            Self::RollBack(name) => write!(f, "roll-back {name}"),
        }
    }
}

/// Where a release goes. An error is a sentence for a person.
pub trait Environment {
    /// Does a step.
    fn take(&mut self, step: &Step) -> impl Future<Output = Result<(), String>>;
    /// Asks a program for its health.
    fn healthy(&mut self, name: &str) -> impl Future<Output = Result<(), String>>;
}

/// How it ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many stages are out and healthy.
    pub stages: usize,
    /// The program at which it stopped, and why; none: everything is out.
    pub stopped: Option<(String, String)>,
    /// The programs that were not begun.
    pub untouched: Vec<String>,
    /// What went back, and what should have and did not.
    pub rolled_back: Vec<(String, Result<(), String>)>,
}

/// Brings a release out.
pub async fn apply(release: &Release, environment: &mut impl Environment) -> Outcome {
    let stages = release.stages();
    let mut outcome = Outcome::default();
    let mut out: Vec<&str> = Vec::new();
    for stage in &stages {
        if let Err(stopped) = go(release, stage, &mut out, environment).await {
            outcome.stopped = Some(stopped);
            break;
        }
        outcome.stages += 1;
    }
    if outcome.stopped.is_some() {
        // A schema is not taken back: it fits the release before it too, by the rules of migrations.
        for name in out.iter().rev() {
            let done = environment.take(&Step::RollBack((*name).to_owned())).await;
            outcome.rolled_back.push(((*name).to_owned(), done));
        }
        let untouched = stages.iter().flatten().filter(|name| !out.contains(name));
        outcome.untouched = untouched.map(|name| (*name).to_owned()).collect();
    }
    outcome
}

/// One stage: all migrations before any new version, then all new versions, then the health of each.
async fn go<'a>(
    release: &Release,
    stage: &[&'a str],
    out: &mut Vec<&'a str>,
    environment: &mut impl Environment,
) -> Result<(), (String, String)> {
    let migrates = |name: &&&str| release.services.get(**name).is_some_and(|part| part.migrates);
    for name in stage.iter().filter(migrates) {
        let step = Step::Migrate((*name).to_owned());
        environment.take(&step).await.map_err(|why| ((*name).to_owned(), format!("{step}: {why}")))?;
    }
    for name in stage {
        // From here on something may have changed, even if it fails.
        out.push(name);
        let step = Step::RollOut((*name).to_owned());
        environment.take(&step).await.map_err(|why| ((*name).to_owned(), format!("{step}: {why}")))?;
    }
    for name in stage {
        environment.healthy(name).await.map_err(|why| ((*name).to_owned(), why))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// Keeps what is done, and has one program that is not well or one step that fails.
    #[derive(Default)]
    struct Scene {
        done: Vec<String>,
        sick: &'static str,
        fails: &'static str,
    }

    impl Environment for Scene {
        async fn take(&mut self, step: &Step) -> Result<(), String> {
            self.done.push(step.to_string());
            if step.to_string() == self.fails { Err("no".to_owned()) } else { Ok(()) }
        }

        async fn healthy(&mut self, name: &str) -> Result<(), String> {
            self.done.push(format!("ask {name}"));
            if name == self.sick { Err("NOT_SERVING".to_owned()) } else { Ok(()) }
        }
    }

    fn run(scene: &mut Scene) -> Outcome {
        let text = "version: 1.0.0\nregistry: r\nservices:\n  identity: {version: 1.0.0, migrates: true}\n  \
                    catalog: {version: 1.0.0, migrates: true, needs: [identity]}\n  \
                    crm: {version: 1.0.0, migrates: true, needs: [identity]}\n  \
                    gateway: {version: 1.0.0, needs: [catalog, crm]}\n";
        let release = Release::parse(Path::new("r.yaml"), text).unwrap();
        let mut running = pin!(apply(&release, scene));
        // Nothing here ever waits.
        match running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => panic!("waits for something"),
        }
    }

    #[test]
    fn a_stage_begins_when_the_one_before_is_healthy() {
        // The order is the promise: migrate, roll out, ask, go on.
        let mut scene = Scene::default();
        let outcome = run(&mut scene);
        assert_eq!((outcome.stages, outcome.stopped), (3, None));
        assert_eq!(
            scene.done,
            [
                "migrate identity",
                "roll-out identity",
                "ask identity",
                "migrate catalog",
                "migrate crm",
                "roll-out catalog",
                "roll-out crm",
                "ask catalog",
                "ask crm",
                "roll-out gateway",
                "ask gateway"
            ]
        );
    }

    #[test]
    fn the_first_that_is_not_well_ends_it_and_all_goes_back() {
        // Callers must not come to half a release.
        let mut scene = Scene { sick: "catalog", ..Scene::default() };
        let outcome = run(&mut scene);
        assert_eq!(outcome.stages, 1);
        assert_eq!(outcome.stopped, Some(("catalog".to_owned(), "NOT_SERVING".to_owned())));
        assert_eq!(outcome.untouched, ["gateway"]);
        let back = ["roll-back crm", "roll-back catalog", "roll-back identity"];
        assert_eq!(scene.done[scene.done.len() - 4..], [&["ask catalog"][..], &back].concat());
    }

    #[test]
    fn what_failed_on_its_way_out_goes_back_too() {
        // A roll-out that ran out of time may have replaced some of its pods.
        let mut scene = Scene { fails: "roll-out catalog", ..Scene::default() };
        let outcome = run(&mut scene);
        assert_eq!(outcome.stopped, Some(("catalog".to_owned(), "roll-out catalog: no".to_owned())));
        assert_eq!(outcome.untouched, ["crm", "gateway"]);
        assert_eq!(scene.done[scene.done.len() - 2..], ["roll-back catalog", "roll-back identity"]);
    }

    #[test]
    fn a_migration_that_fails_changes_no_program() {
        // The release before still runs on the schema that it had.
        let mut scene = Scene { fails: "migrate identity", ..Scene::default() };
        let outcome = run(&mut scene);
        assert_eq!(scene.done, ["migrate identity"]);
        assert_eq!((outcome.rolled_back, outcome.untouched.len()), (Vec::new(), 4));
    }
}
