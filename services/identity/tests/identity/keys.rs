use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use contracts::identity::v1::user_service_client::UserServiceClient;
use contracts::identity::v1::{
    GetCurrentUserRequest, GetJwksRequest, IdentityReason, IssueServiceTokenRequest, ListUsersRequest,
    LogoutAllRequest,
};
use kit::{Code, Duration};
use serde_json::Value;
use testkit::{Mesh, eventually};

use crate::support::{PASSWORD, auth, permissions, refusal, sign_up, signed, tokens};

async fn kids(mesh: &Mesh) -> Vec<String> {
    let keys = auth(mesh).get_jwks(GetJwksRequest {}).await.unwrap().into_inner().keys;
    keys.into_iter().map(|key| key.kid).collect()
}

fn part(token: &str, place: usize) -> Value {
    let text = token.split('.').nth(place).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

#[tokio::test]
async fn an_access_token_says_what_the_house_agreed_on() {
    // Every service reads it: kind, key, issuer, tenant, session, permissions and a quarter of an hour.
    let mesh = Mesh::start(vec![]).await;
    let answer = sign_up(&mesh, "acme", "ada@acme.example").await;
    let token = answer.tokens.unwrap().access_token;
    let (header, claims) = (part(&token, 0), part(&token, 1));
    assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("at+jwt"), Some("EdDSA")));
    assert_eq!(header["kid"].as_str(), kids(&mesh).await.first().map(String::as_str));
    assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some(host::ISSUER), Some(host::AUDIENCE)));
    assert_eq!(claims["tenant_id"].as_str().unwrap(), answer.tenant.unwrap().id);
    assert_eq!(claims["sub"].as_str().unwrap(), answer.user.unwrap().id);
    assert_eq!(claims["perms"], serde_json::json!(["*"]));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 15 * 60);
    // A changed token is no token.
    let mut forged: Vec<&str> = token.split('.').collect();
    let other = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string().replace("\"*\"", "\"**\""));
    forged[1] = &other;
    let refused =
        refusal(auth(&mesh).get_current_user(signed(&forged.join("."), GetCurrentUserRequest {})).await);
    assert_eq!(refused.code(), Code::Unauthenticated);
    mesh.stop().await;
}

#[tokio::test]
async fn keys_turn_without_anybody_noticing() {
    // The next key must be published before it signs, and the old one until its tokens are over.
    let mesh = Mesh::start(vec![]).await;
    sign_up(&mesh, "acme", "ada@acme.example").await;
    let before = kids(&mesh).await;
    assert_eq!(before.len(), 2);
    mesh.advance(Duration::days(30) + Duration::hours(2));
    let after = eventually("the keys turn", || async {
        mesh.advance(Duration::minutes(2));
        Some(kids(&mesh).await).filter(|kids| kids[0] != before[0])
    })
    .await;
    assert_eq!((after.len(), &after[0], &after[2]), (3, &before[1], &before[0]));
    let token = tokens(&mesh, "ada@acme.example", PASSWORD).await.access_token;
    assert_eq!(part(&token, 0)["kid"].as_str().unwrap(), after[0]);
    assert_eq!(permissions(&mesh, &token).await, ["*"]);
    eventually("the old key goes", || async {
        mesh.advance(Duration::minutes(20));
        (!kids(&mesh).await.contains(&before[0])).then_some(())
    })
    .await;
    mesh.stop().await;
}

#[tokio::test]
async fn a_service_calls_in_its_own_name() {
    // With its secret it gets a token for what it was granted, names the tenant of each call, and is no person.
    let clerk = host::Service::new("clerk", sqlx::migrate::Migrator::DEFAULT).calls(&["identity.users.read"]);
    let mesh = Mesh::start(vec![clerk]).await;
    let acme = mesh.sign_up("acme").await;
    let token = mesh.env("clerk").peers().token().await.unwrap();
    assert_eq!(part(&token, 1)["sub"], "service:clerk");
    let mut users = UserServiceClient::new(mesh.channel());
    let mut list = signed(&token, ListUsersRequest::default());
    list.metadata_mut().insert("x-tenant-id", acme.tenant_id().parse().unwrap());
    assert_eq!(users.list_users(list).await.unwrap().into_inner().users.len(), 1);
    let person = refusal(auth(&mesh).logout_all(signed(&token, LogoutAllRequest::default())).await);
    assert!(person.is(IdentityReason::NotAUser), "{person}");
    let mut delete = signed(
        &token,
        contracts::identity::v1::DeleteUserRequest { id: acme.tenant_id().to_owned(), ..Default::default() },
    );
    delete.metadata_mut().insert("x-tenant-id", acme.tenant_id().parse().unwrap());
    assert_eq!(refusal(users.delete_user(delete).await).code(), Code::PermissionDenied);
    for (service, secret) in [("clerk", "not the secret"), ("nobody", "not the secret")] {
        let request = IssueServiceTokenRequest {
            service: service.to_owned(),
            secret: secret.to_owned(),
            ..Default::default()
        };
        let refusal = refusal(auth(&mesh).issue_service_token(request).await);
        assert!(refusal.is(IdentityReason::CredentialsWrong), "{refusal}");
    }
    mesh.stop().await;
}
