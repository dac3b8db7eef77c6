//! What the databases must look like.

use std::collections::BTreeSet;

use sqlx::{PgConnection, Row as _};

/// Keys that hold over all tenants on purpose: a tenant is known to the world by its slug.
const ACROSS_TENANTS: [&str; 1] = ["tenants: tenants_slug_key"];

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_protected_and_fit_their_entities() {
    // Every table must have row-level security enabled and forced with a policy, and begin its keys with the
    // tenant; every entity's columns must be its table's, no more and no fewer.
    let mesh = crate::mesh().await;
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for service in crate::SERVICES {
        let mut database = mesh.look_into(service).await;
        problems
            .extend(unprotected(&mut database).await.into_iter().map(|what| format!("{service}: {what}")));
        let loose_keys = sqlx::query(
            "select c.relname || ': ' || i.indexrelid::regclass from pg_index i join pg_class c on c.oid = i.indrelid
             join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = 'public' and i.indisunique and c.relname not like '%migrations'
               and (select attname from pg_attribute a where a.attrelid = c.oid and a.attnum = i.indkey[0])
                   is distinct from 'tenant_id'",
        );
        for row in loose_keys.fetch_all(&mut database).await.unwrap() {
            let key = row.get::<String, _>(0);
            if !ACROSS_TENANTS.contains(&key.as_str()) {
                problems.push(format!("{service}: the key {key} does not begin with the tenant"));
            }
        }
        for table in
            contracts::TABLES.iter().filter(|table| table.entity.starts_with(&format!("erp.{service}.")))
        {
            seen.insert(table.entity);
            let columns = sqlx::query(
                "select attname::text from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped",
            );
            let columns = columns.bind(table.name).fetch_all(&mut database).await.unwrap();
            let stored: BTreeSet<String> = columns.iter().map(|row| row.get(0)).collect();
            let declared: BTreeSet<String> =
                table.columns.iter().map(|column| column.name.to_owned()).collect();
            if stored != declared {
                problems.push(format!(
                    "{}: lacks {:?}, has beside it {:?}",
                    table.entity,
                    declared.difference(&stored).collect::<Vec<_>>(),
                    stored.difference(&declared).filter(|name| *name != "tenant_id").collect::<Vec<_>>()
                ));
            }
        }
    }
    problems.retain(|problem| !problem.ends_with("lacks [], has beside it []"));
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(seen.len(), contracts::TABLES.len(), "an entity belongs to no service of the suite");
    mesh.stop().await;
}

/// The tables of a database that show or take rows of other tenants: every one must force row-level security, and
/// have the tenant's policy as [`tessera.protect`] makes it and none beside it but the second door's.
pub async fn unprotected(database: &mut PgConnection) -> Vec<String> {
    let unprotected = sqlx::query_scalar(
        "select n.nspname || '.' || c.relname || ' is not protected'
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p') and n.nspname in ('public', 'tessera') and c.relname not like '%migrations'
           and not (c.relrowsecurity and c.relforcerowsecurity and array(
                select p.polname::text || ' ' || p.polcmd::text || ' ' || pg_get_expr(p.polqual, c.oid)
                    || ' ' || pg_get_expr(p.polwithcheck, c.oid) || ' ' || pg_get_userbyid(p.polroles[1])
                from pg_policy p where p.polrelid = c.oid order by p.polname)
             = array[
                'system * true true ' || tessera.login_role() || '_system',
                'tenant * (tenant_id = tessera.current_tenant()) (tenant_id = tessera.current_tenant()) '
                    || tessera.login_role()])",
    );
    unprotected.fetch_all(database).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unset_tenant_sees_and_writes_nothing() {
    // A statement of a service's own role outside any tenant must find no row and must not be able to write one.
    let mesh = crate::mesh().await;
    let acme = mesh.sign_up("acme").await;
    let mut accounts = acme.client(contracts::crm::v1::account_service_client::AccountServiceClient::new);
    let account = contracts::crm::v1::Account { display_name: "Somebody".to_owned(), ..Default::default() };
    let request = contracts::crm::v1::CreateAccountRequest { account: Some(account), ..Default::default() };
    accounts.create_account(request).await.unwrap();
    let pool = mesh.env("crm").pool();
    let seen: i64 = sqlx::query_scalar("select count(*) from accounts").fetch_one(pool).await.unwrap();
    assert_eq!(seen, 0);
    let written = sqlx::query("insert into accounts (id, display_name) values (gen_random_uuid(), 'x')")
        .execute(pool)
        .await;
    assert!(written.is_err(), "a row without a tenant was written");
    let mut foreign = pool.begin().await.unwrap();
    sqlx::query("select set_config('app.tenant_id', gen_random_uuid()::text, true)")
        .execute(&mut *foreign)
        .await
        .unwrap();
    let seen: i64 =
        sqlx::query_scalar("select count(*) from accounts").fetch_one(&mut *foreign).await.unwrap();
    assert_eq!(seen, 0, "another tenant sees the row");
    drop(foreign);
    mesh.stop().await;
}
