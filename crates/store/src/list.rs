//! List and Search: pages of records, exact and consistent, or ranked.

use kit::Result;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{AssertSqlSafe, Row};

use crate::filter::{self, Params, Value};
use crate::page::Scope;
use crate::record::Record;
use crate::table::Table;
use crate::withhold::check_compared;
use crate::{Cx, conflict, order, page, search, statements};

/// Counting stops here: nobody reads the ten-thousandth row, and counting all costs more than the page.
const COUNT_MAX: i64 = 10_001;

/// What a List asks for, as its request says it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListQuery<'a> {
    /// Rows wanted: 0 means the default.
    pub page_size: i32,
    /// Token of the page; empty for the first.
    pub page_token: &'a str,
    /// AIP-160 filter; empty for all.
    pub filter: &'a str,
    /// Fields to sort by; empty for the id.
    pub order_by: &'a str,
    /// Whether softly deleted rows are shown.
    pub show_deleted: bool,
    /// Whether the rows are counted.
    pub show_total_size: bool,
    /// Conditions of the method's own, all of which hold beside the filter.
    pub only: &'a [Only],
}

/// A condition that no filter could say, such as one that looks into another table. Its text is the service's
/// own; what a caller gave is its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Only {
    /// SQL over the columns of the table, with `{}` in the place of the value.
    pub condition: &'static str,
    /// What takes that place.
    pub value: Value,
}

/// A page of records.
#[derive(Debug, Clone, Default)]
pub struct Page<R> {
    /// In the order asked for.
    pub items: Vec<R>,
    /// Token of the next page; empty on the last.
    pub next_page_token: String,
    /// How many match, up to a limit; 0 unless asked for.
    pub total_size: i64,
}

impl Cx {
    /// Lists a page of records.
    pub async fn list<R: Record>(&mut self, query: ListQuery<'_>) -> Result<Page<R>> {
        let table = R::table();
        let size = page::size(query.page_size)?;
        let tenant = self.tenant()?.to_string();
        let now = self.now();
        // A token is of these conditions as much as of its filter.
        let only = if query.only.is_empty() { String::new() } else { format!("{:?}", query.only) };
        let scope = Scope {
            method: table.entity,
            tenant_id: &tenant,
            filter: query.filter,
            order_by: query.order_by,
            query: &only,
            show_deleted: query.show_deleted,
        };
        let order = order::parse(table, query.order_by)?;
        let mut params = Params::starting_at(1);
        let mut condition = filter::compile(table, query.filter, &mut params, now)?;
        check_compared(self.caller(), order.columns().chain(params.compared().iter().copied()))?;
        if table.soft_delete && !query.show_deleted {
            condition.push_str(" and delete_time is null");
        }
        for only in query.only {
            let place = params.push(only.value.clone());
            condition = format!("{condition} and ({})", only.condition.replace("{}", &place));
        }
        let total_size = match query.show_total_size {
            true => self.count(table, &condition, params.clone()).await?,
            false => 0,
        };
        if let Some(cursor) = scope.cursor(query.page_token, now)? {
            let after = order.after(&cursor, &mut params)?;
            condition = format!("{condition} and ({after})");
        }
        let columns = &statements::of(table).columns;
        let cursors: String = order.cursor_columns().iter().map(|column| format!(", {column}")).collect();
        let limit = params.push(Value::I64(size + 1));
        let statement = format!(
            "select {columns}{cursors} from {} where {condition} order by {} limit {limit}",
            table.name,
            order.sql()
        );
        let mut rows = self.fetch(statement, params).await?;
        // One row more than asked for tells whether there is a next page.
        let more = rows.len() as i64 > size;
        rows.truncate(usize::try_from(size).expect("a page size is small and positive"));
        let next_page_token = match rows.last() {
            Some(last) if more => scope.token(&order.cursor(last, table.columns.len())?, now),
            _ => String::new(),
        };
        let items = rows.iter().map(R::read).collect::<Result<_>>()?;
        Ok(Page { items, next_page_token, total_size })
    }

    /// Finds records by words, best match first.
    pub async fn search<R: Record>(
        &mut self,
        query: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<Page<R>> {
        let table = R::table();
        let size = page::size(page_size)?;
        let tenant = self.tenant()?.to_string();
        let now = self.now();
        let scope = Scope { method: table.entity, tenant_id: &tenant, query, ..Scope::default() };
        let offset = scope.offset(page_token, now)?;
        let mut params = Params::starting_at(1);
        let (mut condition, rank) = search::compile(table, query, &mut params)?;
        if table.soft_delete {
            condition.push_str(" and delete_time is null");
        }
        let (limit, skip) = (params.push(Value::I64(size + 1)), params.push(Value::I64(offset)));
        let columns = &statements::of(table).columns;
        let statement = format!(
            "select {columns} from {} where {condition} order by {rank}, id limit {limit} offset {skip}",
            table.name
        );
        let mut rows = self.fetch(statement, params).await?;
        let more = rows.len() as i64 > size;
        rows.truncate(usize::try_from(size).expect("a page size is small and positive"));
        let next_page_token = if more { scope.offset_token(offset + size, now) } else { String::new() };
        let items = rows.iter().map(R::read).collect::<Result<_>>()?;
        Ok(Page { items, next_page_token, total_size: 0 })
    }

    async fn count(&mut self, table: &'static Table, condition: &str, mut params: Params) -> Result<i64> {
        let limit = params.push(Value::I64(COUNT_MAX));
        let inner = format!("select 1 from {} where {condition} limit {limit}", table.name);
        let rows = self.fetch(format!("select count(*) from ({inner}) as matching"), params).await?;
        rows[0].try_get(0).map_err(kit::Error::internal)
    }

    async fn fetch(&mut self, statement: String, params: Params) -> Result<Vec<PgRow>> {
        let mut arguments = PgArguments::default();
        params.bind_all(&mut arguments)?;
        // The text is made of names out of contracts and of placeholders; what callers wrote is bound.
        let query = sqlx::query_with(AssertSqlSafe(statement), arguments);
        query.fetch_all(self.sql().await?).await.map_err(conflict::map)
    }
}
