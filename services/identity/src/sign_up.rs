//! Founding a tenant with its first user.

use contracts::identity::v1::{
    IdentityReason, SignUpRequest, SignUpResponse, Tenant, TenantCreated, TenantState, User, UserState,
};
use kit::{Code, Currency, Error, Result, Uuid, ensure};
use store::{Actor, Cx};

use crate::auth::Auth;
use crate::{passwords, roles, sessions, tokens};

/// Founds a tenant and signs its first user in, all or nothing.
pub async fn sign_up(cx: &mut Cx, auth: &Auth, request: SignUpRequest) -> Result<SignUpResponse> {
    let currency = Currency::parse(&request.base_currency, "base_currency")?;
    ensure!(currency.is_known(), IdentityReason::CurrencyUnknown);
    let display_name = display_name(&request);
    passwords::check_strength(&request.password, &request.email, &display_name)?;
    let keys = auth.keys.current(cx).await?;
    let hash = auth.passwords.hash(request.password).await?;
    let tenant_id = cx.new_id();
    cx.enter_tenant(&tenant_id).await?;
    // Nobody is there yet who could have made the first role and the first user.
    cx.act_as(Actor::Service(cx.env().service().to_owned()));
    let mut roles = roles::built_in();
    let owner = cx.create(roles.remove(0)).await?;
    for role in roles {
        cx.create(role).await?;
    }
    let user = User {
        email: request.email,
        display_name,
        state: UserState::Active.into(),
        role_ids: vec![owner.id],
        ..User::default()
    };
    let mut user = cx.create(user).await?;
    let user_id = Uuid::parse_str(&user.id).map_err(Error::internal)?;
    let session = Uuid::parse_str(&cx.new_id()).map_err(Error::internal)?;
    cx.act_as(Actor::User { id: user_id, session });
    let tenant = Tenant {
        id: tenant_id,
        slug: request.slug,
        display_name: request.company_name,
        base_currency: request.base_currency,
        state: TenantState::Active.into(),
        ..Tenant::default()
    };
    let tenant = cx.insert(tenant).await.map_err(slug_taken)?;
    cx.emit(TenantCreated {
        tenant_id: tenant.id.clone(),
        slug: tenant.slug.clone(),
        display_name: tenant.display_name.clone(),
        base_currency: tenant.base_currency.clone(),
    })?;
    passwords::store(cx, user_id, &hash).await?;
    let refresh = sessions::begin(cx, user_id, session).await?;
    crate::login::note_login(cx, &mut user).await?;
    let subject = sessions::subject(cx, user_id, session).await?;
    let tokens = tokens::pair(&keys, subject, &refresh, cx.now())?;
    Ok(SignUpResponse { tokens: Some(tokens), tenant: Some(tenant), user: Some(user) })
}

/// What stands before the `@` where no name was given.
fn display_name(request: &SignUpRequest) -> String {
    match request.display_name.trim() {
        "" => request.email.split('@').next().unwrap_or_default().to_owned(),
        name => name.to_owned(),
    }
}

fn slug_taken(error: Error) -> Error {
    let slug =
        error.code() == Code::AlreadyExists && error.violations().iter().any(|one| one.field == "slug");
    if slug { IdentityReason::SlugTaken.into() } else { error }
}
