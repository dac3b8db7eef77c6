//! Sagas as rows, and what operators do with them.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use contracts::orders::v1::{
    AbortSagaRequest, Order, OrdersReason, RetrySagaRequest, Saga, SagaApi, SagaKind, SagaState,
};
use kit::{Error, Reason as _, Result, Uuid, ensure};
use sqlx::AssertSqlSafe;
use store::{Batched, Cx, Record as _};

use crate::advance::Work;
use crate::fault::Fault;
use crate::machine;

/// The job that goes on with a saga.
pub const JOB: &str = "saga";

/// Sagas.
#[derive(Debug)]
pub struct Sagas;

impl SagaApi for Sagas {
    async fn retry_saga(&self, cx: &mut Cx, request: RetrySagaRequest) -> Result<Saga> {
        let mut saga: Saga = cx.lock(&request.id).await?;
        ensure!(!machine::is_over(&saga), wrong_state(&saga));
        machine::retry(&mut saga);
        move_on(cx, &mut saga).await?;
        Ok(saga)
    }

    async fn abort_saga(&self, cx: &mut Cx, request: AbortSagaRequest) -> Result<Saga> {
        let mut saga: Saga = cx.lock(&request.id).await?;
        ensure!(!machine::is_over(&saga) && !machine::is_turned(&saga), wrong_state(&saga));
        ensure!(!machine::is_past_pivot(&saga), OrdersReason::SagaPastPivot);
        machine::turn_back(&mut saga, &called_off(request.reason));
        move_on(cx, &mut saga).await?;
        Ok(saga)
    }
}

/// Why a saga turns back that somebody has called off.
pub fn called_off(reason: String) -> Fault {
    let called_off = OrdersReason::CancelledByCaller;
    let message = if reason.is_empty() { called_off.message().to_owned() } else { reason };
    Fault::of(called_off, message)
}

/// Begins a saga, whose job runs as soon as this is committed.
pub async fn start(cx: &mut Cx, order_id: &str, kind: SagaKind) -> Result<Saga> {
    let saga = cx.insert_later(machine::start(order_id, kind)).await?;
    cx.enqueue(JOB, &saga.id, cx.now());
    Ok(saga)
}

/// Saves a saga that is locked, and has its job run at once.
pub async fn move_on(cx: &mut Cx, saga: &mut Saga) -> Result<()> {
    *saga = save(cx, std::mem::take(saga)).await?;
    cx.enqueue(JOB, &saga.id, cx.now());
    Ok(())
}

/// Reads a saga with its order, without a transaction that stays open.
pub async fn read(cx: &mut Cx, id: &str) -> Result<Option<Work>> {
    cx.batched(ById(Uuid::parse_str(id).map_err(Error::internal)?)).await
}

/// The saga of an id.
struct ById(Uuid);

impl Batched for ById {
    type Answer = Option<Work>;

    async fn answer<'a>(cx: &'a mut Cx, asked: &'a [&'a Self]) -> Result<Vec<Option<Work>>> {
        let ids: Vec<Uuid> = asked.iter().map(|ById(id)| *id).collect();
        let sagas: Vec<Saga> = cx.get_all(&ids).await?.into_values().collect();
        // An order is read later, and so is never older than its saga says.
        let order_ids: Vec<String> = sagas.iter().map(|saga| saga.order_id.clone()).collect();
        let orders: Vec<Order> = cx.batch_get(&order_ids).await?;
        let works =
            sagas.into_iter().zip(orders).map(|(saga, order)| (saga.id.clone(), Work { saga, order }));
        let works: HashMap<String, Work> = works.collect();
        Ok(ids.iter().map(|id| works.get(&id.to_string()).cloned()).collect())
    }
}

/// Locks the saga of an order, if there is one of this kind, and reads the order.
pub async fn lock_of(cx: &mut Cx, order_id: &str, kind: SagaKind) -> Result<Option<Work>> {
    Ok(lock_all_of(cx, &[order_id], kind).await?.pop())
}

/// The same for several orders; those that have no such saga are left out. All who lock several lock them in the order of
/// the orders' ids.
pub async fn lock_all_of(cx: &mut Cx, order_ids: &[&str], kind: SagaKind) -> Result<Vec<Work>> {
    // One by one inside: for `any` the plan may read the whole table, which was small when it was planned.
    static SELECT: LazyLock<String> = LazyLock::new(|| {
        let names: Vec<&str> = Saga::table().columns.iter().map(|column| column.name).collect();
        let names = names.join(", ");
        format!(
            "select {names} from unnest($1::uuid[]) as wanted (wanted_id) cross join lateral (
                 select * from sagas where order_id = wanted.wanted_id and kind = $2 for update
             ) as saga",
        )
    });
    let ids: BTreeSet<Uuid> = order_ids.iter().filter_map(|id| Uuid::parse_str(id).ok()).collect();
    let query = sqlx::query(AssertSqlSafe(SELECT.as_str())).bind(ids.into_iter().collect::<Vec<_>>());
    let rows = query.bind(i32::from(kind)).fetch_all(cx.sql().await?).await.map_err(Error::internal)?;
    let sagas = rows.iter().map(Saga::read).collect::<Result<Vec<_>>>()?;
    let order_ids: Vec<String> = sagas.iter().map(|saga| saga.order_id.clone()).collect();
    let orders = cx.batch_get::<Order>(&order_ids).await?;
    Ok(sagas.into_iter().zip(orders).map(|(saga, order)| Work { saga, order }).collect())
}

/// Saves a saga; fails with CONFLICT when somebody else has moved it since it was read, be it at the commit. Written
/// without an audit row: the saga itself lists what was done, when and how it went.
pub async fn save(cx: &mut Cx, saga: Saga) -> Result<Saga> {
    const FIELDS: &[&str] = &[
        "state",
        "current_step",
        "steps",
        "next_attempt_time",
        "failure_reason",
        "failure_message",
        "end_time",
    ];
    cx.put_unchanged_unaudited(saga, FIELDS).await
}

fn wrong_state(saga: &Saga) -> Error {
    let name = SagaState::try_from(saga.state).unwrap_or_default().as_str_name();
    Error::from(OrdersReason::SagaState).with("state", name.trim_start_matches("SAGA_STATE_"))
}
