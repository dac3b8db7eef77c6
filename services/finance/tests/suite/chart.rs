//! The chart that a tenant begins with.

use contracts::finance::v1::ledger_account_service_client::LedgerAccountServiceClient;
use contracts::finance::v1::{
    DeleteLedgerAccountRequest, InstallChartRequest, LedgerAccount, ListLedgerAccountsRequest,
};
use testkit::{Mesh, Party, request_id};

async fn accounts(party: &Party) -> Vec<LedgerAccount> {
    let request = ListLedgerAccountsRequest { page_size: 1_000, ..Default::default() };
    let answer = party.client(LedgerAccountServiceClient::new).list_ledger_accounts(request).await;
    answer.unwrap().into_inner().ledger_accounts
}

#[tokio::test(flavor = "multi_thread")]
async fn installing_the_chart_adds_only_what_is_missing() {
    // A new tenant has it already; what it took away comes back, what it has stays as it is, and the same request
    // gives the same answer however much has changed since.
    let mesh = Mesh::start(vec![finance::service()]).await;
    let acme = mesh.sign_up("acme").await;
    mesh.at_rest().await;
    let before = accounts(&acme).await;
    assert!(before.len() > 5, "{before:?}");
    let mut chart = acme.client(LedgerAccountServiceClient::new);
    let added = chart.install_chart(InstallChartRequest::default()).await.unwrap().into_inner().added_count;
    assert_eq!((added, accounts(&acme).await), (0, before.clone()));

    let gone = &before[0];
    let delete = DeleteLedgerAccountRequest { id: gone.id.clone(), ..Default::default() };
    chart.delete_ledger_account(delete).await.unwrap();
    let install = InstallChartRequest { request_id: request_id() };
    for _ in 0..2 {
        let added = chart.install_chart(install.clone()).await.unwrap().into_inner().added_count;
        assert_eq!(added, 1);
    }
    let after = accounts(&acme).await;
    let codes = |accounts: &[LedgerAccount]| {
        let mut codes: Vec<String> = accounts.iter().map(|account| account.code.clone()).collect();
        codes.sort();
        codes
    };
    assert_eq!(codes(&after), codes(&before));
    assert!(before[1..].iter().all(|account| after.contains(account)), "an account was changed");
    mesh.stop().await;
}
