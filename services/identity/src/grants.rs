//! What users may do, and the two rules of giving: nobody gives what he does not hold, and somebody who may
//! do everything is always left.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use contracts::identity::v1::{IdentityReason, Permission, UserState};
use kit::{Error, Result, Uuid, ensure};
use store::{Access, Actor, Cx, covers};

/// The permission of those who may do everything, also give everything.
pub const EVERYTHING: &str = "*";

/// Every permission with the methods that ask for it, some only for a field of their answers.
static CATALOGUE: LazyLock<BTreeMap<&'static str, Vec<String>>> = LazyLock::new(|| {
    let mut catalogue: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for method in contracts::METHODS {
        let own = match method.access {
            Access::Permission(name) => Some(name),
            Access::Public | Access::Authenticated => None,
        };
        for name in own.iter().chain(method.read_permissions) {
            catalogue.entry(name).or_default().push(method.path.trim_start_matches('/').to_owned());
        }
    }
    catalogue.values_mut().for_each(|methods| methods.sort());
    catalogue
});

/// The catalogue of permissions, by name.
pub fn catalogue() -> Vec<Permission> {
    let entries = CATALOGUE.iter();
    entries.map(|(name, methods)| Permission { name: (*name).to_owned(), methods: methods.clone() }).collect()
}

/// Refuses permissions that no method asks for, also stars that cover none.
pub fn check_known(permissions: &[String]) -> Result<()> {
    match permissions.iter().find(|wanted| !CATALOGUE.keys().any(|known| covers(wanted, known))) {
        None => Ok(()),
        Some(unknown) => Err(Error::from(IdentityReason::PermissionUnknown).with("permission", unknown)),
    }
}

/// Refuses to give what is not held.
pub fn check_held(held: &[String], given: &[String]) -> Result<()> {
    match given.iter().find(|wanted| !held.iter().any(|held| covers(held, wanted))) {
        None => Ok(()),
        Some(missing) => Err(Error::from(IdentityReason::PermissionBeyondOwn).with("permission", missing)),
    }
}

/// What the caller may do now: a token may be older than the last change of a role, and that of an API key is
/// narrower than its user's roles.
pub async fn of_caller(cx: &mut Cx) -> Result<Vec<String>> {
    match cx.actor().clone() {
        Actor::User { id, .. } => {
            let said = cx.caller().permissions.clone();
            Ok(within(&of_user(cx, id).await?, &said))
        }
        Actor::Service(_) | Actor::Anonymous => Ok(cx.caller().permissions.to_vec()),
    }
}

/// What two lists both allow.
pub fn within(held: &[String], scopes: &[String]) -> Vec<String> {
    let narrower = |one: &String, others: &[String]| others.iter().any(|other| covers(other, one));
    let mut both: Vec<String> = scopes.iter().filter(|one| narrower(one, held)).cloned().collect();
    both.extend(held.iter().filter(|one| narrower(one, scopes)).cloned());
    both.sort();
    both.dedup();
    both
}

/// What a user's roles allow, sorted, none twice.
pub async fn of_user(cx: &mut Cx, user: Uuid) -> Result<Vec<String>> {
    let query = "select distinct permission collate \"C\" from users u
         join roles r on r.id = any(u.role_ids), unnest(r.permissions) as permission where u.id = $1 order by 1";
    let rows = cx.rows(sqlx::query_as::<_, (String,)>(query).bind(user)).await?;
    Ok(rows.into_iter().map(|(permission,)| permission).collect())
}

/// What these roles allow. They stay as they are until the commit, so that a role cannot be deleted while it
/// is given. Fails with ROLE_UNKNOWN when one does not exist.
pub async fn of_roles(cx: &mut Cx, role_ids: &[String]) -> Result<Vec<String>> {
    let ids = role_ids.iter().map(|id| parse_role(id)).collect::<Result<Vec<_>>>()?;
    let query = "select id, permissions from roles where id = any($1) order by id for share";
    let rows = cx.rows(sqlx::query_as::<_, (Uuid, Vec<String>)>(query).bind(&ids)).await?;
    if let Some(missing) = ids.iter().find(|id| !rows.iter().any(|(found, _)| found == *id)) {
        return Err(Error::from(IdentityReason::RoleUnknown).with("role_id", missing));
    }
    Ok(rows.into_iter().flat_map(|(_, permissions)| permissions).collect())
}

fn parse_role(id: &str) -> Result<Uuid> {
    Uuid::parse_str(id).map_err(|_| Error::invalid("user.role_ids", "must be UUIDs"))
}

/// Lets changes that may take the last administrator away pass one after the other. To be called before them.
pub async fn queue_for_administrators(cx: &mut Cx) -> Result<()> {
    cx.execute(sqlx::query("select from tenants for update")).await?;
    Ok(())
}

/// Refuses, after such a change, to leave the tenant without an active user who may do everything.
pub async fn check_administrator_left(cx: &mut Cx) -> Result<()> {
    let query = "select exists (select from users u join roles r on r.id = any(u.role_ids)
         where u.delete_time is null and u.state = $1 and $2 = any(r.permissions))";
    let query = sqlx::query_as::<_, (bool,)>(query).bind(i32::from(UserState::Active)).bind(EVERYTHING);
    let left = cx.row(query).await?;
    ensure!(left == Some((true,)), IdentityReason::LastAdministrator);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_catalogue_names_real_methods() {
        // A role editor lists it; each permission must say what it opens.
        let all = catalogue();
        let users = all.iter().find(|permission| permission.name == "identity.users.read").unwrap();
        assert!(users.methods.contains(&"erp.identity.v1.UserService/GetUser".to_owned()), "{users:?}");
        assert!(all.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn a_permission_must_open_something() {
        // A typing error in a role would otherwise look like a lock that works.
        assert!(check_known(&list(&["*", "identity.*", "identity.users.*", "identity.users.read"])).is_ok());
        for wrong in ["identity.users.raed", "identiti.*", "identity.user.*"] {
            let refusal = check_known(&list(&[wrong])).unwrap_err();
            assert!(refusal.is(IdentityReason::PermissionUnknown), "{wrong}");
            assert_eq!(refusal.metadata()["permission"], wrong);
        }
    }

    #[test]
    fn nobody_gives_what_he_does_not_hold() {
        // Single permissions never add up to a star, because a star also covers what comes later.
        let held = list(&["crm.*", "identity.users.read", "identity.users.write"]);
        assert!(check_held(&held, &list(&["crm.contacts.read", "crm.contacts.*", "crm.*"])).is_ok());
        for beyond in
            ["*", "identity.*", "identity.users.*", "identity.users.delete", "finance.invoices.read"]
        {
            assert!(check_held(&held, &list(&[beyond])).is_err(), "{beyond}");
        }
        assert!(check_held(&list(&["*"]), &list(&["*", "finance.*"])).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn what_both_allow_opens_what_each_opens(
            held in proptest::sample::subsequence(names(), 0..8),
            scopes in proptest::sample::subsequence(names(), 0..8),
        ) {
            // A key reaches a method exactly when its user's roles and its own scopes do.
            let reaches = |permissions: &[String], wanted: &str| permissions.iter().any(|one| covers(one, wanted));
            let both = within(&held, &scopes);
            for wanted in CATALOGUE.keys() {
                proptest::prop_assert_eq!(
                    reaches(&both, wanted), reaches(&held, wanted) && reaches(&scopes, wanted), "{}", wanted);
            }
        }

        #[test]
        fn what_is_given_opens_nothing_new(
            held in proptest::sample::subsequence(names(), 0..8),
            given in proptest::sample::subsequence(names(), 0..8),
        ) {
            // Whatever passes the check, the receiver must not reach a method that the giver does not reach.
            let reaches = |permissions: &[String], wanted: &str| permissions.iter().any(|one| covers(one, wanted));
            if check_held(&held, &given).is_ok() {
                for wanted in CATALOGUE.keys() {
                    proptest::prop_assert!(!reaches(&given, wanted) || reaches(&held, wanted), "{wanted}");
                }
            }
        }
    }

    /// Every permission, and every star that covers some.
    fn names() -> Vec<String> {
        let mut names: Vec<String> = CATALOGUE.keys().map(|name| (*name).to_owned()).collect();
        for name in CATALOGUE.keys() {
            let parts: Vec<_> = name.split('.').collect();
            names.extend([format!("{}.*", parts[0]), format!("{}.{}.*", parts[0], parts[1])]);
        }
        names.push(EVERYTHING.to_owned());
        names.sort();
        names.dedup();
        names
    }
}
