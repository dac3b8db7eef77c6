//! A completed order is confirmed to its customer by mail.

use std::sync::Arc;

use contracts::google::r#type::{Date as WireDate, Decimal as WireDecimal, Money as WireMoney};
use contracts::orders::v1::OrderCompleted;
use kit::{Decimal, Money, Result};
use lettre::Address;
use serde_json::{Value, json};
use store::{BoxFuture, Cx, React};

use crate::builtin::ORDER_CONFIRMATION;
use crate::company::{self, Company};
use crate::delivery::{Letter, is_doubled, queue};
use crate::outlet::Outlet;
use crate::template::{built_in, choose};

/// The reaction to a completed order.
#[derive(Debug)]
pub struct Confirm {
    outlet: Arc<Outlet>,
}

impl Confirm {
    pub fn new(outlet: Arc<Outlet>) -> Self {
        Self { outlet }
    }
}

impl<'a> React<'a, OrderCompleted> for Confirm {
    type Future = BoxFuture<'a, Result<()>>;

    fn react(&self, cx: &'a mut Cx, event: OrderCompleted) -> Self::Future {
        let outlet = self.outlet.clone();
        Box::pin(async move { confirm(cx, &outlet, event).await })
    }
}

async fn confirm(cx: &mut Cx, outlet: &Outlet, event: OrderCompleted) -> Result<()> {
    if event.customer_email.is_empty() {
        return Ok(());
    }
    if event.customer_email.parse::<Address>().is_err() {
        tracing::warn!(order = event.order_number, "the customer's e-mail address cannot be written to");
        return Ok(());
    }
    let company = company::current(cx).await?;
    let chosen = choose(cx, ORDER_CONFIRMATION, &company.locale).await?;
    let values = values(&event, &company, &chosen.locale)?;
    let (locale, text) = match chosen.text.fill(&values) {
        Ok(text) => (chosen.locale, text),
        // The customer gets his confirmation, be it in words that are not the tenant's own.
        Err(error) => {
            tracing::warn!(%error, "the tenant's order confirmation cannot be filled");
            let chosen = built_in(ORDER_CONFIRMATION, &company.locale)?;
            (chosen.locale, chosen.text.fill(&values)?)
        }
    };
    let letter = Letter {
        recipient: event.customer_email,
        template_key: ORDER_CONFIRMATION.to_owned(),
        locale,
        dedupe_key: format!("{ORDER_CONFIRMATION}:{}", event.order_id),
        text,
    };
    match queue(cx, outlet, letter).await {
        Err(error) if is_doubled(&error) => {
            cx.rollback().await;
            Ok(())
        }
        queued => queued.map(|_| ()),
    }
}

/// What the template is filled with.
fn values(event: &OrderCompleted, company: &Company, locale: &str) -> Result<Value> {
    let style = Style::of(locale);
    let mut lines = Vec::with_capacity(event.lines.len());
    for line in &event.lines {
        let name = [&line.name, &line.sku].into_iter().find(|text| !text.is_empty());
        lines.push(json!({
            "name": name.unwrap_or(&line.product_id),
            "sku": line.sku,
            "quantity": style.number(line.quantity.as_ref())?,
            "unit_price": style.money(line.unit_price.as_ref())?,
            "amount": style.money(line.net_amount.as_ref())?,
        }));
    }
    let has_freight = event.freight.as_ref().is_some_and(|freight| freight.units != 0 || freight.nanos != 0);
    Ok(json!({
        "company": company.name,
        "order_number": event.order_number,
        "order_date": style.date(event.order_date.as_ref()),
        "currency": event.currency_code,
        "lines": lines,
        "lines_total": style.money(event.lines_total.as_ref())?,
        "freight": if has_freight { style.money(event.freight.as_ref())? } else { String::new() },
        "total": style.money(event.total.as_ref())?,
        "invoice_number": event.invoice_number,
    }))
}

/// How a language writes numbers and days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    English,
    German,
}

impl Style {
    fn of(locale: &str) -> Self {
        let german = locale.get(..2).is_some_and(|language| language.eq_ignore_ascii_case("de"));
        if german { Self::German } else { Self::English }
    }

    fn money(self, money: Option<&WireMoney>) -> Result<String> {
        let Some(money) = money else { return Ok(String::new()) };
        let Money { minor, currency } = money.to_money("event.amount")?;
        let mut amount = Decimal::new(minor, currency.digits());
        amount.rescale(currency.digits());
        Ok(format!("{} {currency}", self.digits(&amount.to_string())))
    }

    fn number(self, number: Option<&WireDecimal>) -> Result<String> {
        let number = number.map(|number| number.to_decimal("event.quantity")).transpose()?;
        Ok(self.digits(&number.unwrap_or_default().normalize().to_string()))
    }

    fn date(self, date: Option<&WireDate>) -> String {
        match (self, date) {
            (_, None) => String::new(),
            (Self::English, Some(date)) => format!("{:04}-{:02}-{:02}", date.year, date.month, date.day),
            (Self::German, Some(date)) => format!("{:02}.{:02}.{:04}", date.day, date.month, date.year),
        }
    }

    /// Puts the language's marks into a plain number such as `-1234.5`.
    fn digits(self, plain: &str) -> String {
        let (group, point) = match self {
            Self::English => (',', '.'),
            Self::German => ('.', ','),
        };
        let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
        let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |rest| ("-", rest));
        let mut text = sign.to_owned();
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) {
                text.push(group);
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push(point);
            text.push_str(fraction);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use contracts::orders::v1::OrderLine;

    use super::*;

    fn euros(units: i64, nanos: i32) -> Option<WireMoney> {
        Some(WireMoney { currency_code: "EUR".to_owned(), units, nanos })
    }

    fn event() -> OrderCompleted {
        OrderCompleted {
            order_number: "SO-2026-000042".to_owned(),
            order_date: Some(WireDate { year: 2026, month: 3, day: 9 }),
            lines: vec![OrderLine {
                name: "Käse <alt> & \"mild\"".to_owned(),
                quantity: Some(WireDecimal { value: "12.50".to_owned() }),
                net_amount: euros(1_265_793, 290_000_000),
                ..OrderLine::default()
            }],
            freight: euros(0, 0),
            total: euros(1_265_793, 290_000_000),
            invoice_number: "INV-2026-000007".to_owned(),
            ..OrderCompleted::default()
        }
    }

    #[test]
    fn both_languages_fill_with_an_order() {
        // The built-in templates must ask for nothing that an order does not give, and write as people do.
        let company = Company { name: "Müller & Söhne".to_owned(), locale: String::new() };
        for (locale, subject, total) in [
            ("en", "Your order SO-2026-000042 at Müller & Söhne", "Total: 1,265,793.29 EUR"),
            ("de", "Ihre Bestellung SO-2026-000042 bei Müller & Söhne", "Gesamtbetrag: 1.265.793,29 EUR"),
        ] {
            let text = built_in(ORDER_CONFIRMATION, locale).unwrap().text;
            let text = text.fill(&values(&event(), &company, locale).unwrap()).unwrap();
            assert_eq!(text.subject, subject);
            assert!(text.body_text.contains(total), "{}", text.body_text);
            assert!(text.body_text.contains("Käse <alt> & \"mild\""), "{}", text.body_text);
            assert!(text.body_html.contains("Käse &lt;alt&gt; &amp;"), "{}", text.body_html);
            assert!(!text.body_text.contains("Freight") && !text.body_text.contains("Fracht"));
        }
        let nameless = built_in(ORDER_CONFIRMATION, "en").unwrap().text;
        let nameless = nameless.fill(&values(&event(), &Company::default(), "en").unwrap()).unwrap();
        assert_eq!(nameless.subject, "Your order SO-2026-000042");
    }

    #[test]
    fn numbers_follow_the_language() {
        // Marks between thousands must not depend on the sign or the number of digits.
        let english = |text| Style::English.digits(text);
        assert_eq!([english("-999"), english("1000"), english("-123456.7")], ["-999", "1,000", "-123,456.7"]);
        assert_eq!(Style::German.digits("1234567.89"), "1.234.567,89");
        assert_eq!(Style::German.number(Some(&WireDecimal { value: "2.500".to_owned() })).unwrap(), "2,5");
    }
}
