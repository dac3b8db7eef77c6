//! Filters, orders, pages and searches on a real PostgreSQL, each against an evaluator in memory.

#![expect(clippy::unwrap_used, reason = "these helpers are tests too; what fails in them fails the test")]

mod fixture;
mod hostile;
mod oracle;

use std::cmp::Ordering;

use fixture::{ITEMS, Item, NOW};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sqlx::postgres::PgArguments;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use store::filter::{self, Params};
use store::order::Order;
use store::page::Scope;
use store::{order, search};
use uuid::Uuid;

/// How many filters are tried; `TESSERA_FILTERS` asks for more.
const FILTERS: u64 = 800;

async fn database(seed: u64) -> (PgConnection, Vec<Item>) {
    let url = local::test_database("filter").await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    let items: Vec<_> = (0..200).map(|_| fixture::item(&mut random)).collect();
    fixture::insert(&mut connection, &items).await;
    (connection, items)
}

/// The ids of a query's rows, or what PostgreSQL said.
async fn ids(connection: &mut PgConnection, sql: &str, params: Params) -> Result<Vec<Uuid>, String> {
    let mut arguments = PgArguments::default();
    params.bind_all(&mut arguments).unwrap();
    // Without the cache, because every filter is a statement of its own.
    let query = sqlx::query_with(AssertSqlSafe(sql.to_owned()), arguments).persistent(false);
    let rows = query.fetch_all(connection).await.map_err(|error| format!("{sql}: {error}"))?;
    Ok(rows.iter().map(|row| row.get("id")).collect())
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test]
async fn filters_find_what_an_evaluator_in_memory_finds() {
    // Random filters over all kinds of columns must select exactly the rows that they describe.
    let seed = number("TESSERA_SEED", 1);
    let (mut connection, items) = database(seed).await;
    let mut matched = 0;
    for round in 0..number("TESSERA_FILTERS", FILTERS) {
        let mut random = StdRng::seed_from_u64(seed << 32 | round);
        let depth = random.random_range(0..4);
        let filter = oracle::filter(&mut random, depth);
        let text = &filter.text;
        let mut params = Params::default();
        let condition = match filter::compile(&ITEMS, text, &mut params, NOW) {
            Ok(condition) => condition,
            Err(error) if text.chars().count() > filter::MAX_CHARACTERS => {
                assert!(error.to_string().contains("characters"));
                continue;
            }
            Err(error) => panic!("seed {seed}, round {round}: {text}: {error}"),
        };
        let sql = format!("select id from items where {condition} order by id");
        let found =
            ids(&mut connection, &sql, params).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut wanted: Vec<_> =
            items.iter().filter(|item| (filter.matches)(item)).map(|item| item.id).collect();
        wanted.sort_unstable();
        matched += usize::from(!wanted.is_empty());
        let odd = items.iter().find(|item| found.contains(&item.id) != wanted.contains(&item.id));
        assert_eq!(found, wanted, "seed {seed}, round {round}: {text}\n{sql}\n{odd:#?}");
    }
    assert!(matched > 100, "filters that match nothing prove little: {matched} matched");
}

/// Compares two rows by a field, with nothing behind everything.
fn compare(field: &str, descending: bool, a: &Item, b: &Item) -> Ordering {
    fn nulls_last<T: PartialOrd>(a: Option<T>, b: Option<T>, descending: bool) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) => {
                let ordering = a.partial_cmp(&b).expect("there is no NaN");
                if descending { ordering.reverse() } else { ordering }
            }
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
        }
    }
    match field {
        "id" => nulls_last(Some(a.id), Some(b.id), descending),
        "name" => nulls_last(Some(&a.name), Some(&b.name), descending),
        "nickname" => nulls_last(a.nickname.as_ref(), b.nickname.as_ref(), descending),
        "active" => nulls_last(Some(a.active), Some(b.active), descending),
        "position" => nulls_last(Some(a.position), Some(b.position), descending),
        "stock" => nulls_last(Some(a.stock), Some(b.stock), descending),
        "weight" => nulls_last(a.weight, b.weight, descending),
        "rate" => nulls_last(a.rate, b.rate, descending),
        "state" => nulls_last(Some(a.state), Some(b.state), descending),
        "owner_id" => nulls_last(a.owner_id, b.owner_id, descending),
        "due_date" => nulls_last(a.due_date, b.due_date, descending),
        "create_time" => nulls_last(Some(a.create_time), Some(b.create_time), descending),
        "delete_time" => nulls_last(a.delete_time, b.delete_time, descending),
        "price" => nulls_last(a.price.map(|price| price.0), b.price.map(|price| price.0), descending),
        other => panic!("no such field {other}"),
    }
}

const FIELDS: [&str; 14] = [
    "id",
    "name",
    "nickname",
    "active",
    "position",
    "stock",
    "weight",
    "rate",
    "state",
    "owner_id",
    "due_date",
    "create_time",
    "delete_time",
    "price",
];

/// All ids, read page by page through tokens.
async fn walk(connection: &mut PgConnection, order: &Order, order_by: &str, size: usize) -> Vec<Uuid> {
    let scope = Scope { method: "erp.test.v1.ItemService/ListItems", order_by, ..Scope::default() };
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let mut params = Params::default();
        let condition = match scope.cursor(&token, NOW).unwrap() {
            None => "true".to_owned(),
            Some(cursor) => order.after(&cursor, &mut params).unwrap(),
        };
        let (columns, list) = (order.cursor_columns().join(", "), order.sql());
        let sql = format!("select id, {columns} from items where {condition} order by {list} limit {size}");
        let mut arguments = PgArguments::default();
        params.bind_all(&mut arguments).unwrap();
        let query = sqlx::query_with(AssertSqlSafe(sql.clone()), arguments);
        let rows = query.fetch_all(&mut *connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        seen.extend(rows.iter().map(|row| row.get::<Uuid, _>("id")));
        assert!(seen.len() <= 200, "{order_by}: rows come twice");
        let Some(last) = rows.last().filter(|_| rows.len() == size) else { return seen };
        token = scope.token(&order.cursor(last, 1).unwrap(), NOW);
    }
}

#[tokio::test]
async fn pages_visit_every_row_once_in_every_order() {
    // Every field in both directions, and random lists of fields: nothing twice, nothing missed, in order.
    let (mut connection, items) = database(2).await;
    let mut random = StdRng::seed_from_u64(3);
    let mut orders: Vec<Vec<(&str, bool)>> =
        FIELDS.iter().flat_map(|field| [vec![(*field, false)], vec![(*field, true)]]).collect();
    for _ in 0..60 {
        let fields = rand::seq::index::sample(&mut random, FIELDS.len(), 3);
        orders.push(fields.into_iter().map(|place| (FIELDS[place], random.random())).collect());
    }
    for keys in orders {
        let words = keys
            .iter()
            .map(|(field, descending)| format!("{field}{}", if *descending { " desc" } else { "" }));
        let order_by = words.collect::<Vec<_>>().join(", ");
        let order = order::parse(&ITEMS, &order_by).unwrap();
        let mut wanted: Vec<_> = items.iter().collect();
        let tie = keys.last().is_some_and(|key| key.1);
        wanted.sort_by(|a, b| {
            let keys = keys.iter().copied().chain([("id", tie)]);
            keys.map(|(field, descending)| compare(field, descending, a, b))
                .find(|it| it.is_ne())
                .unwrap_or(Ordering::Equal)
        });
        let wanted: Vec<_> = wanted.into_iter().map(|item| item.id).collect();
        let size = random.random_range(1..=23);
        let seen = walk(&mut connection, &order, &order_by, size).await;
        assert!(seen == wanted, "{order_by} by {size}");
    }
}

#[tokio::test]
async fn pages_follow_the_database_s_collation() {
    // With the collation of a language, and an odd time zone and date style, pages must still fit together.
    let (mut connection, _) = database(4).await;
    let prepare = "alter table items alter name type text collate \"de-x-icu\";
        set time zone 'Asia/Kathmandu'; set datestyle to 'SQL, DMY'";
    connection.execute(prepare).await.unwrap();
    for order_by in ["name", "name desc, create_time", "due_date desc, name", "create_time, delete_time desc"]
    {
        let order = order::parse(&ITEMS, order_by).unwrap();
        let sql = format!("select id from items order by {}", order.sql());
        let wanted = ids(&mut connection, &sql, Params::default()).await.unwrap();
        assert!(walk(&mut connection, &order, order_by, 7).await == wanted, "{order_by}");
    }
}

#[tokio::test]
async fn searches_find_all_words_and_grade_the_rows() {
    // Every word must occur; whole columns come first, then beginnings, then parts, then scattered words.
    let (mut connection, items) = database(5).await;
    for query in ["ann", "50% OFF", "off 50%", "\\", "日本 語", "a_b", "ÄNNE", "müller anna", "* b", "x y z"]
    {
        let mut params = Params::default();
        let (condition, rank) = search::compile(&ITEMS, query, &mut params).unwrap();
        let sql = format!("select id from items where {condition} order by {rank}");
        let found = ids(&mut connection, &sql, params).await.unwrap();
        let lower = query.to_lowercase();
        let grade = |item: &Item| {
            let texts: Vec<_> = [Some(&item.name), item.nickname.as_ref()].into_iter().flatten().collect();
            let texts: Vec<_> = texts.into_iter().map(|text| text.to_lowercase()).collect();
            let has_all = lower.split(' ').all(|word| texts.iter().any(|text| text.contains(word)));
            let is = |fits: &dyn Fn(&String) -> bool| texts.iter().any(fits);
            has_all.then(|| match () {
                () if is(&|text| *text == lower) => 0,
                () if is(&|text| text.starts_with(&lower)) => 1,
                () if is(&|text| text.contains(&lower)) => 2,
                () => 3,
            })
        };
        let mut wanted: Vec<_> = items.iter().filter_map(|item| Some((grade(item)?, item.id))).collect();
        wanted.sort_unstable();
        let wanted: Vec<_> = wanted.into_iter().map(|(_, id)| id).collect();
        assert_eq!(found, wanted, "{query}");
    }
}

#[tokio::test]
async fn conditions_can_use_an_index() {
    // Equality, lists and the place of the next page must be conditions of an index, not filters behind it.
    let (mut connection, _) = database(6).await;
    let prepare = "create index on items (name); create index on items using gin (tags);
        create index on items (create_time, id); set enable_seqscan = off";
    connection.execute(prepare).await.unwrap();
    let mut plans = Vec::new();
    for text in ["name = Ann", "name = (Ann OR ann)", "tags:red"] {
        let mut params = Params::default();
        plans.push((filter::compile(&ITEMS, text, &mut params, NOW).unwrap(), params));
    }
    for order_by in ["create_time", "create_time desc", "create_time desc, id"] {
        let order = order::parse(&ITEMS, order_by).unwrap();
        let cursor = [Some("1773156600123456".to_owned()), Some(Uuid::nil().to_string())];
        let mut params = Params::default();
        plans.push((order.after(&cursor, &mut params).unwrap(), params));
    }
    for (condition, params) in plans {
        let mut arguments = PgArguments::default();
        params.bind_all(&mut arguments).unwrap();
        let sql = format!("explain select id from items where {condition}");
        let rows = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert!(plan.iter().any(|line| line.contains("Index Cond")), "{condition}: {plan:#?}");
    }
}
