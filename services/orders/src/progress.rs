//! What the progress of a saga means for its order. Rules only, no I/O.

use contracts::orders::v1::{
    Order, OrderState, Saga, SagaKind, SagaState, SagaStepName as Name, SagaStepState,
};
use kit::OffsetDateTime;
use store::column::timestamp;

use crate::machine;
use crate::price::Priced;

/// What a step has found out, beside its outcome.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Finding {
    /// Nothing more.
    #[default]
    Nothing,
    /// The prices.
    Prices(Box<Priced>),
    /// The invoice.
    Invoice {
        /// Its id.
        id: String,
        /// Its number.
        number: String,
    },
    /// The credit note.
    CreditNote {
        /// Its id.
        id: String,
    },
    /// What is waited for was not there, so that it is to be asked for once more.
    Missing,
}

/// Fields of the order that have changed.
pub type Fields = Vec<&'static str>;

/// Takes over what a step has brought that is done.
pub fn done(order: &mut Order, step: Name, result_id: Option<&String>, finding: Finding) -> Fields {
    match (step, finding) {
        (Name::LockPrices, Finding::Prices(priced)) => {
            order.lines = priced.lines;
            order.lines_total = Some(priced.lines_total.into());
            order.total = Some(priced.total.into());
            vec!["lines", "lines_total", "total"]
        }
        (Name::ReserveStock, _) => {
            order.reservation_id = result_id.cloned();
            order.set_state(OrderState::AwaitingPayment);
            vec!["reservation_id", "state"]
        }
        (Name::AuthorizePayment, _) => {
            order.payment_intent_id = result_id.cloned();
            vec!["payment_intent_id"]
        }
        (Name::ConfirmReservation, _) => {
            order.set_state(OrderState::Confirmed);
            vec!["state"]
        }
        (Name::PostInvoice, Finding::Invoice { id, number }) => {
            order.invoice_id = Some(id);
            order.invoice_number = Some(number);
            vec!["invoice_id", "invoice_number"]
        }
        (Name::PostCreditNote, Finding::CreditNote { id }) => {
            order.credit_note_id = Some(id);
            vec!["credit_note_id"]
        }
        _ => Vec::new(),
    }
}

/// How a saga that is over leaves its order. An order that somebody cancelled while its saga was past the pivot
/// stays CANCELLING: its second saga begins now.
pub fn over(order: &mut Order, saga: &Saga, now: OffsetDateTime) -> Fields {
    let cancelled = order.state() == OrderState::Cancelling;
    match (saga.kind(), saga.state()) {
        (SagaKind::PlaceOrder, SagaState::Succeeded) => {
            order.complete_time = Some(timestamp(now));
            if cancelled {
                return vec!["complete_time"];
            }
            order.set_state(OrderState::Completed);
            vec!["state", "complete_time"]
        }
        (SagaKind::PlaceOrder, SagaState::Compensated) if !cancelled => {
            order.set_state(OrderState::Failed);
            order.failure_reason.clone_from(&saga.failure_reason);
            order.failure_message.clone_from(&saga.failure_message);
            vec!["state", "failure_reason", "failure_message"]
        }
        (SagaKind::PlaceOrder, SagaState::Compensated) | (SagaKind::CancelOrder, SagaState::Succeeded) => {
            order.set_state(OrderState::Cancelled);
            order.cancel_time = Some(timestamp(now));
            vec!["state", "cancel_time"]
        }
        _ => Vec::new(),
    }
}

/// How far the order was before it was cancelled.
pub fn state_before_cancel(order: &Order, saga: &Saga) -> OrderState {
    if order.complete_time.is_some() {
        return OrderState::Completed;
    }
    // A step that was undone had been done, or may have been.
    let was_done = |name| {
        let state = machine::step(saga, name).map(|step| step.state());
        matches!(state, Some(SagaStepState::Done | SagaStepState::Compensated))
    };
    match (was_done(Name::ReserveStock), was_done(Name::ConfirmReservation)) {
        (_, true) => OrderState::Confirmed,
        (true, false) => OrderState::AwaitingPayment,
        (false, false) => OrderState::Created,
    }
}

#[cfg(test)]
mod tests {
    use contracts::orders::v1::SagaStepState as StepState;

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn ended(kind: SagaKind, state: SagaState) -> Saga {
        let mut saga = machine::start("o", kind);
        saga.set_state(state);
        saga.failure_reason = "STOCK_SHORT".into();
        saga
    }

    fn order(state: OrderState) -> Order {
        Order { state: state.into(), ..Order::default() }
    }

    #[test]
    fn an_order_ends_as_its_saga_does() {
        // Failed, completed and cancelled must never be mistaken for one another, whoever came in between.
        use SagaKind::{CancelOrder, PlaceOrder};
        use SagaState::{Compensated, Succeeded};
        let cases = [
            (OrderState::Confirmed, PlaceOrder, Succeeded, OrderState::Completed),
            (OrderState::Cancelling, PlaceOrder, Succeeded, OrderState::Cancelling),
            (OrderState::AwaitingPayment, PlaceOrder, Compensated, OrderState::Failed),
            (OrderState::Cancelling, PlaceOrder, Compensated, OrderState::Cancelled),
            (OrderState::Cancelling, CancelOrder, Succeeded, OrderState::Cancelled),
        ];
        for (before, kind, state, after) in cases {
            let mut order = order(before);
            let fields = over(&mut order, &ended(kind, state), NOW);
            assert_eq!(order.state(), after, "{before:?} {kind:?} {state:?}");
            assert_eq!(order.failure_reason == "STOCK_SHORT", after == OrderState::Failed);
            assert_eq!(order.cancel_time.is_some(), after == OrderState::Cancelled);
            assert!(!fields.is_empty());
        }
    }

    #[test]
    fn the_state_before_a_cancellation_is_told_by_the_steps() {
        // Others decide by it what there is to take back.
        let mut saga = machine::start("o", SagaKind::PlaceOrder);
        let order = order(OrderState::Cancelling);
        assert_eq!(state_before_cancel(&order, &saga), OrderState::Created);
        saga.steps[1].set_state(StepState::Compensated);
        assert_eq!(state_before_cancel(&order, &saga), OrderState::AwaitingPayment);
        saga.steps[3].set_state(StepState::Compensated);
        assert_eq!(state_before_cancel(&order, &saga), OrderState::Confirmed);
        let complete = Order { complete_time: Some(timestamp(NOW)), ..order };
        assert_eq!(state_before_cancel(&complete, &saga), OrderState::Completed);
    }
}
