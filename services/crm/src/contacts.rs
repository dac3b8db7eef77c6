//! People, with what they allowed and forbade.

use std::collections::HashSet;

use contracts::crm::v1::{
    Account, Contact, ContactApi, ContactConsent, CreateContactRequest, CrmReason, UpdateContactRequest,
};
use kit::{Error, Result, ensure};
use store::Cx;

use crate::accounts::missing_reference;

/// Answers `ContactService`.
pub struct Contacts;

impl ContactApi for Contacts {
    async fn create_contact(&self, cx: &mut Cx, request: CreateContactRequest) -> Result<Contact> {
        let contact = request.contact.ok_or_else(|| Error::invalid("contact", "is required"))?;
        check_consents(&contact.consents)?;
        check_account(cx, contact.account_id.as_deref()).await?;
        cx.create(contact).await
    }

    async fn update_contact(&self, cx: &mut Cx, request: UpdateContactRequest) -> Result<Contact> {
        let patch = request.contact.ok_or_else(|| Error::invalid("contact", "is required"))?;
        let before: Contact = cx.lock(&patch.id).await?;
        let after = cx.update(patch, request.update_mask.as_ref(), "contact").await?;
        check_consents(&after.consents)?;
        if after.account_id != before.account_id {
            check_account(cx, after.account_id.as_deref()).await?;
        }
        Ok(after)
    }
}

/// A contact may outlive its account, but none is added to an account that is gone.
async fn check_account(cx: &mut Cx, account_id: Option<&str>) -> Result<()> {
    match account_id {
        Some(id) if cx.find::<Account>(id).await?.is_none() => Err(missing_reference("account_id")),
        _ => Ok(()),
    }
}

/// One answer for a purpose and channel: two could contradict each other.
fn check_consents(consents: &[ContactConsent]) -> Result<()> {
    let mut seen = HashSet::with_capacity(consents.len());
    let once =
        consents.iter().all(|consent| seen.insert((consent.purpose.trim().to_lowercase(), consent.channel)));
    ensure!(once, CrmReason::ConsentTwice);
    Ok(())
}

#[cfg(test)]
mod tests {
    use contracts::crm::v1::ContactChannel;

    use super::*;

    fn consent(purpose: &str, channel: ContactChannel) -> ContactConsent {
        ContactConsent { purpose: purpose.to_owned(), channel: channel.into(), ..ContactConsent::default() }
    }

    #[test]
    fn one_consent_for_a_purpose_and_channel() {
        // `Newsletter` and `newsletter` are one purpose to the person who was asked.
        let email = consent("newsletter", ContactChannel::Email);
        assert!(check_consents(&[email.clone(), consent("newsletter", ContactChannel::Post)]).is_ok());
        assert!(check_consents(&[email.clone(), consent("surveys", ContactChannel::Email)]).is_ok());
        let twice = [email, consent(" Newsletter", ContactChannel::Email)];
        assert!(check_consents(&twice).unwrap_err().is(CrmReason::ConsentTwice));
    }
}
