//! What inventory does when others have done something. Each of these may arrive late, twice or in another order.

use contracts::identity::v1::TenantCreated;
use contracts::inventory::v1::Reservation;
use contracts::orders::v1::{OrderCancelled, OrderCompleted};
use kit::Result;
use store::Cx;

use crate::{reservation, warehouse};

/// A new tenant begins with one warehouse.
pub async fn tenant_created(cx: &mut Cx, _: TenantCreated) -> Result<()> {
    warehouse::ensure_default(cx).await
}

/// A completed order's goods leave. Nothing leaves for one that was cancelled meanwhile.
pub async fn order_completed(cx: &mut Cx, event: OrderCompleted) -> Result<()> {
    let Some(reservation) = find(cx, &event.order_id, &event.reservation_id).await? else {
        // A completed order has a reservation, so that this is worth a place among the dead letters.
        return Err(kit::Error::not_found("reservation", &event.reservation_id));
    };
    reservation::ship(cx, reservation).await
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
