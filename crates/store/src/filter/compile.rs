//! From the tree to a condition.

use kit::Result;
use time::OffsetDateTime;

use super::ast::{Argument, Compare, Literal, Node, Operator};
use super::lexer::fault;
use super::params::{Params, Value};
use super::value::{self, Operand};
use super::{fields, is_filterable, json, money, scalar};
use crate::search;
use crate::table::{Column, Kind, Table};

/// What a condition is made of and goes into.
pub(super) struct Compiler<'a> {
    pub(super) table: &'static Table,
    pub(super) params: &'a mut Params,
    pub(super) now: OffsetDateTime,
}

/// The left side of a comparison, found in the table.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) column: &'static Column,
    /// The way into the column: `["locality"]`.
    pub(super) path: &'a [String],
    pub(super) compare: &'a Compare,
}

impl Compiler<'_> {
    /// The condition of a part of the filter. It is true for the rows that match, and false or null for
    /// others; lists of AND and OR do not tell the two apart, and NOT is written so that it does not either.
    pub(super) fn node(&mut self, node: &Node) -> Result<String> {
        match node {
            Node::And(items) | Node::Sequence(items) => self.list(items, " and ", Self::node),
            Node::Or(items) => self.list(items, " or ", Self::node),
            Node::Not(inner) => Ok(negated(&self.node(inner)?)),
            Node::Word(literal) => self.word(literal),
            Node::Compare(compare) => self.compare(compare),
        }
    }

    fn list(
        &mut self,
        items: &[Node],
        joint: &str,
        mut each: impl FnMut(&mut Self, &Node) -> Result<String>,
    ) -> Result<String> {
        let parts = items.iter().map(|item| each(self, item)).collect::<Result<Vec<_>>>()?;
        Ok(format!("({})", parts.join(joint)))
    }

    /// A word without a field.
    fn word(&mut self, literal: &Literal) -> Result<String> {
        let Some(document) = search::document(self.table) else {
            let noun = self.table.noun;
            return Err(fault(literal.at, format!("{noun} has no fields to search; write `field = value`")));
        };
        let pattern = format!("%{}%", literal.pattern());
        Ok(format!("{document} ilike {}", self.params.push(Value::Text(pattern))))
    }

    fn compare(&mut self, compare: &Compare) -> Result<String> {
        let target = self.target(compare)?;
        match &compare.argument {
            Argument::Value(literal) => self.restriction(target, Operand::Literal(literal)),
            Argument::Call(call) => {
                let instant = value::call(call, self.now)?;
                self.restriction(target, Operand::Instant(instant, call.at))
            }
            Argument::Group(node) => self.group(target, node),
        }
    }

    fn target<'b>(&mut self, compare: &'b Compare) -> Result<Target<'b>> {
        let (field, path) = compare.path.split_first().expect("the parser makes no empty path");
        let found = self.table.columns.iter().find(|column| column.field == field && is_filterable(column));
        let Some(column) = found else {
            let (noun, known) = (self.table.noun, fields(self.table).join(", "));
            return Err(fault(compare.at, format!("unknown field `{field}`; {noun} has: {known}")));
        };
        let is_message = matches!(column.kind, Kind::Json | Kind::MoneyMinor | Kind::MoneyCurrency);
        if !path.is_empty() && !is_message {
            return Err(fault(
                compare.at,
                format!("`{field}` is no message and has no field `{}`", path.join(".")),
            ));
        }
        self.params.note(column);
        Ok(Target { column, path, compare })
    }

    /// `field = (a OR b)`: the same comparison with every value.
    fn group(&mut self, target: Target<'_>, node: &Node) -> Result<String> {
        if !matches!(target.compare.operator, Operator::Equal | Operator::Has) {
            let operator = target.compare.operator.text();
            let hint =
                "several values stand behind `=` and `:` only; put NOT before the field to exclude them";
            return Err(fault(target.compare.at, format!("`{operator}` takes one value: {hint}")));
        }
        match node {
            Node::And(items) | Node::Sequence(items) => {
                self.list(items, " and ", |compiler, item| compiler.group(target, item))
            }
            Node::Or(items) => self.list(items, " or ", |compiler, item| compiler.group(target, item)),
            Node::Not(inner) => Ok(negated(&self.group(target, inner)?)),
            Node::Word(literal) => self.restriction(target, Operand::Literal(literal)),
            Node::Compare(inner) => Err(fault(
                inner.at,
                "only values stand in parentheses behind an operator; quote those with `:`",
            )),
        }
    }

    fn restriction(&mut self, target: Target<'_>, operand: Operand<'_>) -> Result<String> {
        match target.column.kind {
            Kind::Json => json::restriction(self.params, target, operand),
            Kind::MoneyMinor | Kind::MoneyCurrency => {
                money::restriction(self.table, self.params, target, operand)
            }
            _ => scalar::restriction(self.params, target, operand),
        }
    }
}

/// True for every row for which the condition is not true, null included.
fn negated(condition: &str) -> String {
    format!("(({condition}) is not true)")
}
