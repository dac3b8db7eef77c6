//! The goods: held, promised for good, released, taken back.

use contracts::inventory::v1::reservation_service_client::ReservationServiceClient;
use contracts::inventory::v1::{
    ConfirmReservationRequest, InventoryReason, ListReservationsRequest, ReleaseReservationRequest,
    ReservationState as State, ReserveStockLine, ReserveStockRequest, ReturnReservationRequest,
};
use contracts::orders::v1::{OrdersReason, SagaStepName as Name};
use kit::{Error, Reason as _, Result};
use store::Cx;

use super::request_id;
use crate::advance::{Tried, Work};
use crate::fault::Fault;
use crate::machine::{self, Outcome};

/// How long goods are held while the payment is sought.
const HOLD: prost_types::Duration = prost_types::Duration { seconds: 3_600, nanos: 0 };

/// Has the goods held.
pub async fn reserve(cx: &mut Cx, work: &Work) -> Result<Tried> {
    let wanted = work.order.lines.iter().map(|line| ReserveStockLine {
        product_id: line.product_id.clone(),
        quantity: line.quantity.clone(),
        warehouse_id: None,
    });
    let request = ReserveStockRequest {
        source_id: work.order.id.clone(),
        lines: wanted.collect(),
        ttl: Some(HOLD),
        request_id: request_id(work, "RESERVE_STOCK")?,
    };
    let reservation =
        cx.peer(ReservationServiceClient::new).await?.reserve_stock(request).await?.into_inner();
    match reservation.state() {
        State::Held | State::Confirmed => Ok(Tried::made(reservation.id)),
        // It was held by a try whose answer was lost, a long time ago.
        _ => Ok(Tried { result_id: Some(reservation.id), ..lost() }),
    }
}

/// Has the goods promised for good.
pub async fn confirm(cx: &mut Cx, work: &Work) -> Result<Tried> {
    let id = reservation_id(work)?;
    let request = ConfirmReservationRequest { id, request_id: request_id(work, "CONFIRM_RESERVATION")? };
    match cx
        .peer(ReservationServiceClient::new)
        .await?
        .confirm_reservation(request)
        .await
        .map_err(Error::from)
    {
        Ok(_) => Ok(Tried::done()),
        Err(error) if is_in(&error, &["EXPIRED", "RELEASED"]) => Ok(lost()),
        Err(error) => Err(error),
    }
}

/// Takes the promise back, whether we know of it or not.
pub async fn release(cx: &mut Cx, work: &Work, step: Name) -> Result<Tried> {
    let known = machine::step(&work.saga, Name::ReserveStock).and_then(|step| step.result_id.clone());
    let found = match known {
        Some(id) => Some(id),
        None => find(cx, &work.order.id).await?,
    };
    let Some(id) = found else { return Ok(Tried::done()) };
    let request_id = request_id(work, &format!("{}:undo", step.as_str_name()))?;
    let request = ReleaseReservationRequest { id, request_id };
    cx.peer(ReservationServiceClient::new).await?.release_reservation(request).await?;
    Ok(Tried::done())
}

/// Takes back goods that have left; those that have not are free again.
pub async fn take_back(cx: &mut Cx, work: &Work) -> Result<Tried> {
    let id = reservation_id(work)?;
    let request = ReturnReservationRequest { id: id.clone(), request_id: request_id(work, "RETURN_STOCK")? };
    match cx.peer(ReservationServiceClient::new).await?.return_reservation(request).await.map_err(Error::from)
    {
        Ok(_) => return Ok(Tried::done()),
        Err(error) if is_in(&error, &["RELEASED", "EXPIRED"]) => return Ok(Tried::done()),
        Err(error) if is_in(&error, &["HELD", "CONFIRMED"]) => {}
        Err(error) => return Err(error),
    }
    let request = ReleaseReservationRequest { id, request_id: request_id(work, "RETURN_STOCK:release")? };
    match cx
        .peer(ReservationServiceClient::new)
        .await?
        .release_reservation(request)
        .await
        .map_err(Error::from)
    {
        Ok(_) => Ok(Tried::done()),
        // The goods left between the two calls: they come back by the next try.
        Err(error) if is_in(&error, &["CONSUMED", "RETURNED"]) => {
            Ok(Tried::new(Outcome::Retry(Fault::from_error(&error, &work.order))))
        }
        Err(error) => Err(error),
    }
}

/// The reservation for an order, made by a try whose answer was lost.
async fn find(cx: &mut Cx, order_id: &str) -> Result<Option<String>> {
    let filter = format!("source_id = \"{order_id}\"");
    let request = ListReservationsRequest { page_size: 1, filter, ..ListReservationsRequest::default() };
    let answer = cx.peer(ReservationServiceClient::new).await?.list_reservations(request).await?.into_inner();
    Ok(answer.reservations.into_iter().next().map(|reservation| reservation.id))
}

fn reservation_id(work: &Work) -> Result<String> {
    work.order.reservation_id.clone().ok_or_else(|| Error::internal("the order has no reservation"))
}

fn is_in(error: &Error, states: &[&str]) -> bool {
    error.is(InventoryReason::ReservationState)
        && error.metadata().get("state").is_some_and(|state| states.contains(&state.as_str()))
}

fn lost() -> Tried {
    let reason = OrdersReason::ReservationLost;
    Tried::new(Outcome::Refused(Fault::of(reason, reason.message())))
}
