//! The grammar of AIP-160.
//!
//! ```text
//! expression = sequence {AND sequence}
//! sequence   = factor {factor}
//! factor     = term {OR term}
//! term       = [NOT | "-"] (restriction | "(" expression ")")
//! ```

use kit::{Error, Result};

use super::ast::{Argument, At, Call, Compare, Literal, Node};
use super::lexer::{Lexer, Side, fault};

/// How long a filter may be, in characters.
pub const MAX_CHARACTERS: usize = 2_000;
/// How many words and comparisons a filter may have.
pub const MAX_TERMS: usize = 50;
/// How deep parentheses may stand in each other.
pub const MAX_DEPTH: usize = 8;

/// Reads a filter; `None` when it is blank.
pub(crate) fn parse(text: &str) -> Result<Option<Node>> {
    if text.chars().count() > MAX_CHARACTERS {
        return Err(Error::invalid("filter", format!("must have {MAX_CHARACTERS} characters at the most")));
    }
    if let Some(place) = text.find('\0') {
        return Err(fault(
            At(text[..place].chars().count() + 1),
            "the character U+0000 cannot be stored or sought",
        ));
    }
    let mut parser = Parser { lexer: Lexer::new(text), terms: 0, depth: 0 };
    parser.lexer.skip_space();
    if parser.lexer.peek().is_none() {
        return Ok(None);
    }
    let node = parser.expression()?;
    match parser.lexer.peek() {
        None => Ok(Some(node)),
        Some(letter) => Err(fault(parser.lexer.at(), format!("`{letter}` does not belong here"))),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    terms: usize,
    depth: usize,
}

impl Parser<'_> {
    fn expression(&mut self) -> Result<Node> {
        let mut items = vec![self.sequence()?];
        while self.keyword("AND")? {
            items.push(self.sequence()?);
        }
        Ok(one_or(items, Node::And))
    }

    fn sequence(&mut self) -> Result<Node> {
        let mut items = vec![self.factor()?];
        while self.begins_a_factor() {
            items.push(self.factor()?);
        }
        Ok(one_or(items, Node::Sequence))
    }

    fn factor(&mut self) -> Result<Node> {
        let mut items = vec![self.term()?];
        while self.keyword("OR")? {
            items.push(self.term()?);
        }
        Ok(one_or(items, Node::Or))
    }

    fn term(&mut self) -> Result<Node> {
        let at = self.lexer.at();
        let keyword = self.lexer.take_keyword("NOT");
        let negated = keyword || self.lexer.take('-');
        if self.lexer.skip_space() && negated && !keyword {
            return Err(fault(
                at,
                "what `-` excludes should follow it without a space; quote a dash to seek one",
            ));
        }
        for word in ["AND", "OR", "NOT"] {
            if self.lexer.take_keyword(word) {
                return Err(fault(
                    at,
                    format!("a term should stand before or after `{word}`; quote it to seek the word"),
                ));
            }
        }
        let simple = if self.lexer.peek() == Some('(') { self.composite()? } else { self.restriction()? };
        // Spaces are skipped behind every term, so that lists see the next letter that counts.
        self.lexer.skip_space();
        Ok(if negated { Node::Not(Box::new(simple)) } else { simple })
    }

    fn composite(&mut self) -> Result<Node> {
        let at = self.lexer.at();
        self.lexer.take('(');
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(fault(at, format!("parentheses may stand {MAX_DEPTH} deep at the most")));
        }
        self.lexer.skip_space();
        let inner = self.expression()?;
        if !self.lexer.take(')') {
            return Err(fault(at, "the parenthesis is not closed"));
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn restriction(&mut self) -> Result<Node> {
        let at = self.lexer.at();
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(fault(at, format!("a filter may have {MAX_TERMS} terms at the most")));
        }
        let mut path = vec![self.lexer.literal(Side::Left)?];
        while self.lexer.take('.') {
            path.push(self.lexer.literal(Side::Left)?);
        }
        if self.lexer.peek() == Some('(') {
            return Err(fault(at, "a function stands on the right of an operator only"));
        }
        self.lexer.skip_space();
        match self.lexer.take_operator() {
            None => word(path).map(Node::Word),
            Some(operator) => {
                self.lexer.skip_space();
                let argument = self.argument()?;
                let path = path.into_iter().map(|part| part.text).collect();
                Ok(Node::Compare(Compare { path, operator, argument, at }))
            }
        }
    }

    fn argument(&mut self) -> Result<Argument> {
        if self.lexer.peek() == Some('(') {
            return Ok(Argument::Group(Box::new(self.composite()?)));
        }
        let literal = self.lexer.literal(Side::Right)?;
        if !literal.quoted && self.lexer.peek() == Some('(') {
            return self.call(literal).map(Argument::Call);
        }
        Ok(Argument::Value(literal))
    }

    fn call(&mut self, name: Literal) -> Result<Call> {
        self.lexer.take('(');
        self.lexer.skip_space();
        let mut arguments = Vec::new();
        while !self.lexer.take(')') {
            if !arguments.is_empty() && !self.lexer.take(',') {
                return Err(fault(self.lexer.at(), "`,` or `)` should stand here"));
            }
            self.lexer.skip_space();
            arguments.push(self.lexer.literal(Side::Right)?);
            self.lexer.skip_space();
        }
        Ok(Call { name: name.text, arguments, at: name.at })
    }

    /// Takes a keyword between two terms.
    fn keyword(&mut self, keyword: &str) -> Result<bool> {
        let at = self.lexer.at();
        if !self.lexer.take_keyword(keyword) {
            return Ok(false);
        }
        self.lexer.skip_space();
        match self.lexer.peek() {
            None | Some(')') => Err(fault(at, format!("a term should follow `{keyword}`"))),
            Some(_) => Ok(true),
        }
    }

    fn begins_a_factor(&mut self) -> bool {
        let mut ahead = Lexer::new(self.lexer.rest());
        let ends = matches!(ahead.peek(), None | Some(')'));
        !ends && !ahead.take_keyword("AND")
    }
}

fn one_or(mut items: Vec<Node>, list: fn(Vec<Node>) -> Node) -> Node {
    match items.pop() {
        Some(only) if items.is_empty() => only,
        last => {
            items.extend(last);
            list(items)
        }
    }
}

/// A path without an operator is a word that has dots in it, such as `ann@example.com`.
fn word(mut path: Vec<Literal>) -> Result<Literal> {
    let mut whole = path.remove(0);
    for part in path {
        if whole.quoted || part.quoted {
            return Err(fault(part.at, "an operator should follow a path with quotes"));
        }
        whole.text.push('.');
        whole.stars.extend(part.stars.iter().map(|star| star + whole.text.len()));
        whole.text.push_str(&part.text);
    }
    Ok(whole)
}
