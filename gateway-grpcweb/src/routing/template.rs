//! Path templates: `/v1/{name=shelves/*}/books/{book.id}:publish`.
//!
//! The grammar is that of google/api/http.proto, with two additions that real contracts need:
//! `**` may stand before the end (16 templates of googleapis do that), and a variable may hold
//! other variables. There is one `**` at the most, so that a path is matched in one way.

use super::percent::decode;

/// One segment of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Percent-decoded text.
    Literal(String),
    /// `*`: exactly one segment.
    One,
    /// `**`: one or more segments, also empty ones.
    Rest,
}

/// A variable and the segments that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Names of the fields on the way to the bound one.
    pub(crate) path: Vec<String>,
    /// Its first segment.
    pub(crate) start: Edge,
    /// Behind its last segment.
    pub(crate) end: Edge,
    /// Whether it may take more than one segment, which changes how it is decoded.
    pub(crate) multi: bool,
}

/// A place between the segments of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// So many segments from the path's start.
    Front(usize),
    /// So many segments from the path's end: behind a `**`, whose length differs from path to path.
    Back(usize),
}

impl Edge {
    /// The place in a path of so many segments, which must match the template.
    pub(crate) fn of(self, segments: usize) -> usize {
        match self {
            Self::Front(at) => at,
            Self::Back(at) => segments - at,
        }
    }
}

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) segments: Vec<Segment>,
    /// The custom verb behind the last colon, percent-decoded.
    pub(crate) verb: Option<String>,
    /// Outer variables before those within them.
    pub(crate) variables: Vec<Variable>,
}

/// Why a template was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at character {at} of the path")]
pub(crate) struct TemplateError {
    pub(crate) message: &'static str,
    pub(crate) at: usize,
}

impl Template {
    /// Whether all its paths have this first segment.
    pub(crate) fn begins_with(&self, segment: &str) -> bool {
        matches!(self.segments.first(), Some(Segment::Literal(text)) if text == segment)
    }

    /// Parses a template.
    ///
    /// # Errors
    /// When it breaks the grammar or binds a variable twice.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parser = Parser { text: text.as_bytes(), at: 0, segments: Vec::new(), variables: Vec::new() };
        parser.expect(b'/', "expected `/`")?;
        if parser.peek().is_some() {
            parser.segments(0)?;
        }
        let verb = match parser.peek() {
            Some(b':') => {
                parser.at += 1;
                Some(parser.literal("expected a verb", false)?)
            }
            _ => None,
        };
        if parser.peek().is_some() {
            return Err(parser.error("unexpected character"));
        }
        parser.finish(verb)
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    segments: Vec<Segment>,
    variables: Vec<Variable>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn error(&self, message: &'static str) -> TemplateError {
        TemplateError { message, at: self.at + 1 }
    }

    fn expect(&mut self, byte: u8, message: &'static str) -> Result<(), TemplateError> {
        if self.peek() != Some(byte) {
            return Err(self.error(message));
        }
        self.at += 1;
        Ok(())
    }

    fn segments(&mut self, depth: usize) -> Result<(), TemplateError> {
        loop {
            self.segment(depth)?;
            if self.peek() != Some(b'/') {
                return Ok(());
            }
            self.at += 1;
        }
    }

    fn segment(&mut self, depth: usize) -> Result<(), TemplateError> {
        match self.peek() {
            Some(b'*') => self.wildcard(),
            Some(b'{') => self.variable(depth),
            _ => {
                let literal = self.literal("expected a segment", depth == 0)?;
                self.segments.push(Segment::Literal(literal));
                Ok(())
            }
        }
    }

    fn wildcard(&mut self) -> Result<(), TemplateError> {
        self.at += 1;
        let rest = self.peek() == Some(b'*');
        if rest {
            if self.segments.contains(&Segment::Rest) {
                return Err(self.error("only one `**` may stand in a path"));
            }
            self.at += 1;
        }
        self.segments.push(if rest { Segment::Rest } else { Segment::One });
        Ok(())
    }

    fn variable(&mut self, depth: usize) -> Result<(), TemplateError> {
        const DEEPEST: usize = 8;
        if depth == DEEPEST {
            return Err(self.error("variables are nested too deep"));
        }
        self.at += 1;
        let mut path = vec![self.identifier()?];
        while self.peek() == Some(b'.') {
            self.at += 1;
            path.push(self.identifier()?);
        }
        let start = Edge::Front(self.segments.len());
        let index = self.variables.len();
        self.variables.push(Variable { path, start, end: start, multi: false });
        if self.peek() == Some(b'=') {
            self.at += 1;
            self.segments(depth + 1)?;
        } else {
            self.segments.push(Segment::One);
        }
        self.expect(b'}', "expected `}`")?;
        self.variables[index].end = Edge::Front(self.segments.len());
        Ok(())
    }

    fn identifier(&mut self) -> Result<String, TemplateError> {
        let start = self.at;
        while self.peek().is_some_and(|one| one == b'_' || one.is_ascii_alphanumeric()) {
            self.at += 1;
        }
        let name = &self.text[start..self.at];
        match name.first() {
            Some(first) if !first.is_ascii_digit() => Ok(String::from_utf8_lossy(name).into_owned()),
            _ => Err(self.error("expected a field's name")),
        }
    }

    /// Whether a later colon starts the verb, so that the one here is text.
    fn is_inner_colon(&self) -> bool {
        let rest = &self.text[self.at + 1..];
        rest.contains(&b':') && !rest.contains(&b'/')
    }

    /// Reads unreserved and sub-delimiter characters, percent escapes, and where they are text
    /// colons.
    fn literal(&mut self, missing: &'static str, colons: bool) -> Result<String, TemplateError> {
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b'%' => {
                    let hex = self.text.get(self.at + 1..self.at + 3);
                    if !hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
                        return Err(self.error("`%` needs two hexadecimal digits"));
                    }
                    self.at += 3;
                }
                b':' if colons && self.at > start && self.is_inner_colon() => self.at += 1,
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => self.at += 1,
                b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' => self.at += 1,
                b'+' | b',' | b';' | b'=' | b'@' => self.at += 1,
                _ => break,
            }
        }
        if self.at == start {
            return Err(self.error(missing));
        }
        let text = String::from_utf8_lossy(&self.text[start..self.at]);
        decode(&text).map_or_else(|| Err(self.error("an escape is no UTF-8")), |text| Ok(text.into_owned()))
    }

    fn finish(mut self, verb: Option<String>) -> Result<Template, TemplateError> {
        let rest = self.segments.iter().position(|one| *one == Segment::Rest);
        let len = self.segments.len();
        for at in 0..self.variables.len() {
            let (before, from) = self.variables.split_at_mut(at);
            let variable = &mut from[0];
            if before.iter().any(|one| one.path == variable.path) {
                return Err(TemplateError { message: "a field is bound twice", at: self.at });
            }
            let (start, end) = (variable.start.of(len), variable.end.of(len));
            let own = self.segments.get(start..end).unwrap_or_default();
            variable.multi = own.len() > 1 || own.contains(&Segment::Rest);
            if rest.is_some_and(|rest| start > rest) {
                variable.start = Edge::Back(len - start);
            }
            if rest.is_some_and(|rest| end > rest) {
                variable.end = Edge::Back(len - end);
            }
        }
        Ok(Template { segments: self.segments, verb, variables: self.variables })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_colon_starts_the_verb() {
        let template = Template::parse("/a/b:c:d").unwrap();
        let literals = ["a", "b:c"].map(|text| Segment::Literal(text.to_owned()));
        assert_eq!((template.segments, template.verb.as_deref()), (literals.to_vec(), Some("d")));
        for bad in ["/a:b/c", "/:a:b", "/a:b:", "/{a}:b:c", "/{a=b:c}:d", "/*:a:b"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }
}
