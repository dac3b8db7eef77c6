//! Whatever a caller writes is refused or answered; it never becomes an error of PostgreSQL.

use sqlx::postgres::PgArguments;
use sqlx::{AssertSqlSafe, PgConnection};
use store::filter::{self, Params};
use store::{order, search};

use crate::fixture::{ITEMS, NOW};
use crate::{FIELDS, database};

const ODD: [&str; 34] = [
    "",
    "*",
    "%",
    "\\",
    "\\\\",
    "'",
    "\"",
    "$1",
    "?",
    ":",
    "{}",
    "[]",
    "null",
    "true",
    "0",
    "-1",
    "1e308",
    "1e400",
    "0.1e-28",
    "99999999999999999999999999999999",
    "9223372036854775807",
    "-9223372036854775808",
    "NaN",
    "Infinity",
    "2026-02-31",
    "0000-01-01",
    "0000-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999999-23:59",
    "2026-01-01T00:00:00.123456789Z",
    "00000000-0000-0000-0000-000000000000",
    "1 EUR",
    "9223372036854775807 KWD",
    "\u{10ffff}\u{1}\n",
    "; drop table items; --",
];

/// Runs a condition; what PostgreSQL says against it is a failure of the test.
async fn run(connection: &mut PgConnection, condition: &str, rank: &str, params: Params) {
    let mut arguments = PgArguments::default();
    params.bind_all(&mut arguments).unwrap();
    let sql = format!("select count(*) from (select from items where {condition} order by {rank}) as found");
    let query = sqlx::query_with(AssertSqlSafe(sql.clone()), arguments).persistent(false);
    query.execute(connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[tokio::test]
async fn no_filter_makes_postgresql_fail() {
    // Every field with every operator and values that are at or behind the end of some type.
    let (mut connection, _) = database(7).await;
    let mut paths: Vec<String> = filter::fields(&ITEMS).into_iter().map(str::to_owned).collect();
    let inner = ["units", "nanos", "currency_code"].map(|part| format!("price.{part}"));
    paths.extend(inner);
    for part in
        ["zip", "since", "floor", "*", "\"\"", "\"\\\"\\\\' $x\\n\u{1}\"", "geo.country", "geo", "a.b.c"]
    {
        paths.extend([format!("address.{part}"), format!("lines.{part}")]);
    }
    let mut answered = 0;
    for path in &paths {
        for operator in ["=", "!=", "<", ">=", ":"] {
            for value in ODD {
                let quoted = format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
                for written in [value.to_owned(), quoted] {
                    let mut params = Params::default();
                    let text = format!("{path} {operator} {written}");
                    if let Ok(condition) = filter::compile(&ITEMS, &text, &mut params, NOW) {
                        run(&mut connection, &condition, "id", params).await;
                        answered += 1;
                    }
                }
            }
        }
    }
    assert!(answered > 3_000, "only {answered} filters were answered");
}

#[tokio::test]
async fn no_cursor_and_no_query_makes_postgresql_fail() {
    // Tokens can be forged, so what is in them is as odd as what is in filters.
    let (mut connection, _) = database(8).await;
    for value in ODD {
        for field in FIELDS {
            let order = order::parse(&ITEMS, field).unwrap();
            let mut cursor = vec![Some(value.to_owned())];
            cursor.resize(
                order.cursor_columns().len(),
                Some("00000000-0000-0000-0000-000000000000".to_owned()),
            );
            let mut params = Params::default();
            if let Ok(condition) = order.after(&cursor, &mut params) {
                run(&mut connection, &condition, &order.sql(), params).await;
            }
        }
        let mut params = Params::default();
        if let Ok((condition, rank)) = search::compile(&ITEMS, value, &mut params) {
            run(&mut connection, &condition, &rank, params).await;
        }
    }
}
