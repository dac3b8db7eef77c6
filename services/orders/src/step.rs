//! What each step asks of the other services. Every request can be sent again: it carries an id that follows
//! from saga and step, and the order's id as what the reservation or the payment is for.

mod books;
mod payment;
mod prices;
mod stock;

use std::time::Duration;

use contracts::orders::v1::SagaStepName as Name;
use kit::{Code, Error, Result, Uuid};
use store::Cx;

use crate::advance::{Tried, Work};
use crate::fault::{self, Fault};
use crate::machine::{Action, Outcome};

/// How long a peer may take. One that takes longer is let go, which ends its work as well.
const CALL_MAX: Duration = Duration::from_secs(15);

/// Does or undoes the step at hand.
pub async fn perform(cx: &mut Cx, work: &Work, action: Action) -> Tried {
    let tried = match tokio::time::timeout(CALL_MAX, call(cx, work, action)).await {
        Ok(tried) => tried,
        Err(_) => Err(Error::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "erp", "no answer in time")),
    };
    tried.unwrap_or_else(|error| judge(&error, work))
}

async fn call(cx: &mut Cx, work: &Work, action: Action) -> Result<Tried> {
    match action {
        Action::Do(Name::LockPrices) => prices::lock(cx, &work.order).await,
        Action::Do(Name::ReserveStock) => stock::reserve(cx, work).await,
        Action::Do(Name::AuthorizePayment) => payment::authorize(cx, work).await,
        Action::Do(Name::ConfirmReservation) => stock::confirm(cx, work).await,
        Action::Do(Name::CapturePayment) => payment::capture(cx, work).await,
        Action::Do(Name::PostInvoice) => books::invoice(cx, &work.order).await,
        Action::Do(Name::RefundPayment) => payment::refund(cx, work).await,
        Action::Do(Name::ReturnStock) => stock::take_back(cx, work).await,
        Action::Do(Name::PostCreditNote) => books::credit_note(cx, &work.order).await,
        Action::Undo(name @ (Name::ReserveStock | Name::ConfirmReservation)) => {
            stock::release(cx, work, name).await
        }
        Action::Undo(Name::AuthorizePayment) => payment::void(cx, work).await,
        Action::Undo(Name::CapturePayment) => payment::was_captured(cx, work).await,
        // What is left nothing with anybody has nothing to be undone.
        _ => Ok(Tried::done()),
    }
}

fn judge(error: &Error, work: &Work) -> Tried {
    tracing::debug!(saga = work.saga.id, step = work.saga.current_step().as_str_name(), %error, "a step failed");
    let fault = Fault::from_error(error, &work.order);
    Tried::new(if fault::is_refusal(error) { Outcome::Refused(fault) } else { Outcome::Retry(fault) })
}

/// The id under which a peer knows a request of this saga, however often it is sent.
fn request_id(work: &Work, what: &str) -> Result<String> {
    let saga = Uuid::parse_str(&work.saga.id).map_err(Error::internal)?;
    Ok(Uuid::new_v5(&saga, what.as_bytes()).to_string())
}
