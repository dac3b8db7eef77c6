//! A filter as a tree, and the tree as text again.

use std::fmt;

/// A place in the filter's text, counted in characters from 1. Two trees are equal wherever they stood.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct At(pub(crate) usize);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A part of a filter. Lists have two items at least.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// `a AND b`.
    And(Vec<Self>),
    /// `a b`, AIP-160's fuzzy AND.
    Sequence(Vec<Self>),
    /// `a OR b`.
    Or(Vec<Self>),
    /// `NOT a` or `-a`.
    Not(Box<Self>),
    /// A word without a field.
    Word(Literal),
    /// `field = value`.
    Compare(Compare),
}

/// A field, an operator and what it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compare {
    /// The field and the way into it: `billing_address`, `locality`. Never empty.
    pub(crate) path: Vec<String>,
    pub(crate) operator: Operator,
    pub(crate) argument: Argument,
    pub(crate) at: At,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Argument {
    Value(Literal),
    Call(Call),
    /// `(a OR b)`: the values stand as words.
    Group(Box<Node>),
}

/// `daysAgo(7)`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Vec<Literal>,
    pub(crate) at: At,
}

/// A value as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Literal {
    /// The text without quotes and escapes.
    pub(crate) text: String,
    /// Which bytes of the text are wildcards: a `*` that no backslash stood before.
    pub(crate) stars: Vec<usize>,
    pub(crate) quoted: bool,
    pub(crate) at: At,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Has,
}

impl Operator {
    /// The operator as filters write it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Has => ":",
        }
    }

    /// The operator as SQL writes it between two scalars; `:` is equality there.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Equal | Self::Has => "=",
            Self::NotEqual => "<>",
            other => other.text(),
        }
    }

    /// Whether it asks for an order and not for equality.
    pub(crate) fn is_ordering(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual)
    }
}

impl Literal {
    /// Whether it is a lone `*`, which stands for "anything that is set".
    pub(crate) fn is_any(&self) -> bool {
        self.text == "*" && self.stars.len() == 1
    }

    /// The text as a pattern of LIKE: wildcards become `%`, everything else stands for itself.
    pub(crate) fn pattern(&self) -> String {
        let mut pattern = String::with_capacity(self.text.len() + 8);
        for (place, letter) in self.text.char_indices() {
            match letter {
                '*' if self.stars.contains(&place) => pattern.push('%'),
                '%' | '_' | '\\' => pattern.extend(['\\', letter]),
                _ => pattern.push(letter),
            }
        }
        pattern
    }
}

impl Node {
    /// Whether it needs no parentheses inside a list of AND, sequence, OR or NOT.
    fn binds_tighter_than(&self, outer: &Self) -> bool {
        let strength = |node: &Self| match node {
            Self::And(_) => 0,
            Self::Sequence(_) => 1,
            Self::Or(_) => 2,
            Self::Not(_) => 3,
            Self::Word(_) | Self::Compare(_) => 4,
        };
        strength(self) > strength(outer)
    }

    fn write_inside(&self, outer: &Self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.binds_tighter_than(outer) { write!(f, "{self}") } else { write!(f, "({self})") }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (items, joint) = match self {
            Self::And(items) => (items, " AND "),
            Self::Sequence(items) => (items, " "),
            Self::Or(items) => (items, " OR "),
            Self::Not(inner) => {
                f.write_str("NOT ")?;
                return inner.write_inside(self, f);
            }
            Self::Word(literal) => return write!(f, "{literal}"),
            Self::Compare(compare) => return write!(f, "{compare}"),
        };
        for (place, item) in items.iter().enumerate() {
            if place > 0 {
                f.write_str(joint)?;
            }
            item.write_inside(self, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Compare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, name) in self.path.iter().enumerate() {
            if place > 0 {
                f.write_str(".")?;
            }
            if is_plain(name) { f.write_str(name)? } else { write_quoted(name, &[], f)? }
        }
        write!(f, " {} ", self.operator.text())?;
        match &self.argument {
            Argument::Value(literal) => write!(f, "{literal}"),
            Argument::Group(node) => write!(f, "({node})"),
            Argument::Call(call) => {
                write!(f, "{}(", call.name)?;
                for (place, argument) in call.arguments.iter().enumerate() {
                    write!(f, "{}{argument}", if place > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quoted { write_quoted(&self.text, &self.stars, f) } else { f.write_str(&self.text) }
    }
}

/// Whether a part of a path can stand without quotes.
fn is_plain(name: &str) -> bool {
    let is_keyword = matches!(name, "AND" | "OR" | "NOT");
    !name.is_empty() && !is_keyword && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
}

fn write_quoted(text: &str, stars: &[usize], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for (place, letter) in text.char_indices() {
        match letter {
            '*' if stars.contains(&place) => f.write_str("*")?,
            '*' | '"' | '\\' => write!(f, "\\{letter}")?,
            _ => write!(f, "{letter}")?,
        }
    }
    f.write_str("\"")
}
