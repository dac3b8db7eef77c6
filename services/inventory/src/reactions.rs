//! What inventory does when others have done something. Each of these may arrive late, twice or in another order.

use std::collections::HashMap;

use contracts::identity::v1::TenantCreated;
use contracts::inventory::v1::Reservation;
use contracts::orders::v1::{OrderCancelled, OrderCompleted};
use kit::Result;
use store::{Cx, Deferred, Origin};

use crate::{reservation, warehouse};

/// A new tenant begins with one warehouse.
pub async fn tenant_created(cx: &mut Cx, _: TenantCreated) -> Result<()> {
    warehouse::ensure_default(cx).await
}

/// A completed order's goods leave. Nothing leaves for one that was cancelled meanwhile.
pub async fn order_completed(cx: &mut Cx, event: OrderCompleted) -> Result<()> {
    cx.defer(Completed { origin: cx.origin(), event }).await
}

/// A completed order. The goods of those that come at the same time leave together.
struct Completed {
    origin: Origin,
    event: OrderCompleted,
}

impl Deferred for Completed {
    async fn write<'a>(cx: &'a mut Cx, items: &'a [&'a Self]) -> Result<()> {
        let ids: Vec<&str> = items.iter().map(|completed| completed.event.reservation_id.as_str()).collect();
        let mut found: HashMap<String, Reservation> =
            cx.lock_all::<Reservation>(&ids).await?.into_iter().map(|one| (one.id.clone(), one)).collect();
        let mut reservations = Vec::with_capacity(items.len());
        for Self { origin, event } in items {
            // A completed order has a reservation, so that this is worth a place among the dead letters.
            let missing = || kit::Error::not_found("reservation", &event.reservation_id);
            reservations.push((origin, found.remove(&event.reservation_id).ok_or_else(missing)?));
        }
        reservation::ship(cx, reservations).await
    }
}

/// A cancelled order's goods are free again, and come back when they have left.
pub async fn order_cancelled(cx: &mut Cx, event: OrderCancelled) -> Result<()> {
    let reservation_id = event.reservation_id.unwrap_or_default();
    match find(cx, &event.order_id, &reservation_id).await? {
        Some(reservation) => reservation::undo(cx, reservation).await,
        None => Ok(()),
    }
}

async fn find(cx: &mut Cx, order_id: &str, reservation_id: &str) -> Result<Option<Reservation>> {
    if reservation_id.is_empty() {
        return reservation::lock_of_source(cx, order_id).await;
    }
    match cx.lock(reservation_id).await {
        Ok(reservation) => Ok(Some(reservation)),
        Err(error) if error.code() == kit::Code::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
