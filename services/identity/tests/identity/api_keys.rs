//! API keys: shown once, never wider than their user, gone when they are told to be.

use contracts::identity::v1::api_key_service_client::ApiKeyServiceClient;
use contracts::identity::v1::user_service_client::UserServiceClient;
use contracts::identity::v1::{
    ApiKey, CreateApiKeyRequest, CreateApiKeyResponse, DeleteApiKeyRequest, DisableUserRequest,
    ExchangeApiKeyRequest, GetCurrentUserRequest, IdentityReason, ListApiKeysRequest, RotateApiKeyRequest,
    RotateApiKeyResponse, UpdateApiKeyRequest, User,
};
use kit::{Code, Duration, Error, OffsetDateTime};
use prost_types::{FieldMask, Timestamp};
use testkit::{Mesh, Party};

use crate::support::{auth, permissions, refusal, signed};

fn key(scopes: &[&str]) -> ApiKey {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    ApiKey { display_name: "Web shop".to_owned(), scopes, ..ApiKey::default() }
}

async fn create(party: &Party, key: ApiKey) -> Result<CreateApiKeyResponse, Error> {
    let request = CreateApiKeyRequest { api_key: Some(key), request_id: testkit::request_id() };
    Ok(party.client(ApiKeyServiceClient::new).create_api_key(request).await?.into_inner())
}

async fn exchange(mesh: &Mesh, text: &str) -> Result<String, Error> {
    let request = ExchangeApiKeyRequest { api_key: text.to_owned() };
    Ok(auth(mesh).exchange_api_key(request).await?.into_inner().access_token)
}

async fn rotate(party: &Party, id: &str, overlap: i64) -> Result<RotateApiKeyResponse, Error> {
    let overlap = prost_types::Duration { seconds: overlap, nanos: 0 };
    let request =
        RotateApiKeyRequest { id: id.to_owned(), overlap: Some(overlap), request_id: testkit::request_id() };
    Ok(party.client(ApiKeyServiceClient::new).rotate_api_key(request).await?.into_inner())
}

async fn update(party: &Party, key: ApiKey, paths: &[&str]) -> Result<ApiKey, Error> {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let request = UpdateApiKeyRequest {
        api_key: Some(key),
        update_mask: Some(FieldMask { paths }),
        request_id: testkit::request_id(),
    };
    Ok(party.client(ApiKeyServiceClient::new).update_api_key(request).await?.into_inner())
}

async fn delete(party: &Party, id: &str) -> Result<ApiKey, Error> {
    let request = DeleteApiKeyRequest { id: id.to_owned(), ..DeleteApiKeyRequest::default() };
    Ok(party.client(ApiKeyServiceClient::new).delete_api_key(request).await?.into_inner())
}

async fn list(party: &Party) -> Vec<ApiKey> {
    let request = ListApiKeysRequest::default();
    party.client(ApiKeyServiceClient::new).list_api_keys(request).await.unwrap().into_inner().api_keys
}

fn seconds(at: OffsetDateTime) -> Timestamp {
    Timestamp { seconds: at.unix_timestamp(), nanos: 0 }
}

#[tokio::test]
async fn a_key_does_what_both_its_scopes_and_its_user_may() {
    // Scopes narrow a user's roles and never widen them, also when the roles shrink later on.
    let mesh = Mesh::start(vec![]).await;
    let acme = mesh.sign_up("acme").await;
    let clerk = acme.user_with(&["identity.api-keys.*", "identity.users.read", "crm.*"]).await;
    let made = create(&clerk, key(&["crm.contacts.*", "identity.users.read"])).await.unwrap();
    let token = exchange(&mesh, &made.key).await.unwrap();
    assert_eq!(permissions(&mesh, &token).await, ["crm.contacts.*", "identity.users.read"]);
    let program = clerk.clone().with_token(&token);
    let refused =
        refusal(program.client(ApiKeyServiceClient::new).list_api_keys(ListApiKeysRequest::default()).await);
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    let beyond = create(&clerk, key(&["finance.*"])).await.unwrap_err();
    assert!(beyond.is(IdentityReason::PermissionBeyondOwn), "{beyond}");
    let unknown = create(&clerk, key(&["crm.contacts.raed"])).await.unwrap_err();
    assert!(unknown.is(IdentityReason::PermissionUnknown), "{unknown}");
    assert_eq!(create(&clerk, key(&[])).await.unwrap_err().violations()[0].field, "api_key.scopes");
    mesh.stop().await;
}

#[tokio::test]
async fn a_key_makes_no_stronger_key() {
    // Otherwise whoever stole a narrow key would make himself a wide one.
    let mesh = Mesh::start(vec![]).await;
    let acme = mesh.sign_up("acme").await;
    let narrow = create(&acme, key(&["identity.api-keys.*", "crm.contacts.read"])).await.unwrap();
    let program = acme.clone().with_token(&exchange(&mesh, &narrow.key).await.unwrap());
    create(&program, key(&["crm.contacts.read"])).await.unwrap();
    let wider = create(&program, key(&["crm.*"])).await.unwrap_err();
    let mut own = narrow.api_key.unwrap();
    own.scopes = vec!["*".to_owned()];
    let widened = update(&program, own, &["scopes"]).await.unwrap_err();
    for refused in [wider, widened] {
        assert!(refused.is(IdentityReason::PermissionBeyondOwn), "{refused}");
    }
    mesh.stop().await;
}

#[tokio::test]
async fn the_text_of_a_key_is_told_once_and_kept_nowhere() {
    // A copy of the database, of the kept answers or of an event must open nothing.
    let mesh = Mesh::start(vec![]).await;
    let acme = mesh.sign_up("acme").await;
    let mut api = acme.client(ApiKeyServiceClient::new);
    let request = CreateApiKeyRequest { api_key: Some(key(&["crm.*"])), request_id: testkit::request_id() };
    let first = api.create_api_key(request.clone()).await.unwrap().into_inner();
    let again = api.create_api_key(request).await.unwrap().into_inner();
    assert_eq!((again.api_key.as_ref(), again.key.as_str()), (first.api_key.as_ref(), ""));
    let shown = first.api_key.unwrap();
    assert!(first.key.starts_with(&shown.prefix) && shown.prefix.len() < 16, "{}", shown.prefix);
    assert!(!format!("{again:?}").contains(&first.key));
    let mut database = mesh.look_into("identity").await;
    let tables: Vec<(String,)> = sqlx::query_as(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('public', 'tessera')",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    assert!(tables.len() > 10);
    for (table,) in tables {
        let query = format!("select count(*) from {table} as t where t::text like '%' || $1 || '%'");
        let secret = first.key.trim_start_matches("tsk_").to_owned();
        let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .bind(secret)
            .fetch_one(&mut database)
            .await
            .unwrap();
        assert_eq!(found, 0, "{table}");
    }
    mesh.stop().await;
}

#[tokio::test]
async fn a_rotated_key_overlaps_as_long_as_asked() {
    // Programs change over without an outage, and a text that leaked ends at once.
    let mesh = Mesh::start(vec![]).await;
    let acme = mesh.sign_up("acme").await;
    let first = create(&acme, key(&["crm.*"])).await.unwrap();
    let id = first.api_key.unwrap().id;
    let second = rotate(&acme, &id, 3600).await.unwrap();
    assert!(exchange(&mesh, &first.key).await.is_ok() && exchange(&mesh, &second.key).await.is_ok());
    mesh.advance(Duration::hours(1));
    let over = exchange(&mesh, &first.key).await.unwrap_err();
    assert!(over.is(IdentityReason::ApiKeyInvalid), "{over}");
    let third = rotate(&mesh.sign_in(&acme).await, &id, 0).await.unwrap();
    assert!(exchange(&mesh, &second.key).await.is_err() && exchange(&mesh, &third.key).await.is_ok());
    mesh.stop().await;
}

#[tokio::test]
async fn a_key_ends_with_its_time_its_user_or_its_deletion() {
    // And whoever tries keys never learns which of these it was.
    let mesh = Mesh::start(vec![]).await;
    let acme = mesh.sign_up("acme").await;
    let now = mesh.env("identity").clock().now();
    let ends = |at: OffsetDateTime| ApiKey { expire_time: Some(seconds(at)), ..key(&["crm.*"]) };
    let past = create(&acme, ends(now - Duration::hours(1))).await.unwrap_err();
    assert!(past.is(IdentityReason::ApiKeyTime), "{past}");
    let clerk = acme.user_with(&["identity.api-keys.write", "crm.*"]).await;
    let clerks = create(&clerk, key(&["crm.*"])).await.unwrap();
    let short = create(&acme, ends(now + Duration::minutes(5))).await.unwrap();
    let deleted = create(&acme, key(&["crm.*"])).await.unwrap();
    for made in [&clerks, &short, &deleted] {
        exchange(&mesh, &made.key).await.unwrap();
    }
    delete(&acme, &deleted.api_key.unwrap().id).await.unwrap();
    let owner = clerks.api_key.unwrap().user_id;
    let disable = DisableUserRequest { id: owner, ..DisableUserRequest::default() };
    let _: User = acme.client(UserServiceClient::new).disable_user(disable).await.unwrap().into_inner();
    mesh.advance(Duration::minutes(6));
    let texts =
        [clerks.key, short.key, deleted.key, "tsk_".to_owned(), "tsk_AAAA".to_owned(), "ü".to_owned()];
    for text in texts {
        let over = exchange(&mesh, &text).await.unwrap_err();
        assert!(over.is(IdentityReason::ApiKeyInvalid), "{text}: {over}");
    }
    mesh.stop().await;
}

#[tokio::test]
async fn only_its_user_changes_a_key_and_whoever_may_deletes_it() {
    // Another user's key with a new text would be that user's password; getting rid of it must be possible.
    let mesh = Mesh::start(vec![]).await;
    let (acme, bolt) = (mesh.sign_up("acme").await, mesh.sign_up("bolt").await);
    let clerk = acme.user_with(&["identity.api-keys.*", "crm.*"]).await;
    let mine = create(&acme, key(&["*"])).await.unwrap().api_key.unwrap();
    let renamed = ApiKey { display_name: "Mine".to_owned(), ..mine.clone() };
    let foreign = [
        rotate(&clerk, &mine.id, 0).await.unwrap_err(),
        update(&clerk, renamed.clone(), &["display_name"]).await.unwrap_err(),
    ];
    for refused in foreign {
        assert!(refused.is(IdentityReason::ApiKeyForeign), "{refused}");
    }
    assert_eq!(update(&acme, renamed, &["display_name"]).await.unwrap().display_name, "Mine");
    for refused in [rotate(&bolt, &mine.id, 0).await.map(|_| ()), delete(&bolt, &mine.id).await.map(|_| ())] {
        assert_eq!(refused.unwrap_err().code(), Code::NotFound);
    }
    assert_eq!(list(&bolt).await, []);
    delete(&clerk, &mine.id).await.unwrap();
    assert_eq!(list(&acme).await, []);
    mesh.stop().await;
}

#[tokio::test]
async fn the_last_use_is_noted_and_stales_no_edit() {
    // It tells which keys nobody needs any more; whoever edits a key meanwhile must not be refused.
    let mesh = Mesh::start(vec![]).await;
    let acme = mesh.sign_up("acme").await;
    let made = create(&acme, key(&["crm.*"])).await.unwrap();
    let before = made.api_key.unwrap();
    assert_eq!(before.last_use_time, None);
    let token = exchange(&mesh, &made.key).await.unwrap();
    let used = list(&acme).await.remove(0);
    assert!(used.last_use_time.is_some() && used.etag == before.etag);
    let me =
        auth(&mesh).get_current_user(signed(&token, GetCurrentUserRequest {})).await.unwrap().into_inner();
    assert_eq!(me.user.unwrap().id, before.user_id);
    mesh.stop().await;
}
