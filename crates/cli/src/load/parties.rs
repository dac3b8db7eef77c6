//! Accounts and the people there.

use std::collections::{HashMap, HashSet};

use contracts::crm::v1::{Contact, CreateAccountRequest, CreateContactRequest};
use tonic::Status;

use crate::Result;
use crate::client::new_id;
use crate::load::api::{Api, quote, retry};
use crate::load::ensure::{Problems, Step};
use crate::load::plan::{NewAccount, Plan, Row};
use crate::load::rows;

/// A person with the key that a load knows them by.
struct NewContact {
    key: String,
    contact: Contact,
}

/// Makes the accounts that are missing, then their people. Answers the accounts' ids by code.
pub async fn load(api: &Api, plan: &Plan, problems: &mut Problems) -> Result<HashMap<String, String>> {
    let known = rows::accounts(api, "").await?;
    let before: HashSet<String> = known.keys().cloned().collect();
    let step = Step {
        name: "accounts",
        method: "erp.crm.v1.AccountService/CreateAccount",
        rows: &plan.accounts,
        key: NewAccount::code,
    };
    let accounts = step.run(known, async |new| create_account(api, new).await, problems).await?;
    let people = people(api, plan, &accounts, &before).await?;
    let step = Step {
        name: "contacts",
        method: "erp.crm.v1.ContactService/CreateContact",
        rows: &people.missing,
        key: |new: &NewContact| &new.key,
    };
    step.run(people.known, async |new| create_contact(api, new).await, problems).await?;
    Ok(accounts)
}

async fn create_account(api: &Api, new: &NewAccount) -> Result<String, Status> {
    let request = CreateAccountRequest { account: Some(new.account.clone()), request_id: new_id() };
    match retry(async || api.accounts().create_account(request.clone()).await).await {
        Ok(account) => Ok(account.id),
        // Another run may be loading the same at this moment.
        Err(status) => {
            let found = rows::accounts(api, &format!("code = {}", quote(new.code()))).await?;
            found.get(new.code()).cloned().ok_or(status)
        }
    }
}

async fn create_contact(api: &Api, new: &NewContact) -> Result<String, Status> {
    let request = CreateContactRequest { contact: Some(new.contact.clone()), request_id: new_id() };
    let contact = retry(async || api.contacts().create_contact(request.clone()).await).await?;
    Ok(contact.id)
}

struct People {
    missing: Vec<Row<NewContact>>,
    known: HashMap<String, String>,
}

/// The people of the plan. Accounts that were there before are asked for theirs, who are known by name.
async fn people(
    api: &Api,
    plan: &Plan,
    accounts: &HashMap<String, String>,
    before: &HashSet<String>,
) -> Result<People> {
    let mut people = People { missing: Vec::new(), known: HashMap::new() };
    for row in &plan.accounts {
        let Some(account_id) = accounts.get(row.value.code()) else { continue };
        if before.contains(row.value.code()) && !row.value.contacts.is_empty() {
            for contact in rows::contacts(api, account_id).await? {
                people.known.insert(key_of(account_id, &contact), contact.id);
            }
        }
        people.missing.extend(row.value.contacts.iter().map(|contact| Row {
            origin: row.origin.clone(),
            value: NewContact {
                key: key_of(account_id, contact),
                contact: Contact { account_id: Some(account_id.clone()), ..contact.clone() },
            },
        }));
    }
    Ok(people)
}

fn key_of(account_id: &str, contact: &Contact) -> String {
    format!("{account_id} {} {}", contact.given_name, contact.family_name)
}
