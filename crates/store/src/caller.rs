//! Who calls, as the access layer found out from the token.

use std::sync::Arc;

use uuid::Uuid;

/// Who calls and in whose name; put into a request's extensions by the access layer.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant; absent on public calls and for services that act for none.
    pub tenant: Option<Uuid>,
    /// Who acts.
    pub actor: Actor,
    /// The permissions held, some with a trailing `*`.
    pub permissions: Arc<[String]>,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A call without a token.
    Anonymous,
    /// A person, by the user's id, in a session.
    User {
        /// The user's id.
        id: Uuid,
        /// The session's id.
        session: Uuid,
    },
    /// A service, by its name.
    Service(String),
}

impl Caller {
    /// The caller of a public method.
    pub fn anonymous() -> Self {
        Self { tenant: None, actor: Actor::Anonymous, permissions: Arc::new([]) }
    }

    /// A service acting for a tenant.
    pub fn service(name: &str, tenant: Option<Uuid>) -> Self {
        Self { tenant, actor: Actor::Service(name.to_owned()), permissions: Arc::new([]) }
    }

    /// Whether the caller holds a permission: by name, by `crm.*`, or by `*`.
    pub fn may(&self, permission: &str) -> bool {
        self.permissions.iter().any(|held| covers(held, permission))
    }
}

/// Whether a held permission, perhaps with a trailing `*`, covers a wanted one.
pub fn covers(held: &str, wanted: &str) -> bool {
    match held.strip_suffix('*') {
        Some(prefix) => wanted.starts_with(prefix) && (prefix.is_empty() || prefix.ends_with('.')),
        None => held == wanted,
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User { id, .. } => id.fmt(f),
            Self::Service(name) => write!(f, "service:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_star_covers_whole_words_only() {
        // `crm.*` must give crm.contacts.read and must not give crmx.contacts.read.
        assert!(covers("crm.*", "crm.contacts.read"));
        assert!(covers("*", "crm.contacts.read"));
        assert!(covers("crm.contacts.read", "crm.contacts.read"));
        assert!(!covers("crm.*", "crmx.contacts.read"));
        assert!(!covers("crm*", "crmx.contacts.read"));
        assert!(!covers("crm.contacts.read", "crm.contacts.write"));
    }
}
