//! The SQL of the record verbs, made once for each table.

use std::collections::HashMap;
use std::sync::{LazyLock, RwLock};

use crate::table::{Column, Kind, Table};

/// The statements of one table that do not depend on a request.
pub(crate) struct Statements {
    /// `id, tenant_id, ...`: every column in the order of the table.
    pub columns: String,
    pub get: &'static str,
    pub batch_get: &'static str,
    pub lock: &'static str,
    pub batch_lock: &'static str,
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
    let name = table.name;
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    // For `any` the plan may read the whole table, which was small when it was planned.
    let one_by_one = |clause: &str| {
        format!(
            "select {columns} from unnest($1::uuid[]) as wanted (wanted_id)
             cross join lateral (select * from {name} where id = wanted.wanted_id {clause}) as found"
        )
    };
    Statements {
        get: leak(format!("select {columns} from {name} where id = $1")),
        batch_get: leak(one_by_one("limit 1")),
        batch_lock: leak(one_by_one("for update")),
        lock: leak(format!("select {columns} from {name} where id = $1 for update")),
        delete: leak(format!("delete from {name} where id = $1")),
        columns,
    }
}

/// How many rows one insert takes at the most. PostgreSQL takes 65,535 parameters.
pub(crate) const ROWS_MAX: usize = 32;

/// `insert into accounts (id, ...) values ($1, ...), ($8, ...)`: of this many rows.
pub(crate) fn insert(table: &'static Table, rows: usize) -> String {
    let width = table.columns.len();
    let row = |row: usize| {
        let value =
            |(place, column): (usize, &Column)| format!("${}{}", row * width + place + 1, cast(column.kind));
        let values: Vec<String> = table.columns.iter().enumerate().map(value).collect();
        format!("({})", values.join(", "))
    };
    let values: Vec<String> = (0..rows).map(row).collect();
    format!("insert into {} ({}) values {}", table.name, of(table).columns, values.join(", "))
}

/// How many rows one statement changes at the most, each with a plan of its own.
pub(crate) const CHANGES_MAX: usize = 8;

/// `update accounts set code = $1, revision = revision + 1 where id = $2`: for the columns at these places.
pub(crate) fn update(table: &Table, places: &[usize]) -> String {
    update_from(table, places, 0)
}

/// The same for so many rows whose revisions, each behind its id, are still what they were; tells how many of them
/// are. Each row is looked for by its key alone: a join may be planned to read the whole table, which was small when it
/// was planned.
pub(crate) fn update_unchanged(table: &Table, places: &[usize], rows: usize) -> String {
    let width = places.len() + 2;
    let update = |row: usize| {
        let update = update_from(table, places, row * width);
        format!("row_{row} as ({update} and revision = ${} returning 1)", (row + 1) * width)
    };
    let updates: Vec<String> = (0..rows).map(update).collect();
    let counts: Vec<String> = (0..rows).map(|row| format!("(select count(*) from row_{row})")).collect();
    format!("with {} select {}", updates.join(", "), counts.join(" + "))
}

/// Its parameters come behind so many others.
fn update_from(table: &Table, places: &[usize], before: usize) -> String {
    let assign = |(number, place): (usize, &usize)| {
        let column = &table.columns[*place];
        format!("{} = ${}{}", quote(column.name), before + number + 1, cast(column.kind))
    };
    let assignments: Vec<String> = places.iter().enumerate().map(assign).collect();
    let last = before + places.len() + 1;
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
