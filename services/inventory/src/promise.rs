//! What of the stock is promised, and the one statement that promises it.

use std::collections::BTreeMap;

use contracts::inventory::v1::{InventoryReason, Reservation, ReservationLine};
use kit::{Decimal, Error, Result, Uuid};
use store::{Cx, Deferred, Origin};

use crate::books::{ensure_none_short, low, products, warehouses};
use crate::level::falls_low;
use crate::place::{self, Demand, Place, demand};

/// A line of a request: the warehouse is the default one unless it is named.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub product: Uuid,
    pub warehouse: Option<Uuid>,
    pub quantity: Decimal,
}

/// Promises all of the demand or fails, naming what is short.
pub async fn take(cx: &mut Cx, demand: &Demand) -> Result<()> {
    let shifted = shift(cx, demand).await?;
    if shifted.len() == demand.len() {
        return shifted.iter().try_for_each(|level| level.warn(cx, level.available + level.quantity));
    }
    let mut missing = demand.clone();
    for level in shifted {
        missing.remove(&level.place);
    }
    Err(shortfall(cx, missing).await?)
}

/// Goods to be promised to an order, together with those of others that ask at the same time. Where there are not enough for
/// all of them each call runs again, so that [`take`] tells it what is short.
#[derive(Debug)]
pub struct Hold {
    pub origin: Origin,
    pub demand: Demand,
}

impl Deferred for Hold {
    async fn write<'a>(cx: &'a mut Cx, holds: &'a [&'a Self]) -> Result<()> {
        let lines =
            holds.iter().flat_map(|hold| hold.demand.iter().map(|(place, quantity)| (*place, *quantity)));
        let all = demand(lines)?;
        if let Some(last) = holds.last() {
            cx.on_behalf_of(&last.origin);
        }
        let shifted = shift(cx, &all).await?;
        if shifted.len() < all.len() {
            return Err(store::met_another());
        }
        let before = |level: Shifted| Shifted { available: level.available + level.quantity, ..level };
        let mut levels: BTreeMap<Place, Shifted> =
            shifted.into_iter().map(|level| (level.place, before(level))).collect();
        for Self { origin, demand } in holds {
            cx.on_behalf_of(origin);
            for (place, quantity) in demand {
                let level =
                    levels.get_mut(place).ok_or_else(|| Error::internal("a level was not shifted"))?;
                level.available -= quantity;
                level.warn(cx, level.available + quantity)?;
            }
        }
        Ok(())
    }
}

/// Gives back what was promised.
pub async fn give_back(cx: &mut Cx, demand: &Demand) -> Result<()> {
    let given: Demand = demand.iter().map(|(place, quantity)| (*place, -quantity)).collect();
    let changed = shift(cx, &given).await?.len();
    if changed != demand.len() {
        return Err(Error::internal(format!("{changed} of {} promises were given back", demand.len())));
    }
    Ok(())
}

/// Rows are locked in the order of the places before any is changed; a row that another call has just changed is
/// read again, so that what is checked is what is written.
const SHIFT: &str = "
with locked as materialized (
    select l.id, demand.quantity
    from stock_levels l
    join unnest($1::uuid[], $2::uuid[], $3::numeric[]) as demand (product_id, warehouse_id, quantity)
        using (product_id, warehouse_id)
    order by l.product_id, l.warehouse_id
    for update of l
)
update stock_levels l set reserved = l.reserved + locked.quantity, revision = l.revision + 1,
    update_time = $4, updated_by = $5
from locked
where l.id = locked.id and l.on_hand - l.reserved >= locked.quantity
returning l.product_id, l.warehouse_id, locked.quantity, l.id, l.available, l.reorder_level";

/// A level of which more is reserved now, or less.
struct Shifted {
    place: Place,
    quantity: Decimal,
    level_id: Uuid,
    available: Decimal,
    reorder_level: Option<Decimal>,
}

impl Shifted {
    /// Tells when the product has become low.
    fn warn(&self, cx: &mut Cx, before: Decimal) -> Result<()> {
        if !falls_low(self.reorder_level, before, self.available) {
            return Ok(());
        }
        cx.emit(low(self.level_id, self.place, self.available, self.reorder_level))
    }
}

/// Adds to what is reserved wherever that much is available, and returns where it was, with what is left.
async fn shift(cx: &mut Cx, demand: &Demand) -> Result<Vec<Shifted>> {
    let places: Vec<Place> = demand.keys().copied().collect();
    let quantities: Vec<Decimal> = demand.values().copied().collect();
    let (now, actor) = (cx.now(), cx.actor().to_string());
    let query = sqlx::query_as::<_, (Uuid, Uuid, Decimal, Uuid, Decimal, Option<Decimal>)>(SHIFT);
    let query =
        query.bind(products(&places)).bind(warehouses(&places)).bind(quantities).bind(now).bind(actor);
    let rows = cx.rows(query).await?.into_iter();
    let rows = rows.map(|(product, warehouse, quantity, level_id, available, reorder_level)| {
        let place = Place { product, warehouse };
        Shifted { place, quantity, level_id, available, reorder_level }
    });
    Ok(rows.collect())
}

/// The error that names what was wanted and what is there.
async fn shortfall(cx: &mut Cx, missing: Demand) -> Result<Error> {
    let places: Vec<Place> = missing.keys().copied().collect();
    let query = sqlx::query_as::<_, (Uuid, Uuid, Decimal)>(
        "select product_id, warehouse_id, available from stock_levels
         join unnest($1::uuid[], $2::uuid[]) as place (product_id, warehouse_id) using (product_id, warehouse_id)",
    );
    let rows = cx.rows(query.bind(products(&places)).bind(warehouses(&places))).await?.into_iter();
    let available: BTreeMap<Place, Decimal> =
        rows.map(|(product, warehouse, available)| (Place { product, warehouse }, available)).collect();
    let short = missing.into_iter().map(|(place, wanted)| {
        // Goods that have come in since are not counted: they were not there when it was tried.
        let there = available.get(&place).copied().unwrap_or_default().min(wanted);
        (place.product, wanted, there)
    });
    let short: Vec<_> = short.collect();
    Ok(ensure_none_short(&short).err().unwrap_or_else(|| Error::internal("nothing is short")))
}

/// The lines of a reservation for a demand.
pub fn lines(demand: &Demand) -> Vec<ReservationLine> {
    let lines = demand.iter().map(|(place, quantity)| ReservationLine {
        product_id: place.product.to_string(),
        warehouse_id: place.warehouse.to_string(),
        quantity: Some((*quantity).into()),
    });
    lines.collect()
}

/// The demand that a reservation promises.
pub fn demand_of(reservation: &Reservation) -> Result<Demand> {
    let lines = reservation.lines.iter().map(|line| {
        let place = Place {
            product: place::id(&line.product_id, "product_id")?,
            warehouse: place::id(&line.warehouse_id, "warehouse_id")?,
        };
        let quantity =
            line.quantity.as_ref().ok_or_else(|| Error::internal("a reserved line has no quantity"))?;
        Ok((place, quantity.to_decimal("quantity")?))
    });
    lines.collect()
}

/// Fails unless a reservation is what a request wants. Lines without a warehouse match wherever they were
/// placed, because the default warehouse may be another one by now.
pub fn ensure_same(reservation: &Reservation, wanted: &[Wanted]) -> Result<()> {
    let mut left = demand_of(reservation)?;
    let mut anywhere: BTreeMap<Uuid, Decimal> = BTreeMap::new();
    let taken = || Error::from(InventoryReason::SourceTaken).with("reservation_id", &reservation.id);
    for line in wanted {
        match line.warehouse {
            Some(warehouse) => {
                let held = left.get_mut(&Place { product: line.product, warehouse }).ok_or_else(taken)?;
                *held -= line.quantity;
            }
            None => *anywhere.entry(line.product).or_default() += line.quantity,
        }
    }
    for (place, quantity) in left {
        holds_or(quantity >= Decimal::ZERO, taken)?;
        *anywhere.entry(place.product).or_default() -= quantity;
    }
    holds_or(anywhere.values().all(Decimal::is_zero), taken)
}

fn holds_or(holds: bool, otherwise: impl FnOnce() -> Error) -> Result<()> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn wanted(product: u128, warehouse: Option<u128>, quantity: i64) -> Wanted {
        Wanted { product: id(product), warehouse: warehouse.map(id), quantity: quantity.into() }
    }

    fn reservation(lines_of: &[(u128, u128, i64)]) -> Reservation {
        let places = lines_of.iter().map(|(product, warehouse, quantity)| {
            (Place { product: id(*product), warehouse: id(*warehouse) }, Decimal::from(*quantity))
        });
        Reservation { lines: lines(&places.collect()), ..Reservation::default() }
    }

    #[test]
    fn the_same_demand_is_the_same_however_it_is_split() {
        // A retry may list its lines in another way; the sum of each product in each warehouse decides.
        let held = reservation(&[(1, 10, 5), (2, 10, 1), (1, 20, 2)]);
        let same = [wanted(1, None, 2), wanted(2, Some(10), 1), wanted(1, None, 3), wanted(1, Some(20), 2)];
        assert!(ensure_same(&held, &same).is_ok());
    }

    #[test]
    fn another_demand_is_refused() {
        // More, less, another product, another warehouse: each must be told apart from a retry.
        let held = reservation(&[(1, 10, 5)]);
        for other in [
            vec![wanted(1, None, 6)],
            vec![wanted(1, None, 4)],
            vec![wanted(2, None, 5)],
            vec![wanted(1, Some(20), 5)],
            vec![wanted(1, Some(10), 6)],
            vec![wanted(1, Some(10), 6), wanted(1, None, -1)],
            vec![wanted(1, None, 5), wanted(2, None, 1)],
        ] {
            let error = ensure_same(&held, &other).unwrap_err();
            assert!(error.is(InventoryReason::SourceTaken), "{other:?}");
        }
    }
}
