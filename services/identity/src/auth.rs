//! Who calls: the methods about logins, sessions, keys and permissions.

use std::sync::Arc;

use contracts::identity::v1::{
    AuthApi, ChangePasswordRequest, ChangePasswordResponse, ExchangeApiKeyRequest, ExchangeApiKeyResponse,
    GetCurrentUserRequest, GetCurrentUserResponse, GetJwksRequest, GetJwksResponse, IdentityReason,
    IssueServiceTokenRequest, IssueServiceTokenResponse, ListPermissionsRequest, ListPermissionsResponse,
    LoginRequest, LoginResponse, LogoutAllRequest, LogoutAllResponse, LogoutRequest, LogoutResponse,
    RefreshTokenRequest, RefreshTokenResponse, SignUpRequest, SignUpResponse, User, UserPasswordChanged,
};
use host::ServiceIdentities;
use kit::{Result, Uuid, ensure};
use store::{Actor, Cx};

use crate::keys::Keys;
use crate::passwords::{self, Passwords};
use crate::{api_keys, attempts, grants, login, service_tokens, sessions, sign_up};

/// Answers `AuthService`.
pub struct Auth {
    pub passwords: Passwords,
    pub keys: Arc<Keys>,
    pub identities: ServiceIdentities,
}

impl AuthApi for Auth {
    async fn sign_up(&self, cx: &mut Cx, request: SignUpRequest) -> Result<SignUpResponse> {
        sign_up::sign_up(cx, self, request).await
    }

    async fn login(&self, cx: &mut Cx, request: LoginRequest) -> Result<LoginResponse> {
        login::login(cx, self, request).await
    }

    async fn refresh_token(&self, cx: &mut Cx, request: RefreshTokenRequest) -> Result<RefreshTokenResponse> {
        let keys = self.keys.current(cx).await?;
        sessions::refresh(cx, &keys, &request.refresh_token).await
    }

    async fn logout(&self, cx: &mut Cx, request: LogoutRequest) -> Result<LogoutResponse> {
        let (user, _) = user_of(cx)?;
        sessions::end_by_token(cx, user, &request.refresh_token).await?;
        Ok(LogoutResponse {})
    }

    async fn logout_all(&self, cx: &mut Cx, _request: LogoutAllRequest) -> Result<LogoutAllResponse> {
        let (user, _) = user_of(cx)?;
        let ended_sessions = sessions::end_all(cx, user, None).await?;
        Ok(LogoutAllResponse { ended_sessions })
    }

    async fn change_password(
        &self,
        cx: &mut Cx,
        request: ChangePasswordRequest,
    ) -> Result<ChangePasswordResponse> {
        let (id, session) = user_of(cx)?;
        let tenant = cx.tenant()?.to_string();
        let user: User = cx.get(&id.to_string()).await?;
        let old = passwords::find(cx, id).await?.ok_or(IdentityReason::CredentialsWrong)?;
        cx.checkpoint().await?;
        // Whoever holds a stolen access token must not guess faster than at the login.
        attempts::count(cx, &user.email).await?;
        let fits = self.passwords.fits(&request.current_password, old.clone()).await?;
        ensure!(fits, IdentityReason::CredentialsWrong);
        attempts::forgive(cx, &user.email).await?;
        passwords::check_strength(&request.new_password, &user.email, &user.display_name)?;
        let new = self.passwords.hash(request.new_password).await?;
        cx.enter_tenant(&tenant).await?;
        cx.lock::<User>(&user.id).await?;
        let unchanged = passwords::find(cx, id).await? == Some(old);
        ensure!(unchanged, IdentityReason::CredentialsWrong);
        passwords::store(cx, id, &new).await?;
        let ended_sessions = sessions::end_all(cx, id, Some(session)).await?;
        cx.emit(UserPasswordChanged { user_id: user.id })?;
        Ok(ChangePasswordResponse { ended_sessions })
    }

    async fn get_jwks(&self, cx: &mut Cx, _request: GetJwksRequest) -> Result<GetJwksResponse> {
        let keys = self.keys.current(cx).await?;
        Ok(GetJwksResponse { keys: keys.published.clone() })
    }

    async fn get_current_user(
        &self,
        cx: &mut Cx,
        _: GetCurrentUserRequest,
    ) -> Result<GetCurrentUserResponse> {
        let (id, _) = user_of(cx)?;
        let user = cx.get(&id.to_string()).await?;
        let tenant = cx.get(&cx.tenant()?.to_string()).await?;
        let permissions = grants::of_caller(cx).await?;
        Ok(GetCurrentUserResponse { user: Some(user), tenant: Some(tenant), permissions })
    }

    async fn list_permissions(
        &self,
        _: &mut Cx,
        _: ListPermissionsRequest,
    ) -> Result<ListPermissionsResponse> {
        Ok(ListPermissionsResponse { permissions: grants::catalogue() })
    }

    async fn issue_service_token(
        &self,
        cx: &mut Cx,
        request: IssueServiceTokenRequest,
    ) -> Result<IssueServiceTokenResponse> {
        service_tokens::issue(cx, self, request).await
    }

    async fn exchange_api_key(
        &self,
        cx: &mut Cx,
        request: ExchangeApiKeyRequest,
    ) -> Result<ExchangeApiKeyResponse> {
        api_keys::exchange(cx, self, request).await
    }
}

/// The user and the session that call.
pub fn user_of(cx: &Cx) -> Result<(Uuid, Uuid)> {
    match cx.actor() {
        Actor::User { id, session } => Ok((*id, *session)),
        Actor::Service(_) | Actor::Anonymous => Err(IdentityReason::NotAUser.into()),
    }
}
