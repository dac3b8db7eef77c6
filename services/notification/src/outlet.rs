//! The way out: a delivery becomes a mail, and the mail goes to a server or into a folder.

use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use contracts::notification::v1::Delivery;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::mail::{Mail, Smtp};

/// How long the whole conversation about one mail may take; shorter than the lease of its job.
const SEND_TIMEOUT: Duration = Duration::from_secs(40);

/// Replies to a login, which tell of our configuration and nothing of the mail.
const LOGIN_REPLIES: [&str; 4] = ["530", "534", "535", "538"];

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server took the mail.
    Sent,
    /// Not now; what was said.
    Later(String),
    /// Never; what was said.
    Refused(String),
}

/// The way that mails take.
#[derive(Debug)]
pub struct Outlet {
    mail: Mail,
    from: Mailbox,
    // Made by the first mail, since its pool needs the runtime that is not there when services are put together.
    transport: OnceLock<AsyncSmtpTransport<Tokio1Executor>>,
}

impl Outlet {
    pub fn new(mail: Mail) -> Self {
        let from = match &mail {
            Mail::Smtp(smtp) => smtp.from.clone(),
            Mail::Folder(_) => Mailbox::new(
                Some("Tessera".to_owned()),
                Address::new("no-reply", "tessera.invalid").expect("this is an address"),
            ),
        };
        Self { mail, from, transport: OnceLock::new() }
    }

    /// The Message-ID of a delivery: the same at every attempt.
    pub fn message_id(&self, delivery_id: &str) -> String {
        format!("<{delivery_id}@{}>", self.from.email.domain())
    }

    /// Tries to send a delivery in the name of a company; without one in the name of the configuration.
    pub async fn send(&self, delivery: &Delivery, company: Option<&str>) -> Outcome {
        let message = match self.message(delivery, company) {
            Ok(message) => message,
            Err(reason) => return Outcome::Refused(reason),
        };
        let sent = async {
            match &self.mail {
                Mail::Smtp(smtp) => self.send_over(smtp, message).await,
                Mail::Folder(folder) => write(folder, &delivery.id, &message.formatted()).await,
            }
        };
        let answer = tokio::time::timeout(SEND_TIMEOUT, sent).await;
        answer.unwrap_or_else(|_| Outcome::Later("the mail server did not answer in time".to_owned()))
    }

    fn message(&self, delivery: &Delivery, company: Option<&str>) -> Result<Message, String> {
        let recipient: Address =
            delivery.recipient.parse().map_err(|error| format!("the address is wrong: {error}"))?;
        let name = company.map(one_line).filter(|name| !name.is_empty()).or_else(|| self.from.name.clone());
        let created = delivery.create_time.as_ref().and_then(|time| SystemTime::try_from(*time).ok());
        let created = created.ok_or("the delivery does not tell when it was made")?;
        let auto =
            HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        let builder = Message::builder()
            .from(Mailbox::new(name, self.from.email.clone()))
            .to(Mailbox::new(None, recipient))
            .subject(one_line(&delivery.subject))
            .date(created)
            .message_id(Some(delivery.message_id.clone()))
            .raw_header(auto);
        let text = delivery.body_text.clone();
        let message = if delivery.body_html.is_empty() {
            builder.singlepart(SinglePart::plain(text))
        } else {
            builder.multipart(MultiPart::alternative_plain_html(text, delivery.body_html.clone()))
        };
        message.map_err(|error| format!("this makes no mail: {error}"))
    }

    async fn send_over(&self, smtp: &Smtp, message: Message) -> Outcome {
        let transport = self.transport.get_or_init(|| smtp.builder.clone().build());
        match transport.send(message).await {
            Ok(_) => Outcome::Sent,
            Err(error) => refusal(&error),
        }
    }
}

/// What a header may hold: text without line ends or other control characters.
pub fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn refusal(error: &smtp::Error) -> Outcome {
    let text = error.to_string();
    let ours = error.status().is_some_and(|code| LOGIN_REPLIES.contains(&code.to_string().as_str()));
    if error.is_permanent() && !ours { Outcome::Refused(text) } else { Outcome::Later(text) }
}

/// Writes a whole file or none: readers of the folder never see half a mail.
async fn write(folder: &Path, id: &str, mail: &[u8]) -> Outcome {
    let (unfinished, finished) = (folder.join(format!(".{id}.tmp")), folder.join(format!("{id}.eml")));
    let written = async {
        tokio::fs::create_dir_all(folder).await?;
        tokio::fs::write(&unfinished, mail).await?;
        tokio::fs::rename(&unfinished, &finished).await
    };
    match written.await {
        Ok(()) => Outcome::Sent,
        Err(error) => Outcome::Later(format!("cannot write {}: {error}", finished.display())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mail(subject: &str, company: &str) -> String {
        let outlet = Outlet::new(Mail::Folder("/nowhere".into()));
        let delivery = Delivery {
            id: "d1".to_owned(),
            recipient: "ann@example.com".to_owned(),
            subject: subject.to_owned(),
            body_text: "Hello".to_owned(),
            message_id: outlet.message_id("d1"),
            create_time: Some(prost_types::Timestamp::default()),
            ..Delivery::default()
        };
        let message = outlet.message(&delivery, Some(company)).unwrap();
        String::from_utf8(message.formatted()).unwrap()
    }

    proptest! {
        #[test]
        fn no_text_adds_a_header(subject in "\\PC{0,40}[\r\n]{0,2}(Bcc: x@y.example)?[\r\n]{0,2}.{0,20}", company in "[\\PC\r\n\0]{0,40}") {
            // Whatever a subject or a company's name holds, the mail must have the same headers.
            let text = mail(&subject, &company);
            let (head, _) = text.split_once("\r\n\r\n").unwrap();
            let names: Vec<&str> = head
                .split("\r\n")
                .filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split(':').next().unwrap_or_default())
                .collect();
            let mut sorted = names.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, [
                "Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "MIME-Version",
                "Message-ID", "Subject", "To",
            ], "{}", head);
        }
    }

    #[test]
    fn headers_are_one_line() {
        // Line ends become spaces, and nothing else of the text is lost.
        assert_eq!(one_line("Order\r\nBcc: x@y.example\u{85}für Ann"), "Order Bcc: x@y.example für Ann");
    }

    #[test]
    fn a_wrong_address_is_refused() {
        // An address that no server could take must not be tried for a day.
        let outlet = Outlet::new(Mail::Folder("/nowhere".into()));
        let delivery = Delivery { recipient: "ann@example.com>\r\nBcc: x".to_owned(), ..Delivery::default() };
        assert!(outlet.message(&delivery, None).unwrap_err().contains("address"));
    }
}
