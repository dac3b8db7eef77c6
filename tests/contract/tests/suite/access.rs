//! Who may call what.

use contract_tests::call::call;
use contract_tests::{methods, path};
use kit::Code;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use store::Access;

/// Calls every method and lists those that do not answer as they must.
async fn offenders(party: &testkit::Party, expected: impl Fn(Access) -> Option<Code>) -> Vec<String> {
    offenders_of(methods(), party, expected).await
}

/// The same for some of the methods.
pub async fn offenders_of(
    methods: Vec<MethodDescriptor>,
    party: &testkit::Party,
    expected: impl Fn(Access) -> Option<Code>,
) -> Vec<String> {
    let mut offenders = Vec::new();
    for method in methods {
        let access = contracts::METHODS
            .iter()
            .find(|known| known.path == path(&method))
            .expect("every method is known")
            .access;
        let Some(expected) = expected(access) else { continue };
        let answer = call(party, &method, DynamicMessage::new(method.input())).await;
        match answer {
            Err(error) if error.code() == expected => {}
            other => offenders.push(format!("{}: {:?}", path(&method), other.map(|_| "an answer"))),
        }
    }
    offenders
}

#[tokio::test(flavor = "multi_thread")]
async fn access_is_what_the_contracts_say() {
    // Without a token every method but the public ones must refuse; without permissions every method that asks
    // for one must refuse and name it; a forged or foreign token must open nothing.
    let mesh = crate::mesh().await;
    let only_signed_in = |access| (access != Access::Public).then_some(Code::Unauthenticated);
    assert_eq!(offenders(&mesh.stranger(), only_signed_in).await, Vec::<String>::new());

    let acme = mesh.sign_up("acme").await;
    let powerless = acme.user_with(&[]).await;
    assert_eq!(offenders(&powerless, only_with_permission).await, Vec::<String>::new());

    let forged = mesh.stranger().with_token(&forge(acme.token()));
    assert_eq!(offenders(&forged, only_signed_in).await, Vec::<String>::new());

    let method =
        methods().into_iter().find(|method| method.name() == "ListAccounts").expect("crm has accounts");
    let error = call(&powerless, &method, DynamicMessage::new(method.input())).await.expect_err("it may not");
    assert_eq!(error.metadata()["permission"], "crm.accounts.read");
    mesh.stop().await;
}

/// What somebody without permissions must get.
pub fn only_with_permission(access: Access) -> Option<Code> {
    match access {
        Access::Permission(_) => Some(Code::PermissionDenied),
        Access::Public | Access::Authenticated => None,
    }
}

/// The same claims under another signature.
fn forge(token: &str) -> String {
    let (claims, signature) = token.rsplit_once('.').expect("a JWT has three parts");
    format!("{claims}.{}", signature.chars().rev().collect::<String>())
}
