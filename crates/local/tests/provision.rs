//! Databases and roles of services, on the cluster that tests share.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use local::{DatabaseUrls, Error, Secrets, provision, shared_cluster, test_prefix, with_login};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

async fn try_run(url: &str, statement: &str) -> sqlx::Result<()> {
    let mut pg = PgConnection::connect(url).await?;
    pg.execute(AssertSqlSafe(statement.to_owned())).await.map(drop)
}

async fn code_of(url: &str, statement: &str) -> String {
    match try_run(url, statement).await {
        Err(sqlx::Error::Database(error)) => error.code().unwrap_or_default().into_owned(),
        other => panic!("{statement} was to be refused: {other:?}"),
    }
}

/// As `url` logs in, but to another database.
fn elsewhere(admin: &str, secrets: &Secrets, role: &str, database: &str) -> String {
    with_login(admin, role, secrets.get(role).unwrap(), database).unwrap()
}

const INSUFFICIENT_PRIVILEGE: &str = "42501";

#[tokio::test]
async fn roles_do_what_they_are_for_and_no_more() {
    let cluster = shared_cluster().await.unwrap();
    let admin = cluster.admin_url();
    let prefix = test_prefix("roles");
    let mut secrets = Secrets::in_memory();
    let made = provision(admin, &prefix, &["crm", "hrm"], &mut secrets).await.unwrap();
    let DatabaseUrls { owner_url, url, role, system_role, .. } = &made.services["crm"];

    try_run(owner_url, "create table t (n int); insert into t values (1)").await.unwrap();
    try_run(owner_url, &format!("grant select on t to {system_role}")).await.unwrap();
    try_run(owner_url, "create extension if not exists pg_trgm").await.unwrap();
    assert_eq!(code_of(url, "create table mine (n int)").await, INSUFFICIENT_PRIVILEGE);
    // The second door is shut until it is opened by name.
    assert_eq!(code_of(url, "select * from t").await, INSUFFICIENT_PRIVILEGE);
    try_run(url, &format!("set role {system_role}; select * from t")).await.unwrap();

    // Neither into another service's database, nor the log, nor as the system role itself.
    let hrm = &made.services["hrm"];
    for database in [&hrm.database, &format!("{prefix}log")] {
        for who in [role, &made.services["crm"].owner_role] {
            let url = elsewhere(admin, &secrets, who, database);
            assert_eq!(code_of(&url, "select 1").await, INSUFFICIENT_PRIVILEGE, "{who} in {database}");
        }
    }
    assert_eq!(code_of(url, &format!("set role {}", hrm.system_role)).await, INSUFFICIENT_PRIVILEGE);
    let as_system = with_login(admin, system_role, "x", &made.services["crm"].database).unwrap();
    assert!(try_run(&as_system, "select 1").await.is_err());
    try_run(&made.log_url, "create table events (n int)").await.unwrap();
}

#[tokio::test]
async fn a_second_time_changes_nothing_and_is_quick() {
    let cluster = shared_cluster().await.unwrap();
    let prefix = test_prefix("twice");
    let services =
        ["identity", "crm", "catalog", "inventory", "orders", "payments", "finance", "notification", "audit"];
    let mut secrets = Secrets::in_memory();
    let started = Instant::now();
    let first = provision(cluster.admin_url(), &prefix, &services, &mut secrets).await.unwrap();
    let made = started.elapsed();
    // Theirs, and the log.
    assert_eq!(first.changed.len(), services.len() + 1);
    let started = Instant::now();
    let second = provision(cluster.admin_url(), &prefix, &services, &mut secrets).await.unwrap();
    let found = started.elapsed();
    // Shown with --nocapture.
    println!("ten databases: made in {made:?}, found in {found:?}");
    assert!(second.changed.is_empty(), "{:?}", second.changed);
    assert_eq!(second.services["orders"].url, first.services["orders"].url);
    // Far above what it takes: this is no timed test, but it must not make anything.
    assert!(found < Duration::from_secs(2), "{found:?}");

    // One more service: only that one is made.
    let more: Vec<&str> = services.iter().copied().chain(["hrm"]).collect();
    let third = provision(cluster.admin_url(), &prefix, &more, &mut secrets).await.unwrap();
    assert_eq!(third.changed, ["hrm"]);
}

#[tokio::test]
async fn what_was_broken_or_lost_is_mended() {
    let cluster = shared_cluster().await.unwrap();
    let admin = cluster.admin_url();
    let prefix = test_prefix("mend");
    let mut secrets = Secrets::in_memory();
    let made = provision(admin, &prefix, &["crm"], &mut secrets).await.unwrap();
    try_run(&made.services["crm"].owner_url, "create table t (n int)").await.unwrap();
    try_run(admin, &format!("grant connect on database {prefix}crm to public")).await.unwrap();
    let again = provision(admin, &prefix, &["crm"], &mut secrets).await.unwrap();
    assert_eq!(again.changed, ["crm"]);

    // Another secrets file: roles get the passwords that stand in it.
    let mut others = Secrets::in_memory();
    let again = provision(admin, &prefix, &["crm"], &mut others).await.unwrap();
    try_run(&again.services["crm"].owner_url, "select * from t").await.unwrap();
    // And back: all are on file, but the server has others.
    let again = provision(admin, &prefix, &["crm"], &mut secrets).await.unwrap();
    assert_eq!(again.changed, ["crm", "log"]);
    try_run(&again.services["crm"].url, "select 1").await.unwrap();
    try_run(&again.log_url, "select 1").await.unwrap();
}

#[tokio::test]
async fn two_at_once_agree() {
    let cluster = shared_cluster().await.unwrap();
    let prefix = test_prefix("race");
    let mut secrets = Secrets::in_memory();
    // Both know the passwords, as two processes with one secrets file do.
    for name in ["crm_owner", "crm", "log"] {
        secrets.get_or_generate(&format!("{prefix}{name}")).unwrap();
    }
    let mut copy = secrets.clone();
    let (a, b) = tokio::join!(
        provision(cluster.admin_url(), &prefix, &["crm"], &mut secrets),
        provision(cluster.admin_url(), &prefix, &["crm"], &mut copy),
    );
    try_run(&a.unwrap().services["crm"].url, "select 1").await.unwrap();
    try_run(&b.unwrap().services["crm"].url, "select 1").await.unwrap();
}

#[tokio::test]
async fn an_administrator_needs_no_superuser_and_who_has_no_rights_is_told_the_statements() {
    let cluster = shared_cluster().await.unwrap();
    let admin = cluster.admin_url();
    let prefix = test_prefix("rights");
    let login = |role: &str| with_login(admin, role, "pw", "postgres").unwrap();
    let make = |role: &str, rights: &str| format!("create role {role} login {rights} password 'pw'");
    let (poor, able) = (format!("{prefix}poor"), format!("{prefix}able"));
    try_run(admin, &make(&poor, "")).await.unwrap();
    try_run(admin, &make(&able, "createrole createdb")).await.unwrap();

    let dir = tempfile::tempdir().unwrap();
    let mut secrets = Secrets::load_or_create(&dir.path().join("secrets.toml")).unwrap();
    let error = provision(&login(&poor), &prefix, &["crm"], &mut secrets).await.unwrap_err();
    assert!(matches!(error, Error::MissingRights { .. }), "{error}");
    let text = error.to_string();
    let password = secrets.get(&format!("{prefix}crm")).unwrap().to_owned();
    assert!(text.contains("may not create roles or databases") && text.contains("create database"), "{text}");
    assert!(!text.contains(&password), "{text}");
    let script = std::fs::read_to_string(dir.path().join("provision.sql")).unwrap();
    assert!(script.contains(&password));

    // The administrator runs the script; then no rights are needed.
    for statement in script.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        try_run(admin, statement).await.unwrap();
    }
    let mut secrets = Secrets::load_or_create(&dir.path().join("secrets.toml")).unwrap();
    let made = provision(&login(&poor), &prefix, &["crm"], &mut secrets).await.unwrap();
    assert!(made.changed.is_empty());
    try_run(&made.services["crm"].url, "select 1").await.unwrap();

    let other = test_prefix("able");
    let made = provision(&login(&able), &other, &["crm"], &mut secrets).await.unwrap();
    try_run(&made.services["crm"].owner_url, "create table t (n int)").await.unwrap();
    assert!(provision(&login(&able), &other, &["crm"], &mut secrets).await.unwrap().changed.is_empty());
}
