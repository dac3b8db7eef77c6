//! Search: every word must occur; what fits best comes first.

use kit::{Error, Result};

use crate::filter::{Params, Value, quoted};
use crate::table::{Kind, Table};

/// How many words a query may have.
pub const MAX_WORDS: usize = 16;
/// How long a query may be, in characters.
pub const MAX_CHARACTERS: usize = 1_000;

/// Compiles a query to a condition and the list of an ORDER BY, with the id last so that ties have an order.
///
/// Rows come first whose column is the query, then those where one begins with it, then those where one has
/// it in it, then those that only have its words, here and there.
pub fn compile(table: &'static Table, query: &str, params: &mut Params) -> Result<(String, String)> {
    let words = words(query)?;
    let Some(document) = document(table) else {
        return Err(Error::invalid(
            "query",
            format!("cannot be answered: {} has no fields to search", table.noun),
        ));
    };
    let mut conditions = Vec::with_capacity(words.len());
    for word in &words {
        let pattern = params.push(Value::Text(format!("%{}%", escaped(word))));
        conditions.push(format!("{document} ilike {pattern}"));
    }
    let phrase = escaped(&words.join(" "));
    let mut rank = "case".to_owned();
    let grades = [phrase.clone(), format!("{phrase}%"), format!("%{phrase}%")];
    for (grade, pattern) in grades.into_iter().enumerate() {
        let pattern = params.push(Value::Text(pattern));
        let any: Vec<_> = columns(table).map(|column| format!("{column} ilike {pattern}")).collect();
        rank.push_str(&format!(" when {} then {grade}", any.join(" or ")));
    }
    rank.push_str(" else 3 end, \"id\"");
    Ok((format!("({})", conditions.join(" and ")), rank))
}

/// The text that words are sought in: the search columns, a line each. `None` when there are none.
///
/// An index serves searches when it is on this very expression:
/// `create index on accounts using gin ((...) gin_trgm_ops)`.
pub fn document(table: &Table) -> Option<String> {
    let columns: Vec<_> = columns(table).collect();
    match columns.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        several => Some(format!("({})", several.join(" || chr(10) || "))),
    }
}

/// The search columns as texts that are never null.
fn columns(table: &Table) -> impl Iterator<Item = String> {
    let found = table.search.iter().filter_map(|name| table.column(name)).filter(|column| !column.secret);
    found.map(|column| {
        let name = quoted(column.name);
        let cast = if column.kind == Kind::Text { "" } else { "::text" };
        if column.nullable { format!("coalesce({name}{cast}, '')") } else { format!("{name}{cast}") }
    })
}

fn words(query: &str) -> Result<Vec<&str>> {
    let words: Vec<_> = query.split_whitespace().collect();
    let wrong = if words.is_empty() {
        "must have a word in it".to_owned()
    } else if words.len() > MAX_WORDS {
        format!("must have {MAX_WORDS} words at the most")
    } else if query.chars().count() > MAX_CHARACTERS {
        format!("must have {MAX_CHARACTERS} characters at the most")
    } else if query.contains('\0') {
        "must not have the character U+0000 in it".to_owned()
    } else {
        return Ok(words);
    };
    Err(Error::invalid("query", wrong))
}

/// A text as a pattern of LIKE that stands for itself.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 4);
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}
