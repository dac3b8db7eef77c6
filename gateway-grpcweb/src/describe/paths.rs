//! Path templates as OpenAPI writes them: every variable takes one segment.

use crate::routing::{Segment, Template};

/// A path of OpenAPI.
pub(crate) struct ApiPath {
    /// `/v1/shelves/{name}/books`, the verb behind it.
    pub(crate) text: String,
    /// The same with nameless variables: paths that OpenAPI takes for one.
    pub(crate) shape: String,
    pub(crate) variables: Vec<PathVariable>,
}

/// A variable of the path.
pub(crate) struct PathVariable {
    pub(crate) name: String,
    /// Which of the template's variables it belongs to. None: of no field.
    pub(crate) of: Option<usize>,
    /// Whether it is the variable's whole value.
    pub(crate) whole: bool,
    /// `**`: more than one segment.
    pub(crate) many: bool,
}

/// Writes a template as OpenAPI has it. A variable with several segments becomes one for each of
/// its wildcards: `{name=shelves/*/books/*}` is `shelves/{name.1}/books/{name.2}`.
pub(crate) fn of(template: &Template) -> ApiPath {
    let count = template.segments.len();
    let mut path = ApiPath { text: String::new(), shape: String::new(), variables: Vec::new() };
    for (at, segment) in template.segments.iter().enumerate() {
        path.put("/");
        match segment {
            Segment::Literal(text) => path.put(&escape(text)),
            Segment::One | Segment::Rest => {
                let name = variable(template, at, count, *segment == Segment::Rest, &mut path.variables);
                path.text.push_str(&format!("{{{name}}}"));
                path.shape.push_str(if *segment == Segment::Rest { "{**}" } else { "{}" });
            }
        }
    }
    if path.text.is_empty() {
        path.put("/");
    }
    if let Some(verb) = &template.verb {
        path.put(":");
        path.put(&escape(verb));
    }
    path
}

impl ApiPath {
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        self.shape.push_str(text);
    }

    /// Takes the names of a path of the same shape.
    pub(crate) fn rename(&mut self, names: &[String], text: &str) {
        text.clone_into(&mut self.text);
        for (variable, name) in self.variables.iter_mut().zip(names) {
            name.clone_into(&mut variable.name);
        }
    }
}

fn variable(
    template: &Template,
    at: usize,
    count: usize,
    many: bool,
    variables: &mut Vec<PathVariable>,
) -> String {
    // Inner variables come behind the outer ones that hold them.
    let covers = |one: &crate::routing::Variable| (one.start.of(count)..one.end.of(count)).contains(&at);
    let of = template.variables.iter().rposition(covers);
    let whole = of.is_some_and(|of| {
        let one = &template.variables[of];
        one.end.of(count) - one.start.of(count) == 1
    });
    let base = of.map_or_else(|| "segment".to_owned(), |of| template.variables[of].path.join("."));
    let wildcards = |of: usize| {
        let one = &template.variables[of];
        let own = one.start.of(count)..one.end.of(count);
        template.segments[own].iter().filter(|segment| !matches!(segment, Segment::Literal(_))).count()
    };
    let alone = of.is_some_and(|of| wildcards(of) == 1);
    let taken = |name: &str| variables.iter().any(|one| one.name == name);
    let mut name = base.clone();
    let mut number = 1;
    while !alone && (number == 1 || taken(&name)) || taken(&name) {
        name = format!("{base}.{number}");
        number += 1;
    }
    variables.push(PathVariable { name: name.clone(), of, whole, many });
    name
}

/// Escapes what may not stand in a path, and the braces that OpenAPI takes for a variable.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wildcard_is_a_variable() {
        let cases = [
            ("/v1/books/{id}:lend", "/v1/books/{id}:lend", "id"),
            ("/v1/{id=shelves/*/books/*}", "/v1/shelves/{id.1}/books/{id.2}", "id.1 id.2"),
            ("/v1/{name=shelves/*}", "/v1/shelves/{name}", "name"),
            ("/v1/{name=files/**}:cancel", "/v1/files/{name}:cancel", "name"),
            ("/v1/{name=**}/tags", "/v1/{name}/tags", "name"),
            ("/v1/*/*/{book.id}", "/v1/{segment.1}/{segment.2}/{book.id}", "segment.1 segment.2 book.id"),
            ("/", "/", ""),
            ("/a%20b", "/a%20b", ""),
        ];
        for (template, text, names) in cases {
            let path = of(&Template::parse(template).unwrap());
            assert_eq!(path.text, text, "{template}");
            let own: Vec<_> = path.variables.iter().map(|one| one.name.as_str()).collect();
            assert_eq!(own.join(" "), names, "{template}");
        }
    }

    #[test]
    fn shapes_tell_which_paths_are_one() {
        let shape = |text: &str| of(&Template::parse(text).unwrap()).shape;
        assert_eq!(shape("/v1/books/{id}"), shape("/v1/books/{book.id}"));
        assert_ne!(shape("/v1/{id}"), shape("/v1/{id=**}"));
    }
}
