//! A mesh with one tenant, short words for what tests do again and again, and the audit of the books.

use contracts::inventory::v1::reservation_service_client::ReservationServiceClient;
use contracts::inventory::v1::stock_level_service_client::StockLevelServiceClient;
use contracts::inventory::v1::stock_move_service_client::StockMoveServiceClient;
use contracts::inventory::v1::{
    AdjustStockLine, AdjustStockRequest, ConfirmReservationRequest, ConsumeReservationRequest,
    GetReservationRequest, ListStockLevelsRequest, ReceiveStockLine, ReceiveStockRequest,
    ReleaseReservationRequest, Reservation, ReserveStockLine, ReserveStockRequest, ReturnReservationRequest,
    StockLevel, StockMove,
};
use kit::{Currency, Decimal, Error, IdSource as _, Money, Result, Uuid, UuidV7};
use store::{Caller, Cx, Meta};
use testkit::{Mesh, Party};

pub async fn start() -> (Mesh, Party) {
    let mesh = Mesh::start(vec![inventory::service()]).await;
    let acme = mesh.sign_up("acme").await;
    (mesh, acme)
}

pub fn new_id() -> String {
    UuidV7.new_id().to_string()
}

pub fn eur(minor: i64) -> contracts::google::r#type::Money {
    Money::new(minor, Currency::parse("EUR", "c").unwrap()).into()
}

pub fn decimal(text: &str) -> Option<contracts::google::r#type::Decimal> {
    Some(contracts::google::r#type::Decimal { value: text.to_owned() })
}

pub fn number(value: Option<&contracts::google::r#type::Decimal>) -> Decimal {
    value.expect("there is a number").to_decimal("number").unwrap()
}

pub fn minor(value: Option<&contracts::google::r#type::Money>) -> Option<i64> {
    value.map(|money| money.to_money("money").unwrap().minor)
}

pub async fn receive(
    party: &Party,
    product: &str,
    quantity: &str,
    unit_cost: Option<i64>,
) -> Result<Vec<StockMove>> {
    let line = ReceiveStockLine {
        product_id: product.to_owned(),
        quantity: decimal(quantity),
        unit_cost: unit_cost.map(eur),
    };
    let request = ReceiveStockRequest { lines: vec![line], ..ReceiveStockRequest::default() };
    Ok(party.client(StockMoveServiceClient::new).receive_stock(request).await?.into_inner().stock_moves)
}

pub async fn adjust(party: &Party, changes: &[(&str, &str)]) -> Result<Vec<StockMove>> {
    let lines = changes.iter().map(|(product, change)| AdjustStockLine {
        product_id: (*product).to_owned(),
        quantity_change: decimal(change),
    });
    let request = AdjustStockRequest {
        lines: lines.collect(),
        memo: "counted".to_owned(),
        ..AdjustStockRequest::default()
    };
    Ok(party.client(StockMoveServiceClient::new).adjust_stock(request).await?.into_inner().stock_moves)
}

pub fn reserve_request(source: &str, lines: &[(&str, &str)]) -> ReserveStockRequest {
    let lines = lines.iter().map(|(product, quantity)| ReserveStockLine {
        product_id: (*product).to_owned(),
        quantity: decimal(quantity),
        warehouse_id: None,
    });
    ReserveStockRequest {
        source_id: source.to_owned(),
        lines: lines.collect(),
        ..ReserveStockRequest::default()
    }
}

pub async fn reserve(party: &Party, source: &str, lines: &[(&str, &str)]) -> Result<Reservation> {
    let request = reserve_request(source, lines);
    Ok(party.client(ReservationServiceClient::new).reserve_stock(request).await?.into_inner())
}

/// What can be done with a reservation by its id.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    Get,
    Confirm,
    Consume,
    Release,
    Return,
}

pub async fn act(party: &Party, act: Act, id: &str) -> Result<Reservation> {
    let mut api = party.client(ReservationServiceClient::new);
    let (id, request_id) = (id.to_owned(), String::new());
    let answer = match act {
        Act::Get => api.get_reservation(GetReservationRequest { id }).await,
        Act::Confirm => api.confirm_reservation(ConfirmReservationRequest { id, request_id }).await,
        Act::Consume => api.consume_reservation(ConsumeReservationRequest { id, request_id }).await,
        Act::Release => api.release_reservation(ReleaseReservationRequest { id, request_id }).await,
        Act::Return => api.return_reservation(ReturnReservationRequest { id, request_id }).await,
    };
    Ok(answer.map_err(Error::from)?.into_inner())
}

pub async fn level(party: &Party, product: &str) -> StockLevel {
    let request = ListStockLevelsRequest {
        filter: format!("product_id = \"{product}\""),
        ..ListStockLevelsRequest::default()
    };
    let page =
        party.client(StockLevelServiceClient::new).list_stock_levels(request).await.unwrap().into_inner();
    assert_eq!(page.stock_levels.len(), 1, "one warehouse holds the product");
    page.stock_levels[0].clone()
}

/// On hand, reserved, available and value of a product.
pub async fn stock(party: &Party, product: &str) -> (Decimal, Decimal, Decimal, Option<i64>) {
    let level = level(party, product).await;
    let of = |value: &Option<_>| number(value.as_ref()).normalize();
    (of(&level.on_hand), of(&level.reserved), of(&level.available), minor(level.value.as_ref()))
}

/// Has an event come from outside, as another service would send it.
pub async fn tell<E: store::Event>(mesh: &Mesh, party: &Party, event: E) {
    let tenant = Uuid::parse_str(party.tenant_id()).unwrap();
    let mut cx =
        Cx::new(mesh.env("inventory").clone(), Caller::service("orders", Some(tenant)), Meta::default());
    cx.emit(event).unwrap();
    cx.checkpoint().await.unwrap();
}

/// How many events of a type the service has written.
pub async fn events(mesh: &Mesh, event_type: &str) -> i64 {
    let mut database = mesh.look_into("inventory").await;
    sqlx::query_scalar("select count(*) from tessera.outbox where event_type = $1")
        .bind(event_type)
        .fetch_one(&mut database)
        .await
        .unwrap()
}

/// The truth of every level beside what the level says; nothing when the books are right.
const WRONG: &str = "
select l.product_id::text || ': on hand ' || l.on_hand || ' of ' || coalesce(m.quantity, 0)
    || ', value ' || coalesce(l.value_minor, 0) || ' of ' || coalesce(m.value, 0)
    || ', reserved ' || l.reserved || ' of ' || coalesce(r.quantity, 0)
from stock_levels l
left join (
    select tenant_id, product_id, warehouse_id, sum(quantity) as quantity, sum(coalesce(value_minor, 0)) as value
    from stock_moves group by 1, 2, 3
) m using (tenant_id, product_id, warehouse_id)
left join (
    select tenant_id, (line->>'product_id')::uuid as product_id, (line->>'warehouse_id')::uuid as warehouse_id,
        sum((line->'quantity'->>'value')::numeric) as quantity
    from reservations, jsonb_array_elements(lines) as line where state in (1, 2) group by 1, 2, 3
) r using (tenant_id, product_id, warehouse_id)
where l.on_hand <> coalesce(m.quantity, 0) or coalesce(l.value_minor, 0) <> coalesce(m.value, 0)
    or l.reserved <> coalesce(r.quantity, 0) or l.reserved > l.on_hand or l.reserved < 0";

/// Levels must be the sums of the moves and of the open reservations.
pub async fn check_books(mesh: &Mesh, what: &str) {
    let mut database = mesh.look_into("inventory").await;
    let wrong: Vec<String> = sqlx::query_scalar(WRONG).fetch_all(&mut database).await.unwrap();
    assert!(wrong.is_empty(), "{what}: {wrong:#?}");
}
