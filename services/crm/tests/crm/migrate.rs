//! The program as the Job that goes before a release.

use std::process::{Command, Output};

use sqlx::Executor as _;

#[tokio::test]
async fn a_program_told_to_migrate_closes_its_database_and_ends() {
    // Whoever makes a database leaves it open to every role of the server; what serves does not have the owner's right
    // to close it.
    let mesh = testkit::Mesh::start(vec![crm::service()]).await;
    let mut admin = mesh.look_into("crm").await;
    let open =
        "do $$ begin execute format('grant connect on database %I to public', current_database()); end $$";
    admin.execute(open).await.unwrap();
    let owner_url = mesh.owner_url("crm").to_owned();
    let output = tokio::task::spawn_blocking(move || migrate(&owner_url)).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let may = "select has_database_privilege('public', current_database(), 'connect'),
        has_database_privilege(tessera.login_role(), current_database(), 'connect')";
    let (others, own): (bool, bool) = sqlx::query_as(may).fetch_one(&mut admin).await.unwrap();
    assert_eq!((others, own), (false, true));
    mesh.stop().await;
}

#[test]
fn a_job_without_its_variable_names_it() {
    // The Job's log is all that an operator sees of it.
    let output = migrate("");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("TESSERA_CRM_OWNER_DATABASE_URL"), "{said}");
}

fn migrate(owner_url: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crm"))
        .arg("migrate")
        .env("TESSERA_CRM_OWNER_DATABASE_URL", owner_url)
        .output()
        .expect("the program can be started")
}
