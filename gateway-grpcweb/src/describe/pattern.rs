//! Patterns of RE2, as `buf.validate` has them, in the dialect of ECMA-262, as JSON Schema has them.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// The same pattern for ECMA-262 with the flag `u`. None: it cannot be told there.
pub(crate) fn to_ecma(pattern: &str) -> Option<String> {
    let parsed = parse(pattern)?;
    if is_common(pattern) {
        return Some(pattern.to_owned());
    }
    let mut out = String::new();
    print(&parsed, &mut out)?;
    Some(out)
}

/// Whether the pattern takes the empty text.
pub(crate) fn takes_empty(pattern: &str) -> bool {
    parse(pattern).is_none_or(|hir| hir.properties().minimum_len().unwrap_or(0) == 0)
}

/// A text that the pattern takes, the plainest there is.
pub(crate) fn example(pattern: &str) -> Option<String> {
    let mut out = String::new();
    produce(&parse(pattern)?, &mut out)?;
    Some(out)
}

fn parse(pattern: &str) -> Option<Hir> {
    ParserBuilder::new().nest_limit(100).build().parse(pattern).ok()
}

/// Whether both dialects read the pattern alike: no flags, no named groups, no classes by name, and
/// escapes of punctuation only.
fn is_common(pattern: &str) -> bool {
    let mut escaped = false;
    let mut before = ' ';
    for one in pattern.chars() {
        let fine = match (escaped, one) {
            (true, _) => "dDwWnrtf.*+?()[]{}|^$\\/-".contains(one),
            (false, '?') => before != '(',
            (false, ':') => before != '[',
            _ => one.is_ascii_graphic() || one == ' ',
        };
        if !fine {
            return false;
        }
        // `\-` may only stand in a class where ECMA reads Unicode; leave those to the printer.
        if escaped && one == '-' {
            return false;
        }
        before = if escaped { ' ' } else { one };
        escaped = !escaped && one == '\\';
    }
    true
}

fn put_literal(one: char, out: &mut String) {
    if "^$\\.*+?()[]{}|/".contains(one) {
        out.push('\\');
        out.push(one);
    } else if one.is_ascii_graphic() || one == ' ' {
        out.push(one);
    } else {
        out.push_str(&format!("\\u{{{:X}}}", u32::from(one)));
    }
}

fn put_in_class(one: char, out: &mut String) {
    if one.is_ascii_alphanumeric() {
        out.push(one);
    } else {
        out.push_str(&format!("\\u{{{:X}}}", u32::from(one)));
    }
}

fn put_class(class: &Class, out: &mut String) -> Option<()> {
    out.push('[');
    match class {
        Class::Unicode(class) => {
            for range in class.ranges() {
                put_in_class(range.start(), out);
                if range.end() != range.start() {
                    out.push('-');
                    put_in_class(range.end(), out);
                }
            }
        }
        Class::Bytes(class) => {
            for range in class.ranges() {
                if range.end() > 0x7F {
                    return None;
                }
                put_in_class(char::from(range.start()), out);
                if range.end() != range.start() {
                    out.push('-');
                    put_in_class(char::from(range.end()), out);
                }
            }
        }
    }
    out.push(']');
    Some(())
}

fn print(hir: &Hir, out: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => {
            std::str::from_utf8(&literal.0).ok()?.chars().for_each(|one| put_literal(one, out));
        }
        HirKind::Class(class) => put_class(class, out)?,
        HirKind::Look(look) => out.push_str(match look {
            Look::Start => "^",
            Look::End => "$",
            Look::WordAscii | Look::WordUnicode => "\\b",
            Look::WordAsciiNegate | Look::WordUnicodeNegate => "\\B",
            _ => return None,
        }),
        HirKind::Repetition(repetition) => {
            out.push_str("(?:");
            print(&repetition.sub, out)?;
            out.push(')');
            match (repetition.min, repetition.max) {
                (0, None) => out.push('*'),
                (1, None) => out.push('+'),
                (0, Some(1)) => out.push('?'),
                (min, None) => out.push_str(&format!("{{{min},}}")),
                (min, Some(max)) if min == max => out.push_str(&format!("{{{min}}}")),
                (min, Some(max)) => out.push_str(&format!("{{{min},{max}}}")),
            }
            if !repetition.greedy {
                out.push('?');
            }
        }
        HirKind::Capture(capture) => {
            out.push_str("(?:");
            print(&capture.sub, out)?;
            out.push(')');
        }
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| print(part, out))?,
        HirKind::Alternation(parts) => {
            out.push_str("(?:");
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    out.push('|');
                }
                print(part, out)?;
            }
            out.push(')');
        }
    }
    Some(())
}

/// The plainest character of a class: a letter where there is one.
fn plainest(class: &Class) -> Option<char> {
    let has = |one: char| match class {
        Class::Unicode(class) => {
            class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&one))
        }
        Class::Bytes(class) => class
            .ranges()
            .iter()
            .any(|range| u8::try_from(one).is_ok_and(|one| (range.start()..=range.end()).contains(&one))),
    };
    let wanted = ('a'..='z').chain('A'..='Z').chain('1'..='9').chain(' '..='~').find(|one| has(*one));
    wanted.or_else(|| match class {
        Class::Unicode(class) => class.ranges().first().map(|range| range.start()),
        Class::Bytes(class) => class.ranges().first().map(|range| char::from(range.start())),
    })
}

fn produce(hir: &Hir, out: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => out.push(plainest(class)?),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            for _ in 0..repetition.min.max(1).min(most) {
                produce(&repetition.sub, out)?;
            }
        }
        HirKind::Capture(capture) => produce(&capture.sub, out)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| produce(part, out))?,
        HirKind::Alternation(parts) => produce(parts.first()?, out)?,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_patterns_stay_as_they_are() {
        for same in [r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$", r"^\d{3}\.[A-Z]+$", "", "a|b"] {
            assert_eq!(to_ecma(same).as_deref(), Some(same));
        }
    }

    #[test]
    fn what_only_re2_knows_is_translated() {
        let cases = [
            (r"\A[[:digit:]]+\z", "^(?:[0-9])+$"),
            (r"(?i)ab", "[Aa][Bb]"),
            (r"(?P<year>\x{41})-\-", "(?:A)--"),
            ("é", r"\u{E9}"),
        ];
        for (re2, ecma) in cases {
            assert_eq!(to_ecma(re2).as_deref(), Some(ecma), "{re2}");
        }
        assert_eq!(to_ecma("(?m)^a$"), None, "lines are no matter of ECMA without its flag m");
        assert_eq!(to_ecma("("), None);
    }

    #[test]
    fn examples_match() {
        for pattern in [r"^[A-Z]{3}$", r"^(?:EUR|USD)\d{2}-?$", r"^[^a-z ]{2,}x*$", r"\A[[:alpha:]]+\z"] {
            let schema = serde_json::json!({"pattern": to_ecma(pattern).unwrap()});
            let example = serde_json::Value::from(example(pattern).unwrap());
            assert!(jsonschema::is_valid(&schema, &example), "{pattern}: {example}");
        }
        assert!(takes_empty("^a*$") && !takes_empty("^a$"));
    }
}
