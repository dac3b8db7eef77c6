//! What the tests of identity share.

use std::fmt::Debug;

use contracts::identity::v1::auth_service_client::AuthServiceClient;
use contracts::identity::v1::{
    GetCurrentUserRequest, LoginRequest, LoginResponse, RefreshTokenRequest, SignUpRequest, SignUpResponse,
    TokenPair,
};
use kit::Error;
use store::Channel;
use testkit::Mesh;
use tonic::{Request, Response, Status};

pub const PASSWORD: &str = "blue tram under the bridge";

pub fn auth(mesh: &Mesh) -> AuthServiceClient<Channel> {
    AuthServiceClient::new(mesh.channel())
}

/// The request in the name of a token.
pub fn signed<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// Why a call failed.
pub fn refusal<T: Debug>(answer: Result<Response<T>, Status>) -> Error {
    answer.expect_err("the call must fail").into()
}

pub fn founding(slug: &str, email: &str) -> SignUpRequest {
    SignUpRequest {
        company_name: format!("{slug} Ltd"),
        slug: slug.to_owned(),
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        display_name: String::new(),
        base_currency: "EUR".to_owned(),
    }
}

pub async fn sign_up(mesh: &Mesh, slug: &str, email: &str) -> SignUpResponse {
    auth(mesh).sign_up(founding(slug, email)).await.unwrap().into_inner()
}

pub async fn login(mesh: &Mesh, email: &str, password: &str) -> Result<Response<LoginResponse>, Status> {
    login_to(mesh, email, password, "").await
}

pub async fn login_to(
    mesh: &Mesh,
    email: &str,
    password: &str,
    slug: &str,
) -> Result<Response<LoginResponse>, Status> {
    let request =
        LoginRequest { email: email.to_owned(), password: password.to_owned(), tenant_slug: slug.to_owned() };
    auth(mesh).login(request).await
}

/// Signs in and returns the tokens.
pub async fn tokens(mesh: &Mesh, email: &str, password: &str) -> TokenPair {
    login(mesh, email, password).await.unwrap().into_inner().tokens.unwrap()
}

pub async fn refresh(mesh: &Mesh, token: &str) -> Result<TokenPair, Error> {
    let request = RefreshTokenRequest { refresh_token: token.to_owned() };
    let answer = auth(mesh).refresh_token(request).await?;
    Ok(answer.into_inner().tokens.unwrap())
}

/// What the holder of a token may do.
pub async fn permissions(mesh: &Mesh, token: &str) -> Vec<String> {
    auth(mesh)
        .get_current_user(signed(token, GetCurrentUserRequest {}))
        .await
        .unwrap()
        .into_inner()
        .permissions
}

/// How many events of a type identity wrote, whether or not they were published since.
pub async fn events(mesh: &Mesh, event_type: &str) -> i64 {
    let mut database = mesh.look_into("identity").await;
    let query = sqlx::query_scalar("select count(*) from tessera.outbox where event_type = $1");
    query.bind(event_type).fetch_one(&mut database).await.unwrap()
}
