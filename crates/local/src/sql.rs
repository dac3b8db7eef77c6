//! The statements that make a service's roles and database.

use crate::{Error, Result};

/// The names that belong to one service.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub service: String,
    pub database: String,
    pub owner: String,
    pub login: String,
    /// None for the event log, which has a single role.
    pub system: Option<String>,
}

impl Names {
    pub fn of_service(prefix: &str, service: &str) -> Result<Self> {
        if service == "log" {
            return Err(Error::Invalid(
                "No service may be called `log`: that is the event log's database.".into(),
            ));
        }
        let login = checked(format!("{prefix}{service}"))?;
        let system = checked(format!("{login}_system"))?;
        let owner = format!("{login}_owner");
        Ok(Self { service: service.to_owned(), database: login.clone(), owner, login, system: Some(system) })
    }

    pub fn of_log(prefix: &str) -> Result<Self> {
        let name = checked(format!("{prefix}log"))?;
        Ok(Self {
            service: "log".into(),
            database: name.clone(),
            owner: name.clone(),
            login: name,
            system: None,
        })
    }

    /// The roles that log in, and so have a password.
    pub fn logins(&self) -> Vec<String> {
        if self.owner == self.login {
            vec![self.login.clone()]
        } else {
            vec![self.owner.clone(), self.login.clone()]
        }
    }

    /// Makes the roles, or mends those that exist.
    pub fn roles(&self, password: impl Fn(&str) -> String) -> Vec<String> {
        let mut out: Vec<String> = self
            .logins()
            .iter()
            .map(|role| {
                // Without inheritance a login has the system role's rights only after `set role`.
                let is_user = *role != self.owner;
                let inherit = if is_user { "noinherit" } else { "inherit" };
                make_role(role, &format!("login {inherit} password '{}'", password(role)))
            })
            .collect();
        if let Some(system) = &self.system {
            out.push(make_role(system, "nologin"));
            out.push(format!("grant \"{system}\" to \"{}\"", self.login));
        }
        out
    }

    /// Lets an administrator who is no superuser create the database in the owner's name.
    pub fn become_owner(&self) -> String {
        format!("grant \"{}\" to current_user", self.owner)
    }

    pub fn create_database(&self) -> String {
        let Self { database, owner, .. } = self;
        format!("create database \"{database}\" owner \"{owner}\" template template0 encoding 'UTF8'")
    }

    /// Only the database's own roles may connect.
    pub fn close_database(&self) -> Vec<String> {
        let database = &self.database;
        let logins = self.logins().iter().map(|role| format!("\"{role}\"")).collect::<Vec<_>>().join(", ");
        vec![
            format!("revoke all on database \"{database}\" from public"),
            format!("grant connect, temporary on database \"{database}\" to {logins}"),
        ]
    }

    /// All of it, as a script for psql.
    pub fn script(&self, password: impl Fn(&str) -> String) -> String {
        let mut all = self.roles(password);
        all.push(self.create_database());
        all.extend(self.close_database());
        all.into_iter().map(|statement| format!("{statement};\n")).collect()
    }
}

/// PostgreSQL has no `create role if not exists`.
fn make_role(role: &str, options: &str) -> String {
    format!(
        "do $$ begin create role \"{role}\" {options}; \
         exception when duplicate_object then alter role \"{role}\" {options}; end $$"
    )
}

/// Names are lower-case words, so that they need no quotes in psql, and short enough for PostgreSQL.
pub(crate) fn checked(name: String) -> Result<String> {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && name.len() <= 63 {
        return Ok(name);
    }
    Err(Error::Invalid(format!(
        "`{name}` cannot name a database or role: use lower-case letters, digits and `_`, 63 at most."
    )))
}

/// Which of the given databases stand complete: roles, owner, membership, closed to the public.
/// Takes the prefix and the services' names.
pub(crate) const COMPLETE: &str = "
    select s.service
    from unnest($2::text[]) as s(service)
    join pg_database d on d.datname = $1 || s.service
    join pg_roles l on l.rolname = $1 || s.service and l.rolcanlogin
    join pg_roles o on o.oid = d.datdba and o.rolcanlogin
        and o.rolname = $1 || s.service || case when s.service = 'log' then '' else '_owner' end
    where has_database_privilege(l.oid, d.oid, 'connect')
      and not exists (
        select from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
        where a.grantee = 0 and a.privilege_type = 'CONNECT')
      and (s.service = 'log' or exists (
        select from pg_auth_members m join pg_roles y on y.oid = m.roleid
        where m.member = l.oid and y.rolname = $1 || s.service || '_system'))";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_need_quotes_or_are_too_long_are_refused() {
        assert!(Names::of_service("tessera_", "crm").is_ok());
        for bad in ["CRM", "a-b", "a\"b", "log", &"x".repeat(60)] {
            assert!(Names::of_service("tessera_", bad).is_err(), "{bad}");
        }
    }
}
