//! What PostgreSQL's refusals mean for a caller. Constraints are named
//! `<table>_<column>_key|fkey|check`, so the name tells the field.

use kit::{Code, Error};
use sqlx::postgres::{PgDatabaseError, PgErrorPosition};

/// Turns a database error into one for the caller; what the caller can't mend becomes INTERNAL or UNAVAILABLE.
#[track_caller]
pub fn map(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(database) => match database.try_downcast_ref::<PgDatabaseError>() {
            Some(refusal) => map_refusal(refusal),
            None => Error::internal(error),
        },
        sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::PoolClosed => {
            Error::unavailable("the database", error)
        }
        _ => Error::internal(error),
    }
}

fn map_refusal(refusal: &PgDatabaseError) -> Error {
    let constraint = refusal.constraint().unwrap_or_default();
    let table = refusal.table().unwrap_or_default();
    let field = field_of(constraint, table);
    match refusal.code() {
        "23505" => Error::already_exists(field).with("constraint", constraint),
        "23503" if refusal.message().starts_with("update or delete") => {
            reference(field, "is still referred to by others")
        }
        "23503" => reference(field, "does not exist"),
        "23514" => Error::invalid(field, "breaks a rule of the record"),
        "23502" => Error::invalid(refusal.column().unwrap_or(field), "is required"),
        "22003" => Error::invalid(field, "is out of range"),
        "22021" => Error::invalid(field, "holds a character that cannot be stored"),
        "40001" | "40P01" | "55P03" => met_another().caused_by(refusal.message()),
        "57014" => Error::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "erp", "the deadline passed"),
        "57P01" | "57P02" | "57P03" | "53300" => Error::unavailable("the database", refusal.message()),
        _ => Error::internal(format!(
            "{} {} {}",
            refusal.code(),
            refusal.message(),
            position(refusal).unwrap_or_default()
        )),
    }
}

/// The error that has a handler run again from the start: what it counted on is no longer so.
pub fn met_another() -> Error {
    Error::new(Code::Aborted, "CONFLICT", "erp", "the call met another one; send it again")
}

/// The error for a record that somebody else has changed since it was read.
pub(crate) fn moved() -> Error {
    met_another().caused_by("a record has changed since it was read")
}

/// Whether what failed may go well when it is done again from the start, as another one was in its way.
pub fn is_conflict(error: &Error) -> bool {
    error.code() == Code::Aborted && error.reason() == "CONFLICT"
}

fn position(refusal: &PgDatabaseError) -> Option<String> {
    match refusal.position()? {
        PgErrorPosition::Original(place) => Some(format!("at character {place}")),
        PgErrorPosition::Internal { query, .. } => Some(format!("in {query}")),
    }
}

fn reference(field: &str, description: &str) -> Error {
    Error::new(Code::FailedPrecondition, "REFERENCE_BROKEN", "erp", format!("{field} {description}"))
        .violation(kit::Violation {
            field: field.to_owned(),
            description: description.to_owned(),
            rule: "reference".to_owned(),
        })
}

/// `email` of `contacts_email_key`; the whole name where it is not formed like that.
fn field_of<'a>(constraint: &'a str, table: &str) -> &'a str {
    let Some(rest) = constraint.strip_prefix(table).and_then(|rest| rest.strip_prefix('_')) else {
        return constraint;
    };
    for ending in ["_key", "_fkey", "_check"] {
        if let Some(field) = rest.strip_suffix(ending) {
            return field;
        }
    }
    match rest {
        "pkey" => "id",
        _ => constraint,
    }
}

#[cfg(test)]
mod tests {
    use super::field_of;

    #[test]
    fn a_constraint_names_its_field() {
        // A caller must be told the field, not the constraint.
        assert_eq!(field_of("contacts_email_key", "contacts"), "email");
        assert_eq!(field_of("contacts_account_id_fkey", "contacts"), "account_id");
        assert_eq!(field_of("contacts_pkey", "contacts"), "id");
        assert_eq!(field_of("odd", "contacts"), "odd");
    }
}
