//! Rewrites a PostgreSQL URL for another login and database, keeping host and parameters as they were written.

use crate::{Error, Result};

/// The same server, another login and database.
pub fn with_login(url: &str, user: &str, password: &str, database: &str) -> Result<String> {
    let parts = Parts::parse(url)?;
    let mut query: Vec<String> = parts
        .query
        .iter()
        .filter(|pair| !names(pair, &["user", "password", "dbname"]))
        .map(|p| (*p).to_owned())
        .collect();
    let authority = if parts.host.is_empty() {
        // `postgres:///crm?host=/run/postgresql`: without a host there is no place for a login before it.
        query.push(format!("user={user}"));
        query.push(format!("password={}", encode(password)));
        String::new()
    } else {
        format!("{user}:{}@{}", encode(password), parts.host)
    };
    Ok(assemble(authority, database, &query))
}

/// The same server and login, another database.
pub fn with_database(url: &str, database: &str) -> Result<String> {
    let parts = Parts::parse(url)?;
    let query: Vec<String> =
        parts.query.iter().filter(|pair| !names(pair, &["dbname"])).map(|pair| (*pair).to_owned()).collect();
    let authority = match parts.login {
        Some(login) => format!("{login}@{}", parts.host),
        None => parts.host.to_owned(),
    };
    Ok(assemble(authority, database, &query))
}

fn assemble(authority: String, database: &str, query: &[String]) -> String {
    let mark = if query.is_empty() { "" } else { "?" };
    format!("postgres://{authority}/{database}{mark}{}", query.join("&"))
}

fn names(pair: &str, keys: &[&str]) -> bool {
    keys.contains(&pair.split('=').next().unwrap_or_default())
}

/// What lies between `postgres://` and the end. The database is left out: it is always replaced.
struct Parts<'a> {
    login: Option<&'a str>,
    host: &'a str,
    query: Vec<&'a str>,
}

impl<'a> Parts<'a> {
    fn parse(url: &'a str) -> Result<Self> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")).ok_or_else(
            || {
                Error::Invalid(
                    "A database URL looks like postgres://user:password@host:5432/postgres.".into(),
                )
            },
        )?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = path.split('/').next().unwrap_or_default();
        let (login, host) = match authority.rsplit_once('@') {
            Some((login, host)) => (Some(login), host),
            None => (None, authority),
        };
        Ok(Self { login, host, query: query.split('&').filter(|pair| !pair.is_empty()).collect() })
    }
}

/// Percent-encodes what is not plainly safe in a URL.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_replaces_the_old_one_and_keeps_the_parameters() {
        let url =
            with_login("postgresql://root:p%40ss@db.example:6432/postgres?sslmode=require", "a", "b/c", "d");
        assert_eq!(url.unwrap(), "postgres://a:b%2Fc@db.example:6432/d?sslmode=require");
        let url = with_login("postgres:///x?host=/run/postgresql&user=root", "a", "b", "d").unwrap();
        assert_eq!(url, "postgres:///d?host=/run/postgresql&user=a&password=b");
        assert!(with_login("mysql://x", "a", "b", "c").is_err());
    }

    #[test]
    fn another_database_keeps_the_login() {
        assert_eq!(with_database("postgres://u:p@h:1/x?a=b", "y").unwrap(), "postgres://u:p@h:1/y?a=b");
    }
}
