//! Tenants, their users and what these may do; logins, sessions and the tokens of people and services.

mod api_keys;
mod attempts;
mod auth;
mod grants;
mod keys;
mod login;
mod own_sessions;
mod passwords;
mod roles;
mod seal;
mod secret;
mod service_tokens;
mod sessions;
mod sign_up;
mod tenants;
mod tend;
mod tokens;
mod users;

use std::sync::Arc;

use contracts::identity::v1::{ApiKeyRpc, AuthRpc, RoleRpc, SessionRpc, TenantRpc, UserRpc};

/// The service. It gives tokens to the services among `identities`.
pub fn service(identities: host::ServiceIdentities) -> host::Service {
    let passwords = passwords::Passwords::default();
    let auth = auth::Auth { passwords: passwords.clone(), keys: Arc::default(), identities };
    host::Service::new("identity", sqlx::migrate!())
        .rpc(AuthRpc(auth))
        .rpc(ApiKeyRpc(api_keys::ApiKeys))
        .rpc(TenantRpc(tenants::Tenants))
        .rpc(RoleRpc(roles::Roles))
        .rpc(SessionRpc(own_sessions::OwnSessions))
        .rpc(UserRpc(users::Users { passwords }))
        .job(tend::KIND, tend::run)
}
