//! Sagas as rows, and what operators do with them.

use std::sync::LazyLock;

use contracts::orders::v1::{
    AbortSagaRequest, Order, OrdersReason, RetrySagaRequest, Saga, SagaApi, SagaKind, SagaState,
};
use kit::{Error, Reason as _, Result, Uuid, ensure};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, AssertSqlSafe};
use store::column::timestamp;
use store::{Cx, Record as _};

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
    let saga = cx.insert(machine::start(order_id, kind)).await?;
    cx.enqueue(JOB, &saga.id, cx.now());
    Ok(saga)
}

/// Saves a saga that is locked, and has its job run at once.
pub async fn move_on(cx: &mut Cx, saga: &mut Saga) -> Result<()> {
    ensure!(save(cx, saga).await?, Error::internal("a locked saga was moved by somebody else"));
    cx.enqueue(JOB, &saga.id, cx.now());
    Ok(())
}

/// Reads a saga with its order. The order is read later, and so is never older than the saga says.
pub async fn read(cx: &mut Cx, id: &str) -> Result<Option<Work>> {
    let Some(saga) = cx.find::<Saga>(id).await? else { return Ok(None) };
    let order: Order = cx.get(&saga.order_id).await?;
    Ok(Some(Work { saga, order }))
}

/// Locks the saga of an order, if there is one of this kind, and reads the order.
pub async fn lock_of(cx: &mut Cx, order_id: &str, kind: SagaKind) -> Result<Option<Work>> {
    static SELECT: LazyLock<String> = LazyLock::new(|| {
        let names: Vec<&str> = Saga::table().columns.iter().map(|column| column.name).collect();
        format!("select {} from sagas where order_id = $1 and kind = $2 for update", names.join(", "))
    });
    let Ok(order_id) = Uuid::parse_str(order_id) else { return Ok(None) };
    let query = sqlx::query(AssertSqlSafe(SELECT.as_str())).bind(order_id).bind(i32::from(kind));
    let row = query.fetch_optional(cx.sql().await?).await.map_err(Error::internal)?;
    let Some(saga) = row.as_ref().map(Saga::read).transpose()? else { return Ok(None) };
    let order: Order = cx.get(&saga.order_id).await?;
    Ok(Some(Work { saga, order }))
}

/// Saves a saga unless somebody else has moved it since it was read, which the answer tells. Written without an
/// audit row: the saga itself lists what was done, when and how it went.
pub async fn save(cx: &mut Cx, saga: &mut Saga) -> Result<bool> {
    const FIELDS: [&str; 7] = [
        "state",
        "current_step",
        "steps",
        "next_attempt_time",
        "failure_reason",
        "failure_message",
        "end_time",
    ];
    const UPDATE: &str = "update sagas set state = $1, current_step = $2, steps = $3, next_attempt_time = $4,
            failure_reason = $5, failure_message = $6, end_time = $7, update_time = $8, updated_by = $9,
            revision = revision + 1
         where id = $10 and revision = $11";
    let (now, actor) = (cx.now(), cx.actor().to_string());
    let revision = store::column::revision(&saga.etag, "etag").map_err(Error::internal)?;
    let id = Uuid::parse_str(&saga.id).map_err(Error::internal)?;
    let mut arguments = PgArguments::default();
    for field in FIELDS {
        for (place, _) in Saga::table().columns_of(field) {
            saga.bind(place, &mut arguments)?;
        }
    }
    arguments.add(now).map_err(Error::internal)?;
    arguments.add(&actor).map_err(Error::internal)?;
    arguments.add(id).map_err(Error::internal)?;
    arguments.add(revision).map_err(Error::internal)?;
    let written = cx.execute(sqlx::query_with(UPDATE, arguments)).await?;
    saga.etag = store::column::etag(revision + 1);
    saga.update_time = Some(timestamp(now));
    saga.updated_by = actor;
    Ok(written == 1)
}

fn wrong_state(saga: &Saga) -> Error {
    let name = SagaState::try_from(saga.state).unwrap_or_default().as_str_name();
    Error::from(OrdersReason::SagaState).with("state", name.trim_start_matches("SAGA_STATE_"))
}
