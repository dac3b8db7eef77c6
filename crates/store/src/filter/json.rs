//! Comparisons with `jsonb`: messages, maps and lists of messages as proto3 JSON.

use kit::Result;
use time::OffsetDateTime;
use time::macros::format_description;

use super::ast::{Literal, Operator};
use super::compile::Target;
use super::lexer::fault;
use super::params::{Params, Value};
use super::value::{self, Operand};
use super::{quoted, scalar};

/// What JSON holds where a field is not set.
const UNSET: &str = "('null', '{}', '[]', '\"\"', 'false', '0')";

/// Texts that PostgreSQL reads as a number without fail. A cast that fails would fail the whole list.
const NUMBER: &str = "'^-?[0-9]{1,40}(\\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?$'";

/// Timestamps as proto3 JSON writes them.
const TIMESTAMP: &str = "'^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?Z$'";

/// `address.locality = "Berlin"`, `labels:env`.
pub(super) fn restriction(params: &mut Params, target: Target<'_>, operand: Operand<'_>) -> Result<String> {
    let operator = target.compare.operator;
    let name = quoted(target.column.name);
    if target.path.is_empty() {
        return whole(params, target, &name, operand);
    }
    if operator != Operator::Has {
        let path = params.push(Value::TextArray(target.path.to_vec()));
        return leaf(params, &format!("({name} #>> {path})"), operator, operand);
    }
    // A path of `lax` mode goes through the elements of every list on its way.
    let mut path = "lax $".to_owned();
    for part in target.path {
        path.push('.');
        path.push_str(&serde_json::Value::from(part.as_str()).to_string());
    }
    let condition = if operand.is_any() {
        let path = params.push(Value::Text(path));
        return Ok(items(&name, &path, &format!("item.value not in {UNSET}")));
    } else {
        path.push_str("[*]");
        let path = params.push(Value::Text(path));
        items(&name, &path, &leaf(params, "(item.value #>> '{}')", Operator::Equal, operand)?)
    };
    Ok(condition)
}

fn items(name: &str, path: &str, condition: &str) -> String {
    format!(
        "exists (select 1 from jsonb_path_query({name}, {path}::jsonpath) as item(value) where {condition})"
    )
}

/// A restriction on the column itself.
fn whole(params: &mut Params, target: Target<'_>, name: &str, operand: Operand<'_>) -> Result<String> {
    let field = target.column.field;
    if target.compare.operator != Operator::Has {
        let hint = format!("compare what is in it, as in `{field}.name = value`, or ask `{field}:*`");
        return Err(fault(target.compare.at, format!("`{field}` is a message: {hint}")));
    }
    if operand.is_any() {
        // An empty message and an empty map are one in JSON; of the two the map is the more common.
        return Ok(format!("{name} not in {UNSET}"));
    }
    match operand {
        Operand::Literal(Literal { text, stars, .. }) if stars.is_empty() => {
            Ok(format!("{name} ? {}", params.push(Value::Text(text.clone()))))
        }
        _ => Err(fault(operand.at(), format!("`{field}` takes a key without wildcards behind `:`"))),
    }
}

/// A comparison of the text of a JSON value, whose type the written value decides.
fn leaf(params: &mut Params, expression: &str, operator: Operator, operand: Operand<'_>) -> Result<String> {
    let literal = match operand {
        Operand::Instant(instant, _) => return Ok(timestamp(params, expression, operator, instant)),
        Operand::Literal(literal) => literal,
    };
    if !literal.quoted && value::is_number(&literal.text) {
        let wrong = || fault(literal.at, "numbers have 28 digits at the most");
        let number = params.push(Value::Decimal(value::decimal(&literal.text).ok_or_else(wrong)?));
        let sql = operator.sql();
        return Ok(format!(
            "case when {expression} ~ {NUMBER} then {expression}::numeric {sql} {number} end"
        ));
    }
    // Dates are no instants in JSON, so only what has a time is one.
    let instant = value::instant(&literal.text).filter(|_| literal.text.contains(['T', 't']));
    Ok(match instant {
        Some(instant) => timestamp(params, expression, operator, instant),
        None => scalar::text(params, expression, operator, literal, false),
    })
}

/// Compares timestamps as texts of one length: no text makes that fail, while a cast fails on 31 February.
fn timestamp(params: &mut Params, expression: &str, operator: Operator, instant: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second][subsecond digits:9]");
    let text = instant.format(format).unwrap_or_default();
    let value = params.push(Value::Text(text));
    let padded = format!("rpad(translate({expression}, 'Z.', ''), 28, '0') collate \"C\"");
    format!("case when {expression} ~ {TIMESTAMP} then {padded} {} {value} end", operator.sql())
}
