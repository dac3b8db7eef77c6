//! The text of a filter, read piece by piece.
//!
//! What ends an unquoted word depends on where it stands: `a.b:c` is a path and a value, but on the right of
//! an operator `2026-01-31T10:00:00Z` and `10.50` are one value. So the parser asks for what it needs,
//! and there is no list of tokens.

use kit::{Error, Result};

use super::ast::{At, Literal, Operator};

/// Which letters an unquoted word may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// A part of a path: ends at `.` and `:` too.
    Left,
    /// A value.
    Right,
}

/// A position in the text of a filter.
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// In bytes.
    position: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    /// Where the next letter stands.
    pub(super) fn at(&self) -> At {
        At(self.text[..self.position].chars().count() + 1)
    }

    /// What is not read yet.
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    /// The next letter.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Skips spaces, and tells whether there were any.
    pub(super) fn skip_space(&mut self) -> bool {
        let before = self.position;
        self.position = self.text.len() - self.rest().trim_start().len();
        self.position > before
    }

    /// Takes this letter if it is next.
    pub(super) fn take(&mut self, letter: char) -> bool {
        let found = self.rest().starts_with(letter);
        if found {
            self.position += letter.len_utf8();
        }
        found
    }

    /// Takes the keyword if it is next and a word of its own.
    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let Some(after) = self.rest().strip_prefix(keyword) else { return false };
        let ends = after.chars().next().is_none_or(|letter| letter.is_whitespace() || letter == '(');
        if ends {
            self.position += keyword.len();
        }
        ends
    }

    /// Takes an operator if one is next.
    pub(super) fn take_operator(&mut self) -> Option<Operator> {
        // Longer ones first, for `<` begins `<=`.
        const ALL: [Operator; 7] = [
            Operator::LessOrEqual,
            Operator::GreaterOrEqual,
            Operator::NotEqual,
            Operator::Equal,
            Operator::Less,
            Operator::Greater,
            Operator::Has,
        ];
        let found = ALL.into_iter().find(|operator| self.rest().starts_with(operator.text()))?;
        self.position += found.text().len();
        Some(found)
    }

    /// Takes a quoted text or an unquoted word.
    pub(super) fn literal(&mut self, side: Side) -> Result<Literal> {
        match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            _ => self.unquoted(side),
        }
    }

    fn unquoted(&mut self, side: Side) -> Result<Literal> {
        let at = self.at();
        let rest = self.rest();
        let length = rest.find(|letter| !is_word_letter(letter, side)).unwrap_or(rest.len());
        if length == 0 {
            return Err(match rest.chars().next() {
                None => fault(at, "the filter ends where a value should stand"),
                Some(letter) => fault(at, format!("a value should stand instead of `{letter}`")),
            });
        }
        let text = rest[..length].to_owned();
        self.position += length;
        let stars = text.match_indices('*').map(|(place, _)| place).collect();
        Ok(Literal { text, stars, quoted: false, at })
    }

    fn quoted(&mut self, quote: char) -> Result<Literal> {
        let at = self.at();
        self.take(quote);
        let (mut text, mut stars) = (String::new(), Vec::new());
        loop {
            let here = self.at();
            let Some(letter) = self.peek() else {
                return Err(fault(at, "the quoted text has no end"));
            };
            self.take(letter);
            match letter {
                letter if letter == quote => return Ok(Literal { text, stars, quoted: true, at }),
                '\\' => text.push(self.escape(here)?),
                '*' => {
                    stars.push(text.len());
                    text.push('*');
                }
                _ => text.push(letter),
            }
        }
    }

    fn escape(&mut self, at: At) -> Result<char> {
        let Some(letter) = self.peek() else {
            return Err(fault(at, "a letter should follow the backslash"));
        };
        self.take(letter);
        match letter {
            '\\' | '"' | '\'' | '*' => Ok(letter),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'u' => self.code_point(at),
            _ => Err(fault(
                at,
                format!("`\\{letter}` is no escape; there are \\\\ \\\" \\' \\* \\n \\r \\t \\u00e4"),
            )),
        }
    }

    fn code_point(&mut self, at: At) -> Result<char> {
        let digits =
            self.rest().get(..4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let letter = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match letter {
            Some(letter) if letter != '\0' => {
                self.position += 4;
                Ok(letter)
            }
            _ => Err(fault(at, "four hex digits of a character should follow `\\u`")),
        }
    }
}

fn is_word_letter(letter: char, side: Side) -> bool {
    match letter {
        '.' | ':' => side == Side::Right,
        '(' | ')' | ',' | '"' | '=' | '<' | '>' | '!' => false,
        _ => !letter.is_whitespace(),
    }
}

/// What is wrong with the filter, and where.
pub(super) fn fault(at: At, what: impl std::fmt::Display) -> Error {
    Error::invalid("filter", format!("at character {}: {what}", at.0))
}
