//! What generated validation runs: where a value stands in the request, and the formats of strings.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::LazyLock;

use kit::{Result, Violation};

use crate::record::Validate;

/// Where a value stands in the request. Becomes text only when something is wrong there.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    path: &'a str,
    field: &'static str,
    part: Part<'a>,
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Whole,
    Item(usize),
    Key(&'a dyn fmt::Debug),
}

impl<'a> Place<'a> {
    /// A field of the message at `path`.
    pub fn new(path: &'a str, field: &'static str) -> Self {
        Self { path, field, part: Part::Whole }
    }

    /// An item of a list.
    pub fn item(path: &'a str, field: &'static str, index: usize) -> Self {
        Self { path, field, part: Part::Item(index) }
    }

    /// A value of a map.
    pub fn key(path: &'a str, field: &'static str, key: &'a dyn fmt::Debug) -> Self {
        Self { path, field, part: Part::Key(key) }
    }

    /// Notes that the value breaks a rule.
    pub fn breaks(&self, rule: &str, description: &str, violations: &mut Vec<Violation>) {
        violations.push(Violation {
            field: self.to_string(),
            description: description.to_owned(),
            rule: rule.to_owned(),
        });
    }

    /// Notes that the value can't be read as what it must be.
    pub fn reads<T>(&self, rule: &str, result: Result<T>, violations: &mut Vec<Violation>) {
        if let Err(error) = result {
            let description = error.violations().first().map_or(error.text(), |first| &first.description);
            self.breaks(rule, description, violations);
        }
    }

    /// Checks a message that is the value.
    pub fn nested(&self, message: &impl Validate, violations: &mut Vec<Violation>) {
        message.validate(&self.to_string(), violations);
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}.", self.path)?;
        }
        f.write_str(self.field)?;
        match self.part {
            Part::Whole => Ok(()),
            Part::Item(index) => write!(f, "[{index}]"),
            Part::Key(key) => write!(f, "[{key:?}]"),
        }
    }
}

/// How many characters a text has, as `min_len` and `max_len` count them.
pub fn chars(text: &str) -> usize {
    text.chars().count()
}

/// Whether an item occurs twice.
pub fn has_double<T: Ord>(items: &[T]) -> bool {
    let mut seen = BTreeSet::new();
    !items.iter().all(|item| seen.insert(item))
}

/// `01938c5e-8a3f-7cc1-b6a2-5f0d3e2c1b00`, in any case, with its dashes.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// An address as HTML's forms take it: `local@host`, without quotes and comments.
pub fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.split_once('@') else { return false };
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    !local.is_empty() && local.len() <= 64 && local.bytes().all(is_local) && is_hostname(host)
}

/// Labels of letters, digits and hyphens; the last one is not a number.
pub fn is_hostname(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        (1..=63).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
            && bytes.first() != Some(&b'-')
            && bytes.last() != Some(&b'-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253 && text.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// A scheme, a colon and something after it, in the characters of RFC 3986.
pub fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        && !rest.is_empty()
        && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
        && rest
            .split('%')
            .skip(1)
            .all(|part| part.len() >= 2 && part.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()))
}

/// An address of IPv4 or IPv6.
pub fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// A regular expression, compiled when it is first needed.
pub struct Pattern(LazyLock<regex::Regex, fn() -> regex::Regex>);

impl Pattern {
    /// Takes a function, since a `static` can hold no closure that captures.
    pub const fn new(compile: fn() -> regex::Regex) -> Self {
        Self(LazyLock::new(compile))
    }

    /// Whether the pattern occurs in the text.
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// Compiles a pattern that the build of the contracts has compiled before.
pub fn compile(pattern: &str) -> regex::Regex {
    regex::Regex::new(pattern).expect("the build of the contracts has compiled it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_like_paths() {
        // A client finds the wrong field by this text.
        assert_eq!(Place::new("", "code").to_string(), "code");
        assert_eq!(Place::item("order.lines[2]", "tags", 7).to_string(), "order.lines[2].tags[7]");
        assert_eq!(Place::key("account", "labels", &"x\"y").to_string(), r#"account.labels["x\"y"]"#);
    }

    #[test]
    fn a_value_that_cannot_be_read_is_a_violation() {
        // The description comes from the error, the place from the field.
        let mut violations = Vec::new();
        let error: Result<()> = Err(kit::Error::invalid("", "is too large"));
        Place::new("order", "total").reads("money", error, &mut violations);
        Place::new("order", "total").reads("money", Ok(()), &mut violations);
        let expected = Violation {
            field: "order.total".to_owned(),
            description: "is too large".to_owned(),
            rule: "money".to_owned(),
        };
        assert_eq!(violations, [expected]);
    }

    #[test]
    fn formats() {
        // One list of good and bad texts for each format.
        let check = |format: fn(&str) -> bool, good: &[&str], bad: &[&str]| {
            good.iter().for_each(|text| assert!(format(text), "refused {text}"));
            bad.iter().for_each(|text| assert!(!format(text), "took {text}"));
        };
        check(
            is_uuid,
            &["01938c5e-8a3f-7cc1-b6a2-5f0d3e2c1b00", "01938C5E-8A3F-7CC1-B6A2-5F0D3E2C1B00"],
            &["", "01938c5e8a3f7cc1b6a25f0d3e2c1b00", "01938c5e-8a3f-7cc1-b6a2-5f0d3e2c1b0g", "é"],
        );
        check(
            is_email,
            &["ada@example.com", "a.b+c@x-y.example", "root@localhost"],
            &[
                "",
                "@",
                "ada",
                "ada@",
                "@example.com",
                "a b@example.com",
                "a@b@c",
                "ada@-x.com",
                "ada@1.2.3.4",
            ],
        );
        check(
            is_hostname,
            &["example.com", "example.com.", "a", "xn--bcher-kva.example"],
            &["", ".", "a..b", "-a", "a-", "a_b", "10.0.0.1", "bücher.example"],
        );
        check(
            is_uri,
            &["https://example.com/a?b=c#d", "mailto:ada@example.com", "urn:x:%20"],
            &["", "example.com", "https:", "1http://x", "https://a b", "https://a%2"],
        );
        check(is_ip, &["10.0.0.1", "::1"], &["", "10.0.0", "10.0.0.256"]);
    }

    #[test]
    fn doubles_are_found() {
        // Items need not stand side by side.
        assert!(has_double(&["a", "b", "a"]));
        assert!(!has_double(&["a", "b"]));
    }

    #[test]
    fn lengths_count_characters() {
        // A limit of a name must not depend on its alphabet.
        assert_eq!(chars("Łódź"), 4);
    }
}
