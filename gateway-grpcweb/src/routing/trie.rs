//! The tree of routes: literal before `*` before `**`, verbs and methods at the leaves.

use std::borrow::Cow;
use std::collections::HashMap;

use super::percent::{Unescape, decode, decode_variable};
use super::template::{Segment, Template, Variable};

/// Finds the route of a request.
pub(crate) struct Router<T> {
    root: Node,
    routes: Vec<(Template, T)>,
    unescape: Unescape,
}

/// What a lookup gives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'r, 'q, T> {
    /// The route, and the decoded text of its variables in their order.
    Route(&'r T, Vec<(&'r Variable, Cow<'q, str>)>),
    /// The path exists, with these methods only.
    OtherMethods(Vec<&'r str>),
    /// No template matches.
    Nothing,
    /// The path has a broken escape.
    Malformed,
}

/// Two routes that no request can tell apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// Position of the earlier route, in the order of insertion.
    pub(crate) with: usize,
}

#[derive(Default)]
struct Node {
    literals: HashMap<Box<str>, Node>,
    one: Option<Box<Node>>,
    rest: Option<Box<Node>>,
    leaves: Vec<Leaf>,
}

struct Leaf {
    verb: Option<Box<str>>,
    method: Box<str>,
    route: usize,
}

/// The method of a rule that takes any.
const ANY: &str = "*";

impl<T> Default for Router<T> {
    fn default() -> Self {
        Self::new(Unescape::default())
    }
}

impl<T> Router<T> {
    pub(crate) fn new(unescape: Unescape) -> Self {
        Self { root: Node::default(), routes: Vec::new(), unescape }
    }

    /// Adds a route.
    ///
    /// # Errors
    /// When a route with the same method and shape is there already.
    pub(crate) fn insert(&mut self, method: &str, template: Template, value: T) -> Result<(), Conflict> {
        let mut node = &mut self.root;
        for segment in &template.segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.as_str().into()).or_default(),
                Segment::One => node.one.get_or_insert_default(),
                Segment::Rest => node.rest.get_or_insert_default(),
            };
        }
        let verb = template.verb.as_deref();
        let twin = node.leaves.iter().find(|leaf| &*leaf.method == method && leaf.verb.as_deref() == verb);
        if let Some(twin) = twin {
            return Err(Conflict { with: twin.route });
        }
        node.leaves.push(Leaf {
            verb: verb.map(Into::into),
            method: method.into(),
            route: self.routes.len(),
        });
        self.routes.push((template, value));
        Ok(())
    }

    /// What was inserted with the route of this place.
    pub(crate) fn value(&self, index: usize) -> &T {
        &self.routes[index].1
    }

    /// The routes in the order of their insertion.
    pub(crate) fn routes(&self) -> impl ExactSizeIterator<Item = (&Template, &T)> {
        self.routes.iter().map(|(template, value)| (template, value))
    }

    /// Finds the most specific route for the path, which must be without its query.
    pub(crate) fn find<'q>(&self, method: &str, path: &'q str) -> Found<'_, 'q, T> {
        let Some(path) = path.strip_prefix('/') else { return Found::Nothing };
        let Some(segments) = split(path) else { return Found::Malformed };
        // The last colon of the last segment starts a verb, if a route has that verb here.
        if let Some((bare, verb)) = with_verb(&segments) {
            let found = self.search(method, &bare, Some(&verb));
            if !matches!(found, Found::Nothing) {
                return found;
            }
        }
        self.search(method, &segments, None)
    }

    fn search<'r, 'q>(
        &'r self,
        method: &str,
        segments: &[Piece<'q>],
        verb: Option<&str>,
    ) -> Found<'r, 'q, T> {
        let mut chosen = None;
        let mut methods: Vec<&'r str> = Vec::new();
        let mut visit = |leaves: &'r [Leaf]| {
            for leaf in leaves.iter().filter(|leaf| leaf.verb.as_deref() == verb) {
                if &*leaf.method == method {
                    chosen = Some(leaf.route);
                    return true;
                }
                if &*leaf.method == ANY {
                    chosen = chosen.or(Some(leaf.route));
                }
                if !methods.contains(&&*leaf.method) {
                    methods.push(&leaf.method);
                }
            }
            chosen.is_some()
        };
        let done = walk(&self.root, segments, &mut visit);
        if let (false, [], Some(rest)) = (done, segments, &self.root.rest) {
            // `/**` takes the path `/`, too.
            visit(&rest.leaves);
        }
        match chosen {
            Some(route) => self.bind(route, segments),
            None if methods.is_empty() => Found::Nothing,
            None => {
                methods.sort_unstable();
                Found::OtherMethods(methods)
            }
        }
    }

    fn bind<'q>(&self, route: usize, segments: &[Piece<'q>]) -> Found<'_, 'q, T> {
        let (template, value) = &self.routes[route];
        let mut bound = Vec::with_capacity(template.variables.len());
        for variable in &template.variables {
            let own = variable.start.of(segments.len())..variable.end.of(segments.len());
            let text = match &segments[own] {
                [one] => Cow::Borrowed(one.raw),
                many => Cow::Owned(many.iter().map(|one| one.raw).collect::<Vec<_>>().join("/")),
            };
            let decoded = match text {
                Cow::Borrowed(text) => decode_variable(text, variable.multi, self.unescape),
                Cow::Owned(text) => decode_variable(&text, variable.multi, self.unescape)
                    .map(|text| Cow::Owned(text.into_owned())),
            };
            let Some(decoded) = decoded else { return Found::Malformed };
            bound.push((variable, decoded));
        }
        Found::Route(value, bound)
    }
}

/// A path's segment as sent and decoded.
#[derive(Clone)]
struct Piece<'q> {
    raw: &'q str,
    decoded: Cow<'q, str>,
}

fn split(path: &str) -> Option<Vec<Piece<'_>>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.split('/').map(|raw| Some(Piece { raw, decoded: decode(raw)? })).collect()
}

fn with_verb<'q>(segments: &[Piece<'q>]) -> Option<(Vec<Piece<'q>>, Cow<'q, str>)> {
    let (last, before) = segments.split_last()?;
    let (raw, verb) = last.raw.rsplit_once(':')?;
    let mut bare = before.to_vec();
    bare.push(Piece { raw, decoded: decode(raw)? });
    Some((bare, decode(verb)?))
}

/// Visits the leaves that match, most specific first, until `visit` says that it is done.
///
/// A path of the tree has one `**` at the most, so every node is reached once for each place where
/// that may end: the work is bounded by the size of the tree times the number of segments.
fn walk<'n>(node: &'n Node, segments: &[Piece<'_>], visit: &mut impl FnMut(&'n [Leaf]) -> bool) -> bool {
    let Some((first, others)) = segments.split_first() else {
        return visit(&node.leaves);
    };
    if let Some(next) = node.literals.get(&*first.decoded)
        && walk(next, others, visit)
    {
        return true;
    }
    if let Some(next) = &node.one
        && !first.raw.is_empty()
        && walk(next, others, visit)
    {
        return true;
    }
    let Some(rest) = &node.rest else { return false };
    // The shortest take first: what follows `**` is then the longest, most specific tail.
    (1..=segments.len()).any(|taken| walk_tail(rest, &segments[taken..], visit))
}

fn walk_tail<'n>(node: &'n Node, segments: &[Piece<'_>], visit: &mut impl FnMut(&'n [Leaf]) -> bool) -> bool {
    let Some((first, others)) = segments.split_first() else { return visit(&node.leaves) };
    let literal = node.literals.get(&*first.decoded);
    if literal.is_some_and(|next| walk_tail(next, others, visit)) {
        return true;
    }
    let one = node.one.as_ref().filter(|_| !first.raw.is_empty());
    one.is_some_and(|next| walk_tail(next, others, visit))
}
