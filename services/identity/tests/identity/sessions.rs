use contracts::identity::v1::{
    ChangePasswordRequest, GetCurrentUserRequest, IdentityReason, LogoutAllRequest, LogoutRequest,
};
use kit::{Code, Duration};
use testkit::Mesh;

use crate::support::{PASSWORD, auth, events, login, permissions, refresh, refusal, sign_up, signed, tokens};

const ADA: &str = "ada@acme.example";

#[tokio::test]
async fn a_refresh_token_works_once() {
    // The second use of a spent token must end the session for good: the newest token dies as well.
    let mesh = Mesh::start(vec![]).await;
    let first = sign_up(&mesh, "acme", ADA).await.tokens.unwrap();
    let second = refresh(&mesh, &first.refresh_token).await.unwrap();
    let third = refresh(&mesh, &second.refresh_token).await.unwrap();
    assert_eq!(permissions(&mesh, &third.access_token).await, ["*"]);
    let copied = refresh(&mesh, &first.refresh_token).await.unwrap_err();
    assert!(copied.is(IdentityReason::RefreshTokenReused), "{copied}");
    for token in [&third, &second, &first] {
        let over = refresh(&mesh, &token.refresh_token).await.unwrap_err();
        assert!(over.is(IdentityReason::RefreshTokenInvalid), "{over}");
    }
    for nonsense in ["x", &"A".repeat(64)] {
        let unknown = refresh(&mesh, nonsense).await.unwrap_err();
        assert!(unknown.is(IdentityReason::RefreshTokenInvalid), "{unknown}");
    }
    mesh.stop().await;
}

#[tokio::test]
async fn two_uses_at_once_are_one_too_many() {
    // A thief and the owner may come in the same moment: one gets through, and then the session is over.
    let mesh = Mesh::start(vec![]).await;
    let first = sign_up(&mesh, "acme", ADA).await.tokens.unwrap();
    let (one, other) =
        tokio::join!(refresh(&mesh, &first.refresh_token), refresh(&mesh, &first.refresh_token));
    let (good, bad): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (1, 1));
    assert!(bad[0].as_ref().unwrap_err().is(IdentityReason::RefreshTokenReused));
    let next = good.into_iter().next().unwrap().unwrap();
    assert!(refresh(&mesh, &next.refresh_token).await.unwrap_err().is(IdentityReason::RefreshTokenInvalid));
    mesh.stop().await;
}

#[tokio::test]
async fn a_logout_ends_one_session_of_the_callers() {
    // Not the other devices', and never another user's; LogoutAll ends the rest and counts them.
    let mesh = Mesh::start(vec![]).await;
    let laptop = sign_up(&mesh, "acme", ADA).await.tokens.unwrap();
    let phone = tokens(&mesh, ADA, PASSWORD).await;
    let stranger = sign_up(&mesh, "bolt", "bob@bolt.example").await.tokens.unwrap();
    let logout =
        |token: &str| LogoutRequest { refresh_token: token.to_owned(), request_id: testkit::request_id() };
    for token in [&laptop.refresh_token, &laptop.refresh_token, &stranger.refresh_token] {
        auth(&mesh).logout(signed(&phone.access_token, logout(token))).await.unwrap();
    }
    assert!(refresh(&mesh, &laptop.refresh_token).await.unwrap_err().is(IdentityReason::RefreshTokenInvalid));
    refresh(&mesh, &stranger.refresh_token).await.unwrap();
    let phone = refresh(&mesh, &phone.refresh_token).await.unwrap();
    tokens(&mesh, ADA, PASSWORD).await;
    let all = LogoutAllRequest::default();
    let ended = auth(&mesh).logout_all(signed(&phone.access_token, all)).await.unwrap().into_inner();
    assert_eq!(ended.ended_sessions, 2);
    assert!(refresh(&mesh, &phone.refresh_token).await.is_err());
    mesh.stop().await;
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    // Whoever changes the password after a theft must throw the thief out and stay in.
    let mesh = Mesh::start(vec![]).await;
    let mine = sign_up(&mesh, "acme", ADA).await.tokens.unwrap();
    let thief = tokens(&mesh, ADA, PASSWORD).await;
    let change = |current: &str, new: &str| {
        let request = ChangePasswordRequest {
            current_password: current.to_owned(),
            new_password: new.to_owned(),
            request_id: testkit::request_id(),
        };
        signed(&mine.access_token, request)
    };
    let wrong = refusal(auth(&mesh).change_password(change("not the password", "a brand new one")).await);
    assert!(wrong.is(IdentityReason::CredentialsWrong), "{wrong}");
    let weak = refusal(auth(&mesh).change_password(change(PASSWORD, "password123")).await);
    assert!(weak.is(IdentityReason::PasswordWeak), "{weak}");
    let changed =
        auth(&mesh).change_password(change(PASSWORD, "a brand new one")).await.unwrap().into_inner();
    assert_eq!(changed.ended_sessions, 1);
    assert!(refresh(&mesh, &thief.refresh_token).await.is_err());
    refresh(&mesh, &mine.refresh_token).await.unwrap();
    assert!(login(&mesh, ADA, PASSWORD).await.is_err());
    tokens(&mesh, ADA, "a brand new one").await;
    assert_eq!(events(&mesh, "user.password_changed").await, 1);
    mesh.stop().await;
}

#[tokio::test]
async fn tokens_run_out() {
    // Fifteen minutes for access, thirty days of rest for the session; what is used goes on.
    let mesh = Mesh::start(vec![]).await;
    let first = sign_up(&mesh, "acme", ADA).await.tokens.unwrap();
    mesh.advance(Duration::minutes(16));
    let expired =
        refusal(auth(&mesh).get_current_user(signed(&first.access_token, GetCurrentUserRequest {})).await);
    assert_eq!(expired.code(), Code::Unauthenticated);
    let second = refresh(&mesh, &first.refresh_token).await.unwrap();
    mesh.advance(Duration::days(29));
    let third = refresh(&mesh, &second.refresh_token).await.unwrap();
    assert_eq!(permissions(&mesh, &third.access_token).await, ["*"]);
    mesh.advance(Duration::days(31));
    assert!(refresh(&mesh, &third.refresh_token).await.unwrap_err().is(IdentityReason::RefreshTokenInvalid));
    mesh.stop().await;
}
