//! Taking, cancelling and following orders.

use contracts::orders::v1::{
    CancelOrderRequest, GetOrderStatisticsRequest, GetOrderTimelineRequest, GetOrderTimelineResponse, Order,
    OrderApi, OrderState, OrderStatistics, OrdersReason, PlaceOrderRequest, SagaKind,
};
use kit::{Error, Result, Uuid};
use store::{Batched, Cx};

use crate::{draft, event, machine, saga, statistics};

/// Orders.
#[derive(Debug)]
pub struct Orders;

impl OrderApi for Orders {
    async fn place_order(&self, cx: &mut Cx, request: PlaceOrderRequest) -> Result<Order> {
        let content = draft::content(&request)?;
        let mut order = draft::order(request, cx.now())?;
        order.id = cx.new_id();
        if let Some(earlier) = placed_before(cx, &order, &content).await? {
            return Ok(earlier);
        }
        cx.checkpoint().await?;
        order.number = cx.batched(NextNumber).await?;
        if !claim_reference(cx, &order, &content).await? {
            let earlier = placed_before(cx, &order, &content).await?;
            return earlier.ok_or_else(|| Error::internal("a taken reference has no order"));
        }
        let order = cx.insert_later(order).await?;
        saga::start(cx, &order.id, SagaKind::PlaceOrder).await?;
        cx.emit(event::placed(&order))?;
        Ok(order)
    }

    async fn cancel_order(&self, cx: &mut Cx, request: CancelOrderRequest) -> Result<Order> {
        let found = saga::lock_of(cx, &request.id, SagaKind::PlaceOrder).await?;
        let Some(mut work) = found else { return Err(Error::not_found("order", &request.id)) };
        let before = work.order.state();
        match before {
            OrderState::Cancelling | OrderState::Cancelled => return Ok(work.order),
            OrderState::Failed => return Err(wrong_state(before)),
            _ => {}
        }
        work.order.set_state(OrderState::Cancelling);
        work.order.cancel_reason.clone_from(&request.reason);
        let order = cx.put(work.order, &["state", "cancel_reason"]).await?;
        if before == OrderState::Completed {
            saga::start(cx, &order.id, SagaKind::CancelOrder).await?;
            return Ok(order);
        }
        // A saga that goes back goes on so. Past its pivot it goes on to its end, and the second one follows.
        if !machine::is_turned(&work.saga) && !machine::is_past_pivot(&work.saga) {
            machine::turn_back(&mut work.saga, &saga::called_off(request.reason));
        }
        // Saved in any case: its revision tells a run under way that the order has changed.
        saga::move_on(cx, &mut work.saga).await?;
        Ok(order)
    }

    async fn get_order_statistics(
        &self,
        cx: &mut Cx,
        request: GetOrderStatisticsRequest,
    ) -> Result<OrderStatistics> {
        statistics::report(cx, &request).await
    }

    async fn get_order_timeline(
        &self,
        cx: &mut Cx,
        request: GetOrderTimelineRequest,
    ) -> Result<GetOrderTimelineResponse> {
        let order: Order = cx.get(&request.id).await?;
        let id = Uuid::parse_str(&order.id).map_err(Error::internal)?;
        let query = sqlx::query_as::<_, (Uuid,)>("select id from sagas where order_id = $1 order by kind");
        let ids = cx.rows(query.bind(id)).await?;
        let ids: Vec<String> = ids.into_iter().map(|(id,)| id.to_string()).collect();
        Ok(GetOrderTimelineResponse { sagas: cx.batch_get(&ids).await? })
    }
}

/// The order that has this one's external reference already. Fails when that one has other content.
async fn placed_before(cx: &mut Cx, order: &Order, content: &[u8]) -> Result<Option<Order>> {
    let Some(reference) = &order.external_reference else { return Ok(None) };
    let query = sqlx::query_as::<_, (Uuid, Vec<u8>)>(
        "select order_id, content from placements where external_reference = $1",
    );
    let Some((earlier, earlier_content)) = cx.row(query.bind(reference)).await? else { return Ok(None) };
    if earlier_content != content {
        return Err(Error::already_exists("external_reference").with("order_id", earlier));
    }
    cx.get(&earlier.to_string()).await.map(Some)
}

/// Takes the order's external reference. False when somebody has just been quicker.
async fn claim_reference(cx: &mut Cx, order: &Order, content: &[u8]) -> Result<bool> {
    let Some(reference) = &order.external_reference else { return Ok(true) };
    let id = Uuid::parse_str(&order.id).map_err(Error::internal)?;
    let claim = sqlx::query(
        "insert into placements (external_reference, order_id, content) values ($1, $2, $3)
         on conflict (tenant_id, external_reference) do nothing",
    );
    Ok(cx.execute(claim.bind(reference).bind(id).bind(content)).await? == 1)
}

/// The tenant's next order number. Everybody who orders waits for its row, so that it is committed at once, and
/// not even the disk is waited for: what is lost in a crash is a number that no order has. Numbers may have gaps.
struct NextNumber;

impl Batched for NextNumber {
    type Answer = String;

    async fn answer<'a>(cx: &'a mut Cx, asked: &'a [&'a Self]) -> Result<Vec<String>> {
        let query = sqlx::query_as::<_, (i64,)>(
            "insert into order_numbers (last) select $1::bigint where set_config('synchronous_commit', 'off', true) = 'off'
             on conflict (tenant_id) do update set last = order_numbers.last + $1::bigint returning last",
        );
        let count = i64::try_from(asked.len()).map_err(Error::internal)?;
        let (last,) =
            cx.row(query.bind(count)).await?.ok_or_else(|| Error::internal("no order number was given"))?;
        Ok((last - count + 1..=last).map(|number| format!("SO-{number:06}")).collect())
    }
}

fn wrong_state(state: OrderState) -> Error {
    let name = state.as_str_name().trim_start_matches("ORDER_STATE_");
    Error::from(OrdersReason::OrderState).with("state", name)
}
