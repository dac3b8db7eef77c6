//! The tenant's users. Every way to lose a user passes the same gate: an administrator must be left.

use contracts::identity::v1::{
    CreateUserRequest, DeleteUserRequest, DisableUserRequest, EnableUserRequest, SetUserPasswordRequest,
    UndeleteUserRequest, UpdateUserRequest, User, UserApi, UserDisabled, UserEnabled, UserPasswordChanged,
    UserState,
};
use kit::{Error, Result, Uuid};
use store::Cx;

use crate::passwords::{self, Passwords};
use crate::roles::added;
use crate::{grants, sessions};

/// Answers `UserService`.
pub struct Users {
    pub passwords: Passwords,
}

impl UserApi for Users {
    async fn create_user(&self, cx: &mut Cx, request: CreateUserRequest) -> Result<User> {
        let mut user = request.user.ok_or_else(|| Error::invalid("user", "is required"))?;
        passwords::check_strength(&request.password, &user.email, &user.display_name)?;
        let hash = self.passwords.hash(request.password).await?;
        let held = grants::of_caller(cx).await?;
        grants::check_held(&held, &grants::of_roles(cx, &user.role_ids).await?)?;
        user.set_state(UserState::Active);
        user.last_login_time = None;
        let user = cx.create(user).await?;
        passwords::store(cx, id_of(&user)?, &hash).await?;
        Ok(user)
    }

    async fn update_user(&self, cx: &mut Cx, request: UpdateUserRequest) -> Result<User> {
        let patch = request.user.ok_or_else(|| Error::invalid("user", "is required"))?;
        grants::queue_for_administrators(cx).await?;
        // What is held before: callers may change themselves.
        let held = grants::of_caller(cx).await?;
        let before: User = cx.lock(&patch.id).await?;
        let after = cx.update(patch, request.update_mask.as_ref(), "user").await?;
        let given = added(&before.role_ids, &after.role_ids);
        grants::check_held(&held, &grants::of_roles(cx, &given).await?)?;
        if !added(&after.role_ids, &before.role_ids).is_empty() {
            grants::check_administrator_left(cx).await?;
        }
        Ok(after)
    }

    async fn delete_user(&self, cx: &mut Cx, request: DeleteUserRequest) -> Result<User> {
        grants::queue_for_administrators(cx).await?;
        let user: User = cx.delete(&request.id, &request.etag).await?;
        sessions::end_all(cx, id_of(&user)?, None).await?;
        grants::check_administrator_left(cx).await?;
        Ok(user)
    }

    async fn undelete_user(&self, cx: &mut Cx, request: UndeleteUserRequest) -> Result<User> {
        let mut user: User = cx.undelete(&request.id).await?;
        // Roles that were deleted meanwhile are gone; the rest counts once the user is enabled.
        user.role_ids = existing_roles(cx, &user.role_ids).await?;
        user.set_state(UserState::Disabled);
        cx.put(user, &["state", "role_ids"]).await
    }

    async fn disable_user(&self, cx: &mut Cx, request: DisableUserRequest) -> Result<User> {
        grants::queue_for_administrators(cx).await?;
        let mut user: User = cx.lock(&request.id).await?;
        if user.state() == UserState::Disabled {
            return Ok(user);
        }
        user.set_state(UserState::Disabled);
        let user = cx.put(user, &["state"]).await?;
        sessions::end_all(cx, id_of(&user)?, None).await?;
        grants::check_administrator_left(cx).await?;
        cx.emit(UserDisabled { user_id: user.id.clone() })?;
        Ok(user)
    }

    async fn enable_user(&self, cx: &mut Cx, request: EnableUserRequest) -> Result<User> {
        let mut user: User = cx.lock(&request.id).await?;
        if user.state() == UserState::Active {
            return Ok(user);
        }
        user.set_state(UserState::Active);
        let user = cx.put(user, &["state"]).await?;
        cx.emit(UserEnabled { user_id: user.id.clone() })?;
        Ok(user)
    }

    async fn set_user_password(&self, cx: &mut Cx, request: SetUserPasswordRequest) -> Result<User> {
        let hash = self.passwords.hash(request.password.clone()).await?;
        let user: User = cx.lock(&request.id).await?;
        passwords::check_strength(&request.password, &user.email, &user.display_name)?;
        let id = id_of(&user)?;
        // Whoever sets a password can sign in with it, and then do all that its owner may.
        let (held, taken) = (grants::of_caller(cx).await?, grants::of_user(cx, id).await?);
        grants::check_held(&held, &taken)?;
        passwords::store(cx, id, &hash).await?;
        sessions::end_all(cx, id, None).await?;
        cx.emit(UserPasswordChanged { user_id: user.id.clone() })?;
        Ok(user)
    }
}

async fn existing_roles(cx: &mut Cx, role_ids: &[String]) -> Result<Vec<String>> {
    let ids: Vec<Uuid> = role_ids.iter().filter_map(|id| Uuid::parse_str(id).ok()).collect();
    let query = sqlx::query_as::<_, (Uuid,)>("select id from roles where id = any($1) order by id for share");
    let rows = cx.rows(query.bind(&ids)).await?;
    Ok(rows.into_iter().map(|(id,)| id.to_string()).collect())
}

fn id_of(user: &User) -> Result<Uuid> {
    Uuid::parse_str(&user.id).map_err(Error::internal)
}
