//! Comparisons with columns of one value, and with lists of such.

use kit::Result;

use super::ast::{Literal, Operator};
use super::compile::Target;
use super::lexer::fault;
use super::params::{Params, Value};
use super::quoted;
use super::value::{self, Operand};
use crate::table::{Column, Kind};

/// `field = value`.
pub(super) fn restriction(params: &mut Params, target: Target<'_>, operand: Operand<'_>) -> Result<String> {
    let (column, operator) = (target.column, target.compare.operator);
    let name = quoted(column.name);
    if operator == Operator::Has && operand.is_any() {
        return Ok(presence(column, &name));
    }
    if let Some(element) = element_kind(column.kind) {
        return contains(params, target, element, operand);
    }
    if let (Kind::Text, Operand::Literal(literal)) = (column.kind, operand) {
        let has_part = operator == Operator::Has;
        return Ok(text(params, &name, operator, literal, has_part));
    }
    if operator.is_ordering() && matches!(column.kind, Kind::Bool | Kind::Enum) {
        let (field, operator) = (column.field, operator.text());
        return Err(fault(
            target.compare.at,
            format!("`{field}` has no order; use `=` or `!=` instead of `{operator}`"),
        ));
    }
    let value = value::typed(column, column.kind, operand)?;
    Ok(format!("{name} {} {}", operator.sql(), params.push(value)))
}

/// A comparison of a text. With `has_part`, `:` asks for a part of it.
pub(super) fn text(
    params: &mut Params,
    expression: &str,
    operator: Operator,
    literal: &Literal,
    has_part: bool,
) -> String {
    if operator == Operator::Has && has_part {
        let pattern = format!("%{}%", literal.pattern());
        return format!("{expression} ilike {}", params.push(Value::Text(pattern)));
    }
    let has_wildcard = !literal.stars.is_empty() && !operator.is_ordering();
    let value = if has_wildcard { literal.pattern() } else { literal.text.clone() };
    let sql = match (has_wildcard, operator) {
        (true, Operator::NotEqual) => "not like",
        (true, _) => "like",
        (false, _) => operator.sql(),
    };
    format!("{expression} {sql} {}", params.push(Value::Text(value)))
}

/// Whether the field is set: a column that cannot be null holds its default when it is not.
fn presence(column: &Column, name: &str) -> String {
    if column.nullable {
        return format!("{name} is not null");
    }
    match column.kind {
        Kind::Text => format!("{name} <> ''"),
        Kind::Bool => name.to_owned(),
        Kind::Int32 | Kind::Int64 | Kind::Double | Kind::Enum => format!("{name} <> 0"),
        kind if element_kind(kind).is_some() => format!("cardinality({name}) > 0"),
        _ => format!("{name} is not null"),
    }
}

fn contains(params: &mut Params, target: Target<'_>, element: Kind, operand: Operand<'_>) -> Result<String> {
    let column = target.column;
    if target.compare.operator != Operator::Has {
        let field = column.field;
        return Err(fault(target.compare.at, format!("`{field}` is a list; write `{field}:value`")));
    }
    let name = quoted(column.name);
    if let (Kind::Text, Operand::Literal(literal)) = (element, operand)
        && !literal.stars.is_empty()
    {
        let pattern = params.push(Value::Text(literal.pattern()));
        return Ok(format!(
            "exists (select 1 from unnest({name}) as item(value) where item.value like {pattern})"
        ));
    }
    // Containment and not `= any`, because only containment can use a GIN index.
    let value = value::typed(column, element, operand)?;
    Ok(format!("{name} @> array[{}]", params.push(value)))
}

/// What a list is a list of.
fn element_kind(kind: Kind) -> Option<Kind> {
    match kind {
        Kind::UuidArray => Some(Kind::Uuid),
        Kind::TextArray => Some(Kind::Text),
        Kind::Int32Array => Some(Kind::Int32),
        Kind::Int64Array => Some(Kind::Int64),
        Kind::BoolArray => Some(Kind::Bool),
        Kind::EnumArray => Some(Kind::Enum),
        _ => None,
    }
}
