//! A mesh with one tenant, and short words for what tests do again and again.

use contracts::payments::v1::payment_intent_service_client::PaymentIntentServiceClient;
use contracts::payments::v1::{
    AuthorizePaymentRequest, CapturePaymentRequest, GetPaymentIntentRequest, PaymentIntent,
    RefundPaymentRequest, SyncPaymentRequest, VoidPaymentRequest,
};
use kit::{Currency, Error, Money, Result};
use testkit::{Mesh, Party};

pub async fn start() -> (Mesh, Party) {
    let mesh = Mesh::start(vec![payments::service()]).await;
    let acme = mesh.sign_up("acme").await;
    (mesh, acme)
}

pub fn eur(minor: i64) -> contracts::google::r#type::Money {
    Money::new(minor, Currency::parse("EUR", "c").unwrap()).into()
}

pub fn minor(value: Option<&contracts::google::r#type::Money>) -> i64 {
    value.map_or(0, |money| money.to_money("money").unwrap().minor)
}

pub async fn authorize(party: &Party, source: &str, amount: i64, method: &str) -> Result<PaymentIntent> {
    let request = AuthorizePaymentRequest {
        source_id: source.to_owned(),
        amount: Some(eur(amount)),
        payment_method: method.to_owned(),
        request_id: String::new(),
    };
    Ok(party.client(PaymentIntentServiceClient::new).authorize_payment(request).await?.into_inner())
}

/// What can be done with an intent by its id; amounts in cents, none for all there is.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    Get,
    Capture(Option<i64>),
    Void,
    Refund(Option<i64>),
    Sync,
}

pub async fn act(party: &Party, act: Act, id: &str) -> Result<PaymentIntent> {
    act_as(party, act, id, "").await
}

/// The same under an id of the caller's.
pub async fn act_as(party: &Party, act: Act, id: &str, request_id: &str) -> Result<PaymentIntent> {
    let mut api = party.client(PaymentIntentServiceClient::new);
    let (id, request_id) = (id.to_owned(), request_id.to_owned());
    let answer = match act {
        Act::Get => api.get_payment_intent(GetPaymentIntentRequest { id }).await,
        Act::Capture(amount) => {
            let amount = amount.map(eur);
            api.capture_payment(CapturePaymentRequest { id, amount, request_id }).await
        }
        Act::Void => api.void_payment(VoidPaymentRequest { id, request_id }).await,
        Act::Refund(amount) => {
            let (amount, memo) = (amount.map(eur), String::new());
            api.refund_payment(RefundPaymentRequest { id, amount, memo, request_id }).await
        }
        Act::Sync => api.sync_payment(SyncPaymentRequest { id, request_id }).await,
    };
    Ok(answer.map_err(Error::from)?.into_inner())
}

/// What the provider was asked to do, in order.
pub async fn asked(mesh: &Mesh) -> Vec<String> {
    let mut database = mesh.look_into("payments").await;
    sqlx::query_scalar("select key from simulator_requests order by create_time, key")
        .fetch_all(&mut database)
        .await
        .unwrap()
}

/// The types of the events that the service has written, in order.
pub async fn told(mesh: &Mesh) -> Vec<String> {
    let mut database = mesh.look_into("payments").await;
    sqlx::query_scalar("select event_type from tessera.outbox order by seq")
        .fetch_all(&mut database)
        .await
        .unwrap()
}
