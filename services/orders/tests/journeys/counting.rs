//! What a dashboard shows of orders.

use contracts::google::r#type::Date;
use contracts::orders::v1::{
    GetOrderStatisticsRequest, OrderState, OrderStatistics, PlaceOrderLine, PlaceOrderRequest,
};
use contracts::v1::Period;
use kit::Error;

use crate::shop::{Shop, cents, line};

fn day(month: i32, day: i32) -> Option<Date> {
    Some(Date { year: 2020, month, day })
}

async fn statistics(shop: &Shop, request: GetOrderStatisticsRequest) -> Result<OrderStatistics, Error> {
    Ok(shop.orders().get_order_statistics(request).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_counted_by_state_and_by_day() {
    // What was cancelled or failed is a state and no sale; days outside of what was asked do not count.
    let shop = Shop::open().await;
    let tea = shop.product("TEA", 1_000, 20).await;
    let on = |order_date: Option<Date>, quantity: &str, card: &str| PlaceOrderRequest {
        order_date,
        ..shop.request(&tea, quantity, card)
    };
    let mut ended = Vec::new();
    for request in [
        on(day(1, 31), "1", "card_ok"),
        on(day(2, 3), "2", "card_ok"),
        on(day(2, 3), "3", "card_declined"),
        on(day(2, 10), "4", "card_ok"),
    ] {
        let order = shop.place(request).await;
        ended.push(shop.settled(&order.id).await);
    }
    assert_eq!(ended[2].state(), OrderState::Failed);
    let dollars = PlaceOrderLine {
        unit_price: Some(contracts::google::r#type::Money {
            currency_code: "USD".to_owned(),
            units: 7,
            nanos: 0,
        }),
        ..line(&tea, "1")
    };
    let order = PlaceOrderRequest {
        lines: vec![dollars],
        currency_code: "USD".to_owned(),
        ..on(day(2, 4), "1", "card_ok")
    };
    let order = shop.place(order).await;
    shop.settled(&order.id).await;
    let cancelled = shop.place(on(day(2, 10), "5", "card_ok")).await;
    shop.settled(&cancelled.id).await;
    shop.cancel(&cancelled.id).await;
    shop.order_in(&cancelled.id, OrderState::Cancelled).await;

    let request =
        GetOrderStatisticsRequest { from_date: day(2, 2), to_date: day(2, 11), period: Period::Week.into() };
    let counted = statistics(&shop, request).await.unwrap();
    let states: Vec<_> = counted.states.iter().map(|one| (one.state(), one.order_count)).collect();
    assert_eq!(states, [(OrderState::Completed, 3), (OrderState::Cancelled, 1), (OrderState::Failed, 1)]);
    let codes: Vec<_> = counted.currencies.iter().map(|one| one.currency_code.as_str()).collect();
    assert_eq!(codes, ["EUR", "USD"]);
    let euros = &counted.currencies[0];
    assert_eq!((cents(euros.total.as_ref()), euros.order_count), (6_000, 2));
    let periods: Vec<_> = euros
        .periods
        .iter()
        .map(|one| (one.from_date, one.to_date, cents(one.total.as_ref()), one.order_count))
        .collect();
    let expected =
        [(day(2, 2), day(2, 2), 0, 0), (day(2, 3), day(2, 9), 2_000, 1), (day(2, 10), day(2, 11), 4_000, 1)];
    assert_eq!(periods, expected);

    let by_day = GetOrderStatisticsRequest { period: Period::Unspecified.into(), ..request };
    let by_day = statistics(&shop, by_day).await.unwrap();
    assert_eq!(by_day.currencies[0].periods.len(), 10);
    let turned = GetOrderStatisticsRequest { to_date: day(1, 31), ..request };
    assert_eq!(statistics(&shop, turned).await.unwrap_err().violations()[0].field, "to_date");
    let long =
        GetOrderStatisticsRequest { from_date: Some(Date { year: 2000, month: 1, day: 1 }), ..request };
    assert_eq!(statistics(&shop, long).await.unwrap_err().violations()[0].field, "to_date");

    shop.mesh.stop().await;
}
