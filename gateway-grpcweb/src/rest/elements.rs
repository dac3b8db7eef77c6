//! The messages of a client's stream, cut out of a JSON array or of lines as their bytes come.

use bytes::{Buf, Bytes, BytesMut};

use crate::JsonError;
use crate::error::ApiError;

/// Cuts a text into JSON values. It looks for their ends alone; whether they are JSON is for the
/// encoder to tell.
pub(crate) struct Elements {
    layout: Layout,
    state: State,
    buffer: BytesMut,
    /// Bytes of the value that was begun, looked at already.
    scanned: usize,
    depth: usize,
    quoted: bool,
    escaped: bool,
    limit: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Array,
    Lines,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the array.
    Start,
    /// Behind its bracket.
    First,
    /// Behind a comma, or before a line.
    Value,
    /// Within a value.
    Inside,
    /// Behind a value.
    Behind,
    /// Behind the array.
    End,
}

impl Elements {
    /// The values of `[...]`, each of at most `limit` bytes.
    pub(crate) fn of_array(limit: usize) -> Self {
        Self::new(Layout::Array, State::Start, limit)
    }

    /// The values of lines, each of at most `limit` bytes. Empty lines are skipped.
    pub(crate) fn of_lines(limit: usize) -> Self {
        Self::new(Layout::Lines, State::Value, limit)
    }

    fn new(layout: Layout, state: State, limit: usize) -> Self {
        let buffer = BytesMut::new();
        Self { layout, state, buffer, scanned: 0, depth: 0, quoted: false, escaped: false, limit }
    }

    /// Takes bytes that follow those before.
    pub(crate) fn push(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
    }

    /// The next whole value. None: more bytes are needed.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let value = match self.layout {
            Layout::Array => self.next_of_array()?,
            Layout::Lines => self.next_line(),
        };
        if value.as_ref().map_or(self.buffer.len(), Bytes::len) > self.limit {
            return Err(ApiError::too_large(self.limit));
        }
        Ok(value)
    }

    /// What is left when no more bytes come.
    pub(crate) fn finish(&mut self) -> Result<Option<Bytes>, ApiError> {
        match (self.layout, self.state) {
            (Layout::Lines, _) => {
                self.scanned = 0;
                Ok(Some(self.buffer.split().freeze()).filter(|line| !is_blank(line)))
            }
            // A body of nothing is a stream of nothing.
            (Layout::Array, State::Start) if self.scanned == 0 => Ok(None),
            (Layout::Array, State::End) => Ok(None),
            (Layout::Array, State::Start) => Err(malformed("expected an array")),
            (Layout::Array, _) => Err(malformed("the array has no end")),
        }
    }

    fn next_line(&mut self) -> Option<Bytes> {
        loop {
            let Some(at) = self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n') else {
                self.scanned = self.buffer.len();
                return None;
            };
            let line = self.buffer.split_to(self.scanned + at).freeze();
            self.buffer.advance(1);
            self.scanned = 0;
            if !is_blank(&line) {
                return Some(line);
            }
        }
    }

    fn next_of_array(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            if self.state == State::Inside {
                return Ok(self.inside());
            }
            let Some(byte) = self.buffer.first().copied() else { return Ok(None) };
            if is_space(byte) {
                // An array that never begins is told from a body of nothing.
                self.scanned = usize::from(self.state == State::Start);
                self.buffer.advance(1);
                continue;
            }
            self.state = match (self.state, byte) {
                (State::Start, b'[') => State::First,
                (State::First | State::Behind, b']') => State::End,
                (State::Behind, b',') => State::Value,
                (State::First | State::Value, byte) if !b",]}:".contains(&byte) => {
                    self.scanned = 0;
                    self.state = State::Inside;
                    continue;
                }
                (State::Start, _) => return Err(malformed("expected an array")),
                (State::Behind, _) => return Err(malformed("expected `,` or `]`")),
                (State::End, _) => return Err(malformed("something stands behind the array")),
                _ => return Err(malformed("expected a value")),
            };
            self.buffer.advance(1);
        }
    }

    fn inside(&mut self) -> Option<Bytes> {
        let mut end = None;
        for (at, byte) in self.buffer.iter().enumerate().skip(self.scanned) {
            if self.quoted {
                let escaped = std::mem::take(&mut self.escaped);
                self.escaped = *byte == b'\\' && !escaped;
                self.quoted = *byte != b'"' || escaped;
                continue;
            }
            match byte {
                b'"' => self.quoted = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => self.depth -= 1,
                b',' | b']' | b'}' if self.depth == 0 => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let Some(end) = end else {
            self.scanned = self.buffer.len();
            return None;
        };
        self.scanned = 0;
        self.state = State::Behind;
        Some(self.buffer.split_to(end).freeze())
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| is_space(*byte))
}

fn malformed(why: &str) -> ApiError {
    let message = format!("malformed JSON: {why}");
    ApiError::bad_request(&JsonError { field: String::new(), message })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts a text that comes in pieces of `step` bytes.
    fn cut(mut elements: Elements, text: &str, step: usize) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let shown = |value: &Bytes| String::from_utf8_lossy(value).trim().to_owned();
        for piece in text.as_bytes().chunks(step) {
            elements.push(piece);
            while let Some(value) = elements.next().map_err(|error| error.message)? {
                found.push(shown(&value));
            }
        }
        // The end is asked for until it gives nothing more.
        while let Some(value) = elements.finish().map_err(|error| error.message)? {
            found.push(shown(&value));
            assert!(elements.next().map_err(|error| error.message)?.is_none());
        }
        Ok(found)
    }

    #[test]
    fn arrays_are_cut_wherever_the_pieces_end() {
        let text = " [ {\"a\": \"]},[\\\"\\\\\", \"b\": [1, {}]} , 7, \"x,]\" ,null,[],[[1],[2]] ] \n";
        let expected =
            ["{\"a\": \"]},[\\\"\\\\\", \"b\": [1, {}]}", "7", "\"x,]\"", "null", "[]", "[[1],[2]]"];
        for step in 1..text.len() {
            assert_eq!(cut(Elements::of_array(100), text, step).unwrap(), expected, "{step}");
        }
        assert_eq!(cut(Elements::of_array(9), "[]", 1).unwrap(), [""; 0]);
        assert_eq!(cut(Elements::of_array(9), "", 1).unwrap(), [""; 0]);
    }

    #[test]
    fn broken_arrays_are_refused() {
        for text in
            ["{}", " ", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2", "[] 1", "[]]", "x", "[}", "[\"]", "[{]"]
        {
            assert!(cut(Elements::of_array(100), text, 1).is_err(), "{text}");
        }
        assert!(cut(Elements::of_array(3), "[1234]", 1).is_err(), "a value beyond the limit");
        assert!(cut(Elements::of_array(3), "[123,123,123]", 6).is_ok(), "a stream beyond the limit");
    }

    #[test]
    fn lines_are_cut_wherever_the_pieces_end() {
        let text = "{\"a\": 1}\r\n\n  \n2\n\"3\"";
        for step in 1..text.len() {
            assert_eq!(cut(Elements::of_lines(20), text, step).unwrap(), ["{\"a\": 1}", "2", "\"3\""]);
        }
        assert!(cut(Elements::of_lines(3), "1234", 1).is_err());
    }
}
