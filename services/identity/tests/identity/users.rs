use contracts::identity::v1::user_service_client::UserServiceClient;
use contracts::identity::v1::{
    CreateUserRequest, DeleteUserRequest, DisableUserRequest, EnableUserRequest, IdentityReason,
    ListUsersRequest, SetUserPasswordRequest, SignUpResponse, UndeleteUserRequest, UpdateUserRequest, User,
    UserState,
};
use kit::{Code, Error};
use store::Channel;
use testkit::Mesh;

use crate::support::{PASSWORD, events, login, permissions, refresh, refusal, sign_up, signed, tokens};

const ADA: &str = "ada@acme.example";

struct Acme {
    mesh: Mesh,
    token: String,
    owner: User,
}

impl Acme {
    async fn found() -> Self {
        let mesh = Mesh::start(vec![]).await;
        let SignUpResponse { tokens, user, .. } = sign_up(&mesh, "acme", ADA).await;
        Self { mesh, token: tokens.unwrap().access_token, owner: user.unwrap() }
    }

    fn users(&self) -> UserServiceClient<Channel> {
        UserServiceClient::new(self.mesh.channel())
    }

    fn owner_role(&self) -> String {
        self.owner.role_ids[0].clone()
    }

    async fn create(&self, token: &str, email: &str, role_ids: &[String]) -> Result<User, Error> {
        let user = User {
            email: email.to_owned(),
            display_name: "Somebody".to_owned(),
            role_ids: role_ids.to_vec(),
            state: UserState::Disabled.into(),
            ..User::default()
        };
        let request =
            CreateUserRequest { user: Some(user), password: PASSWORD.to_owned(), ..Default::default() };
        Ok(self.users().create_user(signed(token, request)).await?.into_inner())
    }

    async fn disable(&self, token: &str, id: &str) -> Result<User, Error> {
        let request = DisableUserRequest { id: id.to_owned(), ..Default::default() };
        Ok(self.users().disable_user(signed(token, request)).await?.into_inner())
    }

    async fn set_roles(&self, token: &str, id: &str, role_ids: &[String]) -> Result<User, Error> {
        let user = User { id: id.to_owned(), role_ids: role_ids.to_vec(), ..User::default() };
        let update_mask = Some(prost_types::FieldMask { paths: vec!["role_ids".to_owned()] });
        let request = UpdateUserRequest { user: Some(user), update_mask, ..Default::default() };
        Ok(self.users().update_user(signed(token, request)).await?.into_inner())
    }
}

#[tokio::test]
async fn a_created_user_signs_in_and_may_nothing_yet() {
    // Output-only fields of the request are ignored, and no role means no permission.
    let acme = Acme::found().await;
    let user = acme.create(&acme.token, "bob@acme.example", &[]).await.unwrap();
    assert_eq!((user.state(), user.last_login_time), (UserState::Active, None));
    let bob = tokens(&acme.mesh, "bob@acme.example", PASSWORD).await;
    assert!(permissions(&acme.mesh, &bob.access_token).await.is_empty());
    let denied =
        refusal(acme.users().list_users(signed(&bob.access_token, ListUsersRequest::default())).await);
    assert_eq!(denied.code(), Code::PermissionDenied);
    let taken = acme.create(&acme.token, "BOB@acme.example", &[]).await.unwrap_err();
    assert_eq!((taken.code(), taken.violations()[0].field.as_str()), (Code::AlreadyExists, "email"));
    acme.mesh.stop().await;
}

#[tokio::test]
async fn a_disabled_user_is_out() {
    // Sessions end, logins are refused, others are told; enabling lets in again. Twice is like once.
    let acme = Acme::found().await;
    let bob = acme.create(&acme.token, "bob@acme.example", &[]).await.unwrap();
    let session = tokens(&acme.mesh, "bob@acme.example", PASSWORD).await;
    for _ in 0..2 {
        assert_eq!(acme.disable(&acme.token, &bob.id).await.unwrap().state(), UserState::Disabled);
    }
    assert!(refresh(&acme.mesh, &session.refresh_token).await.is_err());
    let out = refusal(login(&acme.mesh, "bob@acme.example", PASSWORD).await);
    assert!(out.is(IdentityReason::UserDisabled), "{out}");
    let wrong = refusal(login(&acme.mesh, "bob@acme.example", "not the password").await);
    assert!(wrong.is(IdentityReason::CredentialsWrong), "{wrong}");
    let enable = EnableUserRequest { id: bob.id, ..Default::default() };
    acme.users().enable_user(signed(&acme.token, enable)).await.unwrap();
    tokens(&acme.mesh, "bob@acme.example", PASSWORD).await;
    assert_eq!((events(&acme.mesh, "user.disabled").await, events(&acme.mesh, "user.enabled").await), (1, 1));
    acme.mesh.stop().await;
}

#[tokio::test]
async fn an_administrator_is_always_left() {
    // Neither disabling, nor deleting, nor taking the role away may remove the last one; a second one frees
    // the first.
    let acme = Acme::found().await;
    let delete = || DeleteUserRequest { id: acme.owner.id.clone(), ..Default::default() };
    let stuck = [
        acme.disable(&acme.token, &acme.owner.id).await.unwrap_err(),
        acme.set_roles(&acme.token, &acme.owner.id, &[]).await.unwrap_err(),
        refusal(acme.users().delete_user(signed(&acme.token, delete())).await),
    ];
    for refusal in stuck {
        assert!(refusal.is(IdentityReason::LastAdministrator), "{refusal}");
    }
    let second = acme.create(&acme.token, "bob@acme.example", &[acme.owner_role()]).await.unwrap();
    acme.users().delete_user(signed(&acme.token, delete())).await.unwrap();
    let bob = tokens(&acme.mesh, "bob@acme.example", PASSWORD).await;
    let last = acme.disable(&bob.access_token, &second.id).await.unwrap_err();
    assert!(last.is(IdentityReason::LastAdministrator), "{last}");
    acme.mesh.stop().await;
}

#[tokio::test]
async fn two_administrators_cannot_remove_each_other_at_once() {
    // Each call alone is allowed, both together would lock everybody out.
    let acme = Acme::found().await;
    for round in 0..5 {
        let email = format!("second{round}@acme.example");
        let second = acme.create(&acme.token, &email, &[acme.owner_role()]).await.unwrap();
        let (one, other) = tokio::join!(
            acme.disable(&acme.token, &second.id),
            acme.set_roles(&acme.token, &acme.owner.id, &[])
        );
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        if other.is_ok() {
            let token = tokens(&acme.mesh, &email, PASSWORD).await.access_token;
            acme.set_roles(&token, &acme.owner.id, &second.role_ids).await.unwrap();
            acme.disable(&acme.token, &second.id).await.unwrap();
        }
    }
    acme.mesh.stop().await;
}

#[tokio::test]
async fn nobody_lifts_himself_up() {
    // Who may manage users but not everything can neither give the owner's role, nor take it, nor sign in as
    // the owner.
    let acme = Acme::found().await;
    let party = acme.mesh.sign_up("other").await;
    let clerk = party.user_with(&["identity.users.*"]).await;
    let mut users = clerk.client(UserServiceClient::new);
    let all = users.list_users(ListUsersRequest::default()).await.unwrap().into_inner().users;
    let owner = all.iter().find(|user| user.email.starts_with("owner@")).unwrap();
    let me = all.iter().find(|user| user.id != owner.id).unwrap();
    let owner_role = owner.role_ids[0].clone();
    let given = User { role_ids: vec![owner_role.clone()], ..me.clone() };
    let update = UpdateUserRequest { user: Some(given), ..Default::default() };
    let friend =
        User { email: "eve@other.example".to_owned(), display_name: "Eve".to_owned(), ..User::default() };
    let friend = User { role_ids: vec![owner_role], ..friend };
    let create =
        CreateUserRequest { user: Some(friend), password: PASSWORD.to_owned(), ..Default::default() };
    let password =
        SetUserPasswordRequest { id: owner.id.clone(), password: PASSWORD.to_owned(), ..Default::default() };
    let refusals = [
        refusal(users.update_user(update).await),
        refusal(users.create_user(create).await),
        refusal(users.set_user_password(password).await),
    ];
    for refusal in refusals {
        assert!(refusal.is(IdentityReason::PermissionBeyondOwn), "{refusal}");
        assert_eq!(refusal.metadata()["permission"], "*");
    }
    // What he holds himself he may give.
    let equal = User { display_name: "Renamed".to_owned(), role_ids: me.role_ids.clone(), ..me.clone() };
    users.update_user(UpdateUserRequest { user: Some(equal), ..Default::default() }).await.unwrap();
    acme.mesh.stop().await;
}

#[tokio::test]
async fn a_deleted_user_comes_back_disabled() {
    // The address is free meanwhile, and coming back must not let anybody in by itself.
    let acme = Acme::found().await;
    let bob = acme.create(&acme.token, "bob@acme.example", &[acme.owner_role()]).await.unwrap();
    let session = tokens(&acme.mesh, "bob@acme.example", PASSWORD).await;
    let delete = DeleteUserRequest { id: bob.id.clone(), ..Default::default() };
    acme.users().delete_user(signed(&acme.token, delete)).await.unwrap();
    assert!(refresh(&acme.mesh, &session.refresh_token).await.is_err());
    assert!(
        refusal(login(&acme.mesh, "bob@acme.example", PASSWORD).await).is(IdentityReason::CredentialsWrong)
    );
    let heir = acme.create(&acme.token, "bob@acme.example", &[]).await.unwrap();
    let undelete = || signed(&acme.token, UndeleteUserRequest { id: bob.id.clone(), ..Default::default() });
    assert_eq!(refusal(acme.users().undelete_user(undelete()).await).code(), Code::AlreadyExists);
    let delete = DeleteUserRequest { id: heir.id, ..Default::default() };
    acme.users().delete_user(signed(&acme.token, delete)).await.unwrap();
    let back = acme.users().undelete_user(undelete()).await.unwrap().into_inner();
    assert_eq!((back.state(), &back.role_ids), (UserState::Disabled, &bob.role_ids));
    assert!(refusal(login(&acme.mesh, "bob@acme.example", PASSWORD).await).is(IdentityReason::UserDisabled));
    acme.mesh.stop().await;
}

#[tokio::test]
async fn a_password_set_by_another_throws_out() {
    // The old password and all sessions must be worth nothing.
    let acme = Acme::found().await;
    let bob = acme.create(&acme.token, "bob@acme.example", &[]).await.unwrap();
    let session = tokens(&acme.mesh, "bob@acme.example", PASSWORD).await;
    let set = |password: &str| {
        let (id, password) = (bob.id.clone(), password.to_owned());
        signed(&acme.token, SetUserPasswordRequest { id, password, ..Default::default() })
    };
    assert!(
        refusal(acme.users().set_user_password(set("1234567890")).await).is(IdentityReason::PasswordWeak)
    );
    acme.users().set_user_password(set("an altogether other one")).await.unwrap();
    assert!(refresh(&acme.mesh, &session.refresh_token).await.is_err());
    assert!(login(&acme.mesh, "bob@acme.example", PASSWORD).await.is_err());
    tokens(&acme.mesh, "bob@acme.example", "an altogether other one").await;
    acme.mesh.stop().await;
}
