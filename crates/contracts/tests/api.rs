//! How services meet the generated code.

use contracts::crm::v1::{
    Account, AccountApi, AccountRpc, CreateAccountRequest, GetAccountRequest, UpdateAccountRequest,
};
use contracts::identity::v1::LoginRequest;
use contracts::v1::CommonReason;
use kit::{Result, Violation};
use store::{Cx, Record, Rpc, Standard, Validate};

/// Overrides one method with a plain `async fn`; the others are inherited.
struct Accounts;

impl AccountApi for Accounts {
    async fn create_account(&self, cx: &mut Cx, request: CreateAccountRequest) -> Result<Account> {
        let account = request.account.unwrap_or_default();
        let found: Option<Account> = cx.find(account.parent_id()).await?;
        cx.create(found.unwrap_or(account)).await
    }
}

const ID: &str = "01938c5e-8a3f-7cc1-b6a2-5f0d3e2c1b00";

fn violations(message: &impl Validate) -> Vec<(String, String)> {
    let mut found = Vec::new();
    message.validate("", &mut found);
    found.into_iter().map(|Violation { field, rule, .. }| (field, rule)).collect()
}

fn pair(field: &str, rule: &str) -> (String, String) {
    (field.to_owned(), rule.to_owned())
}

#[test]
fn a_service_is_mounted_by_its_name() {
    // A service with code and one without are mounted alike, and tell the access layer the same.
    let (own, standard) = (AccountRpc(Accounts), AccountRpc(Standard));
    assert_eq!(own.name(), "erp.crm.v1.AccountService");
    assert_eq!(own.methods().len(), standard.methods().len());
    assert_eq!(own.methods()[0].path, "/erp.crm.v1.AccountService/CreateAccount");
    assert!(own.methods()[0].mutating && !own.methods()[1].mutating);
}

#[test]
fn a_request_is_checked_down_to_its_entity() {
    // Each violation must name its field by the path in the request, and no rule may fire twice.
    let account = Account {
        parent_id: Some("x".to_owned()),
        r#type: 99,
        display_name: String::new(),
        code: Some("ä".repeat(41)),
        ..Account::default()
    };
    let request = CreateAccountRequest { account: Some(account.clone()), request_id: "x".to_owned() };
    let expected = [
        pair("account.display_name", "required"),
        pair("account.code", "string.max_len"),
        pair("account.type", "enum.defined_only"),
        pair("account.parent_id", "string.uuid"),
        pair("request_id", "string.uuid"),
    ];
    assert_eq!(violations(&request), expected);
    assert_eq!(violations(&CreateAccountRequest::default()), [pair("account", "required")]);
    assert_eq!(violations(&GetAccountRequest::default()), [pair("id", "required")]);
    // A patch holds only some of the fields; the engine checks the merged record.
    let patch = UpdateAccountRequest { account: Some(account), ..UpdateAccountRequest::default() };
    assert_eq!(violations(&patch), []);
}

#[test]
fn fields_are_known_by_name() {
    // Masks, events and filters work on names.
    let from = Account {
        id: ID.to_owned(),
        display_name: "Ada".to_owned(),
        r#type: 2,
        labels: [("a".to_owned(), "b".to_owned())].into(),
        ..Account::default()
    };
    let mut account = Account::default();
    for field in ["display_name", "type", "labels", "code"] {
        assert!(account.copy_field(&from, field), "{field}");
    }
    assert!(!account.copy_field(&from, "nothing"));
    assert_eq!(account.id, "");
    assert!(account.is_set("labels") && !account.is_set("code") && !account.is_set("nothing"));
    assert_eq!(account.field_json("type"), "ACCOUNT_TYPE_CUSTOMER");
    assert_eq!(account.field_json("labels"), r#"{"a":"b"}"#.parse::<serde_json::Value>().unwrap());
    assert_eq!(account.field_json("code"), serde_json::Value::Null);
    *account.header().id = ID.to_owned();
    assert_eq!(account.id(), ID);
}

#[test]
fn every_column_can_be_bound() {
    // The insert statement binds all of them in their order.
    let account = Account { id: ID.to_owned(), tenant_id: ID.to_owned(), ..Account::default() };
    let mut arguments = sqlx::postgres::PgArguments::default();
    for column in 0..Account::table().columns.len() {
        account.bind(column, &mut arguments).unwrap();
    }
    assert!(account.bind(Account::table().columns.len(), &mut arguments).is_err());
    assert_eq!(sqlx::Arguments::len(&arguments), Account::table().columns.len());
}

#[test]
fn secrets_are_not_printed() {
    // Requests end up in logs and panics by their Debug form.
    let request = LoginRequest { password: "hunter2".to_owned(), ..LoginRequest::default() };
    let text = format!("{request:?}");
    assert!(text.contains("password: [redacted]") && !text.contains("hunter2"), "{text}");
}

#[test]
fn reasons_become_errors() {
    // What a caller acts on is the contract's, not the service's.
    let error = kit::Error::from(CommonReason::StaleEtag);
    assert_eq!((error.code(), error.reason(), error.domain()), (kit::Code::Aborted, "STALE_ETAG", "erp"));
}

#[test]
fn lists_cover_every_package() {
    // The engine migrates, creates topics and grants from these.
    let table = contracts::TABLES.iter().find(|table| table.entity == "erp.crm.v1.Account").unwrap();
    assert_eq!((table.name, table.noun, table.soft_delete), ("accounts", "account", true));
    assert_eq!(table.column("revision").map(|column| column.field), Some("etag"));
    assert!(contracts::TOPICS.iter().any(|topic| topic.name == "crm.accounts"));
    assert!(contracts::METHODS.iter().any(|method| method.path.ends_with("/UndeleteAccount")));
    assert!(contracts::POOL.get_message_by_name("erp.crm.v1.Account").is_some());
}
