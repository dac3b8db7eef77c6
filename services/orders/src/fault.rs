//! Why a step went wrong, and whether trying it again may help.

use contracts::inventory::v1::InventoryReason;
use contracts::orders::v1::{Order, OrdersReason};
use contracts::payments::v1::PaymentsReason;
use kit::{Code, Error, Reason};

/// The longest message that is kept.
const MESSAGE_MAX: usize = 500;

/// Why a step went wrong, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The error's reason, such as `STOCK_SHORT`.
    pub reason: String,
    /// The same for a person.
    pub message: String,
}

impl Fault {
    /// A fault by a reason of the orders' own.
    pub fn of(reason: OrdersReason, message: impl Into<String>) -> Self {
        Self { reason: reason.name().to_owned(), message: cut(message.into()) }
    }

    /// What a peer's error is for this order.
    pub fn from_error(error: &Error, order: &Order) -> Self {
        if error.is(PaymentsReason::Declined) {
            return declined(error.metadata().get("failure_code").map_or("", String::as_str));
        }
        let mut message = error.text().to_owned();
        if error.is(InventoryReason::StockShort) {
            message.push_str(&shortfalls(error, order));
        }
        Self { reason: error.reason().to_owned(), message: cut(message) }
    }
}

/// The provider said no.
pub fn declined(failure_code: &str) -> Fault {
    let reason = OrdersReason::PaymentDeclined;
    let message = if failure_code.is_empty() {
        reason.message().to_owned()
    } else {
        format!("{}: {failure_code}", reason.message())
    };
    Fault::of(reason, message)
}

/// Whether an error is the other side's last word on a request. Everything else, an internal error included,
/// leaves open what was done, so that the same request is sent again.
pub fn is_refusal(error: &Error) -> bool {
    // A step that was changed by a new release and meets its own older request: nobody refused the order.
    let reused = error.reason() == "REQUEST_ID_REUSED";
    let code = error.code();
    !reused
        && matches!(
            code,
            Code::FailedPrecondition
                | Code::InvalidArgument
                | Code::NotFound
                | Code::AlreadyExists
                | Code::OutOfRange
        )
}

/// `: CHAI 5 of 3, ...` out of the metadata `shortfall-<product id>` = `<wanted>/<available>`.
fn shortfalls(error: &Error, order: &Order) -> String {
    let mut list = String::new();
    for (key, value) in error.metadata() {
        let Some(product) = key.strip_prefix("shortfall-") else { continue };
        let Some((wanted, available)) = value.split_once('/') else { continue };
        let line = order.lines.iter().find(|line| line.product_id.eq_ignore_ascii_case(product));
        let name = line.map(|line| line.sku.as_str()).filter(|sku| !sku.is_empty()).unwrap_or(product);
        list.push_str(if list.is_empty() { ": " } else { ", " });
        list.push_str(&format!("{name} {wanted} wanted, {available} available"));
    }
    list
}

fn cut(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(MESSAGE_MAX) {
        message.truncate(end);
    }
    message
}

#[cfg(test)]
mod tests {
    use contracts::orders::v1::OrderLine;

    use super::*;

    #[test]
    fn only_a_last_word_is_a_refusal() {
        // An order must not fail because a service is down or broken, nor be tried forever against a rule.
        assert!(is_refusal(&InventoryReason::StockShort.into()));
        assert!(is_refusal(&Error::not_found("product", "x")));
        for code in [
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::Aborted,
            Code::ResourceExhausted,
            Code::Internal,
            Code::Unknown,
            Code::PermissionDenied,
            Code::Unauthenticated,
        ] {
            assert!(!is_refusal(&Error::new(code, "X", "erp", "x")), "{code:?}");
        }
        assert!(!is_refusal(&Error::new(Code::AlreadyExists, "REQUEST_ID_REUSED", "erp", "x")));
        assert!(!is_refusal(&PaymentsReason::OutcomeUnknown.into()));
    }

    #[test]
    fn a_shortfall_names_the_goods() {
        // Whoever reads why an order failed must see which goods were short and by how much.
        let line = OrderLine { product_id: "p1".into(), sku: "CHAI".into(), ..OrderLine::default() };
        let order = Order { lines: vec![line], ..Order::default() };
        let error =
            Error::from(InventoryReason::StockShort).with("shortfall-p1", "5/3").with("shortfall-p2", "1/0");
        let fault = Fault::from_error(&error, &order);
        assert_eq!(fault.reason, "STOCK_SHORT");
        assert_eq!(
            fault.message,
            "too little is in stock: CHAI 5 wanted, 3 available, p2 1 wanted, 0 available"
        );
        let long = Error::new(Code::NotFound, "X", "erp", "é".repeat(900));
        assert_eq!(Fault::from_error(&long, &order).message.chars().count(), MESSAGE_MAX);
    }
}
