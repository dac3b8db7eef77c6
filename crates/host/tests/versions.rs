//! Which version of the other services a call is sent to.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::sync::{Arc, Mutex};

use contracts::crm::v1::ListAccountsRequest;
use contracts::crm::v1::account_service_client::AccountServiceClient;
use http::HeaderMap;
use sqlx::postgres::PgPoolOptions;
use store::{Access, BoxFuture, Call, CallError, Caller, Channel, Env, Method, Peers};

static ASKED: Method = Method {
    path: "/erp.test.v1.TestService/Ask",
    access: Access::Public,
    mutating: false,
    read_permissions: &[],
};
const CHOICES: [&str; 2] = ["x-service-version", "x-tenant-type"];

/// Peers that answer nothing, and keep with which headers they were called.
#[derive(Default)]
struct Ears(Arc<Mutex<Vec<HeaderMap>>>);

impl Peers for Ears {
    fn channel(&self) -> Channel {
        let heard = self.0.clone();
        Channel::new(tower::service_fn(move |request: http::Request<tonic::body::Body>| {
            heard.lock().unwrap().push(request.headers().clone());
            async { Err::<http::Response<tonic::body::Body>, _>(CallError::new("nobody is there")) }
        }))
    }

    fn named(&self, _: &str) -> Option<Channel> {
        Some(self.channel())
    }

    fn token(&self) -> BoxFuture<'_, kit::Result<String>> {
        Box::pin(async { Ok("token".to_owned()) })
    }
}

/// What a peer is told of [`CHOICES`] by a handler whose caller said this.
async fn told(said: &[(&'static str, &str)]) -> [Option<String>; 2] {
    let heard = Arc::default();
    // Nothing is read or written, so that no database is asked.
    let pool = PgPoolOptions::new().connect_lazy("postgres://nobody@127.0.0.1:1/nothing").unwrap();
    let env = Env::new("test", pool, Arc::new(Ears(Arc::clone(&heard))));
    let mut request = tonic::Request::new(ListAccountsRequest::default());
    for (name, value) in said {
        request.metadata_mut().insert(*name, value.parse().unwrap());
    }
    request.extensions_mut().insert(Caller::anonymous());
    let (mut call, asked) = Call::open(&env, &ASKED, request).await.unwrap();
    let mut accounts = call.cx().peer(AccountServiceClient::new).await.unwrap();
    accounts.list_accounts(asked).await.unwrap_err();
    let heard = heard.lock().unwrap();
    let [headers] = heard.as_slice() else { panic!("{} calls", heard.len()) };
    assert!(headers.contains_key("x-request-id"), "{headers:?}");
    CHOICES.map(|name| headers.get(name).map(|value| value.to_str().unwrap().to_owned()))
}

#[tokio::test]
async fn who_chose_a_version_gets_it_of_all_services() {
    // A release that is tried at its first service alone is not tried: what that one calls is of the release before.
    let chosen = told(&[("x-service-version", "canary"), ("x-tenant-type", "early")]).await;
    assert_eq!(chosen, [Some("canary".to_owned()), Some("early".to_owned())]);
    assert_eq!(told(&[("x-tenant-type", "early")]).await, [None, Some("early".to_owned())]);
    assert_eq!(told(&[]).await, [None, None]);
}
