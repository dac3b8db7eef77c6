//! What orders tell others.

use contracts::orders::v1::{
    Order, OrderCancelled, OrderCaptured, OrderCompleted, OrderFailed, OrderPlaced, Saga, SagaStuck,
};
use kit::OffsetDateTime;
use store::column::timestamp;

use crate::{machine, progress};

/// It was taken.
pub fn placed(order: &Order) -> OrderPlaced {
    OrderPlaced {
        order_id: order.id.clone(),
        order_number: order.number.clone(),
        account_id: order.account_id.clone(),
        order_date: order.order_date,
        currency_code: order.currency_code.clone(),
        external_reference: order.external_reference.clone().unwrap_or_default(),
    }
}

/// It is paid, and its invoice is wanted.
pub fn captured(order: &Order, now: OffsetDateTime) -> OrderCaptured {
    OrderCaptured {
        order_id: order.id.clone(),
        order_number: order.number.clone(),
        account_id: order.account_id.clone(),
        order_date: order.order_date,
        currency_code: order.currency_code.clone(),
        lines: order.lines.clone(),
        lines_total: order.lines_total.clone(),
        freight: order.freight.clone(),
        total: order.total.clone(),
        payment_intent_id: order.payment_intent_id.clone().unwrap_or_default(),
        capture_time: Some(timestamp(now)),
        reservation_id: order.reservation_id.clone().unwrap_or_default(),
    }
}

/// It is paid and invoiced.
pub fn completed(order: &Order) -> OrderCompleted {
    OrderCompleted {
        order_id: order.id.clone(),
        order_number: order.number.clone(),
        account_id: order.account_id.clone(),
        order_date: order.order_date,
        currency_code: order.currency_code.clone(),
        lines: order.lines.clone(),
        lines_total: order.lines_total.clone(),
        freight: order.freight.clone(),
        total: order.total.clone(),
        customer_email: order.customer_email.clone(),
        reservation_id: order.reservation_id.clone().unwrap_or_default(),
        payment_intent_id: order.payment_intent_id.clone().unwrap_or_default(),
        invoice_id: order.invoice_id.clone().unwrap_or_default(),
        invoice_number: order.invoice_number.clone().unwrap_or_default(),
    }
}

/// It was cancelled.
pub fn cancelled(order: &Order, saga: &Saga) -> OrderCancelled {
    OrderCancelled {
        order_id: order.id.clone(),
        order_number: order.number.clone(),
        account_id: order.account_id.clone(),
        previous_state: progress::state_before_cancel(order, saga).into(),
        payment_captured: machine::is_past_pivot(saga),
        total: order.total.clone(),
        reservation_id: order.reservation_id.clone(),
        payment_intent_id: order.payment_intent_id.clone(),
        invoice_id: order.invoice_id.clone(),
        reason: order.cancel_reason.clone(),
        customer_email: order.customer_email.clone(),
    }
}

/// It could not go through.
pub fn failed(order: &Order) -> OrderFailed {
    OrderFailed {
        order_id: order.id.clone(),
        order_number: order.number.clone(),
        account_id: order.account_id.clone(),
        failure_reason: order.failure_reason.clone(),
        failure_message: order.failure_message.clone(),
        customer_email: order.customer_email.clone(),
    }
}

/// Its saga needs a person.
pub fn stuck(saga: &Saga) -> SagaStuck {
    let step = machine::current(saga);
    let attempt = step.and_then(|step| step.attempts.last());
    SagaStuck {
        saga_id: saga.id.clone(),
        order_id: saga.order_id.clone(),
        step: saga.current_step,
        attempt_count: step.map_or(0, |step| step.attempt_count),
        error_reason: attempt.map(|attempt| attempt.error_reason.clone()).unwrap_or_default(),
        error_message: attempt.map(|attempt| attempt.error_message.clone()).unwrap_or_default(),
    }
}
