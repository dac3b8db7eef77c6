//! What is wrong, where, and what to do about it.

use std::fmt;

use crate::tree::Declared;

/// One breach of a rule, or one difference to the last release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The contract's file.
    pub file: String,
    /// Full name of the declaration.
    pub name: String,
    /// The rule's name, by which it can be accepted.
    pub rule: &'static str,
    /// For a difference: what it was and what it is. Accepting one change does not accept the next.
    pub change: String,
    /// What is wrong and what to do.
    pub text: String,
}

impl Finding {
    /// A breach of a rule by this declaration.
    pub fn breach(place: &impl Declared, rule: &'static str, text: impl Into<String>) -> Self {
        Self::difference(place, rule, "", text)
    }

    /// A difference of this declaration.
    pub fn difference(
        place: &impl Declared,
        rule: &'static str,
        change: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self::named(place.file().name(), place.full_name(), rule, change, text)
    }

    /// A finding about something that has no descriptor of its own, such as a topic.
    pub fn named(
        file: &str,
        name: &str,
        rule: &'static str,
        change: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        let (file, name) = (file.to_owned(), name.to_owned());
        Self { file, name, rule, change: change.into(), text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {} [{}]", self.file, self.name, self.text, self.rule)
    }
}
