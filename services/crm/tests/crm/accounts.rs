use contracts::crm::v1::account_service_client::AccountServiceClient;
use contracts::crm::v1::{
    Account, AccountType, CreateAccountRequest, CrmReason, DeleteAccountRequest, ListAccountsRequest,
    SearchAccountsRequest, UndeleteAccountRequest, UpdateAccountRequest,
};
use contracts::google::r#type::PostalAddress;
use kit::{Code, Error};
use prost_types::FieldMask;
use testkit::{Mesh, Party, Transport};

type Accounts = AccountServiceClient<Transport>;

fn accounts(party: &Party) -> Accounts {
    party.client(AccountServiceClient::new)
}

async fn create(client: &mut Accounts, account: Account) -> Result<Account, Error> {
    let request = CreateAccountRequest { account: Some(account), request_id: testkit::request_id() };
    Ok(client.create_account(request).await?.into_inner())
}

fn named(name: &str, parent: Option<&Account>) -> Account {
    let parent_id = parent.map(|parent| parent.id.clone());
    Account { display_name: name.to_owned(), parent_id, ..Account::default() }
}

async fn put_below(client: &mut Accounts, account: &Account, parent: &Account) -> Result<Account, Error> {
    let patch = Account { id: account.id.clone(), parent_id: Some(parent.id.clone()), ..Account::default() };
    let update_mask = Some(FieldMask { paths: vec!["parent_id".to_owned()] });
    let request = UpdateAccountRequest { account: Some(patch), update_mask, ..Default::default() };
    Ok(client.update_account(request).await?.into_inner())
}

#[tokio::test]
async fn an_account_keeps_all_that_is_said_of_it() {
    // Nested addresses, labels and optional fields must come back as they were sent.
    let mesh = Mesh::start(vec![crm::service()]).await;
    let mut client = accounts(&mesh.sign_up("acme").await);
    let address = |city: &str| PostalAddress {
        region_code: "CH".to_owned(),
        locality: city.to_owned(),
        address_lines: vec!["Bahnhofstrasse 1".to_owned(), "3rd floor".to_owned()],
        ..PostalAddress::default()
    };
    let sent = Account {
        code: Some("HANFE".to_owned()),
        r#type: AccountType::Customer.into(),
        domain: "hanfe.example".to_owned(),
        phone: "+41 44 000 00 00".to_owned(),
        billing_address: Some(address("Zürich")),
        shipping_address: Some(address("Bern")),
        labels: [("tier".to_owned(), "gold".to_owned())].into(),
        ..named("Hansens Feinkost", None)
    };
    let made = create(&mut client, sent.clone()).await.unwrap();
    let header = Account {
        id: made.id.clone(),
        tenant_id: made.tenant_id.clone(),
        create_time: made.create_time,
        update_time: made.update_time,
        created_by: made.created_by.clone(),
        updated_by: made.updated_by.clone(),
        etag: "\"1\"".to_owned(),
        ..sent
    };
    assert_eq!(made, header);
    let found =
        client.search_accounts(SearchAccountsRequest { query: "feink".to_owned(), ..Default::default() });
    assert_eq!(found.await.unwrap().into_inner().accounts, std::slice::from_ref(&made));
    let filter = "type = CUSTOMER AND code = \"HANFE\"".to_owned();
    let listed = client.list_accounts(ListAccountsRequest { filter, ..Default::default() }).await.unwrap();
    assert_eq!(listed.into_inner().accounts, [made]);
    mesh.stop().await;
}

#[tokio::test]
async fn accounts_never_form_a_ring() {
    // Not alone, not in a chain, and an unknown or deleted parent is no parent.
    let mesh = Mesh::start(vec![crm::service()]).await;
    let (acme, bolt) = (mesh.sign_up("acme").await, mesh.sign_up("bolt").await);
    let mut client = accounts(&acme);
    let top = create(&mut client, named("top", None)).await.unwrap();
    let middle = create(&mut client, named("middle", Some(&top))).await.unwrap();
    let bottom = create(&mut client, named("bottom", Some(&middle))).await.unwrap();
    for below in [&top, &middle, &bottom] {
        let ring = put_below(&mut client, &top, below).await.unwrap_err();
        assert!(ring.is(CrmReason::AccountCycle), "{ring}");
    }
    put_below(&mut client, &bottom, &top).await.unwrap();
    let foreign = create(&mut accounts(&bolt), named("foreign", None)).await.unwrap();
    let deletion = DeleteAccountRequest { id: middle.id.clone(), ..Default::default() };
    client.delete_account(deletion).await.unwrap();
    for parent in [&foreign, &middle] {
        let refusal = create(&mut client, named("orphan", Some(parent))).await.unwrap_err();
        assert_eq!(refusal.code(), Code::FailedPrecondition, "{refusal}");
        assert_eq!(refusal.violations()[0].field, "parent_id");
    }
    mesh.stop().await;
}

#[tokio::test]
async fn two_moves_at_once_make_no_ring() {
    // Each of the moves is fine by itself; of both together one must be refused.
    let mesh = Mesh::start(vec![crm::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let mut client = accounts(&acme);
    for round in 0..10 {
        let one = create(&mut client, named(&format!("one {round}"), None)).await.unwrap();
        let other = create(&mut client, named(&format!("other {round}"), None)).await.unwrap();
        let (mut first, mut second) = (accounts(&acme), accounts(&acme));
        let (left, right) =
            tokio::join!(put_below(&mut first, &one, &other), put_below(&mut second, &other, &one));
        let refusal = match (left, right) {
            (Ok(_), Err(refusal)) | (Err(refusal), Ok(_)) => refusal,
            both => panic!("round {round}: {both:?}"),
        };
        assert!(refusal.is(CrmReason::AccountCycle), "round {round}: {refusal}");
    }
    mesh.stop().await;
}

#[tokio::test]
async fn the_tree_ends_at_ten_levels() {
    // Also when a whole branch is moved.
    let mesh = Mesh::start(vec![crm::service()]).await;
    let mut client = accounts(&mesh.sign_up("acme").await);
    let mut chain = vec![create(&mut client, named("level 1", None)).await.unwrap()];
    for level in 2..=10 {
        let account = named(&format!("level {level}"), chain.last());
        chain.push(create(&mut client, account).await.unwrap());
    }
    let deep = create(&mut client, named("level 11", chain.last())).await.unwrap_err();
    assert_eq!(
        (deep.code(), deep.violations()[0].field.as_str()),
        (Code::InvalidArgument, "account.parent_id")
    );
    let group = create(&mut client, named("group", None)).await.unwrap();
    let moved = put_below(&mut client, &chain[0], &group).await.unwrap_err();
    assert_eq!(moved.code(), Code::InvalidArgument);
    put_below(&mut client, &chain[1], &group).await.unwrap();
    mesh.stop().await;
}

#[tokio::test]
async fn a_code_is_free_again_when_its_account_is_deleted() {
    // And the deleted one cannot come back while another has it. A viewer may not write.
    let mesh = Mesh::start(vec![crm::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let mut client = accounts(&acme);
    let coded = |name: &str| Account { code: Some("C-1".to_owned()), ..named(name, None) };
    let first = create(&mut client, coded("first")).await.unwrap();
    let taken = create(&mut client, coded("second")).await.unwrap_err();
    assert_eq!((taken.code(), taken.violations()[0].field.as_str()), (Code::AlreadyExists, "code"));
    client.delete_account(DeleteAccountRequest { id: first.id.clone(), ..Default::default() }).await.unwrap();
    create(&mut client, coded("second")).await.unwrap();
    let back = client.undelete_account(UndeleteAccountRequest { id: first.id, ..Default::default() }).await;
    assert_eq!(Error::from(back.unwrap_err()).code(), Code::AlreadyExists);
    let viewer = acme.user_with(&["crm.accounts.read"]).await;
    let denied = create(&mut accounts(&viewer), named("third", None)).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    mesh.stop().await;
}
