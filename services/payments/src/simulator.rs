//! A provider without money: it answers as the payment method says, always the same, and remembers what it did.

use async_trait::async_trait;
use contracts::payments::v1::PaymentTransactionKind as Kind;
use kit::{Code, Error, Money, OffsetDateTime, Result};
use store::{Cx, Deferred};

use crate::provider::{Answer, Ask, Provider};

/// The simulated provider.
#[derive(Debug)]
pub struct Simulator;

#[async_trait]
impl Provider for Simulator {
    fn name(&self) -> &'static str {
        "simulator"
    }

    async fn perform(&self, cx: &mut Cx, ask: &Ask) -> Result<Answer> {
        let reference = if ask.reference.is_empty() {
            format!("sim_{}", ask.intent_id.replace('-', ""))
        } else {
            ask.reference.clone()
        };
        let request = Request {
            key: ask.key.clone(),
            kind: ask.kind,
            reference: reference.clone(),
            amount: ask.amount,
            payment_method: ask.payment_method.clone(),
            time: cx.now(),
        };
        cx.defer(request).await?;
        let is_new = match cx.checkpoint().await {
            Ok(()) => true,
            Err(error) if error.code() == Code::AlreadyExists => {
                cx.rollback().await;
                false
            }
            Err(error) => return Err(error),
        };
        if is_new && is_silent(&ask.payment_method) {
            return Ok(Answer::Silence);
        }
        if is_new && verdict(&ask.payment_method, ask.kind).is_empty() {
            return Ok(Answer::Done { reference });
        }
        let known = self.query(cx, &ask.key).await?;
        known.ok_or_else(|| Error::internal("the simulator has forgotten a request"))
    }

    async fn query(&self, cx: &mut Cx, key: &str) -> Result<Option<Answer>> {
        let query = sqlx::query_as::<_, (String, String)>(
            "select reference, failure_code from simulator_requests where key = $1",
        );
        let found = cx.row(query.bind(key)).await?;
        cx.checkpoint().await?;
        Ok(found.map(
            |(reference, code)| {
                if code.is_empty() { Answer::Done { reference } } else { Answer::Declined { code } }
            },
        ))
    }
}

/// A request as the provider remembers it.
struct Request {
    key: String,
    kind: Kind,
    reference: String,
    amount: Money,
    payment_method: String,
    time: OffsetDateTime,
}

impl Deferred for Request {
    async fn write<'a>(cx: &'a mut Cx, requests: &'a [&'a Self]) -> Result<()> {
        fn column<'a, T>(requests: &[&'a Request], value: impl Fn(&'a Request) -> T) -> Vec<T> {
            requests.iter().map(|request| value(request)).collect()
        }
        let query = sqlx::query(
            "insert into simulator_requests
                 (key, kind, reference, amount_minor, amount_currency, payment_method, failure_code, create_time)
             select * from unnest($1::text[], $2::int[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
                 $8::timestamptz[])",
        )
        .bind(column(requests, |request| request.key.as_str()))
        .bind(column(requests, |request| i32::from(request.kind)))
        .bind(column(requests, |request| request.reference.as_str()))
        .bind(column(requests, |request| request.amount.minor))
        .bind(column(requests, |request| request.amount.currency.code().to_owned()))
        .bind(column(requests, |request| request.payment_method.as_str()))
        .bind(column(requests, |request| verdict(&request.payment_method, request.kind)))
        .bind(column(requests, |request| request.time));
        cx.execute(query).await?;
        Ok(())
    }
}

/// Why a request is declined; empty when it is done.
fn verdict(payment_method: &str, kind: Kind) -> &'static str {
    match (payment_method, kind) {
        ("card_ok" | "card_timeout", _) => "",
        ("card_capture_declined", Kind::Capture) => "card_declined",
        ("card_capture_declined", _) => "",
        ("card_declined" | "card_timeout_declined", _) => "card_declined",
        ("card_insufficient_funds", _) => "insufficient_funds",
        _ => "unknown_payment_method",
    }
}

/// Whether the caller gets no answer to the first request, done or not.
fn is_silent(payment_method: &str) -> bool {
    matches!(payment_method, "card_timeout" | "card_timeout_declined")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_decides() {
        // The contract names these cards; tests and demonstrations everywhere count on what each of them does.
        assert_eq!(verdict("card_ok", Kind::Capture), "");
        assert_eq!(verdict("card_declined", Kind::Authorize), "card_declined");
        assert_eq!(verdict("card_insufficient_funds", Kind::Authorize), "insufficient_funds");
        assert_eq!(verdict("card_capture_declined", Kind::Authorize), "");
        assert_eq!(verdict("card_capture_declined", Kind::Capture), "card_declined");
        assert_eq!(verdict("card_capture_declined", Kind::Void), "");
        assert!(is_silent("card_timeout") && verdict("card_timeout", Kind::Authorize).is_empty());
        assert!(
            is_silent("card_timeout_declined")
                && !verdict("card_timeout_declined", Kind::Authorize).is_empty()
        );
        assert_eq!(verdict("4111111111111111", Kind::Authorize), "unknown_payment_method");
    }
}
