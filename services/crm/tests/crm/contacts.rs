use contracts::crm::v1::account_service_client::AccountServiceClient;
use contracts::crm::v1::contact_service_client::ContactServiceClient;
use contracts::crm::v1::{
    Account, Contact, ContactChannel, ContactConsent, ContactConsentState, CreateAccountRequest,
    CreateContactRequest, CrmReason, DeleteAccountRequest, UpdateContactRequest,
};
use kit::{Code, Error};
use testkit::{Mesh, Transport};

type Contacts = ContactServiceClient<Transport>;

async fn create(client: &mut Contacts, contact: Contact) -> Result<Contact, Error> {
    let request = CreateContactRequest { contact: Some(contact), request_id: testkit::request_id() };
    Ok(client.create_contact(request).await?.into_inner())
}

async fn update(client: &mut Contacts, contact: Contact) -> Result<Contact, Error> {
    let request = UpdateContactRequest { contact: Some(contact), ..Default::default() };
    Ok(client.update_contact(request).await?.into_inner())
}

fn named(name: &str) -> Contact {
    Contact { given_name: name.to_owned(), ..Contact::default() }
}

fn consent(purpose: &str, channel: ContactChannel) -> ContactConsent {
    ContactConsent {
        purpose: purpose.to_owned(),
        channel: channel.into(),
        state: ContactConsentState::Granted.into(),
        proof: "form of 2026-01-02".to_owned(),
        answer_time: Some(prost_types::Timestamp { seconds: 1_767_312_000, nanos: 5_000 }),
    }
}

#[tokio::test]
async fn a_contact_has_one_answer_for_a_purpose_and_channel() {
    // When it is created and when it is changed; what was there stays.
    let mesh = Mesh::start(vec![crm::service()]).await;
    let mut client = mesh.sign_up("acme").await.client(ContactServiceClient::new);
    let email = consent("newsletter", ContactChannel::Email);
    let twice = vec![email.clone(), ContactConsent { state: 3, ..email.clone() }];
    let refused = create(&mut client, Contact { consents: twice.clone(), ..named("Ada") }).await.unwrap_err();
    assert!(refused.is(CrmReason::ConsentTwice), "{refused}");
    let consents = vec![email, consent("newsletter", ContactChannel::Post)];
    let ada = create(&mut client, Contact { consents: consents.clone(), ..named("Ada") }).await.unwrap();
    assert_eq!(ada.consents, consents);
    let refused = update(&mut client, Contact { consents: twice, ..ada.clone() }).await.unwrap_err();
    assert!(refused.is(CrmReason::ConsentTwice), "{refused}");
    let request = contracts::crm::v1::GetContactRequest { id: ada.id.clone() };
    assert_eq!(client.get_contact(request).await.unwrap().into_inner(), ada);
    mesh.stop().await;
}

#[tokio::test]
async fn an_address_belongs_to_one_contact() {
    // In any case of letters, within the tenant; contacts without one do not collide.
    let mesh = Mesh::start(vec![crm::service()]).await;
    let mut client = mesh.sign_up("acme").await.client(ContactServiceClient::new);
    let with = |email: &str| Contact { email: Some(email.to_owned()), ..named("Ada") };
    create(&mut client, with("ada@example.com")).await.unwrap();
    let taken = create(&mut client, with("ADA@example.com")).await.unwrap_err();
    assert_eq!((taken.code(), taken.violations()[0].field.as_str()), (Code::AlreadyExists, "email"));
    for _ in 0..2 {
        create(&mut client, named("Nobody")).await.unwrap();
    }
    let mut other = mesh.sign_up("bolt").await.client(ContactServiceClient::new);
    create(&mut other, with("ada@example.com")).await.unwrap();
    mesh.stop().await;
}

#[tokio::test]
async fn a_contact_outlives_its_account() {
    // It can still be changed when the account is deleted, but nobody new is added to it.
    let mesh = Mesh::start(vec![crm::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let mut accounts = acme.client(AccountServiceClient::new);
    let mut client = acme.client(ContactServiceClient::new);
    let account = Account { display_name: "Customer".to_owned(), ..Account::default() };
    let account =
        accounts.create_account(CreateAccountRequest { account: Some(account), ..Default::default() });
    let account = account.await.unwrap().into_inner();
    let at = |name: &str| Contact { account_id: Some(account.id.clone()), ..named(name) };
    let ada = create(&mut client, at("Ada")).await.unwrap();
    let deletion = DeleteAccountRequest { id: account.id.clone(), ..Default::default() };
    accounts.delete_account(deletion).await.unwrap();
    let renamed = update(&mut client, Contact { given_name: "Augusta".to_owned(), ..ada }).await.unwrap();
    assert_eq!(renamed.account_id.as_ref(), Some(&account.id));
    let nowhere = Contact { account_id: Some(testkit::request_id()), ..named("Eve") };
    for contact in [at("Bob"), nowhere] {
        let refusal = create(&mut client, contact).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.reason()), (Code::FailedPrecondition, "REFERENCE_BROKEN"));
    }
    mesh.stop().await;
}
