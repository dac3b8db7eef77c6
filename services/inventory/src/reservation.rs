//! Goods promised to orders: never more than lie there, whoever asks at the same time.

use std::collections::{BTreeMap, BTreeSet};

use contracts::google::r#type::Money as Amount;
use contracts::inventory::v1::{
    ConfirmReservationRequest, ConsumeReservationRequest, InventoryReason, ReleaseReservationRequest,
    Reservation, ReservationApi, ReservationConfirmed, ReservationConsumed, ReservationExpired,
    ReservationHeld, ReservationReleased, ReservationReturned, ReservationState as State,
    ReserveStockRequest, ReturnReservationRequest, StockMoveKind,
};
use kit::{Currency, Decimal, Duration, Error, Money, Result, Uuid};
use store::column::{instant, timestamp};
use store::{Cx, Next, Origin};

use crate::books::{Books, Cause, Incoming, Move};
use crate::place::{self, Demand, Place, demand};
use crate::promise::{self, Hold, Wanted};
use crate::{quantity, warehouse};

/// The job that ends a promise that nobody has confirmed.
pub const EXPIRE: &str = "expire_reservation";

/// How long goods are held for a caller who does not say.
const TTL: Duration = Duration::minutes(15);

/// What moves name as their cause.
const SOURCE_TYPE: &str = "reservation";

/// Reservations.
#[derive(Debug)]
pub struct Reservations;

impl ReservationApi for Reservations {
    async fn reserve_stock(&self, cx: &mut Cx, request: ReserveStockRequest) -> Result<Reservation> {
        let wanted = wanted(&request)?;
        if !cx.runs_again() {
            return reserve_with_others(cx, &request, &wanted).await;
        }
        match reserve(cx, &request, &wanted).await {
            // The order may have its reservation already, perhaps since a moment ago, and perhaps of the last goods.
            Err(error) if is_source_taken(&error) || error.is(InventoryReason::StockShort) => {
                cx.rollback().await;
                let found = lock_of_source(cx, &request.source_id).await?.ok_or(error)?;
                promise::ensure_same(&found, &wanted)?;
                Ok(found)
            }
            answer => answer,
        }
    }

    async fn confirm_reservation(
        &self,
        cx: &mut Cx,
        request: ConfirmReservationRequest,
    ) -> Result<Reservation> {
        // Whoever changes it meanwhile, if only its time runs out, has this run again.
        let mut reservation: Reservation = cx.glance(&request.id).await?;
        match reservation.state() {
            State::Held => {}
            State::Confirmed => return Ok(reservation),
            state => return Err(wrong_state(state)),
        }
        reservation.set_state(State::Confirmed);
        reservation.expire_time = None;
        let reservation = cx.put_unchanged(reservation, &["state", "expire_time"]).await?;
        cx.emit(ReservationConfirmed {
            reservation_id: reservation.id.clone(),
            source_id: reservation.source_id.clone(),
        })?;
        Ok(reservation)
    }

    async fn consume_reservation(
        &self,
        cx: &mut Cx,
        request: ConsumeReservationRequest,
    ) -> Result<Reservation> {
        let reservation: Reservation = cx.lock(&request.id).await?;
        match reservation.state() {
            State::Confirmed => Ok(consume(cx, vec![(&cx.origin(), reservation)]).await?.remove(0)),
            State::Consumed => Ok(reservation),
            state => Err(wrong_state(state)),
        }
    }

    async fn release_reservation(
        &self,
        cx: &mut Cx,
        request: ReleaseReservationRequest,
    ) -> Result<Reservation> {
        let reservation: Reservation = cx.lock(&request.id).await?;
        match reservation.state() {
            State::Held | State::Confirmed => release(cx, reservation).await,
            State::Released | State::Expired => Ok(reservation),
            state => Err(wrong_state(state)),
        }
    }

    async fn return_reservation(
        &self,
        cx: &mut Cx,
        request: ReturnReservationRequest,
    ) -> Result<Reservation> {
        let reservation: Reservation = cx.lock(&request.id).await?;
        match reservation.state() {
            State::Consumed => take_back(cx, reservation).await,
            State::Returned => Ok(reservation),
            state => Err(wrong_state(state)),
        }
    }
}

/// Lets the goods of completed orders leave, but for those that have left or whose order was undone.
pub async fn ship(cx: &mut Cx, reservations: Vec<(&Origin, Reservation)>) -> Result<()> {
    let mut leaving = Vec::with_capacity(reservations.len());
    for (origin, reservation) in reservations {
        match reservation.state() {
            State::Held | State::Confirmed => leaving.push((origin, reservation)),
            State::Consumed | State::Released | State::Returned => {}
            // The order was sold without its promise: a person must find goods for it.
            state => return Err(wrong_state(state)),
        }
    }
    consume(cx, leaving).await.map(|_| ())
}

/// Undoes the reservation of a cancelled order as far as it has come.
pub async fn undo(cx: &mut Cx, reservation: Reservation) -> Result<()> {
    match reservation.state() {
        State::Held | State::Confirmed => release(cx, reservation).await.map(|_| ()),
        State::Consumed => take_back(cx, reservation).await.map(|_| ()),
        _ => Ok(()),
    }
}

/// The job: ends a promise whose time is over, and nothing else.
pub async fn expire(cx: &mut Cx, id: String) -> Result<Next> {
    let mut reservation: Reservation = cx.lock(&id).await?;
    if reservation.state() != State::Held {
        return Ok(Next::Done);
    }
    let expire_time =
        reservation.expire_time.as_ref().map(|time| instant(time, "expire_time")).transpose()?;
    if let Some(time) = expire_time.filter(|time| *time > cx.now()) {
        return Ok(Next::At(time));
    }
    promise::give_back(cx, &promise::demand_of(&reservation)?).await?;
    reservation.set_state(State::Expired);
    let reservation = cx.put(reservation, &["state"]).await?;
    cx.emit(ReservationExpired { reservation_id: reservation.id, source_id: reservation.source_id })?;
    Ok(Next::Done)
}

/// Locks the reservation of an order.
pub async fn lock_of_source(cx: &mut Cx, source_id: &str) -> Result<Option<Reservation>> {
    let query = sqlx::query_as::<_, (Uuid,)>("select id from reservations where source_id = $1");
    match cx.row(query.bind(place::id(source_id, "source_id")?)).await? {
        Some((id,)) => cx.lock(&id.to_string()).await.map(Some),
        None => Ok(None),
    }
}

/// Reserves at the end of the call, together with other orders. Where something is in the way, be it that goods are short or
/// that the order has its reservation already, the call runs again.
async fn reserve_with_others(
    cx: &mut Cx,
    request: &ReserveStockRequest,
    wanted: &[Wanted],
) -> Result<Reservation> {
    let warehouses = warehouse::resolve_with_others(cx, &named(wanted)).await?;
    let demand = place_all(wanted, warehouses)?;
    let reservation = cx.insert_contested(new(cx, request, &demand)).await?;
    cx.defer(Hold { origin: cx.origin(), demand }).await?;
    tell_held(cx, &reservation)?;
    Ok(reservation)
}

/// Reserves at once, or fails and says why not.
async fn reserve(cx: &mut Cx, request: &ReserveStockRequest, wanted: &[Wanted]) -> Result<Reservation> {
    let warehouses = warehouse::resolve(cx, &named(wanted)).await?;
    let demand = place_all(wanted, warehouses)?;
    promise::take(cx, &demand).await?;
    let reservation = cx.insert(new(cx, request, &demand)).await?;
    tell_held(cx, &reservation)?;
    Ok(reservation)
}

/// The warehouse that each line names.
fn named(wanted: &[Wanted]) -> Vec<Option<Uuid>> {
    wanted.iter().map(|line| line.warehouse).collect()
}

/// What is wanted of which warehouse.
fn place_all(wanted: &[Wanted], warehouses: Vec<Uuid>) -> Result<Demand> {
    let placed = wanted.iter().zip(warehouses);
    demand(placed.map(|(line, warehouse)| (Place { product: line.product, warehouse }, line.quantity)))
}

fn new(cx: &Cx, request: &ReserveStockRequest, demand: &Demand) -> Reservation {
    let ttl = request.ttl.map_or(TTL, |ttl| Duration::new(ttl.seconds, ttl.nanos));
    Reservation {
        state: State::Held.into(),
        source_id: request.source_id.to_ascii_lowercase(),
        lines: promise::lines(demand),
        expire_time: Some(timestamp(cx.now() + ttl)),
        ..Reservation::default()
    }
}

/// Tells of a new reservation, and has it end in time.
fn tell_held(cx: &mut Cx, reservation: &Reservation) -> Result<()> {
    if let Some(time) = &reservation.expire_time {
        cx.enqueue(EXPIRE, &reservation.id, instant(time, "expire_time")?);
    }
    cx.emit(ReservationHeld {
        reservation_id: reservation.id.clone(),
        source_id: reservation.source_id.clone(),
        lines: reservation.lines.clone(),
        expire_time: reservation.expire_time,
    })
}

/// Lets the goods of locked reservations leave, each on behalf of its call.
async fn consume(cx: &mut Cx, leaving: Vec<(&Origin, Reservation)>) -> Result<Vec<Reservation>> {
    let demands = leaving.iter().map(|(_, one)| promise::demand_of(one)).collect::<Result<Vec<_>>>()?;
    let places: BTreeSet<Place> = demands.iter().flat_map(|demand| demand.keys().copied()).collect();
    let mut books = Books::open(cx, places).await?;
    let mut worth = Vec::with_capacity(leaving.len());
    for ((origin, reservation), demand) in leaving.iter().zip(&demands) {
        books.because(Cause { origin: Some((*origin).clone()), ..cause(reservation)? });
        let before = books.moves().len();
        for (place, quantity) in demand {
            books.unreserve(*place, *quantity);
            books.remove(cx, *place, StockMoveKind::Issue, *quantity)?;
        }
        worth.push(costs(&books.moves()[before..])?);
    }
    books.close(cx).await?;
    let mut consumed = Vec::with_capacity(leaving.len());
    for ((origin, mut reservation), costs) in leaving.into_iter().zip(worth) {
        cx.on_behalf_of(origin);
        reservation.set_state(State::Consumed);
        reservation.expire_time = None;
        let reservation = cx.put_unchanged(reservation, &["state", "expire_time"]).await?;
        cx.emit(ReservationConsumed {
            reservation_id: reservation.id.clone(),
            source_id: reservation.source_id.clone(),
            lines: reservation.lines.clone(),
            costs,
        })?;
        consumed.push(reservation);
    }
    Ok(consumed)
}

async fn release(cx: &mut Cx, mut reservation: Reservation) -> Result<Reservation> {
    promise::give_back(cx, &promise::demand_of(&reservation)?).await?;
    reservation.set_state(State::Released);
    let reservation = cx.put(reservation, &["state"]).await?;
    cx.emit(ReservationReleased {
        reservation_id: reservation.id.clone(),
        source_id: reservation.source_id.clone(),
    })?;
    Ok(reservation)
}

async fn take_back(cx: &mut Cx, mut reservation: Reservation) -> Result<Reservation> {
    let issued = issued(cx, &reservation).await?;
    let mut books =
        Books::open(cx, issued.iter().map(|incoming| incoming.place).collect::<BTreeSet<_>>()).await?;
    books.because(cause(&reservation)?);
    for incoming in issued {
        books.add(cx, incoming)?;
    }
    let costs = costs(books.moves())?;
    books.close(cx).await?;
    reservation.set_state(State::Returned);
    let reservation = cx.put(reservation, &["state"]).await?;
    cx.emit(ReservationReturned {
        reservation_id: reservation.id.clone(),
        source_id: reservation.source_id.clone(),
        lines: reservation.lines.clone(),
        costs,
    })?;
    Ok(reservation)
}

/// What left for the reservation, to come back at the cost at which it left.
async fn issued(cx: &mut Cx, reservation: &Reservation) -> Result<Vec<Incoming>> {
    type Row = (Uuid, Uuid, Decimal, Option<i64>, Option<i64>, Option<String>);
    let query = sqlx::query_as::<_, Row>(
        "select product_id, warehouse_id, quantity, unit_cost_minor, value_minor, value_currency
         from stock_moves where source_id = $1 and source_type = $2 and kind = $3
         order by product_id, warehouse_id",
    );
    let query =
        query.bind(place::id(&reservation.id, "id")?).bind(SOURCE_TYPE).bind(i32::from(StockMoveKind::Issue));
    let mut issued = Vec::with_capacity(reservation.lines.len());
    for (product, warehouse, quantity, unit_cost, value, code) in cx.rows(query).await? {
        let currency =
            code.map(|code| Currency::parse(&code, "currency").map_err(Error::internal)).transpose()?;
        let money =
            |minor: Option<i64>| minor.zip(currency).map(|(minor, currency)| Money::new(minor, currency));
        issued.push(Incoming {
            place: Place { product, warehouse },
            kind: StockMoveKind::Return,
            quantity: -quantity,
            unit_cost: money(unit_cost),
            value: money(value).map(Money::negated),
        });
    }
    Ok(issued)
}

fn cause(reservation: &Reservation) -> Result<Cause> {
    Ok(Cause {
        source_type: SOURCE_TYPE.to_owned(),
        source_id: Some(place::id(&reservation.id, "id")?),
        order_id: Some(reservation.source_id.clone()),
        ..Cause::default()
    })
}

/// What moved goods had cost, one amount for each currency.
fn costs(moves: &[Move]) -> Result<Vec<Amount>> {
    let mut sums: BTreeMap<Currency, Money> = BTreeMap::new();
    for value in moves.iter().filter_map(|stock_move| stock_move.value) {
        let sum = sums.entry(value.currency).or_insert(Money::zero(value.currency));
        *sum = sum.plus(Money::new(value.minor.abs(), value.currency))?;
    }
    Ok(sums.into_values().map(Into::into).collect())
}

fn wanted(request: &ReserveStockRequest) -> Result<Vec<Wanted>> {
    let lines = request.lines.iter().enumerate().map(|(number, line)| {
        Ok(Wanted {
            product: place::id(&line.product_id, &format!("lines[{number}].product_id"))?,
            warehouse: place::optional_id(
                line.warehouse_id.as_deref(),
                &format!("lines[{number}].warehouse_id"),
            )?,
            quantity: quantity::positive(line.quantity.as_ref(), &format!("lines[{number}].quantity"))?,
        })
    });
    lines.collect()
}

fn wrong_state(state: State) -> Error {
    let name = state.as_str_name().trim_start_matches("RESERVATION_STATE_");
    Error::from(InventoryReason::ReservationState).with("state", name)
}

fn is_source_taken(error: &Error) -> bool {
    error.metadata().get("constraint").is_some_and(|name| name == "reservations_source_id_key")
}
