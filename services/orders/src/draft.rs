//! What somebody asks for, checked and brought into the form of an order.

use contracts::google::r#type as wire;
use contracts::orders::v1::{Order, OrderLine, OrderState, OrdersReason, PlaceOrderLine, PlaceOrderRequest};
use kit::{Currency, Date, Decimal, Duration, Error, Money, OffsetDateTime, Result, Violation};
use prost::Message as _;
use sha2::{Digest, Sha256};

/// How many decimals quantities and discounts have at the most.
const DECIMALS_MAX: u32 = 6;

/// The day begins in Kiribati first: what is later than its day lies in the future everywhere.
const FIRST_ZONE: Duration = Duration::hours(14);

/// The order that a request asks for, without number and prices that are not agreed.
pub fn order(request: PlaceOrderRequest, now: OffsetDateTime) -> Result<Order> {
    let currency = Currency::parse(&request.currency_code, "currency_code")?;
    let freight = match &request.freight {
        Some(freight) => amount(freight, currency, "freight")?,
        None => Money::zero(currency),
    };
    let order_date = order_date(request.order_date, now)?;
    let mut lines = Vec::with_capacity(request.lines.len());
    for (place, line) in request.lines.iter().enumerate() {
        lines.push(order_line(line, place, currency)?);
    }
    Ok(Order {
        state: OrderState::Created.into(),
        account_id: request.account_id,
        customer_email: request.customer_email,
        order_date: Some(order_date.into()),
        currency_code: request.currency_code,
        lines,
        freight: Some(freight.into()),
        payment_method: request.payment_method,
        shipping_address: request.shipping_address,
        external_reference: request.external_reference,
        ..Order::default()
    })
}

/// A digest of what is asked for, the same for the same content however its numbers are written.
pub fn content(request: &PlaceOrderRequest) -> Result<Vec<u8>> {
    let mut plain = request.clone();
    plain.request_id.clear();
    plain.account_id.make_ascii_lowercase();
    // Nothing to pay for the delivery may be said or left out.
    plain.freight = plain.freight.filter(|freight| freight.units != 0 || freight.nanos != 0);
    for line in &mut plain.lines {
        line.product_id.make_ascii_lowercase();
        line.quantity = normal(line.quantity.as_ref())?;
        line.discount = normal(line.discount.as_ref())?.filter(|discount| discount.value != "0");
    }
    Ok(Sha256::digest(plain.encode_to_vec()).to_vec())
}

fn normal(number: Option<&wire::Decimal>) -> Result<Option<wire::Decimal>> {
    number.map(|number| Ok(number.to_decimal("lines")?.normalize().into())).transpose()
}

fn order_line(line: &PlaceOrderLine, place: usize, currency: Currency) -> Result<OrderLine> {
    let at = |field: &str| format!("lines[{place}].{field}");
    let quantity = number(line.quantity.as_ref()).filter(|quantity| *quantity > Decimal::ZERO);
    let quantity = quantity.ok_or_else(|| refused(OrdersReason::QuantityNotPositive, at("quantity")))?;
    let discount = match &line.discount {
        Some(discount) => {
            let discount = number(Some(discount));
            let discount = discount.filter(|part| (Decimal::ZERO..=Decimal::ONE).contains(part));
            Some(discount.ok_or_else(|| refused(OrdersReason::DiscountInvalid, at("discount")))?)
        }
        None => None,
    };
    let unit_price =
        line.unit_price.as_ref().map(|price| amount(price, currency, &at("unit_price"))).transpose()?;
    Ok(OrderLine {
        line_number: i32::try_from(place + 1).map_err(Error::internal)?,
        product_id: line.product_id.to_ascii_lowercase(),
        quantity: Some(quantity.into()),
        unit_price: unit_price.map(Into::into),
        discount: discount.map(Into::into),
        ..OrderLine::default()
    })
}

/// The number, or nothing when it is none or too fine.
fn number(number: Option<&wire::Decimal>) -> Option<Decimal> {
    let number = number?.to_decimal("number").ok()?.normalize();
    (number.scale() <= DECIMALS_MAX).then_some(number)
}

fn amount(amount: &wire::Money, currency: Currency, field: &str) -> Result<Money> {
    let money = amount.to_money(field).ok();
    let fits = |money: &Money| money.currency == currency && money.minor >= 0;
    money.filter(fits).ok_or_else(|| refused(OrdersReason::AmountInvalid, field.to_owned()))
}

fn order_date(date: Option<wire::Date>, now: OffsetDateTime) -> Result<Date> {
    let Some(date) = date else { return Ok(now.date()) };
    let wrong = || refused(OrdersReason::DateInvalid, "order_date".to_owned());
    let date = date.to_date("order_date").map_err(|_| wrong())?;
    if date > (now + FIRST_ZONE).date() { Err(wrong()) } else { Ok(date) }
}

fn refused(reason: OrdersReason, field: String) -> Error {
    let error = Error::from(reason);
    let description = error.text().to_owned();
    error.violation(Violation { field, description, rule: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn decimal(value: &str) -> Option<wire::Decimal> {
        Some(wire::Decimal { value: value.to_owned() })
    }

    fn money(code: &str, units: i64, nanos: i32) -> Option<wire::Money> {
        Some(wire::Money { currency_code: code.to_owned(), units, nanos })
    }

    fn request() -> PlaceOrderRequest {
        let line = PlaceOrderLine { product_id: "P".into(), quantity: decimal("2.50"), ..Default::default() };
        PlaceOrderRequest { currency_code: "EUR".into(), lines: vec![line], ..Default::default() }
    }

    fn with_line(change: impl FnOnce(&mut PlaceOrderLine)) -> Result<Order> {
        let mut request = request();
        change(&mut request.lines[0]);
        order(request, NOON)
    }

    #[test]
    fn a_plain_request_becomes_an_order() {
        // What is not said has its usual meaning: no freight, today, no discount, the catalogue's price.
        let order = order(request(), NOON).unwrap();
        assert_eq!(order.state(), OrderState::Created);
        assert_eq!(order.freight, money("EUR", 0, 0));
        assert_eq!(order.order_date, Some(wire::Date { year: 1970, month: 1, day: 1 }));
        assert_eq!((order.lines[0].line_number, order.lines[0].unit_price.clone()), (1, None));
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named() {
        // Whoever sends many lines must be told which one is wrong, and why.
        type Case = (fn(&mut PlaceOrderLine), OrdersReason, &'static str);
        let cases: [Case; 9] = [
            (|line| line.quantity = decimal("0"), OrdersReason::QuantityNotPositive, "quantity"),
            (|line| line.quantity = decimal("-1"), OrdersReason::QuantityNotPositive, "quantity"),
            (|line| line.quantity = decimal("x"), OrdersReason::QuantityNotPositive, "quantity"),
            (|line| line.quantity = decimal("0.0000001"), OrdersReason::QuantityNotPositive, "quantity"),
            (|line| line.discount = decimal("1.01"), OrdersReason::DiscountInvalid, "discount"),
            (|line| line.discount = decimal("-0.1"), OrdersReason::DiscountInvalid, "discount"),
            (|line| line.unit_price = money("EUR", -1, 0), OrdersReason::AmountInvalid, "unit_price"),
            (|line| line.unit_price = money("USD", 1, 0), OrdersReason::AmountInvalid, "unit_price"),
            (|line| line.unit_price = money("EUR", 1, 1_000_000), OrdersReason::AmountInvalid, "unit_price"),
        ];
        for (change, reason, field) in cases {
            let error = with_line(change).unwrap_err();
            assert!(error.is(reason), "{error}");
            assert_eq!(error.violations()[0].field, format!("lines[0].{field}"));
        }
        assert!(with_line(|line| line.discount = decimal("1.0000000")).is_ok());
        assert!(with_line(|line| line.unit_price = money("EUR", 0, 0)).is_ok());
    }

    #[test]
    fn the_day_is_no_later_than_anywhere() {
        // A customer far in the east orders tomorrow already; nobody orders the day after.
        let on = |year, month, day| {
            let date = Some(wire::Date { year, month, day });
            order(PlaceOrderRequest { order_date: date, ..request() }, NOON + Duration::hours(11))
        };
        assert!(on(1969, 7, 16).is_ok());
        assert!(on(1970, 1, 2).is_ok());
        for wrong in [on(1970, 1, 3), on(1970, 2, 30), on(1970, 2, 0)] {
            assert!(wrong.unwrap_err().is(OrdersReason::DateInvalid));
        }
    }

    #[test]
    fn the_same_content_has_the_same_digest() {
        // An import that is run again must find its orders, and another order must never pass for one of them.
        let base = content(&request()).unwrap();
        let digest = |change: fn(&mut PlaceOrderRequest)| {
            let mut request = request();
            change(&mut request);
            content(&request).unwrap()
        };
        assert_eq!(digest(|request| request.request_id = "r".into()), base);
        assert_eq!(digest(|request| request.lines[0].quantity = decimal("2.5")), base);
        assert_eq!(digest(|request| request.lines[0].product_id = "p".into()), base);
        assert_eq!(digest(|request| request.lines[0].discount = decimal("0.0")), base);
        assert_eq!(digest(|request| request.freight = money("EUR", 0, 0)), base);
        assert_ne!(digest(|request| request.lines[0].quantity = decimal("2.51")), base);
        assert_ne!(digest(|request| request.lines[0].unit_price = money("EUR", 1, 0)), base);
        assert_ne!(digest(|request| request.lines.push(PlaceOrderLine::default())), base);
        assert_ne!(digest(|request| request.payment_method = "card_ok".into()), base);
    }
}
