//! The levels that a call changes and the moves that change them: locked together, written together.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::inventory::v1::{InventoryReason, StockLow, StockMoveKind, StockMoved};
use kit::{Currency, Decimal, Error, Money, OffsetDateTime, Result, Uuid};
use store::column::timestamp;
use store::{Cx, Origin};

use crate::level::{self, Level};
use crate::place::{Demand, Place};

/// How many products a refusal names; more would not fit into the headers that carry it.
const SHORTFALLS_MAX: usize = 100;

/// What causes moves.
#[derive(Debug, Clone, Default)]
pub struct Cause {
    /// The call that moves the goods, where the books are those of several calls.
    pub origin: Option<Origin>,
    /// Such as `reservation`.
    pub source_type: String,
    pub source_id: Option<Uuid>,
    /// The order, where a reservation of it caused the moves.
    pub order_id: Option<String>,
    /// When the goods moved; none: now.
    pub effective_time: Option<OffsetDateTime>,
    pub memo: String,
}

/// A quantity that came into or left one warehouse.
#[derive(Debug, Clone)]
pub struct Move {
    pub id: Uuid,
    pub place: Place,
    pub kind: StockMoveKind,
    /// Positive came in, negative left.
    pub quantity: Decimal,
    pub unit_cost: Option<Money>,
    /// What it added to the worth of the stock.
    pub value: Option<Money>,
    cause: Arc<Cause>,
}

/// The levels that a call changes, locked, and the moves that change them.
#[derive(Debug)]
pub struct Books {
    levels: BTreeMap<Place, Level>,
    /// What was available when the books were opened.
    before: BTreeMap<Place, Decimal>,
    moves: Vec<Move>,
    /// Of the moves to come.
    cause: Arc<Cause>,
}

impl Books {
    /// Locks the levels of these places; those that don't exist count as empty and can't be changed.
    pub async fn open(cx: &mut Cx, places: impl IntoIterator<Item = Place>) -> Result<Self> {
        let places: Vec<Place> = places.into_iter().collect();
        let levels = lock(cx, &places).await?;
        let before = levels.iter().map(|(place, level)| (*place, level.available())).collect();
        Ok(Self { levels, before, moves: Vec::new(), cause: Arc::default() })
    }

    /// Locks the levels of these places and makes those that don't exist.
    pub async fn open_or_make(cx: &mut Cx, places: impl IntoIterator<Item = Place>) -> Result<Self> {
        let places: Vec<Place> = places.into_iter().collect();
        let books = Self::open(cx, places.iter().copied()).await?;
        let missing: Vec<Place> =
            places.iter().filter(|place| !books.levels.contains_key(place)).copied().collect();
        if missing.is_empty() {
            return Ok(books);
        }
        make(cx, &missing).await?;
        Self::open(cx, places).await
    }

    /// Fails with the shortfalls unless all of the demand is available.
    pub fn check(&self, demand: &Demand) -> Result<()> {
        let available = |place: &Place| self.levels.get(place).map_or(Decimal::ZERO, Level::available);
        let short = demand.iter().map(|(place, wanted)| (place.product, *wanted, available(place)));
        let short: Vec<_> = short.filter(|(_, wanted, available)| wanted > available).collect();
        ensure_none_short(&short)
    }

    /// The level of a place.
    pub fn level(&self, place: Place) -> Option<&Level> {
        self.levels.get(&place)
    }

    /// Says what causes the moves that follow.
    pub fn because(&mut self, cause: Cause) {
        self.cause = Arc::new(cause);
    }

    /// Books goods in.
    pub fn add(&mut self, cx: &Cx, incoming: Incoming) -> Result<()> {
        let Incoming { place, kind, quantity, unit_cost, value } = incoming;
        let level = self.levels.get_mut(&place).ok_or_else(|| Error::internal("a level was not opened"))?;
        if let (Some(held), Some(value)) = (level.value, value)
            && held.currency != value.currency
        {
            return Err(currency_mismatch(place.product, held.currency));
        }
        level.add(quantity, value)?;
        let cause = self.cause.clone();
        self.moves.push(Move { id: new_id(cx)?, place, kind, quantity, unit_cost, value, cause });
        Ok(())
    }

    /// Books goods out that are there, and returns the move.
    pub fn remove(&mut self, cx: &Cx, place: Place, kind: StockMoveKind, quantity: Decimal) -> Result<&Move> {
        let level = self.levels.get_mut(&place).filter(|level| level.on_hand >= quantity);
        let level = level.ok_or_else(|| Error::internal("goods leave that are not there"))?;
        let unit_cost = level.value.and_then(|held| level::average(held.minor, level.on_hand, held.currency));
        let value = level.remove(quantity).map(Money::negated);
        let (quantity, cause) = (-quantity, self.cause.clone());
        self.moves.push(Move { id: new_id(cx)?, place, kind, quantity, unit_cost, value, cause });
        Ok(&self.moves[self.moves.len() - 1])
    }

    /// Gives back what was promised, as the goods leave.
    pub fn unreserve(&mut self, place: Place, quantity: Decimal) {
        if let Some(level) = self.levels.get_mut(&place) {
            level.reserved -= quantity;
        }
    }

    /// The moves so far, in their order.
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// Writes levels and moves and tells of them.
    pub async fn close(self, cx: &mut Cx) -> Result<Vec<Uuid>> {
        write(cx, &self.levels, &self.moves).await?;
        for stock_move in &self.moves {
            if let Some(origin) = &stock_move.cause.origin {
                cx.on_behalf_of(origin);
            }
            cx.emit(moved(stock_move, cx.now()))?;
        }
        for (place, level) in &self.levels {
            if level.fell_low(self.before[place]) {
                cx.emit(low(level.id, *place, level.available(), level.reorder_level))?;
            }
        }
        Ok(self.moves.iter().map(|stock_move| stock_move.id).collect())
    }
}

/// Goods that come in.
#[derive(Debug, Clone, Copy)]
pub struct Incoming {
    pub place: Place,
    pub kind: StockMoveKind,
    pub quantity: Decimal,
    pub unit_cost: Option<Money>,
    pub value: Option<Money>,
}

/// Fails when something is short; the error names each product with what was wanted and what is there.
pub fn ensure_none_short(short: &[(Uuid, Decimal, Decimal)]) -> Result<()> {
    let mut products: BTreeMap<Uuid, (Decimal, Decimal)> = BTreeMap::new();
    for (product, wanted, available) in short {
        let sums = products.entry(*product).or_default();
        *sums = (sums.0 + wanted, sums.1 + available);
    }
    if products.is_empty() {
        return Ok(());
    }
    let mut error = Error::from(InventoryReason::StockShort).with("shortfalls", products.len());
    for (product, (wanted, available)) in products.iter().take(SHORTFALLS_MAX) {
        let pair = format!("{}/{}", wanted.normalize(), available.normalize());
        error = error.with(&format!("shortfall-{product}"), pair);
    }
    Err(error)
}

/// The error for a cost in another currency than the product's.
pub fn currency_mismatch(product: Uuid, currency: Currency) -> Error {
    let error = Error::from(InventoryReason::CostCurrencyMismatch);
    error.with("product_id", product).with("currency_code", currency)
}

/// The event of a product that runs low.
pub fn low(level_id: Uuid, place: Place, available: Decimal, reorder_level: Option<Decimal>) -> StockLow {
    StockLow {
        stock_level_id: level_id.to_string(),
        product_id: place.product.to_string(),
        warehouse_id: place.warehouse.to_string(),
        available: Some(available.normalize().into()),
        reorder_level: reorder_level.map(Into::into),
    }
}

fn moved(stock_move: &Move, now: OffsetDateTime) -> StockMoved {
    let cause = &stock_move.cause;
    StockMoved {
        stock_move_id: stock_move.id.to_string(),
        product_id: stock_move.place.product.to_string(),
        warehouse_id: stock_move.place.warehouse.to_string(),
        kind: stock_move.kind.into(),
        quantity: Some(stock_move.quantity.into()),
        value: stock_move.value.map(Into::into),
        source_type: cause.source_type.clone(),
        source_id: cause.source_id.map(|id| id.to_string()),
        order_id: cause.order_id.clone(),
        effective_time: Some(timestamp(cause.effective_time.unwrap_or(now))),
    }
}

/// A new id in the form in which statements take it.
pub fn new_id(cx: &Cx) -> Result<Uuid> {
    Uuid::parse_str(&cx.new_id()).map_err(Error::internal)
}

type LevelRow = (Uuid, Uuid, Uuid, Decimal, Decimal, Option<Decimal>, Option<i64>, Option<String>);

/// Locks in the order of the places, as everything that changes levels does, so that no two calls wait for each other.
async fn lock(cx: &mut Cx, places: &[Place]) -> Result<BTreeMap<Place, Level>> {
    let query = sqlx::query_as::<_, LevelRow>(
        "select l.id, l.product_id, l.warehouse_id, l.on_hand, l.reserved, l.reorder_level, l.value_minor, l.value_currency
         from stock_levels l
         join unnest($1::uuid[], $2::uuid[]) as place (product_id, warehouse_id) using (product_id, warehouse_id)
         order by l.product_id, l.warehouse_id
         for update of l",
    );
    let rows = cx.rows(query.bind(products(places)).bind(warehouses(places))).await?;
    let mut levels = BTreeMap::new();
    for (id, product, warehouse, on_hand, reserved, reorder_level, minor, currency) in rows {
        let place = Place { product, warehouse };
        let currency =
            currency.map(|code| Currency::parse(&code, "currency").map_err(Error::internal)).transpose()?;
        let value = minor.zip(currency).map(|(minor, currency)| Money::new(minor, currency));
        levels.insert(place, Level { id, place, on_hand, reserved, reorder_level, value });
    }
    Ok(levels)
}

/// Makes empty levels; somebody else may make the same at the same time.
async fn make(cx: &mut Cx, places: &[Place]) -> Result<()> {
    let ids = places.iter().map(|_| new_id(cx)).collect::<Result<Vec<_>>>()?;
    let (now, actor) = (cx.now(), cx.actor().to_string());
    let query = sqlx::query(
        "insert into stock_levels (id, product_id, warehouse_id, create_time, update_time, created_by, updated_by)
         select id, product_id, warehouse_id, $4, $4, $5, $5
         from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as level (id, product_id, warehouse_id)
         order by product_id, warehouse_id
         on conflict (tenant_id, product_id, warehouse_id) do nothing",
    );
    let query = query.bind(ids).bind(products(places)).bind(warehouses(places)).bind(now).bind(actor);
    cx.execute(query).await?;
    Ok(())
}

/// One statement for all levels and all moves.
const WRITE: &str = "
with moved as (
    insert into stock_moves (id, product_id, warehouse_id, kind, quantity, unit_cost_minor, unit_cost_currency,
        value_minor, value_currency, source_type, source_id, effective_time, memo, create_time, update_time,
        created_by, updated_by)
    select id, product_id, warehouse_id, kind, quantity, unit_cost_minor, unit_cost_currency,
        value_minor, value_currency, source_type, source_id, effective_time, memo, $18, $18, $19, $19
    from unnest($6::uuid[], $7::uuid[], $8::uuid[], $9::integer[], $10::numeric[], $11::bigint[], $12::bigint[], $13::text[],
            $13::text[], $14::text[], $15::uuid[], $16::timestamptz[], $17::text[])
        as row (id, product_id, warehouse_id, kind, quantity, unit_cost_minor, value_minor, unit_cost_currency,
            value_currency, source_type, source_id, effective_time, memo)
)
update stock_levels l set on_hand = row.on_hand, reserved = row.reserved, value_minor = row.value_minor,
    value_currency = row.value_currency, revision = l.revision + 1, update_time = $18, updated_by = $19
from unnest($1::uuid[], $2::numeric[], $3::numeric[], $4::bigint[], $5::text[])
    as row (id, on_hand, reserved, value_minor, value_currency)
where l.id = row.id";

async fn write(cx: &mut Cx, levels: &BTreeMap<Place, Level>, moves: &[Move]) -> Result<()> {
    let (now, actor) = (cx.now(), cx.actor().to_string());
    let code = |money: Money| money.currency.code().to_owned();
    let query = sqlx::query(WRITE)
        .bind(levels.values().map(|level| level.id).collect::<Vec<_>>())
        .bind(levels.values().map(|level| level.on_hand).collect::<Vec<_>>())
        .bind(levels.values().map(|level| level.reserved).collect::<Vec<_>>())
        .bind(levels.values().map(|level| level.value.map(|value| value.minor)).collect::<Vec<_>>())
        .bind(levels.values().map(|level| level.value.map(code)).collect::<Vec<_>>())
        .bind(moves.iter().map(|row| row.id).collect::<Vec<_>>())
        .bind(moves.iter().map(|row| row.place.product).collect::<Vec<_>>())
        .bind(moves.iter().map(|row| row.place.warehouse).collect::<Vec<_>>())
        .bind(moves.iter().map(|row| i32::from(row.kind)).collect::<Vec<_>>())
        .bind(moves.iter().map(|row| row.quantity).collect::<Vec<_>>())
        .bind(moves.iter().map(|row| row.unit_cost.map(|cost| cost.minor)).collect::<Vec<_>>())
        .bind(moves.iter().map(|row| row.value.map(|value| value.minor)).collect::<Vec<_>>())
        .bind(moves.iter().map(|row| row.value.or(row.unit_cost).map(code)).collect::<Vec<_>>())
        .bind(moves.iter().map(|row| row.cause.source_type.as_str()).collect::<Vec<_>>())
        .bind(moves.iter().map(|row| row.cause.source_id).collect::<Vec<_>>())
        .bind(moves.iter().map(|row| row.cause.effective_time.unwrap_or(now)).collect::<Vec<_>>())
        .bind(moves.iter().map(|row| row.cause.memo.as_str()).collect::<Vec<_>>())
        .bind(now)
        .bind(actor);
    let written = cx.execute(query).await?;
    if usize::try_from(written) != Ok(levels.len()) {
        return Err(Error::internal(format!("{written} of {} locked levels were written", levels.len())));
    }
    Ok(())
}

/// The products of places, for a statement.
pub fn products(places: &[Place]) -> Vec<Uuid> {
    places.iter().map(|place| place.product).collect()
}

/// The warehouses of places, for a statement.
pub fn warehouses(places: &[Place]) -> Vec<Uuid> {
    places.iter().map(|place| place.warehouse).collect()
}
