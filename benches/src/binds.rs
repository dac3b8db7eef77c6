//! Typed parameters against one JSON document, for the same record (ADR 4).

use std::sync::Arc;

use anyhow::Result;
use contracts::crm::v1::Contact;
use kit::IdSource as _;
use sqlx::postgres::{PgArguments, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgPool};
use store::Record as _;

use crate::RUN;
use crate::load::{self, line};
use crate::stack::Suite;

fn contact() -> Contact {
    Contact {
        id: kit::UuidV7.new_id().to_string(),
        given_name: "Ada".to_owned(),
        family_name: "Lovelace".to_owned(),
        job_title: "Analyst".to_owned(),
        etag: "\"1\"".to_owned(),
        ..Contact::default()
    }
}

/// Inserts contacts both ways.
pub async fn compare(suite: &Suite) -> Result<()> {
    let tenant = suite.tenant_id.clone();
    let pool = PgPoolOptions::new().max_connections(8).connect(&suite.database_url("crm")?).await?;
    let begin = Arc::new(format!("begin; set local app.tenant_id = '{tenant}'"));
    let columns: Vec<&str> = Contact::table().columns.iter().map(|column| column.name).collect();
    let list = columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let values = (1..=columns.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
    let typed = format!("insert into contacts ({list}) values ({values})");
    let json =
        format!("insert into contacts ({list}) select {list} from jsonb_populate_record(null::contacts, $1)");
    let by_binds = measure(&pool, &begin, typed, &tenant, |tenant| {
        let record = Contact { tenant_id: tenant.to_owned(), ..contact() };
        let mut arguments = PgArguments::default();
        for place in 0..Contact::table().columns.len() {
            record.bind(place, &mut arguments)?;
        }
        Ok(arguments)
    })
    .await?;
    let by_json = measure(&pool, &begin, json, &tenant, |tenant| {
        let record = Contact { tenant_id: tenant.to_owned(), ..contact() };
        let mut document = document(&record);
        document.insert("revision".to_owned(), 1.into());
        let mut arguments = PgArguments::default();
        sqlx::Arguments::add(&mut arguments, serde_json::Value::Object(document))
            .map_err(|error| anyhow::anyhow!(error))?;
        Ok(arguments)
    })
    .await?;
    let reading = format!("{:.2} times the JSON document's {by_json:.0}", by_binds / by_json);
    line(
        "insert a row by typed parameters, per second",
        &format!("{by_binds:.0}"),
        &format!("{by_json:.0}"),
        &reading,
    );
    Ok(())
}

/// The record as the columns have it, every field named.
fn document(record: &Contact) -> serde_json::Map<String, serde_json::Value> {
    let mut document = serde_json::Map::new();
    for column in Contact::table().columns {
        let value = record.field_json(column.field);
        let empty = match column.kind {
            _ if column.nullable => serde_json::Value::Null,
            store::Kind::Bool => false.into(),
            store::Kind::Text => "".into(),
            store::Kind::TextArray | store::Kind::UuidArray => serde_json::json!([]),
            _ => 0.into(),
        };
        document.insert(
            column.name.to_owned(),
            if value.is_null() || column.kind == store::Kind::Enum { empty } else { value },
        );
    }
    document
}

async fn measure(
    pool: &PgPool,
    begin: &Arc<String>,
    statement: String,
    tenant: &str,
    bind: fn(&str) -> Result<PgArguments>,
) -> Result<f64> {
    let (pool, begin, tenant) = (pool.clone(), begin.clone(), tenant.to_owned());
    let statement = Arc::new(statement);
    let run = load::run(8, RUN, move |_| {
        let (pool, begin, statement, tenant) =
            (pool.clone(), begin.clone(), statement.clone(), tenant.clone());
        async move {
            let mut transaction = pool.begin_with(AssertSqlSafe((*begin).clone())).await?;
            let query = sqlx::query_with(AssertSqlSafe(statement.as_str()), bind(&tenant)?);
            query.execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(())
        }
    });
    Ok(run.await?.rate)
}
