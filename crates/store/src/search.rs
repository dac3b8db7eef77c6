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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Column;

    const fn column(name: &'static str, nullable: bool) -> Column {
        Column {
            name,
            field: name,
            kind: Kind::Text,
            nullable,
            output_only: false,
            immutable: false,
            personal: false,
            secret: false,
            read_permission: None,
            values: &[],
        }
    }

    static NOTES: Table = Table {
        entity: "erp.test.v1.Note",
        noun: "note",
        name: "notes",
        columns: &[column("id", false), column("title", false), column("body", true)],
        search: &["title", "body"],
        soft_delete: false,
        aggregate: false,
        topic: None,
    };

    #[test]
    fn every_word_is_a_condition() {
        // Words are parameters with their LIKE letters escaped, and ties are ordered by the id.
        let mut params = Params::starting_at(2);
        let (condition, rank) = compile(&NOTES, " 50%  Ünder_ ", &mut params).unwrap();
        let document = "(\"title\" || chr(10) || coalesce(\"body\", ''))";
        assert_eq!(condition, format!("({document} ilike $2 and {document} ilike $3)"));
        assert!(
            rank.starts_with("case when \"title\" ilike $4 or coalesce(\"body\", '') ilike $4 then 0"),
            "{rank}"
        );
        assert!(rank.ends_with(" else 3 end, \"id\""), "{rank}");
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(params.values()[..3], [text("%50\\%%"), text("%Ünder\\_%"), text("50\\% Ünder\\_")]);
    }

    #[test]
    fn queries_have_limits() {
        // At least a word, 16 at the most, and nothing that PostgreSQL cannot hold.
        let answer = |query: &str| compile(&NOTES, query, &mut Params::default()).map(|_| ());
        assert!(answer(&["a"; 16].join("\u{3000}")).is_ok());
        for query in [&["a"; 17].join(" "), " \t", "a\0", &"ä".repeat(1_001)] {
            assert_eq!(answer(query).unwrap_err().violations()[0].field, "query");
        }
    }
}
