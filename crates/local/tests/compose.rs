//! `compose/databases.sh`, which makes databases where no program of ours may be the administrator, makes what
//! [`provision`] makes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use local::{Secrets, provision, shared_cluster, test_prefix, with_database};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

const SCRIPT: &str = "../../compose/databases.sh";

async fn run(url: &str, statement: &str) -> sqlx::Result<()> {
    let mut pg = PgConnection::connect(url).await?;
    pg.execute(AssertSqlSafe(statement.to_owned())).await.map(drop)
}

fn databases(admin: &str, prefix: &str, password: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCRIPT);
    let mut shell = Command::new("sh");
    shell.arg(script).env("ADMIN_URL", admin).env("PREFIX", prefix).env("SERVICES", "crm hrm");
    for service in ["CRM", "HRM"] {
        shell.env(format!("{service}_PASSWORD"), format!("{password}-login"));
        shell.env(format!("{service}_OWNER_PASSWORD"), format!("{password}-owner"));
    }
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_script_of_compose_makes_what_provision_makes() {
    // Otherwise the walls between services would be other ones in containers than everywhere else.
    if Command::new("psql").arg("--version").output().is_err() {
        skip::skipped("psql is not installed");
        return;
    }
    let cluster = shared_cluster().await.unwrap();
    let prefix = test_prefix("compose");
    databases(cluster.admin_url(), &prefix, "old");
    // A second time with other passwords, as after a change of .env.
    let said = databases(cluster.admin_url(), &prefix, "it's $new");
    assert_eq!(said.lines().count(), 2, "{said}");

    let mut secrets = Secrets::in_memory();
    for service in ["crm", "hrm"] {
        let keep = |password: &str| format!("it's $new-{password}");
        secrets.get_or_insert_with(&format!("{prefix}{service}"), || keep("login")).unwrap();
        secrets.get_or_insert_with(&format!("{prefix}{service}_owner"), || keep("owner")).unwrap();
    }
    let found = provision(cluster.admin_url(), &prefix, &["crm", "hrm"], &mut secrets).await.unwrap();
    assert_eq!(found.changed, ["log"], "provision had to mend what the script made");
    let crm = &found.services["crm"];
    run(&crm.owner_url, "create table t (n int)").await.unwrap();
    run(&crm.owner_url, &format!("grant select on t to {}", crm.system_role)).await.unwrap();
    // The second door is shut until it is opened by name.
    assert!(run(&crm.url, "select * from t").await.is_err());
    run(&crm.url, &format!("set role {}; select * from t", crm.system_role)).await.unwrap();
    let elsewhere = with_database(&crm.url, &found.services["hrm"].database).unwrap();
    assert!(run(&elsewhere, "select 1").await.is_err());
}
