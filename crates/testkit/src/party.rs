//! Somebody who calls: a token, and clients that send it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use contracts::identity::v1::auth_service_client::AuthServiceClient;
use contracts::identity::v1::role_service_client::RoleServiceClient;
use contracts::identity::v1::user_service_client::UserServiceClient;
use contracts::identity::v1::{CreateRoleRequest, CreateUserRequest, LoginRequest, Role, User};
use http::header::{AUTHORIZATION, HeaderValue};
use store::{BoxFuture, CallError, Channel};
use tonic::body::Body;
use tower::Service;

/// Somebody who calls.
#[derive(Clone)]
pub struct Party {
    channel: Channel,
    token: String,
    slug: String,
    tenant_id: String,
    users: Arc<AtomicU32>,
}

impl Party {
    pub(crate) fn new(channel: Channel, token: String, slug: String, tenant_id: String) -> Self {
        Self { channel, token, slug, tenant_id, users: Arc::default() }
    }

    /// A generated client that sends the token: `acme.client(AccountServiceClient::new)`.
    pub fn client<C>(&self, new: impl FnOnce(Transport) -> C) -> C {
        new(Transport { channel: self.channel.clone(), token: self.token.clone() })
    }

    /// Another user of the tenant, who holds only these permissions.
    pub async fn user_with(&self, permissions: &[&str]) -> Party {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        let role = Role {
            name: format!("role {number}"),
            permissions: permissions.iter().map(|name| (*name).to_owned()).collect(),
            ..Role::default()
        };
        let request = CreateRoleRequest { role: Some(role), request_id: String::new() };
        let role = self.client(RoleServiceClient::new).create_role(request).await.expect("roles can be made");
        let (email, password) =
            (format!("user{number}@{}.example", self.slug), "a password of some length".to_owned());
        let user = User {
            email: email.clone(),
            display_name: format!("User {number}"),
            role_ids: vec![role.into_inner().id],
            ..User::default()
        };
        let request =
            CreateUserRequest { user: Some(user), password: password.clone(), ..Default::default() };
        self.client(UserServiceClient::new).create_user(request).await.expect("users can be made");
        let request = LoginRequest { email, password, tenant_slug: self.slug.clone() };
        let answer = AuthServiceClient::new(self.channel.clone()).login(request).await.expect("login works");
        let token = answer.into_inner().tokens.expect("login gives tokens").access_token;
        Party { token, ..self.clone() }
    }

    /// The same with another token.
    #[must_use]
    pub fn with_token(self, token: &str) -> Party {
        Party { token: token.to_owned(), ..self }
    }

    /// The tenant's slug.
    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// The tenant's id.
    pub fn tenant_id(&self) -> &str {
        &self.tenant_id
    }

    /// The access token.
    pub fn token(&self) -> &str {
        &self.token
    }
}

/// What a party's clients are built on.
#[derive(Clone)]
pub struct Transport {
    channel: Channel,
    token: String,
}

impl Service<http::Request<Body>> for Transport {
    type Response = http::Response<Body>;
    type Error = CallError;
    type Future = BoxFuture<'static, Result<Self::Response, CallError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        self.channel.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        if !self.token.is_empty() {
            let bearer = HeaderValue::from_str(&format!("Bearer {}", self.token)).expect("tokens are ASCII");
            request.headers_mut().insert(AUTHORIZATION, bearer);
        }
        // The clone that was polled ready must be the one that is called.
        let ready = self.channel.clone();
        let mut channel = std::mem::replace(&mut self.channel, ready);
        Box::pin(async move { channel.call(request).await })
    }
}
