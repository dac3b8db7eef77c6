//! The money: set aside, taken, given back. What became of a request without an answer is asked, never assumed.

use contracts::orders::v1::SagaStepName as Name;
use contracts::payments::v1::payment_intent_service_client::PaymentIntentServiceClient;
use contracts::payments::v1::{
    AuthorizePaymentRequest, CapturePaymentRequest, ListPaymentIntentsRequest, PaymentIntent,
    PaymentIntentState as State, PaymentsReason, RefundPaymentRequest, SyncPaymentRequest,
    VoidPaymentRequest,
};
use kit::{Error, Reason as _, Result};
use store::Cx;

use super::request_id;
use crate::advance::{Tried, Work};
use crate::fault::{self, Fault};
use crate::machine::{self, Outcome};

/// Has the total set aside.
pub async fn authorize(cx: &mut Cx, work: &Work) -> Result<Tried> {
    let intent = match known_intent(work) {
        // An earlier try had no outcome. The answer to that one would only come again.
        Some(id) => sync(cx, id).await?,
        None => ask_to_authorize(cx, work).await?,
    };
    let outcome = match intent.state() {
        State::Failed => Outcome::Refused(fault::declined(&intent.failure_code)),
        State::Authorized => Outcome::Done,
        State::Processing | State::Unknown => unknown(),
        state => Outcome::Refused(in_state(state)),
    };
    Ok(Tried { result_id: Some(intent.id), ..Tried::new(outcome) })
}

/// Takes the money. From here there is only the way forward.
pub async fn capture(cx: &mut Cx, work: &Work) -> Result<Tried> {
    let id = intent_id(work)?;
    let request = CapturePaymentRequest {
        id: id.clone(),
        amount: work.order.total.clone(),
        request_id: request_id(work, "CAPTURE_PAYMENT")?,
    };
    let answer = cx.peer(PaymentIntentServiceClient::new).await?.capture_payment(request).await;
    let intent = match answer.map_err(Error::from) {
        Ok(answer) => answer.into_inner(),
        Err(error) if error.is(PaymentsReason::WrongState) => sync(cx, id).await?,
        Err(error) => return Err(error),
    };
    Ok(Tried::new(match intent.state() {
        State::Captured => Outcome::Done,
        State::Authorized | State::Processing | State::Unknown => unknown(),
        state => Outcome::Refused(in_state(state)),
    }))
}

/// Finds out whether a capture that was under way when the saga turned back has gone through.
pub async fn was_captured(cx: &mut Cx, work: &Work) -> Result<Tried> {
    let intent = sync(cx, intent_id(work)?).await?;
    Ok(Tried::new(match intent.state() {
        State::Captured | State::PartiallyRefunded | State::Refunded => Outcome::Captured,
        State::Processing | State::Unknown => unknown(),
        _ => Outcome::Done,
    }))
}

/// Gives an authorization back, whether we know of it or not.
pub async fn void(cx: &mut Cx, work: &Work) -> Result<Tried> {
    let found = match known_intent(work) {
        Some(id) => Some(id),
        None => find(cx, &work.order.id).await?,
    };
    let Some(id) = found else { return Ok(Tried::done()) };
    // What is in doubt cannot be voided, and what was declined need not be.
    let intent = sync(cx, id.clone()).await?;
    match intent.state() {
        State::Failed | State::Voided => return Ok(Tried::made(id)),
        State::Processing | State::Unknown => {
            return Ok(Tried { result_id: Some(id), ..Tried::new(unknown()) });
        }
        _ => {}
    }
    let request_id = request_id(work, "AUTHORIZE_PAYMENT:undo")?;
    let request = VoidPaymentRequest { id: id.clone(), request_id };
    cx.peer(PaymentIntentServiceClient::new).await?.void_payment(request).await?;
    Ok(Tried::made(id))
}

/// Pays everything back.
pub async fn refund(cx: &mut Cx, work: &Work) -> Result<Tried> {
    let id = intent_id(work)?;
    let request = RefundPaymentRequest {
        id: id.clone(),
        amount: None,
        memo: work.order.cancel_reason.clone(),
        request_id: request_id(work, "REFUND_PAYMENT")?,
    };
    let answer = cx.peer(PaymentIntentServiceClient::new).await?.refund_payment(request).await;
    let intent = match answer.map_err(Error::from) {
        Ok(answer) => answer.into_inner(),
        // Somebody may have refunded it by hand.
        Err(error) if error.is(PaymentsReason::AmountTooLarge) => sync(cx, id).await?,
        Err(error) => return Err(error),
    };
    Ok(match intent.state() {
        State::Refunded => Tried::made(intent.id),
        State::Processing | State::Unknown => Tried::new(unknown()),
        state => Tried::new(Outcome::Refused(in_state(state))),
    })
}

async fn ask_to_authorize(cx: &mut Cx, work: &Work) -> Result<PaymentIntent> {
    let request = AuthorizePaymentRequest {
        source_id: work.order.id.clone(),
        amount: work.order.total.clone(),
        payment_method: work.order.payment_method.clone(),
        request_id: request_id(work, "AUTHORIZE_PAYMENT")?,
    };
    Ok(cx.peer(PaymentIntentServiceClient::new).await?.authorize_payment(request).await?.into_inner())
}

/// What has become of an intent. Without a request id: each time it is asked anew.
async fn sync(cx: &mut Cx, id: String) -> Result<PaymentIntent> {
    let request = SyncPaymentRequest { id, request_id: String::new() };
    Ok(cx.peer(PaymentIntentServiceClient::new).await?.sync_payment(request).await?.into_inner())
}

/// The intent for an order, made by a try whose answer was lost.
async fn find(cx: &mut Cx, order_id: &str) -> Result<Option<String>> {
    let filter = format!("source_id = \"{order_id}\"");
    let request = ListPaymentIntentsRequest { page_size: 1, filter, ..ListPaymentIntentsRequest::default() };
    let answer =
        cx.peer(PaymentIntentServiceClient::new).await?.list_payment_intents(request).await?.into_inner();
    Ok(answer.payment_intents.into_iter().next().map(|intent| intent.id))
}

fn known_intent(work: &Work) -> Option<String> {
    machine::step(&work.saga, Name::AuthorizePayment).and_then(|step| step.result_id.clone())
}

fn intent_id(work: &Work) -> Result<String> {
    work.order.payment_intent_id.clone().ok_or_else(|| Error::internal("the order has no payment"))
}

fn unknown() -> Outcome {
    let reason = PaymentsReason::OutcomeUnknown;
    Outcome::Retry(Fault { reason: reason.name().to_owned(), message: reason.message().to_owned() })
}

fn in_state(state: State) -> Fault {
    let reason = PaymentsReason::WrongState;
    let name = state.as_str_name().trim_start_matches("PAYMENT_INTENT_STATE_");
    Fault { reason: reason.name().to_owned(), message: format!("{}: {name}", reason.message()) }
}
