//! What tests of other crates build on: the shared cluster, fresh databases, templates.

use std::sync::atomic::{AtomicU32, Ordering};

use local::{Error, shared_cluster, test_database, test_database_from, test_template};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

#[tokio::test]
async fn each_test_has_its_own_database() {
    let (a, b) = tokio::join!(test_database("one"), test_database("one"));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_ne!(a, b);
    let mut pg = PgConnection::connect(&a).await.unwrap();
    pg.execute("create table t (n int)").await.unwrap();
    let mut pg = PgConnection::connect(&b).await.unwrap();
    assert!(pg.execute("select * from t").await.is_err());
}

#[tokio::test]
async fn a_template_is_built_once_and_copied() {
    let builds = AtomicU32::new(0);
    let key = format!("selftest_{:08x}", std::process::id());
    let build = |url: String| {
        builds.fetch_add(1, Ordering::Relaxed);
        async move {
            let mut pg = PgConnection::connect(&url).await?;
            // Left open: the template must not mind.
            pg.execute("create table t (n int); insert into t values (7)").await.map(drop)
        }
    };
    let (a, b) = tokio::join!(test_template(&key, build), test_template(&key, build));
    let template = a.unwrap();
    assert_eq!(template, b.unwrap());
    assert_eq!(builds.load(Ordering::Relaxed), 1);
    for _ in 0..3 {
        let url = test_database_from(&template, "copy").await.unwrap();
        let mut pg = PgConnection::connect(&url).await.unwrap();
        let n: i32 = sqlx::query_scalar("select n from t").fetch_one(&mut pg).await.unwrap();
        assert_eq!(n, 7);
    }
    shared_cluster().await.unwrap().drop_database(&template).await.unwrap();
}

#[tokio::test]
async fn a_template_that_failed_is_built_anew() {
    let key = format!("selftest_failing_{:08x}", std::process::id());
    let error = test_template(&key, |_| async { Err::<(), _>("no luck") }).await.unwrap_err();
    assert!(matches!(&error, Error::Invalid(text) if text.contains("no luck")), "{error}");
    let template = test_template(&key, |_| async { Ok::<(), String>(()) }).await.unwrap();
    shared_cluster().await.unwrap().drop_database(&template).await.unwrap();
}
