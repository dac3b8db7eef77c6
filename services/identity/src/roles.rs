//! Named sets of permissions. Nobody makes a role stronger than himself, and nobody touches the roles that
//! come with the tenant.

use contracts::identity::v1::{
    CreateRoleRequest, DeleteRoleRequest, IdentityReason, Role, RoleApi, UpdateRoleRequest,
};
use kit::{Error, Result, Uuid, ensure};
use serde::Deserialize;
use store::Cx;

use crate::grants::{self, EVERYTHING};

/// The roles that every tenant begins with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuiltIn {
    role: Vec<BuiltInRole>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuiltInRole {
    name: String,
    description: String,
    permissions: Vec<String>,
}

/// The roles that a new tenant gets, the one that may do everything first.
pub fn built_in() -> Vec<Role> {
    let file: BuiltIn = toml::from_str(include_str!("../roles.toml")).expect("a test reads the same file");
    let role = |one: BuiltInRole| Role {
        name: one.name,
        description: one.description,
        permissions: one.permissions,
        system: true,
        ..Role::default()
    };
    file.role.into_iter().map(role).collect()
}

/// Answers `RoleService`.
pub struct Roles;

impl RoleApi for Roles {
    async fn create_role(&self, cx: &mut Cx, request: CreateRoleRequest) -> Result<Role> {
        let mut role = request.role.ok_or_else(|| Error::invalid("role", "is required"))?;
        grants::check_known(&role.permissions)?;
        grants::check_held(&grants::of_caller(cx).await?, &role.permissions)?;
        role.system = false;
        cx.create(role).await
    }

    async fn update_role(&self, cx: &mut Cx, request: UpdateRoleRequest) -> Result<Role> {
        let patch = request.role.ok_or_else(|| Error::invalid("role", "is required"))?;
        let weakens = cx.get::<Role>(&patch.id).await?.permissions.iter().any(|held| held == EVERYTHING);
        if weakens {
            grants::queue_for_administrators(cx).await?;
        }
        let before: Role = cx.lock(&patch.id).await?;
        ensure!(!before.system, IdentityReason::RoleSystem);
        // What is held before: the caller may hold this very role.
        let held = grants::of_caller(cx).await?;
        let after = cx.update(patch, request.update_mask.as_ref(), "role").await?;
        let added = added(&before.permissions, &after.permissions);
        grants::check_known(&added)?;
        grants::check_held(&held, &added)?;
        if weakens {
            grants::check_administrator_left(cx).await?;
        }
        Ok(after)
    }

    async fn delete_role(&self, cx: &mut Cx, request: DeleteRoleRequest) -> Result<Role> {
        let role: Role = cx.lock(&request.id).await?;
        ensure!(!role.system, IdentityReason::RoleSystem);
        let id = Uuid::parse_str(&role.id).map_err(Error::internal)?;
        let held = "select exists (select from users where role_ids @> array[$1] and delete_time is null)";
        let held = cx.row(sqlx::query_as::<_, (bool,)>(held).bind(id)).await?;
        ensure!(held == Some((false,)), IdentityReason::RoleInUse);
        cx.delete(&request.id, &request.etag).await
    }
}

/// What the second list has and the first has not.
pub fn added(before: &[String], after: &[String]) -> Vec<String> {
    after.iter().filter(|one| !before.contains(one)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_role_of_a_tenant_may_do_everything_and_all_open_something() {
        // The founder gets the first; a permission that no method asks for would be a door painted on a wall.
        let roles = built_in();
        assert_eq!(
            (roles[0].name.as_str(), roles[0].permissions.as_slice()),
            ("owner", [EVERYTHING.to_owned()].as_slice())
        );
        for role in roles {
            grants::check_known(&role.permissions).unwrap_or_else(|error| panic!("{}: {error}", role.name));
            assert!(role.system && !role.description.is_empty());
        }
    }

    #[test]
    fn only_what_is_new_counts_as_given() {
        // Whoever renames a role that is stronger than himself gives nothing away.
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(added(&list(&["a", "b"]), &list(&["b", "c"])), ["c"]);
        assert!(added(&list(&["a", "b"]), &list(&["b"])).is_empty());
    }
}
