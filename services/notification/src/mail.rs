//! Which way mails take, as the environment says it.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use kit::{Code, Error, Result};
use lettre::message::Mailbox;
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, PoolConfig};
use lettre::{AsyncSmtpTransport, Tokio1Executor};

/// How long one command to a mail server may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(15);
/// How many connections to the mail server are kept.
const CONNECTIONS_MAX: u32 = 8;

/// Which way mails take.
#[derive(Debug)]
pub enum Mail {
    /// To a mail server.
    Smtp(Box<Smtp>),
    /// Into a folder, one `.eml` file each.
    Folder(PathBuf),
}

/// A mail server, and from whom mails come.
#[derive(Debug)]
pub struct Smtp {
    pub(crate) builder: AsyncSmtpTransportBuilder,
    pub(crate) from: Mailbox,
}

impl Mail {
    /// A mail server by its URL, `smtp://user:password@host:587` or `smtps://...`, and the sender's address.
    /// `smtp` turns to TLS where the server can, and insists on it when there is a password; `?tls=` overrides.
    pub fn smtp(url: &str, from: &str) -> Result<Self> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&with_tls(url));
        // The URL holds a password, so that it stays out of the message.
        let builder = builder.map_err(|error| {
            misconfigured(format!(
                "TESSERA_SMTP_URL is no URL of a mail server, such as smtp://user:password@host:587: {error}"
            ))
        })?;
        let from = from.parse().map_err(|error| {
            misconfigured(format!(
                "TESSERA_MAIL_FROM is no address, such as `Shop <shop@example.com>`: {error}"
            ))
        })?;
        let pool = PoolConfig::new().max_size(CONNECTIONS_MAX);
        let builder = builder.timeout(Some(COMMAND_TIMEOUT)).pool_config(pool);
        Ok(Self::Smtp(Box::new(Smtp { builder, from })))
    }

    /// A mail server by TESSERA_SMTP_URL and TESSERA_MAIL_FROM, else the folder TESSERA_MAIL_DIR, else this one.
    pub fn from_env(default_folder: Option<PathBuf>) -> Result<Self> {
        Self::from_variables(&|name| env::var(name).ok(), default_folder)
    }

    fn from_variables(
        variable: &dyn Fn(&str) -> Option<String>,
        default_folder: Option<PathBuf>,
    ) -> Result<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        if let Some(url) = set("TESSERA_SMTP_URL") {
            let from = set("TESSERA_MAIL_FROM").ok_or_else(|| {
                misconfigured(
                    "TESSERA_SMTP_URL is set, so set TESSERA_MAIL_FROM to the sender's address".to_owned(),
                )
            })?;
            return Self::smtp(url.trim(), from.trim());
        }
        let folder = set("TESSERA_MAIL_DIR").map(PathBuf::from).or(default_folder);
        folder.map(Self::Folder).ok_or_else(|| {
            misconfigured(
                "Where do mails go? Set TESSERA_SMTP_URL and TESSERA_MAIL_FROM for a mail server, \
                 or TESSERA_MAIL_DIR for a folder of .eml files"
                    .to_owned(),
            )
        })
    }
}

/// Says how to come to TLS where the URL does not.
fn with_tls(url: &str) -> String {
    let Some(rest) = url.strip_prefix("smtp://") else { return url.to_owned() };
    if rest.split_once('?').is_some_and(|(_, query)| query.contains("tls=")) {
        return url.to_owned();
    }
    let has_password = rest.split(['/', '?']).next().is_some_and(|authority| authority.contains('@'));
    let mode = if has_password { "required" } else { "opportunistic" };
    format!("{url}{}tls={mode}", if rest.contains('?') { '&' } else { '?' })
}

fn misconfigured(message: String) -> Error {
    Error::new(Code::FailedPrecondition, "MAIL_NOT_CONFIGURED", "erp.notification", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)], default: Option<&str>) -> Result<Mail> {
        let find =
            |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Mail::from_variables(&find, default.map(PathBuf::from))
    }

    #[test]
    fn the_environment_decides_the_way() {
        // A server goes before a folder, and what is missing is named.
        let server = [
            ("TESSERA_SMTP_URL", "smtp://u:p@mail.example:587"),
            ("TESSERA_MAIL_FROM", "Shop <s@x.example>"),
        ];
        assert!(matches!(from(&server, Some("/tmp/a")), Ok(Mail::Smtp(_))));
        assert!(from(&server[..1], None).unwrap_err().text().contains("TESSERA_MAIL_FROM"));
        let folder = from(&[("TESSERA_MAIL_DIR", "/tmp/b")], Some("/tmp/a"));
        assert!(matches!(folder, Ok(Mail::Folder(path)) if path.ends_with("b")));
        assert!(matches!(from(&[("TESSERA_MAIL_DIR", " ")], Some("/tmp/a")), Ok(Mail::Folder(_))));
        let nothing = from(&[], None).unwrap_err();
        assert!(nothing.text().contains("TESSERA_SMTP_URL") && nothing.text().contains("TESSERA_MAIL_DIR"));
        let wrong =
            from(&[("TESSERA_SMTP_URL", "ftp://u:secret@h"), ("TESSERA_MAIL_FROM", "s@x.example")], None);
        let text = wrong.unwrap_err().to_string();
        assert!(text.contains("TESSERA_SMTP_URL") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn passwords_travel_encrypted() {
        // A password must not go over a plain connection unless the operator says so.
        assert_eq!(with_tls("smtp://u:p@h:587"), "smtp://u:p@h:587?tls=required");
        assert_eq!(with_tls("smtp://h:25"), "smtp://h:25?tls=opportunistic");
        assert_eq!(with_tls("smtp://h:25/me?x=1"), "smtp://h:25/me?x=1&tls=opportunistic");
        assert_eq!(with_tls("smtp://u:p@h?tls=opportunistic"), "smtp://u:p@h?tls=opportunistic");
        assert_eq!(with_tls("smtps://u:p@h"), "smtps://u:p@h");
    }
}
