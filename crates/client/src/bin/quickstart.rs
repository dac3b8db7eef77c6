//! The program of the README, word by word.

use client::contracts::crm::v1::account_service_client::AccountServiceClient;
use client::contracts::crm::v1::{Account, AccountType, CreateAccountRequest, ListAccountsRequest};
use client::contracts::ops::v1::{WatchEventsRequest, event_log_service_client::EventLogServiceClient};
use client::{Error, Session};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (address, password) = (std::env::var("TESSERA_URL")?, std::env::var("TESSERA_PASSWORD")?);
    let session = Session::log_in(&address, "demo@tessera.example", &password).await?;
    let mut accounts = AccountServiceClient::new(session.clone());

    let watch = WatchEventsRequest { types: vec!["account.*".to_owned()], ..Default::default() };
    let mut events = EventLogServiceClient::new(session).watch_events(watch).await?.into_inner();
    events.message().await?; // The first message says that the stream has begun.

    let customers = ListAccountsRequest { filter: "type = CUSTOMER".to_owned(), ..Default::default() };
    for account in accounts.list_accounts(customers).await?.into_inner().accounts {
        println!("listed {}", account.display_name);
    }
    let mut acme = Account { display_name: "Acme".to_owned(), ..Default::default() };
    acme.set_type(AccountType::Customer);
    let create = CreateAccountRequest { account: Some(acme), ..Default::default() };
    println!("created {}", accounts.create_account(create).await?.into_inner().id);

    let nameless = CreateAccountRequest { account: Some(Account::default()), ..Default::default() };
    if let Err(status) = accounts.create_account(nameless).await {
        let error = Error::from(status);
        println!("{:?} {} {}", error.code(), error.reason(), error.violations()[0].field);
    }
    if let Some(event) = events.message().await?.and_then(|heard| heard.event) {
        println!("heard {}", event.event_type); // A stream: it waits for what happens.
    }
    Ok(())
}
