//! Tokens of services, for calls that no person makes.

use contracts::identity::v1::{
    IdentityReason, IssueServiceTokenRequest, IssueServiceTokenResponse, Tenant, TenantState,
};
use host::{ServiceIdentities, ServiceIdentity};
use kit::{Error, Result, Uuid, ensure};
use ring::hmac;
use store::Cx;

use crate::auth::Auth;
use crate::grants;
use crate::seal::random;
use crate::tokens::{self, ACCESS_FOR, Subject};

/// Gives a service a token of its own.
pub async fn issue(
    cx: &mut Cx,
    auth: &Auth,
    request: IssueServiceTokenRequest,
) -> Result<IssueServiceTokenResponse> {
    let identity = prove(&auth.identities, &request.service, &request.secret)?;
    let permissions = match request.permissions.is_empty() {
        true => identity.permissions.clone(),
        false => request.permissions,
    };
    grants::check_held(&identity.permissions, &permissions)?;
    let keys = auth.keys.current(cx).await?;
    let tenant = match &request.tenant_id {
        Some(id) => Some(active_tenant(cx, id).await?),
        None => None,
    };
    let subject =
        Subject { name: format!("service:{}", request.service), tenant, session: None, permissions };
    let (access_token, expire_time) = tokens::sign(&keys, subject, cx.now(), ACCESS_FOR)?;
    Ok(IssueServiceTokenResponse { access_token, expire_time: Some(expire_time) })
}

/// The identity of this name and secret. An unknown name is compared like a known one.
fn prove<'a>(identities: &'a ServiceIdentities, name: &str, secret: &str) -> Result<&'a ServiceIdentity> {
    let known = identities.0.get(name);
    let expected = known.map_or("", |identity| identity.secret.as_str());
    // MACs under a key that lives for this call only: the comparison tells nothing about how much is right.
    let key = hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()?);
    let same = hmac::verify(&key, secret.as_bytes(), hmac::sign(&key, expected.as_bytes()).as_ref()).is_ok();
    match known {
        Some(identity) if same && !expected.is_empty() => Ok(identity),
        _ => Err(IdentityReason::CredentialsWrong.into()),
    }
}

async fn active_tenant(cx: &mut Cx, id: &str) -> Result<Uuid> {
    cx.enter_tenant(id).await?;
    let tenant: Tenant = cx.get(id).await?;
    ensure!(tenant.state() == TenantState::Active, IdentityReason::TenantSuspended);
    Uuid::parse_str(&tenant.id).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_proves_itself_with_its_own_secret() {
        // Neither a wrong secret nor another's, nor an empty one of a badly configured service, may do.
        let identity = |secret: &str| ServiceIdentity { secret: secret.to_owned(), permissions: Vec::new() };
        let entries = [("orders", "one"), ("finance", "two"), ("careless", "")];
        let identities = ServiceIdentities(
            entries.into_iter().map(|(name, secret)| (name.to_owned(), identity(secret))).collect(),
        );
        assert!(prove(&identities, "orders", "one").is_ok());
        for (name, secret) in [("orders", "two"), ("orders", "on"), ("nobody", ""), ("careless", "")] {
            let refusal = prove(&identities, name, secret).unwrap_err();
            assert!(refusal.is(IdentityReason::CredentialsWrong), "{name} {secret}");
        }
    }
}
