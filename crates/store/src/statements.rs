//! The SQL of the record verbs, made once for each table.

use std::collections::HashMap;
use std::sync::{LazyLock, RwLock};

use crate::table::{Kind, Table};

/// The statements of one table that do not depend on a request.
pub(crate) struct Statements {
    /// `id, tenant_id, ...`: every column in the order of the table.
    pub columns: String,
    pub insert: &'static str,
    pub get: &'static str,
    pub batch_get: &'static str,
    pub lock: &'static str,
    pub delete: &'static str,
}

static CACHE: LazyLock<RwLock<HashMap<&'static str, &'static Statements>>> = LazyLock::new(RwLock::default);

/// The statements of a table. They live as long as the process: there are as many as entities.
pub(crate) fn of(table: &'static Table) -> &'static Statements {
    if let Some(found) = CACHE.read().expect("nothing panics while holding it").get(table.entity) {
        return found;
    }
    let made = Box::leak(Box::new(make(table)));
    CACHE.write().expect("nothing panics while holding it").entry(table.entity).or_insert(made)
}

fn make(table: &Table) -> Statements {
    let names: Vec<String> = table.columns.iter().map(|column| quote(column.name)).collect();
    let columns = names.join(", ");
    let values: Vec<String> = table
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| format!("${}{}", place + 1, cast(column.kind)))
        .collect();
    let name = table.name;
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    Statements {
        insert: leak(format!("insert into {name} ({columns}) values ({})", values.join(", "))),
        get: leak(format!("select {columns} from {name} where id = $1")),
        batch_get: leak(format!("select {columns} from {name} where id = any($1)")),
        lock: leak(format!("select {columns} from {name} where id = $1 for update")),
        delete: leak(format!("delete from {name} where id = $1")),
        columns,
    }
}

/// `update accounts set code = $1, revision = revision + 1 where id = $2`: for the columns at these places.
pub(crate) fn update(table: &Table, places: &[usize]) -> String {
    let mut assignments: Vec<String> = Vec::with_capacity(places.len() + 1);
    for (number, place) in places.iter().enumerate() {
        let column = &table.columns[*place];
        assignments.push(format!("{} = ${}{}", quote(column.name), number + 1, cast(column.kind)));
    }
    let last = places.len() + 1;
    format!("update {} set {} where id = ${last}", table.name, assignments.join(", "))
}

/// Column names come from contracts; some are words of SQL.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{name}\"")
}

fn cast(kind: Kind) -> &'static str {
    match kind {
        Kind::Json => "::jsonb",
        _ => "",
    }
}
