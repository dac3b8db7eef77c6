use contracts::identity::v1::session_service_client::SessionServiceClient;
use contracts::identity::v1::{ListSessionsRequest, ListSessionsResponse, RevokeSessionRequest};
use kit::{Code, Duration};
use testkit::Mesh;

use crate::support::{PASSWORD, refresh, refusal, sign_up, signed, tokens};

const ADA: &str = "ada@acme.example";

async fn sessions(mesh: &Mesh, token: &str) -> ListSessionsResponse {
    let request = signed(token, ListSessionsRequest::default());
    SessionServiceClient::new(mesh.channel()).list_sessions(request).await.unwrap().into_inner()
}

fn revocation(id: &str) -> RevokeSessionRequest {
    RevokeSessionRequest { id: id.to_owned(), request_id: testkit::request_id() }
}

#[tokio::test]
async fn people_see_where_they_are_signed_in_and_end_it() {
    // Each login is a session of its own; ending one leaves the others, and nobody sees another's.
    let mesh = Mesh::start(vec![]).await;
    let laptop = sign_up(&mesh, "acme", ADA).await.tokens.unwrap();
    mesh.advance(Duration::minutes(1));
    let phone = tokens(&mesh, ADA, PASSWORD).await;
    let stranger = sign_up(&mesh, "bolt", "bob@bolt.example").await.tokens.unwrap();

    let mine = sessions(&mesh, &phone.access_token).await;
    assert_eq!(mine.sessions.len(), 2);
    assert_eq!(mine.sessions[0].id, mine.current_session_id, "the one used last comes first");
    assert!(
        mine.sessions.iter().all(|one| one.end_time.is_none() && one.user_id == mine.sessions[0].user_id)
    );
    let other = mine.sessions[1].id.clone();

    let mut api = SessionServiceClient::new(mesh.channel());
    let foreign = refusal(api.revoke_session(signed(&stranger.access_token, revocation(&other))).await);
    assert_eq!(foreign.code(), Code::NotFound);
    refresh(&mesh, &laptop.refresh_token).await.unwrap();
    let ended =
        api.revoke_session(signed(&phone.access_token, revocation(&other))).await.unwrap().into_inner();
    assert!(ended.end_time.is_some());
    let again =
        api.revoke_session(signed(&phone.access_token, revocation(&other))).await.unwrap().into_inner();
    assert_eq!(again, ended, "one that is over stays so");
    assert!(refresh(&mesh, &laptop.refresh_token).await.is_err());
    let left = sessions(&mesh, &phone.access_token).await.sessions;
    assert_eq!(left.iter().map(|one| &one.id).collect::<Vec<_>>(), [&mine.current_session_id]);
    mesh.stop().await;
}

#[tokio::test]
async fn sessions_that_rested_for_too_long_are_not_listed() {
    // They are over without anybody having ended them.
    let mesh = Mesh::start(vec![]).await;
    sign_up(&mesh, "acme", ADA).await;
    mesh.advance(Duration::days(31));
    let today = tokens(&mesh, ADA, PASSWORD).await;
    let listed = sessions(&mesh, &today.access_token).await;
    assert_eq!(listed.sessions.len(), 1, "{listed:?}");
    assert_eq!(listed.sessions[0].id, listed.current_session_id);
    mesh.stop().await;
}
