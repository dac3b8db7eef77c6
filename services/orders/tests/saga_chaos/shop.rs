//! An outside client of the mesh: it places and cancels orders, and sends again what got no answer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::catalog::v1::{CreateProductRequest, DeactivateProductRequest, Product};
use contracts::google::r#type as wire;
use contracts::identity::v1::auth_service_client::AuthServiceClient;
use contracts::identity::v1::{LoginRequest, SignUpRequest};
use contracts::inventory::v1::stock_move_service_client::StockMoveServiceClient;
use contracts::inventory::v1::{ReceiveStockLine, ReceiveStockRequest};
use contracts::orders::v1::order_service_client::OrderServiceClient;
use contracts::orders::v1::saga_service_client::SagaServiceClient;
use contracts::orders::v1::{
    BatchGetOrdersRequest, CancelOrderRequest, ListSagasRequest, OrderState, PlaceOrderLine,
    PlaceOrderRequest, RetrySagaRequest,
};
use futures::future::join_all;
use kit::{Currency, Decimal, Money};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::process::Life;

const EMAIL: &str = "owner@acme.example";
const PASSWORD: &str = "correct horse battery";
/// How many goods there are in the beginning: plenty, and a few that run out.
pub const PLENTY: i64 = 1_000_000;
pub const FEW: i64 = 60;
/// What cards do, as often as they stand here.
const CARDS: [&str; 12] = [
    "card_ok",
    "card_ok",
    "card_ok",
    "card_ok",
    "card_ok",
    "card_ok",
    "card_timeout",
    "card_timeout",
    "card_timeout_declined",
    "card_declined",
    "card_insufficient_funds",
    "card_capture_declined",
];
/// How long everything may take to come to its end.
const SETTLE_MAX: Duration = Duration::from_secs(240);

/// Sends the token.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        request.set_timeout(Duration::from_secs(5));
        Ok(request)
    }
}

/// What was asked for and is to become of it.
#[derive(Debug, Clone)]
pub struct Wish {
    pub request: PlaceOrderRequest,
    pub id: Option<String>,
    /// Somebody was told that it is being cancelled.
    pub is_cancelled: bool,
}

pub struct Shop {
    channel: Channel,
    token: Bearer,
    logins: Instant,
    /// Products with what was there of each in the beginning.
    pub products: Vec<(String, i64)>,
    /// By external reference.
    pub wishes: BTreeMap<String, Wish>,
    /// Orders that are under way as far as is known, and those that are complete.
    open: BTreeSet<String>,
    complete: BTreeSet<String>,
}

fn connect(life: &Life) -> Channel {
    Endpoint::from_shared(format!("http://{}", life.address())).expect("an address").connect_lazy()
}

fn bearer(token: &str) -> Bearer {
    Bearer(format!("Bearer {token}").parse().expect("tokens are ASCII"))
}

fn eur(minor: i64) -> Option<wire::Money> {
    Some(Money::new(minor, Currency::parse("EUR", "c").unwrap()).into())
}

impl Shop {
    /// Signs up, and lays in goods.
    pub async fn open(life: &Life) -> Self {
        let channel = connect(life);
        let request = SignUpRequest {
            company_name: "Acme".to_owned(),
            slug: "acme".to_owned(),
            email: EMAIL.to_owned(),
            password: PASSWORD.to_owned(),
            display_name: "Owner".to_owned(),
            base_currency: "EUR".to_owned(),
        };
        let answer = AuthServiceClient::new(channel.clone()).sign_up(request).await.unwrap().into_inner();
        let mut shop = Self {
            channel,
            token: bearer(&answer.tokens.unwrap().access_token),
            logins: Instant::now(),
            products: Vec::new(),
            wishes: BTreeMap::new(),
            open: BTreeSet::new(),
            complete: BTreeSet::new(),
        };
        for (sku, price, on_hand) in
            [("TEA", 999, PLENTY), ("CUP", 1_250, PLENTY), ("RARE", 50_000, FEW), ("GONE", 5, FEW)]
        {
            let id = shop.product(sku, price, on_hand).await;
            shop.products.push((id, on_hand));
        }
        let request = DeactivateProductRequest { id: shop.products[3].0.clone(), ..Default::default() };
        shop.client(ProductServiceClient::with_interceptor).deactivate_product(request).await.unwrap();
        shop
    }

    /// A generated client: `shop.client(OrderServiceClient::with_interceptor)`.
    pub fn client<C>(&self, new: impl FnOnce(Channel, Bearer) -> C) -> C {
        new(self.channel.clone(), self.token.clone())
    }

    async fn product(&self, sku: &str, price: i64, on_hand: i64) -> String {
        let product = Product {
            sku: sku.to_owned(),
            name: sku.to_owned(),
            price: eur(price),
            unit: "piece".to_owned(),
            ..Product::default()
        };
        let request = CreateProductRequest { product: Some(product), ..Default::default() };
        let mut products = self.client(ProductServiceClient::with_interceptor);
        let id = products.create_product(request).await.unwrap().into_inner().id;
        let quantity = Some(Decimal::from(on_hand).into());
        let line = ReceiveStockLine { product_id: id.clone(), quantity, unit_cost: eur(100) };
        testkit::eventually("a warehouse", || async {
            let request = ReceiveStockRequest { lines: vec![line.clone()], ..Default::default() };
            self.client(StockMoveServiceClient::with_interceptor).receive_stock(request).await.ok()
        })
        .await;
        id
    }

    /// From here on this process is meant.
    pub async fn move_to(&mut self, life: &Life) {
        self.channel = connect(life);
        if self.logins.elapsed() < Duration::from_secs(240) {
            return;
        }
        let request = LoginRequest {
            email: EMAIL.to_owned(),
            password: PASSWORD.to_owned(),
            tenant_slug: "acme".to_owned(),
        };
        // A process that dies early is as good as another one for this: the next life is asked then.
        if let Ok(answer) = AuthServiceClient::new(self.channel.clone()).login(request).await {
            self.token = bearer(&answer.into_inner().tokens.unwrap().access_token);
            self.logins = Instant::now();
        }
    }

    /// Places three new orders, and again those of which nobody knows whether they were taken.
    pub async fn order_some(&mut self, rng: &mut StdRng) {
        for _ in 0..3 {
            let reference = format!("chaos-{}", self.wishes.len());
            let (product, _) = match rng.random_range(0..10) {
                0 => &self.products[3],
                1 | 2 => &self.products[2],
                3..6 => &self.products[1],
                _ => &self.products[0],
            };
            let line = PlaceOrderLine {
                product_id: product.clone(),
                quantity: Some(Decimal::from(rng.random_range(1..=3)).into()),
                unit_price: rng.random_bool(0.3).then(|| eur(rng.random_range(1..2_000))).flatten(),
                discount: rng.random_bool(0.3).then(|| Decimal::new(rng.random_range(1..90), 2).into()),
            };
            let request = PlaceOrderRequest {
                account_id: testkit::request_id(),
                lines: vec![line],
                currency_code: "EUR".to_owned(),
                freight: rng.random_bool(0.5).then(|| eur(490)).flatten(),
                payment_method: CARDS.choose(rng).expect("there are cards").to_string(),
                external_reference: Some(reference.clone()),
                ..PlaceOrderRequest::default()
            };
            self.wishes.insert(reference, Wish { request, id: None, is_cancelled: false });
        }
        self.place_open_wishes().await;
    }

    async fn place_open_wishes(&mut self) {
        let open: Vec<_> = self.wishes.iter().filter(|(_, wish)| wish.id.is_none()).collect();
        let answers = join_all(open.into_iter().map(|(reference, wish)| async {
            let mut orders = self.client(OrderServiceClient::with_interceptor);
            (reference.clone(), orders.place_order(wish.request.clone()).await)
        }))
        .await;
        for (reference, answer) in answers {
            match answer {
                Ok(order) => {
                    let id = order.into_inner().id;
                    self.open.insert(id.clone());
                    self.wishes.get_mut(&reference).expect("it was asked for").id = Some(id);
                }
                Err(status) => assert_outage(&status),
            }
        }
    }

    /// Cancels an order that has just been placed, wherever its saga is.
    pub async fn cancel_a_new_one(&mut self, rng: &mut StdRng) {
        let open: Vec<String> = self.open.iter().rev().take(3).cloned().collect();
        if let Some(id) = open.choose(rng) {
            self.cancel(id.clone()).await;
        }
    }

    /// Cancels an order that is paid and invoiced.
    pub async fn cancel_a_complete_one(&mut self, rng: &mut StdRng) {
        let complete: Vec<String> = self.complete.iter().cloned().collect();
        if let Some(id) = complete.choose(rng) {
            self.cancel(id.clone()).await;
        }
    }

    async fn cancel(&mut self, id: String) {
        let request = CancelOrderRequest { id: id.clone(), ..CancelOrderRequest::default() };
        let answer = self.client(OrderServiceClient::with_interceptor).cancel_order(request).await;
        // Without an answer it may have been cancelled or not.
        self.complete.remove(&id);
        self.open.insert(id.clone());
        match answer {
            Ok(_) => {
                let wish = self.wishes.values_mut().find(|wish| wish.id.as_ref() == Some(&id));
                wish.expect("only what was wished is cancelled").is_cancelled = true;
            }
            Err(status) if status.code() == Code::FailedPrecondition => {}
            Err(status) => assert_outage(&status),
        }
    }

    /// Whether all orders have come to their end, as far as this process tells.
    pub async fn is_quiet(&mut self) -> bool {
        if self.wishes.values().any(|wish| wish.id.is_none()) {
            self.place_open_wishes().await;
        }
        let ids: Vec<String> = self.open.iter().cloned().collect();
        if ids.is_empty() {
            return true;
        }
        let request = BatchGetOrdersRequest { ids };
        let answer = self.client(OrderServiceClient::with_interceptor).batch_get_orders(request).await;
        let orders = match answer {
            Ok(answer) => answer.into_inner().orders,
            Err(status) => {
                assert_outage(&status);
                return false;
            }
        };
        for order in orders {
            use OrderState::{Cancelled, Completed, Failed};
            if matches!(order.state(), Cancelled | Completed | Failed) {
                self.open.remove(&order.id);
            }
            if order.state() == Completed {
                self.complete.insert(order.id);
            }
        }
        self.open.is_empty()
    }

    /// Waits until every order has come to its end. Sagas that need a person are tried again by one.
    pub async fn settle(&mut self) {
        let begun = Instant::now();
        while !(self.is_quiet().await && self.wishes.values().all(|wish| wish.id.is_some())) {
            self.retry_stuck().await;
            assert!(begun.elapsed() < SETTLE_MAX, "orders don't end: {:?}", self.open);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn retry_stuck(&self) {
        let mut sagas = self.client(SagaServiceClient::with_interceptor);
        let request = ListSagasRequest { filter: "state = STUCK".to_owned(), ..ListSagasRequest::default() };
        let Ok(stuck) = sagas.list_sagas(request).await else { return };
        for saga in stuck.into_inner().sagas {
            println!("stuck: {} {}", saga.failure_reason, saga.failure_message);
            let _ = sagas.retry_saga(RetrySagaRequest { id: saga.id, ..RetrySagaRequest::default() }).await;
        }
    }
}

/// A process that is killed gives no answer, and a bad answer is none of these.
fn assert_outage(status: &Status) {
    let outage = [Code::Unavailable, Code::Unknown, Code::Cancelled, Code::DeadlineExceeded, Code::Internal];
    assert!(outage.contains(&status.code()), "{status:?}");
}
