//! What lies where, what it is worth, and what of it is promised to whom.

mod books;
mod level;
mod place;
mod promise;
mod quantity;
mod reactions;
mod reservation;
mod stock_level;
mod stock_move;
mod warehouse;

use contracts::inventory::v1::{ReservationRpc, StockLevelRpc, StockMoveRpc, WarehouseRpc};
use host::Service;

/// The service.
pub fn service() -> Service {
    Service::new("inventory", sqlx::migrate!())
        .rpc(WarehouseRpc(warehouse::Warehouses))
        .rpc(StockLevelRpc(stock_level::StockLevels))
        .rpc(StockMoveRpc(stock_move::StockMoves))
        .rpc(ReservationRpc(reservation::Reservations))
        .on(reactions::tenant_created)
        .on(reactions::order_completed)
        .on(reactions::order_cancelled)
        .job(reservation::EXPIRE, reservation::expire)
}
