//! Holds what was to be loaded against what the books say.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use contracts::finance::v1::{InvoiceKind, LedgerAccountRole as Role};
use contracts::orders::v1::{Order, OrderState};
use kit::Money;
use serde_json::{Value, json};

use crate::load::Loaded;
use crate::load::api::Api;
use crate::load::books;
use crate::load::ledger::{Chart, Sums, trial_balance};
use crate::load::plan::{NewOrder, Plan};
use crate::output::Output;
use crate::{Result, failure::Failure};

/// Events reach the books within it, or never.
const PATIENCE: Duration = Duration::from_secs(60);

/// A figure from both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What it counts.
    pub name: &'static str,
    /// What it must be by the plan.
    pub expected: String,
    /// What the books say.
    pub actual: String,
}

impl Figure {
    fn amount(name: &'static str, expected: Money, actual: Money) -> Self {
        Self { name, expected: amount(expected), actual: amount(actual) }
    }

    fn count(name: &'static str, expected: usize, actual: usize) -> Self {
        Self { name, expected: expected.to_string(), actual: actual.to_string() }
    }

    /// Whether both sides say the same.
    pub fn is_even(&self) -> bool {
        self.expected == self.actual
    }
}

/// All figures of a load.
#[derive(Debug)]
pub struct Summary {
    /// The figures.
    pub figures: Vec<Figure>,
    /// Orders by how they ended.
    pub states: Vec<(&'static str, usize)>,
    currency: String,
}

impl Summary {
    /// Whether the books say what the plan says.
    pub fn is_even(&self) -> bool {
        self.figures.iter().all(Figure::is_even)
    }

    /// Prints the figures, and fails when they do not reconcile.
    pub fn print(&self, source: &str, loaded: &Loaded, refused: usize, output: Output) -> Result<()> {
        let seconds = loaded.elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let rate = if loaded.placed == 0 { 0.0 } else { loaded.placed as f64 / seconds.max(0.001) };
        let figures: Vec<Value> = self
            .figures
            .iter()
            .map(|one| {
                json!({"figure": one.name, "expected": one.expected, "actual": one.actual, "even": one.is_even()})
            })
            .collect();
        let document = json!({
            "source": source,
            "currency": self.currency,
            "orders": self.states.iter().copied().collect::<HashMap<_, _>>(),
            "placed": loaded.placed,
            "seconds": (seconds * 10.0).round() / 10.0,
            "ordersPerSecond": (rate * 10.0).round() / 10.0,
            "refused": refused,
            "reconciled": self.is_even(),
            "figures": figures,
        });
        let rows = self.figures.iter().map(|one| {
            let verdict = if one.is_even() { "ok" } else { "DIFFERS" };
            vec![one.name.to_owned(), one.expected.clone(), one.actual.clone(), verdict.to_owned()]
        });
        let header = format!("figure ({})", self.currency);
        output.table(&document, &[&header, "to be", "in the books", ""], rows.collect())?;
        let states: Vec<String> = self
            .states
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        eprintln!("orders: {}", states.join(", "));
        if loaded.placed > 0 {
            eprintln!("{} placed in {seconds:.1} s, {rate:.1} a second up to the invoice", loaded.placed);
        }
        match self.figures.iter().find(|one| !one.is_even()) {
            None => Ok(()),
            Some(first) => Err(Failure::not_well(format!(
                "{}: {} in the books, not {}",
                first.name, first.actual, first.expected
            ))
            .next("tessera events dead-letters    (then run the same command again)")),
        }
    }
}

/// Adds up until the figures are even, or do not change any more: the last events may still be on their way.
pub async fn settle(api: &Api, plan: &Plan, loaded: &Loaded) -> Result<Summary> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(200);
    loop {
        let summary = add_up(api, plan, loaded).await?;
        if summary.is_even() || begun.elapsed() > PATIENCE {
            return Ok(summary);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(4));
    }
}

async fn add_up(api: &Api, plan: &Plan, loaded: &Loaded) -> Result<Summary> {
    let wrong = |error: kit::Error| Failure::new(format!("a figure cannot be computed: {}", error.text()));
    let currency = plan.currency;
    let meant = Meant::of(plan, loaded);
    let all: Vec<&Order> = loaded.orders.values().collect();
    let completed: Vec<&Order> =
        meant.completed.iter().filter_map(|new| loaded.orders.get(&new.reference)).collect();
    let (net, freight) = totals(&meant.completed, currency).map_err(wrong)?;

    let invoices = books::invoices(api, &completed).await?;
    let payments = books::payments(api, &completed).await?;
    let mut entries: Vec<String> = invoices.iter().filter_map(|one| one.journal_entry_id.clone()).collect();
    entries.extend(payments.into_iter().map(|one| one.journal_entry_id));
    entries.retain(|id| !id.is_empty());
    let chart = Chart::load(api).await?;
    let sums = Sums::of_entries(api, &chart, &entries, currency).await?;
    let balance = trial_balance(api, currency).await?;
    let stock = books::stock_of_load(api, plan.source, &all, currency).await?;
    let in_stock = books::stock_value(api, currency).await?;
    let in_ledger = chart.balance(&balance, Role::Inventory, currency).map_err(wrong)?;
    let difference = match &balance.difference {
        Some(difference) => difference.to_money("difference").map_err(wrong)?,
        None => Money::zero(currency),
    };
    let billed = invoices.iter().filter(|one| one.kind() == InvoiceKind::Invoice).count();
    let zero = Money::zero(currency);
    let figures = vec![
        Figure::count("orders completed", meant.to_complete, meant.completed.len()),
        Figure::count("invoices", meant.to_complete, billed),
        Figure::amount("revenue, net of discount", net, sums.of(Role::Sales).negated()),
        Figure::amount("freight", freight, sums.of(Role::Freight).negated()),
        Figure::amount("receivable", zero, sums.of(Role::Receivable)),
        Figure::amount(
            "cash at the payment provider",
            net.plus(freight).map_err(wrong)?,
            sums.of(Role::Clearing),
        ),
        Figure::amount(
            "stock left, at cost",
            stock_left(plan, &meant.completed, stock.received).map_err(wrong)?,
            stock.left,
        ),
        Figure::amount("stock value, in all", in_stock, in_ledger),
        Figure::amount("trial balance difference", zero, difference),
    ];
    Ok(Summary { figures, states: states(&all), currency: currency.code().to_owned() })
}

/// The orders of the plan as they were meant to end.
struct Meant<'a> {
    /// How many were loaded to be completed.
    to_complete: usize,
    /// Those that were.
    completed: Vec<&'a NewOrder>,
}

impl<'a> Meant<'a> {
    fn of(plan: &'a Plan, loaded: &Loaded) -> Self {
        let mut meant = Self { to_complete: 0, completed: Vec::new() };
        for row in &plan.orders {
            let Some(order) = loaded.orders.get(&row.value.reference) else { continue };
            if row.value.cancel.is_some() || row.value.fails {
                continue;
            }
            meant.to_complete += 1;
            if order.state() == OrderState::Completed {
                meant.completed.push(&row.value);
            }
        }
        meant
    }
}

fn totals(orders: &[&NewOrder], currency: kit::Currency) -> kit::Result<(Money, Money)> {
    let (mut net, mut freight) = (Money::zero(currency), Money::zero(currency));
    for order in orders {
        net = net.plus(order.net()?)?;
        freight = freight.plus(order.freight)?;
    }
    Ok((net, freight))
}

/// What was received, less what the completed orders took; at cost.
fn stock_left(plan: &Plan, completed: &[&NewOrder], received: Money) -> kit::Result<Money> {
    let mut planned = Money::zero(plan.currency);
    let mut costs = HashMap::new();
    for stock in &plan.stock {
        planned = planned.plus(cost(stock.quantity, stock.unit_cost)?)?;
        costs.insert(stock.sku.as_str(), stock.unit_cost);
    }
    // A run with fewer orders than one before it finds more received than it needs itself.
    let mut left = if received.minor > planned.minor { received } else { planned };
    for line in completed.iter().flat_map(|order| &order.lines) {
        if let Some(unit_cost) = costs.get(line.sku.as_str()) {
            left = left.minus(cost(line.quantity, *unit_cost)?)?;
        }
    }
    Ok(left)
}

fn cost(quantity: kit::Decimal, unit_cost: Money) -> kit::Result<Money> {
    Money::round(quantity * unit_cost.to_decimal(), unit_cost.currency, kit::Rounding::HalfUp)
}

fn states(orders: &[&Order]) -> Vec<(&'static str, usize)> {
    let count = |state: OrderState| orders.iter().filter(|order| order.state() == state).count();
    vec![
        ("completed", count(OrderState::Completed)),
        ("cancelled", count(OrderState::Cancelled)),
        ("failed", count(OrderState::Failed)),
    ]
}

/// `1,265,793.29`
fn amount(money: Money) -> String {
    let text = money.to_decimal().to_string();
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, rest) =
        text.split_once('.').map_or((text, String::new()), |(whole, rest)| (whole, format!(".{rest}")));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped() {
        // Nobody reads 126579329 right at the first look.
        let usd = kit::Currency::parse("USD", "currency").unwrap();
        let shown = |minor| amount(Money::new(minor, usd));
        assert_eq!(shown(126_579_329), "1,265,793.29");
        assert_eq!(shown(-100_000), "-1,000.00");
        assert_eq!(shown(0), "0.00");
        assert_eq!(shown(99_999), "999.99");
    }

    #[test]
    fn a_difference_is_seen() {
        // One cent is enough for the command to fail.
        let usd = kit::Currency::parse("USD", "currency").unwrap();
        assert!(Figure::amount("x", Money::new(100, usd), Money::new(100, usd)).is_even());
        assert!(!Figure::amount("x", Money::new(100, usd), Money::new(101, usd)).is_even());
    }
}
