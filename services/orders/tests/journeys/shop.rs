//! A tenant with goods to sell, and a look at what all services hold of an order.

use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::catalog::v1::{CreateProductRequest, Product};
use contracts::finance::v1::invoice_service_client::InvoiceServiceClient;
use contracts::finance::v1::report_service_client::ReportServiceClient;
use contracts::finance::v1::{GetTrialBalanceRequest, Invoice, ListInvoicesRequest};
use contracts::google::r#type as wire;
use contracts::inventory::v1::reservation_service_client::ReservationServiceClient;
use contracts::inventory::v1::stock_level_service_client::StockLevelServiceClient;
use contracts::inventory::v1::stock_move_service_client::StockMoveServiceClient;
use contracts::inventory::v1::{
    ListReservationsRequest, ListStockLevelsRequest, ReceiveStockLine, ReceiveStockRequest, Reservation,
};
use contracts::orders::v1::order_service_client::OrderServiceClient;
use contracts::orders::v1::{
    CancelOrderRequest, GetOrderRequest, GetOrderTimelineRequest, Order, OrderState, PlaceOrderLine,
    PlaceOrderRequest, Saga, SagaStep, SagaStepName,
};
use contracts::payments::v1::payment_intent_service_client::PaymentIntentServiceClient;
use contracts::payments::v1::{ListPaymentIntentsRequest, PaymentIntent};
use kit::{Currency, Decimal, Money};
use sqlx::PgConnection;
use testkit::{Mesh, Party, Transport, eventually};

/// A tenant that sells.
pub struct Shop {
    pub mesh: Mesh,
    pub acme: Party,
    pub account: String,
}

/// An amount of euros in cents.
pub fn eur(minor: i64) -> Option<wire::Money> {
    Some(Money::new(minor, Currency::parse("EUR", "c").unwrap()).into())
}

/// Cents of an amount.
pub fn cents(money: Option<&wire::Money>) -> i64 {
    money.map_or(0, |money| money.to_money("amount").unwrap().minor)
}

/// A decimal number.
pub fn number(text: &str) -> Option<wire::Decimal> {
    Some(wire::Decimal { value: text.to_owned() })
}

/// A line without agreed price.
pub fn line(product_id: &str, quantity: &str) -> PlaceOrderLine {
    PlaceOrderLine {
        product_id: product_id.to_owned(),
        quantity: number(quantity),
        ..PlaceOrderLine::default()
    }
}

impl Shop {
    /// A mesh of all that orders need, and a tenant in it.
    pub async fn open() -> Self {
        Self::open_with(testkit::Options::default()).await
    }

    /// The same on another event log, say.
    pub async fn open_with(options: testkit::Options) -> Self {
        let services = vec![
            catalog::service(),
            inventory::service(),
            payments::service(),
            finance::service(),
            orders::service(),
        ];
        let mesh = Mesh::start_with(services, options).await;
        let acme = mesh.sign_up("acme").await;
        Self { mesh, acme, account: testkit::request_id() }
    }

    /// A product at a price, with this many on hand.
    pub async fn product(&self, sku: &str, price: i64, on_hand: i64) -> String {
        let product = Product {
            sku: sku.to_owned(),
            name: format!("Best {sku}"),
            price: eur(price),
            unit: "piece".to_owned(),
            ..Product::default()
        };
        let request = CreateProductRequest { product: Some(product), ..CreateProductRequest::default() };
        let product = self.acme.client(ProductServiceClient::new).create_product(request).await.unwrap();
        let id = product.into_inner().id;
        if on_hand > 0 {
            self.receive(&id, on_hand).await;
        }
        id
    }

    async fn receive(&self, product_id: &str, quantity: i64) {
        let line = ReceiveStockLine {
            product_id: product_id.to_owned(),
            quantity: Some(Decimal::from(quantity).into()),
            unit_cost: eur(100),
        };
        // A new tenant's first warehouse comes by an event.
        eventually("a warehouse", || async {
            let request = ReceiveStockRequest { lines: vec![line.clone()], ..ReceiveStockRequest::default() };
            self.acme.client(StockMoveServiceClient::new).receive_stock(request).await.ok()
        })
        .await;
    }

    /// A request of one line.
    pub fn request(&self, product_id: &str, quantity: &str, card: &str) -> PlaceOrderRequest {
        PlaceOrderRequest {
            account_id: self.account.clone(),
            lines: vec![line(product_id, quantity)],
            currency_code: "EUR".to_owned(),
            payment_method: card.to_owned(),
            ..PlaceOrderRequest::default()
        }
    }

    /// The orders' API.
    pub fn orders(&self) -> OrderServiceClient<Transport> {
        self.acme.client(OrderServiceClient::new)
    }

    /// Places an order.
    pub async fn place(&self, request: PlaceOrderRequest) -> Order {
        self.orders().place_order(request).await.unwrap().into_inner()
    }

    /// Places an order of one line and waits for its end.
    pub async fn buy(&self, product_id: &str, quantity: &str, card: &str) -> Order {
        let order = self.place(self.request(product_id, quantity, card)).await;
        assert_eq!(order.state(), OrderState::Created);
        self.settled(&order.id).await
    }

    /// Cancels an order.
    pub async fn cancel(&self, id: &str) -> Order {
        let request = CancelOrderRequest {
            id: id.to_owned(),
            reason: "changed my mind".to_owned(),
            ..Default::default()
        };
        self.orders().cancel_order(request).await.unwrap().into_inner()
    }

    /// An order as it is.
    pub async fn order(&self, id: &str) -> Order {
        self.orders().get_order(GetOrderRequest { id: id.to_owned() }).await.unwrap().into_inner()
    }

    /// An order once it is in this state.
    pub async fn order_in(&self, id: &str, state: OrderState) -> Order {
        eventually(state.as_str_name(), || async {
            let order = self.order(id).await;
            (order.state() == state).then_some(order)
        })
        .await
    }

    /// An order once it has ended, and its goods have left if they do.
    pub async fn settled(&self, id: &str) -> Order {
        use OrderState::{Cancelled, Completed, Failed};
        eventually("the order's end", || async {
            let order = self.order(id).await;
            let reserved = self.levels_reserved().await;
            let ended = matches!(order.state(), Completed | Failed | Cancelled);
            (ended && reserved == Decimal::ZERO).then_some(order)
        })
        .await
    }

    /// The sagas of an order.
    pub async fn sagas(&self, id: &str) -> Vec<Saga> {
        let request = GetOrderTimelineRequest { id: id.to_owned() };
        self.orders().get_order_timeline(request).await.unwrap().into_inner().sagas
    }

    /// The first saga of an order once it is at this step.
    pub async fn saga_at(&self, order_id: &str, step: SagaStepName) -> Saga {
        eventually(step.as_str_name(), || async {
            let saga = self.sagas(order_id).await.swap_remove(0);
            (saga.current_step() == step).then_some(saga)
        })
        .await
    }

    /// On hand and reserved of a product.
    pub async fn level(&self, product_id: &str) -> (Decimal, Decimal) {
        let filter = format!("product_id = \"{product_id}\"");
        let request = ListStockLevelsRequest { filter, ..ListStockLevelsRequest::default() };
        let levels = self.acme.client(StockLevelServiceClient::new).list_stock_levels(request).await.unwrap();
        let level = levels.into_inner().stock_levels.into_iter().next().unwrap_or_default();
        let value = |number: &Option<wire::Decimal>| {
            number.as_ref().map_or(Decimal::ZERO, |number| number.to_decimal("level").unwrap())
        };
        (value(&level.on_hand), value(&level.reserved))
    }

    async fn levels_reserved(&self) -> Decimal {
        let request = ListStockLevelsRequest { page_size: 1_000, ..ListStockLevelsRequest::default() };
        let levels = self.acme.client(StockLevelServiceClient::new).list_stock_levels(request).await.unwrap();
        let reserved = levels.into_inner().stock_levels.into_iter().filter_map(|level| level.reserved);
        reserved.map(|number| number.to_decimal("reserved").unwrap()).sum()
    }

    /// The payments for an order.
    pub async fn intents(&self, order_id: &str) -> Vec<PaymentIntent> {
        let filter = format!("source_id = \"{order_id}\"");
        let request = ListPaymentIntentsRequest { filter, ..ListPaymentIntentsRequest::default() };
        let mut client = self.acme.client(PaymentIntentServiceClient::new);
        client.list_payment_intents(request).await.unwrap().into_inner().payment_intents
    }

    /// The reservations for an order.
    pub async fn reservations(&self, order_id: &str) -> Vec<Reservation> {
        let filter = format!("source_id = \"{order_id}\"");
        let request = ListReservationsRequest { filter, ..ListReservationsRequest::default() };
        let mut client = self.acme.client(ReservationServiceClient::new);
        client.list_reservations(request).await.unwrap().into_inner().reservations
    }

    /// The invoice and the credit note of an order.
    pub async fn invoices(&self, order_id: &str) -> Vec<Invoice> {
        let filter = format!("order_id = \"{order_id}\"");
        let request = ListInvoicesRequest { filter, ..ListInvoicesRequest::default() };
        let mut client = self.acme.client(InvoiceServiceClient::new);
        client.list_invoices(request).await.unwrap().into_inner().invoices
    }

    /// Fails unless debits and credits agree.
    pub async fn check_ledger(&self) {
        let request = GetTrialBalanceRequest::default();
        let trial = self.acme.client(ReportServiceClient::new).get_trial_balance(request).await.unwrap();
        assert_eq!(cents(trial.into_inner().difference.as_ref()), 0);
    }

    /// Locks a table of a service, which is to say that the service answers nothing that needs it.
    pub async fn block(&self, service: &str, table: &str) -> Blocked {
        let mut connection = self.mesh.look_into(service).await;
        sqlx::raw_sql("begin").execute(&mut connection).await.unwrap();
        let lock = format!("lock table {table} in access exclusive mode");
        sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&mut connection).await.unwrap();
        Blocked(connection)
    }

    /// Takes a table away, or gives it back: the service is broken meanwhile.
    pub async fn rename(&self, service: &str, from: &str, to: &str) {
        let mut connection = self.mesh.look_into(service).await;
        let rename = format!("alter table {from} rename to {to}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(rename)).execute(&mut connection).await.unwrap();
    }
}

/// A table that is locked until this goes.
pub struct Blocked(PgConnection);

impl Blocked {
    /// Unlocks it.
    pub async fn release(mut self) {
        sqlx::raw_sql("rollback").execute(&mut self.0).await.unwrap();
    }
}

/// A step by its name.
pub fn step(saga: &Saga, name: SagaStepName) -> &SagaStep {
    saga.steps.iter().find(|step| step.name() == name).unwrap()
}
