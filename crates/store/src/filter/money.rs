//! Comparisons with a money, which has two columns: minor units and currency.

use std::sync::LazyLock;

use kit::{Currency, Error, Result};
use rust_decimal::prelude::ToPrimitive;

use super::ast::{Literal, Operator};
use super::compile::Target;
use super::lexer::fault;
use super::params::{Params, Value};
use super::value::{self, Operand};
use super::{quoted, scalar};
use crate::table::{Kind, Table};

/// The digits of a currency that `kit` does not list.
const USUAL_DIGITS: u32 = 2;

/// The currencies with other digits than usual, by their digits. `kit` tells the digits of a code, but
/// not the codes, so each possible one is asked, once in the life of a process.
static UNUSUAL: LazyLock<Vec<(u32, String)>> = LazyLock::new(|| {
    let mut groups: Vec<(u32, String)> = Vec::new();
    let letters = 'A'..='Z';
    for first in letters.clone() {
        for second in letters.clone() {
            for third in letters.clone() {
                let code = String::from_iter([first, second, third]);
                let digits = Currency::parse(&code, "").map_or(USUAL_DIGITS, |currency| currency.digits());
                if digits == USUAL_DIGITS {
                    continue;
                }
                match groups.iter_mut().find(|(known, _)| *known == digits) {
                    Some((_, codes)) => codes.push_str(&format!(", '{code}'")),
                    None => groups.push((digits, format!("'{code}'"))),
                }
            }
        }
    }
    groups.sort_unstable();
    groups
});

/// The two columns of a money, as SQL names them.
struct Columns {
    minor: String,
    currency: String,
}

impl Columns {
    fn of(table: &Table, field: &str) -> Result<Self> {
        let named = |kind: Kind| {
            let column = table.columns.iter().find(|column| column.field == field && column.kind == kind);
            column
                .map(|column| quoted(column.name))
                .ok_or_else(|| Error::internal(format!("{field} is half a money")))
        };
        Ok(Self { minor: named(Kind::MoneyMinor)?, currency: named(Kind::MoneyCurrency)? })
    }

    /// How many minor units the row's currency has in a whole one.
    fn scale(&self) -> String {
        let mut sql = "(case".to_owned();
        for (digits, codes) in UNUSUAL.iter() {
            let scale = 10_i64.pow(*digits);
            sql.push_str(&format!(" when {} in ({codes}) then {scale}::bigint", self.currency));
        }
        sql.push_str(&format!(" else {}::bigint end)", 10_i64.pow(USUAL_DIGITS)));
        sql
    }
}

/// `price > 10.50`, `price = "10.50 EUR"`, `price.units > 10`.
pub(super) fn restriction(
    table: &Table,
    params: &mut Params,
    target: Target<'_>,
    operand: Operand<'_>,
) -> Result<String> {
    let field = target.column.field;
    let columns = Columns::of(table, field)?;
    let literal = match operand {
        Operand::Literal(literal) => literal,
        Operand::Instant(_, at) => return Err(fault(at, format!("`{field}` takes an amount"))),
    };
    match target.path {
        [] => whole(params, &columns, target, literal),
        [part] => self::part(params, &columns, target, part, operand, literal),
        _ => Err(unknown_part(target)),
    }
}

fn whole(params: &mut Params, columns: &Columns, target: Target<'_>, literal: &Literal) -> Result<String> {
    let operator = target.compare.operator;
    if operator == Operator::Has && literal.is_any() {
        return Ok(format!("{} is not null", columns.minor));
    }
    if let Some(amount) = value::decimal(&literal.text) {
        let amount = params.push(Value::Decimal(amount));
        return Ok(format!("{} {} {amount} * {}", columns.minor, operator.sql(), columns.scale()));
    }
    let (minor, currency) = amount(target.column.field, literal)?;
    let minor = format!("{} {} {}", columns.minor, operator.sql(), params.push(Value::I64(minor)));
    let currency = params.push(Value::Text(currency.code().to_owned()));
    // Amounts of other currencies are different, but neither more nor less.
    Ok(match operator {
        Operator::NotEqual => format!("({minor} or {} <> {currency})", columns.currency),
        _ => format!("({minor} and {} = {currency})", columns.currency),
    })
}

/// Reads `10.50 EUR`.
fn amount(field: &str, literal: &Literal) -> Result<(i64, Currency)> {
    let wrong = |what: &str| fault(literal.at, format!("`{field}` takes {what}"));
    let mut words = literal.text.split_whitespace();
    let (Some(number), Some(code), None) = (words.next(), words.next(), words.next()) else {
        return Err(wrong("an amount such as 10.50 or \"10.50 EUR\""));
    };
    let number = value::decimal(number).ok_or_else(|| wrong("a number before the currency"))?;
    let currency = Currency::parse(code, field).map_err(|_| wrong("a currency of three capital letters"))?;
    let minor =
        number.checked_mul(10_i64.pow(currency.digits()).into()).ok_or_else(|| wrong("a smaller amount"))?;
    if !minor.fract().is_zero() {
        return Err(wrong(&format!("{} decimal digits of {currency} at the most", currency.digits())));
    }
    Ok((minor.to_i64().ok_or_else(|| wrong("a smaller amount"))?, currency))
}

fn part(
    params: &mut Params,
    columns: &Columns,
    target: Target<'_>,
    part: &str,
    operand: Operand<'_>,
    literal: &Literal,
) -> Result<String> {
    let operator = target.compare.operator;
    if operator == Operator::Has && literal.is_any() {
        return Ok(format!("{} is not null", columns.minor));
    }
    let (minor, scale) = (&columns.minor, columns.scale());
    let (expression, kind) = match part {
        "currency_code" => return Ok(scalar::text(params, &columns.currency, operator, literal, false)),
        "units" => (format!("{minor} / {scale}"), Kind::Int64),
        "nanos" => (format!("{minor} % {scale} * (1000000000 / {scale})"), Kind::Int32),
        _ => return Err(unknown_part(target)),
    };
    let value = value::typed(target.column, kind, operand)?;
    Ok(format!("{expression} {} {}", operator.sql(), params.push(value)))
}

fn unknown_part(target: Target<'_>) -> Error {
    let (field, path) = (target.column.field, target.path.join("."));
    fault(
        target.compare.at,
        format!("`{field}` has no field `{path}`; a money has: currency_code, units, nanos"),
    )
}
