//! What the database refuses, whoever asks.

use crate::world::{captured, id, invoices, tell};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::{Mesh, eventually};

async fn refused(connection: &mut PgConnection, statement: String) -> String {
    let error = sqlx::query(AssertSqlSafe(statement.clone())).execute(connection).await;
    error.expect_err(&statement).to_string()
}

fn entry(tenant: &str, lines: &str) -> String {
    format!(
        "insert into journal_entries (tenant_id, id, effective_date, memo, lines, source_type, currency_code, \
         create_time, created_by) values ('{tenant}', gen_random_uuid(), '2026-01-01', '', '{lines}', '', 'EUR', \
         now(), 'me')"
    )
}

fn line(code: &str, currency: &str, units: &str, nanos: i32) -> String {
    format!(
        r#"{{"account_code":"{code}","amount":{{"currency_code":"{currency}","units":"{units}","nanos":{nanos}}}}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_an_unbalanced_entry() {
    // The administrator, for whom no policy and no grant counts, is refused as well.
    let mesh = Mesh::start(vec![finance::service()]).await;
    let acme = mesh.sign_up("acme").await;
    tell(&mesh, acme.tenant_id(), captured(&id(), &id(), &[100], 0)).await;
    eventually("the invoice", || async { (invoices(&acme, "").await.len() == 1).then_some(()) }).await;
    let mut admin = mesh.look_into("finance").await;
    let eur = |code: &str, units: &str, nanos: i32| line(code, "EUR", units, nanos);
    for wrong in [
        "[]".to_owned(),
        "{}".to_owned(),
        "null".to_owned(),
        "[1, 2]".to_owned(),
        format!("[{}]", eur("1000", "0", 0)),
        format!("[{},{}]", eur("1000", "5", 0), eur("1100", "-4", 0)),
        format!("[{},{}]", eur("1000", "5", 10_000_000), eur("1100", "-5", 0)),
        format!("[{},{}]", eur("1000", "5", 0), line("1100", "USD", "-5", 0)),
        format!("[{},{},{}]", eur("1000", "5", 0), eur("1100", "-5", 0), eur("1100", "0", 0)),
        format!("[{},{}]", eur("1000", "NaN", 0), eur("1100", "NaN", 0)),
        format!("[{},{{}}]", eur("1000", "5", 0)),
    ] {
        let error = refused(&mut admin, entry(acme.tenant_id(), &wrong)).await;
        assert!(error.contains("journal_entries_lines_check"), "{wrong}: {error}");
    }
    let unknown = format!("[{},{}]", eur("1000", "5", 0), eur("9999", "-5", 0));
    let error = refused(&mut admin, entry(acme.tenant_id(), &unknown)).await;
    assert!(error.contains("ledger_account_id"), "{error}");
    let good = format!("[{},{}]", eur("1000", "5", 0), eur("1100", "-5", 0));
    sqlx::query(AssertSqlSafe(entry(acme.tenant_id(), &good))).execute(&mut admin).await.unwrap();
    // Lines come from entries alone, and neither is ever changed.
    let forged = "insert into journal_lines select tenant_id, gen_random_uuid(), line_number, ledger_account_id, \
                  effective_date, currency_code, amount, party_id from journal_lines";
    assert!(refused(&mut admin, forged.to_owned()).await.contains("their entries alone"));
    for change in
        ["update journal_entries set memo = 'x'", "delete from journal_entries", "delete from journal_lines"]
    {
        assert!(refused(&mut admin, change.to_owned()).await.contains("never changed"));
    }
    // An account that was posted to stays.
    let kept = refused(&mut admin, "delete from ledger_accounts where code = '1100'".to_owned()).await;
    assert!(kept.contains("posted to"), "{kept}");
    sqlx::query("delete from ledger_accounts where code = '6310'").execute(&mut admin).await.unwrap();
    // No invoice owes less than nothing or more than its total.
    for residual in ["-1", "total_minor + 1"] {
        let error = refused(&mut admin, format!("update invoices set residual_minor = {residual}")).await;
        assert!(error.contains("invoices_residual_check"), "{error}");
    }
    let mut owner = PgConnection::connect(mesh.owner_url("finance")).await.unwrap();
    let wrong = format!("[{},{}]", eur("1000", "5", 0), eur("1100", "-4", 0));
    refused(&mut owner, entry(acme.tenant_id(), &wrong)).await;
    let sums = "select coalesce(sum(amount), 0) = 0 from journal_lines";
    assert!(sqlx::query_scalar::<_, bool>(sums).fetch_one(&mut admin).await.unwrap());
    mesh.stop().await;
}
