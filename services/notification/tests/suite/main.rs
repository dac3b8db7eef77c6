//! Notification through its API and its events, with a real mail server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod smtp;

use std::path::Path;

use contracts::google::r#type::{Date, Money};
use contracts::notification::v1::delivery_service_client::DeliveryServiceClient;
use contracts::notification::v1::template_service_client::TemplateServiceClient;
use contracts::notification::v1::{
    CreateTemplateRequest, Delivery, DeliveryState, GetDeliveryRequest, ListDeliveriesRequest,
    RenderTemplateRequest, RetryDeliveryRequest, SendNotificationRequest, Template,
};
use contracts::orders::v1::{OrderCompleted, OrderLine};
use futures::future::join_all;
use kit::{Duration, IdSource as _, UuidV7};
use notification::Mail;
use prost_types::Struct;
use prost_types::value::Kind;
use store::{Caller, Cx, Event, Meta};
use testkit::{Mesh, Party, eventually};
use tonic::{Code, Status};

fn id() -> String {
    UuidV7.new_id().to_string()
}

/// The mails in a folder by name.
fn mails_in(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect();
    files.sort();
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

async fn tell<E: Event>(mesh: &Mesh, tenant: &str, event: E) {
    let caller = Caller::service("orders", Some(kit::Uuid::parse_str(tenant).unwrap()));
    let mut cx = Cx::new(mesh.env("notification").clone(), caller, Meta::default());
    cx.emit(event).unwrap();
    cx.checkpoint().await.unwrap();
}

fn euros(units: i64) -> Option<Money> {
    Some(Money { currency_code: "EUR".to_owned(), units, nanos: 0 })
}

fn completed(email: &str) -> OrderCompleted {
    OrderCompleted {
        order_id: id(),
        order_number: "SO-2026-000042".to_owned(),
        order_date: Some(Date { year: 2026, month: 3, day: 9 }),
        currency_code: "EUR".to_owned(),
        lines: vec![OrderLine {
            name: "Gräddost".to_owned(),
            quantity: Some(kit::Decimal::TWO.into()),
            net_amount: euros(2_400),
            ..OrderLine::default()
        }],
        total: euros(2_400),
        customer_email: email.to_owned(),
        invoice_number: "INV-2026-000001".to_owned(),
        ..OrderCompleted::default()
    }
}

fn data(pairs: &[(&str, &str)]) -> Option<Struct> {
    let value = |text: &str| prost_types::Value { kind: Some(Kind::StringValue(text.to_owned())) };
    Some(Struct { fields: pairs.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect() })
}

async fn template(party: &Party, subject: &str) -> Result<Template, Status> {
    let template = Template {
        key: "greeting".to_owned(),
        locale: "en".to_owned(),
        subject: subject.to_owned(),
        body_text: "Hello {{ name }}".to_owned(),
        ..Template::default()
    };
    let request = CreateTemplateRequest { template: Some(template), request_id: String::new() };
    party.client(TemplateServiceClient::new).create_template(request).await.map(tonic::Response::into_inner)
}

fn greeting(recipient: &str, dedupe_key: &str) -> SendNotificationRequest {
    SendNotificationRequest {
        template_key: "greeting".to_owned(),
        recipient: recipient.to_owned(),
        data: data(&[("name", "Ann")]),
        dedupe_key: dedupe_key.to_owned(),
        ..SendNotificationRequest::default()
    }
}

async fn send(party: &Party, request: SendNotificationRequest) -> Result<Delivery, Status> {
    party.client(DeliveryServiceClient::new).send_notification(request).await.map(tonic::Response::into_inner)
}

async fn deliveries(party: &Party) -> Vec<Delivery> {
    let mut client = party.client(DeliveryServiceClient::new);
    client.list_deliveries(ListDeliveriesRequest::default()).await.unwrap().into_inner().deliveries
}

async fn reaches(party: &Party, id: &str, attempts: i32, state: DeliveryState) -> Delivery {
    eventually("the delivery", || async {
        let mut client = party.client(DeliveryServiceClient::new);
        let found = client.get_delivery(GetDeliveryRequest { id: id.to_owned() }).await.unwrap().into_inner();
        (found.attempts == attempts && found.state() == state).then_some(found)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_confirmed_once() {
    // However often the news comes, the customer gets one mail; without an address nobody gets one.
    let Some(server) = smtp::Server::start().await else { return };
    let mail = Mail::smtp(&server.url(), "Shop <shop@tessera.example>").unwrap();
    let mesh = Mesh::start(vec![notification::service(mail)]).await;
    let acme = mesh.sign_up("acme").await;
    // Until the news of the tenant has come, mails are from the shop itself.
    mesh.at_rest().await;
    let order = completed("jörg@kunde.example");
    for event in [completed(""), completed("nobody"), order.clone(), order.clone(), order.clone()] {
        tell(&mesh, acme.tenant_id(), event).await;
    }
    mesh.at_rest().await;
    let all = deliveries(&acme).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].dedupe_key, format!("order_confirmation:{}", order.order_id));
    reaches(&acme, &all[0].id, 1, DeliveryState::Sent).await;
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("From: acme <shop@tessera.example>"), "{}", mails[0]);
    assert!(mails[0].contains(&format!("Message-ID: <{}@tessera.example>", all[0].id)), "{}", mails[0]);
    assert!(mails[0].contains("multipart/alternative"), "{}", mails[0]);
    assert!(all[0].body_text.contains("2 x Gräddost: 2,400.00 EUR"), "{}", all[0].body_text);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_off_is_sent_later_and_what_is_refused_fails() {
    // 451 is tried again with growing pauses until it is taken; 550 fails at once and only a person retries it.
    let Some(server) = smtp::Server::start().await else { return };
    let mail = Mail::smtp(&server.url(), "shop@tessera.example").unwrap();
    let mesh = Mesh::start(vec![notification::service(mail)]).await;
    let acme = mesh.sign_up("acme").await;
    template(&acme, "Grüße für {{ name }} 🎉").await.unwrap();

    let busy = send(&acme, greeting("busy2-ann@example.com", "busy")).await.unwrap();
    let put_off = reaches(&acme, &busy.id, 1, DeliveryState::Queued).await;
    assert!(put_off.last_error.contains("Come back later"), "{}", put_off.last_error);
    mesh.advance(Duration::seconds(31));
    reaches(&acme, &busy.id, 2, DeliveryState::Queued).await;
    mesh.advance(Duration::seconds(61));
    let sent = reaches(&acme, &busy.id, 3, DeliveryState::Sent).await;
    assert!(sent.sent_time.is_some() && sent.last_error.is_empty());
    // RFC 2047: the server gets ASCII that says the same.
    let mails = server.mails();
    assert!(mails.len() == 1 && mails[0].contains("Subject: =?utf-8?b?"), "{mails:?}");

    let refused = send(&acme, greeting("refused-bob@example.com", "refused")).await.unwrap();
    let failed = reaches(&acme, &refused.id, 1, DeliveryState::Failed).await;
    assert!(failed.last_error.contains("nobody of this name"), "{}", failed.last_error);
    let mut client = acme.client(DeliveryServiceClient::new);
    let retry = |id: &str| RetryDeliveryRequest { id: id.to_owned(), ..RetryDeliveryRequest::default() };
    let queued = client.retry_delivery(retry(&refused.id)).await.unwrap().into_inner();
    assert_eq!(queued.state(), DeliveryState::Queued);
    reaches(&acme, &refused.id, 1, DeliveryState::Failed).await;
    let wrong = kit::Error::from(client.retry_delivery(retry(&busy.id)).await.unwrap_err());
    assert_eq!(wrong.reason(), "NOT_FAILED");
    assert_eq!(server.mails().len(), 1);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_loses_nothing() {
    // Without a server mails wait, and a day later they are given up with the reason.
    let mail = Mail::smtp("smtp://127.0.0.1:1", "shop@tessera.example").unwrap();
    let mesh = Mesh::start(vec![notification::service(mail)]).await;
    let acme = mesh.sign_up("acme").await;
    template(&acme, "Hello").await.unwrap();
    let waiting = send(&acme, greeting("ann@example.com", "away")).await.unwrap();
    // The clock runs past the life of every token, so that the table is looked into.
    let admin = tokio::sync::Mutex::new(mesh.look_into("notification").await);
    let id = kit::Uuid::parse_str(&waiting.id).unwrap();
    for attempts in 1..=19 {
        let expected = if attempts < 19 { DeliveryState::Queued } else { DeliveryState::Failed };
        let error = eventually("the next attempt", || async {
            let query = "select state, last_error from deliveries where id = $1 and attempts = $2";
            let query = sqlx::query_as::<_, (i32, String)>(query).bind(id).bind(attempts);
            let row = query.fetch_optional(&mut *admin.lock().await).await.unwrap();
            row.filter(|(state, _)| *state == i32::from(expected)).map(|(_, error)| error)
        })
        .await;
        assert!(!error.is_empty());
        mesh.advance(Duration::hours(2));
    }
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_thing_is_told_once() {
    // Ten calls at once about one thing make one delivery and one file; other tenants have theirs.
    let folder = tempfile::tempdir().unwrap();
    let mesh = Mesh::start(vec![notification::service(Mail::Folder(folder.path().to_owned()))]).await;
    let (acme, other) = (mesh.sign_up("acme").await, mesh.sign_up("other").await);
    template(&acme, "Hello\u{7f} {{ name }}").await.unwrap();
    template(&other, "Hello {{ name }}").await.unwrap();
    let calls = join_all((0..10).map(|_| send(&acme, greeting("ann@example.com", "once")))).await;
    let first = calls[0].as_ref().unwrap().clone();
    assert!(calls.iter().all(|call| call.as_ref().unwrap().id == first.id));
    let theirs = send(&other, greeting("ann@example.com", "once")).await.unwrap();
    assert_ne!(theirs.id, first.id);
    let mut client = other.client(DeliveryServiceClient::new);
    let hidden = client.get_delivery(GetDeliveryRequest { id: first.id.clone() }).await;
    assert_eq!(hidden.unwrap_err().code(), Code::NotFound);
    reaches(&acme, &first.id, 1, DeliveryState::Sent).await;
    reaches(&other, &theirs.id, 1, DeliveryState::Sent).await;
    let mails = mails_in(folder.path());
    assert_eq!(mails.len(), 2);
    assert!(folder.path().join(format!("{}.eml", first.id)).exists());
    assert!(mails.iter().all(|mail| mail.contains("Subject: Hello Ann\r\n")), "{mails:?}");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_tell_what_is_wrong() {
    // A broken text is refused when it is written, a missing value when it is filled, an unknown key always.
    let folder = tempfile::tempdir().unwrap();
    let mesh = Mesh::start(vec![notification::service(Mail::Folder(folder.path().to_owned()))]).await;
    let acme = mesh.sign_up("acme").await;
    let reason = |status: Status| kit::Error::from(status).reason().to_owned();
    assert_eq!(reason(template(&acme, "{{ name").await.unwrap_err()), "TEMPLATE_BROKEN");
    let written = template(&acme, "Hello {{ name }}").await.unwrap();
    assert_eq!(template(&acme, "again").await.unwrap_err().code(), Code::AlreadyExists);
    let mut client = acme.client(TemplateServiceClient::new);
    let render = |data| RenderTemplateRequest { id: written.id.clone(), data };
    let filled = client.render_template(render(data(&[("name", "Ann")]))).await.unwrap().into_inner();
    assert_eq!(filled.subject, "Hello Ann");
    assert_eq!(reason(client.render_template(render(None)).await.unwrap_err()), "TEMPLATE_BROKEN");
    let unknown =
        SendNotificationRequest { template_key: "none".to_owned(), ..greeting("a@example.com", "k") };
    assert_eq!(reason(send(&acme, unknown).await.unwrap_err()), "TEMPLATE_UNKNOWN");
    assert!(deliveries(&acme).await.is_empty());
    let reader = acme.user_with(&["notification.templates.read"]).await;
    assert_eq!(template(&reader, "Hello").await.unwrap_err().code(), Code::PermissionDenied);
    mesh.stop().await;
}
