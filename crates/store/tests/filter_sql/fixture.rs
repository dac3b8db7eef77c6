//! A table with a column of every kind, and rows with little variety, so that ties and NULLs are many.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngCore};
use rust_decimal::Decimal;
use sqlx::{Executor, PgConnection};
use store::{Column, Kind, Table};
use time::macros::{date, datetime};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

const fn column(name: &'static str, kind: Kind, nullable: bool) -> Column {
    Column {
        name,
        field: name,
        kind,
        nullable,
        output_only: false,
        immutable: false,
        personal: false,
        secret: false,
        read_permission: None,
        values: &[],
    }
}

pub static ITEMS: Table = Table {
    entity: "erp.test.v1.Item",
    noun: "item",
    name: "items",
    columns: &[
        column("id", Kind::Uuid, false),
        column("name", Kind::Text, false),
        column("nickname", Kind::Text, true),
        column("active", Kind::Bool, false),
        column("position", Kind::Int32, false),
        column("stock", Kind::Int64, false),
        column("weight", Kind::Double, true),
        column("rate", Kind::Decimal, true),
        Column {
            values: &[
                ("ITEM_STATE_UNSPECIFIED", 0),
                ("UNSPECIFIED", 0),
                ("ITEM_STATE_OPEN", 1),
                ("OPEN", 1),
                ("ITEM_STATE_WON", 2),
                ("WON", 2),
            ],
            ..column("state", Kind::Enum, false)
        },
        column("owner_id", Kind::Uuid, true),
        column("due_date", Kind::Date, true),
        column("create_time", Kind::Timestamp, false),
        column("delete_time", Kind::Timestamp, true),
        Column { field: "price", ..column("price_minor", Kind::MoneyMinor, true) },
        Column { field: "price", ..column("price_currency", Kind::MoneyCurrency, true) },
        column("tags", Kind::TextArray, false),
        column("scores", Kind::Int32Array, false),
        column("address", Kind::Json, true),
        column("labels", Kind::Json, true),
        column("lines", Kind::Json, true),
    ],
    search: &["name", "nickname"],
    soft_delete: true,
    aggregate: false,
    topic: None,
};

pub const SCHEMA: &str = "create table items (
    id uuid primary key, name text not null, nickname text, active boolean not null, position integer not null,
    stock bigint not null, weight double precision, rate numeric, state integer not null, owner_id uuid,
    due_date date, create_time timestamptz not null, delete_time timestamptz, price_minor bigint,
    price_currency text, tags text[] not null, scores integer[] not null, address jsonb, labels jsonb, lines jsonb
)";

/// Texts that break what quotes, escapes or folds them wrongly.
pub const NAMES: [&str; 14] = [
    "",
    "Ann",
    "ann",
    "Anna Müller",
    "Änne",
    "änne",
    "50% off",
    "500 off",
    "a_b",
    "axb",
    "a*b",
    "back\\slash",
    "say \"hi\" O'Brien",
    "日本 語",
];
pub const TAGS: [&str; 5] = ["red", "Red", "dark blue", "ä*", "x%"];
pub const NOW: OffsetDateTime = datetime!(2026-03-10 15:30:00.123456 UTC);
pub const TODAY: Date = date!(2026 - 03 - 10);

#[derive(Debug, Clone)]
pub struct Address {
    pub locality: String,
    pub zip: String,
    pub floor: i32,
    pub verified: bool,
    pub since: OffsetDateTime,
    pub country: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Item {
    pub id: Uuid,
    pub name: String,
    pub nickname: Option<String>,
    pub active: bool,
    pub position: i32,
    pub stock: i64,
    pub weight: Option<f64>,
    pub rate: Option<Decimal>,
    pub state: i32,
    pub owner_id: Option<Uuid>,
    pub due_date: Option<Date>,
    pub create_time: OffsetDateTime,
    pub delete_time: Option<OffsetDateTime>,
    pub price: Option<(i64, &'static str)>,
    pub tags: Vec<String>,
    pub scores: Vec<i32>,
    pub address: Option<Address>,
    pub labels: Option<BTreeMap<String, String>>,
    pub lines: Option<Vec<(String, i64)>>,
}

pub fn pick<T: Clone>(random: &mut StdRng, from: &[T]) -> T {
    from.choose(random).expect("no list is empty").clone()
}

fn maybe<T>(random: &mut StdRng, value: impl FnOnce(&mut StdRng) -> T) -> Option<T> {
    random.random_bool(0.7).then(|| value(random))
}

pub fn owner(random: &mut StdRng) -> Uuid {
    Uuid::from_u128(0xa000 + random.random_range(0..4))
}

/// Instants around `NOW` that differ in days, seconds or microseconds only.
pub fn instant(random: &mut StdRng) -> OffsetDateTime {
    let days = Duration::days(random.random_range(-3..=1));
    NOW + days
        + pick(
            random,
            &[Duration::ZERO, Duration::SECOND, Duration::microseconds(-1), Duration::microseconds(877)],
        )
}

pub fn day(random: &mut StdRng) -> Date {
    TODAY + Duration::days(random.random_range(-3..=1))
}

pub fn weight(random: &mut StdRng) -> f64 {
    pick(random, &[0.0, -0.1, 0.1, 0.1 + 0.2, 1e300, 5e-324, -2.5])
}

pub fn rate(random: &mut StdRng) -> Decimal {
    pick(random, &["0", "1.5", "1.50", "-3", "0.0000000001", "12345678901234567890.12345678"])
        .parse()
        .unwrap()
}

pub fn item(random: &mut StdRng) -> Item {
    let name = |random: &mut StdRng| pick(random, &NAMES).to_owned();
    Item {
        id: Uuid::from_u128(u128::from(random.next_u64()) << 64 | u128::from(random.next_u64())),
        name: name(random),
        nickname: maybe(random, name),
        active: random.random(),
        position: pick(random, &[-1, 0, 1, i32::MAX]),
        stock: pick(random, &[0, 7, i64::MIN, i64::MAX]),
        weight: maybe(random, weight),
        rate: maybe(random, rate),
        state: random.random_range(0..=2),
        owner_id: maybe(random, owner),
        due_date: maybe(random, day),
        create_time: instant(random),
        delete_time: maybe(random, instant),
        price: maybe(random, |random| {
            let minor = pick(random, &[0, 1, 10, 1_050, 10_500, -1_050, 1_000]);
            (minor, pick(random, &["EUR", "USD", "JPY", "KWD"]))
        }),
        tags: (0..random.random_range(0..3)).map(|_| pick(random, &TAGS).to_owned()).collect(),
        scores: (0..random.random_range(0..3)).map(|_| random.random_range(0..3)).collect(),
        address: maybe(random, address),
        labels: maybe(random, |random| {
            let keys =
                (0..random.random_range(0..3)).map(|_| pick(random, &["env", "my.key", "tier"]).to_owned());
            let keys: Vec<_> = keys.collect();
            keys.into_iter().map(|key| (key, pick(random, &["prod", "Prod", "2"]).to_owned())).collect()
        }),
        lines: maybe(random, |random| {
            let line = |random: &mut StdRng| {
                (pick(random, &["A-1", "A-2", "B"]).to_owned(), random.random_range(1..4))
            };
            (0..random.random_range(0..3)).map(|_| line(random)).collect()
        }),
    }
}

fn address(random: &mut StdRng) -> Address {
    Address {
        locality: pick(random, &["Berlin", "berlin", "München", "São Paulo"]).to_owned(),
        zip: pick(random, &["01067", "10115", "A1B", "2026-02-31T00:00:00Z"]).to_owned(),
        floor: random.random_range(1..4),
        verified: random.random(),
        since: instant(random),
        country: maybe(random, |random| pick(random, &["DE", "BR"]).to_owned()),
    }
}

fn address_json(address: &Address) -> serde_json::Value {
    let mut json = serde_json::json!({
        "locality": address.locality, "zip": address.zip, "floor": address.floor, "verified": address.verified,
        "since": address.since.format(&time::format_description::well_known::Rfc3339).unwrap(),
    });
    if let Some(country) = &address.country {
        json["geo"] = serde_json::json!({ "country": country });
    }
    json
}

pub async fn insert(connection: &mut PgConnection, items: &[Item]) {
    connection.execute(SCHEMA).await.unwrap();
    for item in items {
        let lines = item.lines.as_ref().map(|lines| {
            let lines =
                lines.iter().map(|(sku, count)| serde_json::json!({"sku": sku, "count": count.to_string()}));
            serde_json::Value::from_iter(lines)
        });
        let query = sqlx::query(
            "insert into items values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
             $18, $19, $20)",
        );
        let query =
            query.bind(item.id).bind(&item.name).bind(&item.nickname).bind(item.active).bind(item.position);
        let query =
            query.bind(item.stock).bind(item.weight).bind(item.rate).bind(item.state).bind(item.owner_id);
        let query = query.bind(item.due_date).bind(item.create_time).bind(item.delete_time);
        let query = query.bind(item.price.map(|price| price.0)).bind(item.price.map(|price| price.1));
        let query = query.bind(&item.tags).bind(&item.scores).bind(item.address.as_ref().map(address_json));
        let query = query.bind(item.labels.as_ref().map(|labels| serde_json::json!(labels))).bind(lines);
        query.execute(&mut *connection).await.unwrap();
    }
}
