use contracts::identity::v1::{GetCurrentUserRequest, IdentityReason, SignUpRequest};
use kit::Duration;
use testkit::Mesh;

use crate::support::{PASSWORD, auth, events, founding, login, login_to, refusal, sign_up, signed, tokens};

#[tokio::test]
async fn a_sign_up_founds_a_tenant_and_signs_its_owner_in() {
    // The first user must be able to do everything at once, and others must be told of the tenant.
    let mesh = Mesh::start(vec![]).await;
    let answer = sign_up(&mesh, "acme", "ada@acme.example").await;
    let (tokens, tenant, user) = (answer.tokens.unwrap(), answer.tenant.unwrap(), answer.user.unwrap());
    assert_eq!((tenant.slug.as_str(), &tenant.tenant_id), ("acme", &tenant.id));
    assert_eq!((user.display_name.as_str(), &user.tenant_id), ("ada", &tenant.id));
    assert_eq!(tenant.created_by, user.id);
    let me =
        auth(&mesh).get_current_user(signed(&tokens.access_token, GetCurrentUserRequest {})).await.unwrap();
    let me = me.into_inner();
    assert_eq!((me.user.unwrap(), me.tenant.unwrap()), (user, tenant));
    assert_eq!(me.permissions, ["*"]);
    assert_eq!(events(&mesh, "tenant.created").await, 1);
    mesh.stop().await;
}

#[tokio::test]
async fn a_sign_up_is_refused_whole() {
    // A taken slug, an invented currency and a weak password must leave nothing behind.
    let mesh = Mesh::start(vec![]).await;
    sign_up(&mesh, "acme", "ada@acme.example").await;
    let good = founding("bolt", "bob@bolt.example");
    let cases = [
        (SignUpRequest { slug: "acme".to_owned(), ..good.clone() }, IdentityReason::SlugTaken),
        (SignUpRequest { base_currency: "EUX".to_owned(), ..good.clone() }, IdentityReason::CurrencyUnknown),
        (SignUpRequest { password: "password1234".to_owned(), ..good.clone() }, IdentityReason::PasswordWeak),
        (
            SignUpRequest { password: "bobby for ever".to_owned(), display_name: "Bobby".to_owned(), ..good },
            { IdentityReason::PasswordWeak },
        ),
    ];
    for (request, reason) in cases {
        let refusal = refusal(auth(&mesh).sign_up(request).await);
        assert!(refusal.is(reason), "{refusal}");
    }
    assert!(refusal(login(&mesh, "bob@bolt.example", PASSWORD).await).is(IdentityReason::CredentialsWrong));
    assert_eq!(events(&mesh, "user.created").await, 1);
    mesh.stop().await;
}

#[tokio::test]
async fn wrong_is_wrong_whoever_asks() {
    // Nobody may learn from the answer whether an address is known; its letters' case must not matter.
    let mesh = Mesh::start(vec![]).await;
    sign_up(&mesh, "acme", "ada@acme.example").await;
    let known = login(&mesh, "ada@acme.example", "not the password").await.unwrap_err();
    let unknown = login(&mesh, "eve@acme.example", "not the password").await.unwrap_err();
    let elsewhere = login_to(&mesh, "ada@acme.example", PASSWORD, "bolt").await.unwrap_err();
    for other in [&unknown, &elsewhere] {
        assert_eq!(
            (known.code(), known.message(), known.details()),
            (other.code(), other.message(), other.details())
        );
    }
    assert!(kit::Error::from(known).is(IdentityReason::CredentialsWrong));
    let answer = login(&mesh, "Ada@ACME.example", PASSWORD).await.unwrap().into_inner();
    assert!(answer.user.unwrap().last_login_time.is_some());
    mesh.stop().await;
}

#[tokio::test]
async fn the_tenant_is_asked_for_when_several_fit() {
    // Somebody who works for two companies must not land in the wrong one.
    let mesh = Mesh::start(vec![]).await;
    for slug in ["acme", "bolt"] {
        sign_up(&mesh, slug, "ada@work.example").await;
    }
    let several = refusal(login(&mesh, "ada@work.example", PASSWORD).await);
    assert!(several.is(IdentityReason::TenantAmbiguous), "{several}");
    let mut slugs: Vec<_> = several.metadata()["slugs"].split(',').collect();
    slugs.sort_unstable();
    assert_eq!(slugs, ["acme", "bolt"]);
    let answer = login_to(&mesh, "ada@work.example", PASSWORD, "bolt").await.unwrap().into_inner();
    assert_eq!(answer.tenant.unwrap().slug, "bolt");
    mesh.stop().await;
}

#[tokio::test]
async fn guessing_gets_slower() {
    // After ten failures even the right password must wait, for unknown addresses alike; then it works and
    // the failures are forgotten.
    let mesh = Mesh::start(vec![]).await;
    sign_up(&mesh, "acme", "ada@acme.example").await;
    for address in ["ada@acme.example", "eve@acme.example"] {
        for _ in 0..10 {
            let refusal = refusal(login(&mesh, address, "a wrong guess").await);
            assert!(refusal.is(IdentityReason::CredentialsWrong), "{refusal}");
        }
        let throttled = refusal(login(&mesh, address, PASSWORD).await);
        assert!(throttled.is(IdentityReason::LoginThrottled), "{throttled}");
        let seconds: i64 = throttled.metadata()["retry_after_seconds"].parse().unwrap();
        assert!((1..=30).contains(&seconds), "{seconds}");
    }
    mesh.advance(Duration::seconds(31));
    tokens(&mesh, "ada@acme.example", PASSWORD).await;
    let refusal = refusal(login(&mesh, "ada@acme.example", "a wrong guess").await);
    assert!(refusal.is(IdentityReason::CredentialsWrong), "{refusal}");
    mesh.stop().await;
}

#[tokio::test]
async fn guesses_made_at_once_are_counted_one_by_one() {
    // A hundred guesses in parallel must not be a hundred free ones.
    let mesh = Mesh::start(vec![]).await;
    sign_up(&mesh, "acme", "ada@acme.example").await;
    let guesses = (0..40).map(|n| {
        let mut client = auth(&mesh);
        tokio::spawn(async move {
            let request = contracts::identity::v1::LoginRequest {
                email: "ada@acme.example".to_owned(),
                password: format!("guess number {n}"),
                tenant_slug: String::new(),
            };
            kit::Error::from(client.login(request).await.unwrap_err())
        })
    });
    let mut looked_at = 0;
    for guess in guesses.collect::<Vec<_>>() {
        let refusal = guess.await.unwrap();
        looked_at += i32::from(refusal.is(IdentityReason::CredentialsWrong));
    }
    assert_eq!(looked_at, 10);
    mesh.stop().await;
}
