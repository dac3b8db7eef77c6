//! Makes what is not there, several at a time, and notes what is refused.

use std::collections::HashMap;

use futures::StreamExt as _;
use tonic::{Code, Status};

use crate::Result;
use crate::failure::Failure;
use crate::load::plan::{Origin, Row};
use crate::talk;

/// Calls at a time.
const AT_A_TIME: usize = 16;

/// A row that is not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub origin: Origin,
    /// Why it is not loaded.
    pub reason: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.origin.file, self.origin.line, self.reason)
    }
}

/// What was refused.
#[derive(Debug, Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Notes a row that is not loaded.
    pub fn refuse(&mut self, origin: &Origin, reason: impl Into<String>) {
        self.0.push(Problem { origin: origin.clone(), reason: reason.into() });
    }

    /// Notes a refusal of the suite; anything else ends the load.
    pub fn sort(&mut self, origin: &Origin, status: &Status, method: &str) -> Result<()> {
        if !is_refusal(status.code()) {
            return Err(fatal(status, method, origin));
        }
        let error = kit::Error::from(status.clone());
        let mut reason = error.text().to_owned();
        for violation in error.violations() {
            if !reason.contains(&violation.description) {
                reason.push_str(&format!("; {} {}", violation.field, violation.description));
            }
        }
        self.refuse(origin, format!("refused: {reason} ({})", error.reason()));
        Ok(())
    }
}

/// The end of a load for a reason that is none of the row's.
fn fatal(status: &Status, method: &str, origin: &Origin) -> Failure {
    Failure::of_call(status, method, "")
        .line(format!("at {}:{}", origin.file, origin.line))
        .line("run the same command again to go on: nothing is doubled")
}

/// Whether the suite says no to this row, and might say yes to the next.
pub fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::NotFound
            | Code::OutOfRange
    )
}

/// One kind of thing to make.
pub struct Step<'a, T> {
    /// Its name in the plural, for the person.
    pub name: &'static str,
    /// The method that makes it, for errors.
    pub method: &'static str,
    /// What is to be there.
    pub rows: &'a [Row<T>],
    /// By what it is known.
    pub key: fn(&T) -> &str,
}

impl<T> Step<'_, T> {
    /// Makes what `known` lacks, and returns the ids of all by key. `create` answers the new id.
    pub async fn run(
        &self,
        mut known: HashMap<String, String>,
        create: impl AsyncFn(&T) -> Result<String, Status>,
        problems: &mut Problems,
    ) -> Result<HashMap<String, String>> {
        let missing: Vec<&Row<T>> =
            self.rows.iter().filter(|row| !known.contains_key((self.key)(&row.value))).collect();
        let there = self.rows.len() - missing.len();
        let bar = talk::bar(self.name, missing.len());
        let mut made = 0_usize;
        let create = &create;
        let mut answers = futures::stream::iter(missing)
            .map(|row| async move { (row, create(&row.value).await) })
            .buffer_unordered(AT_A_TIME);
        while let Some((row, answer)) = answers.next().await {
            match answer {
                Ok(id) => {
                    known.insert((self.key)(&row.value).to_owned(), id);
                    made += 1;
                }
                Err(status) => problems.sort(&row.origin, &status, self.method)?,
            }
            bar.inc(1);
        }
        talk::finish(&bar, &format!("{made} made, {there} there already"));
        Ok(known)
    }
}
