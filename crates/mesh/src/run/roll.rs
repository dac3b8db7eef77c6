//! Another version in the place of what runs, as a Deployment brings it: a new pod beside the old one, and no call lost.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::control::{Step, Verb};
use super::suite::{Member, SIDECAR_STOP_MAX, STOP_MAX, Suite, is_ready};
use crate::program::Program;

/// How long a migration may take.
const MIGRATE_MAX: Duration = Duration::from_secs(300);

impl Suite {
    /// Does a step of a release.
    pub async fn take(&mut self, step: &Step) -> Result<()> {
        let name = step.name.as_str();
        ensure!(self.of(name).next().is_some(), "there is no program `{name}` in this mesh");
        match step.verb {
            Verb::Migrate => self.migrate(name, &self.programs_of(step)?).await,
            Verb::RollOut => {
                let programs = self.programs_of(step)?;
                let former = self.of(name).map(|member| member.programs.clone()).next();
                self.former.insert(name.to_owned(), former.unwrap_or_default());
                self.roll(name, &programs, |_| true).await
            }
            Verb::Health => self.health(name).await,
            Verb::RollBack => {
                let former = self.former.get(name).cloned();
                let former =
                    former.with_context(|| format!("{name} was not rolled out, and cannot go back"))?;
                // A roll-out that failed may have replaced some of its pods.
                self.roll(name, &former, |member| member.programs != former).await
            }
        }
    }

    /// The folder with the programs of an image's version: one of its own, or that of this build.
    fn programs_of(&self, step: &Step) -> Result<PathBuf> {
        let version = step.image.rsplit([':', '@']).next().unwrap_or_default();
        let own = self.options.images.join(version);
        let programs = match own.exists() {
            true => own,
            false if version == env!("CARGO_PKG_VERSION") => self.options.programs.clone(),
            false => bail!("{} is not there, so that there is no program of {}", own.display(), step.image),
        };
        let program = programs.join(&step.name);
        ensure!(program.exists(), "{} is not there", program.display());
        Ok(programs)
    }

    async fn migrate(&self, name: &str, programs: &Path) -> Result<()> {
        let member = self.of(name).next().with_context(|| format!("there is no pod of {name}"))?;
        let environment = self.ground.environment(&self.mesh, &member.pod, true)?;
        let log = self.mesh.log(&format!("{name}-migrate"));
        let arguments = ["migrate".to_owned()];
        let title = format!("the migration of {name}");
        Program::start(&title, &programs.join(name), &arguments, &environment, &log)?
            .finish(MIGRATE_MAX)
            .await
    }

    /// One pod after the other: the new one is ready before the old one goes.
    async fn roll(&mut self, name: &str, programs: &Path, wanted: impl Fn(&Member) -> bool) -> Result<()> {
        for place in 0..self.members.len() {
            let member = &self.members[place];
            if member.pod.workload.name == name && wanted(member) {
                self.replace(place, name, programs).await?;
            }
        }
        Ok(())
    }

    async fn replace(&mut self, place: usize, name: &str, programs: &Path) -> Result<()> {
        let pod = self.mesh.pod(name, &[])?;
        let sidecar = self.mesh.sidecar(&pod).await?;
        let program = self.program(&pod, programs, false).await?;
        let fresh = Member {
            pod,
            program: Some(program),
            sidecar: Some(sidecar),
            programs: programs.to_owned(),
            first: false,
        };
        let old = std::mem::replace(&mut self.members[place], fresh);
        self.publish();
        old.leave().await
    }

    async fn health(&self, name: &str) -> Result<()> {
        for member in self.of(name) {
            let at = member.pod.addresses.program(member.pod.workload.port);
            ensure!(is_ready(&member.pod, at).await, "{} is not ready", member.pod.name);
        }
        Ok(())
    }

    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Member> {
        self.members.iter().filter(move |member| member.pod.workload.name == name)
    }
}

impl Member {
    /// What Kubernetes does to a pod that goes: nobody is sent to it any more, it waits, is asked to stop, and its sidecar
    /// goes last.
    async fn leave(mut self) -> Result<()> {
        tokio::time::sleep(Duration::from_secs(self.pod.workload.wait_seconds)).await;
        if let Some(program) = &mut self.program {
            program.stop(STOP_MAX).await?;
        }
        if let Some(sidecar) = &mut self.sidecar {
            sidecar.drain().await?;
            sidecar.program().stop(SIDECAR_STOP_MAX).await?;
        }
        Ok(())
    }
}
