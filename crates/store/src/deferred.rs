//! Writes that a call can leave to its end, and that can be done for several calls at once.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::future::Future;

use kit::{Code, Error, Result};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, AssertSqlSafe};
use uuid::Uuid;

use crate::conflict;
use crate::cx::Cx;
use crate::peer::BoxFuture;
use crate::record::Record;
use crate::statements;

/// Something a call wants written, of which it needs no answer. It brings everything with it that it needs: its
/// actor and its time are those of its call, not those of the `cx` that writes.
pub trait Deferred: Send + Sync + Sized + 'static {
    /// Writes all of them in their order, or fails.
    fn write<'a>(cx: &'a mut Cx, items: &'a [&'a Self]) -> impl Future<Output = Result<()>> + Send + 'a;
}

/// A deferred write of any type.
pub(crate) type Held = Box<dyn Erased>;

pub(crate) trait Erased: Send + Sync {
    fn as_any(&self) -> &(dyn Any + Send + Sync);

    /// Writes items of the same type as this one.
    fn write_all<'a>(&self, cx: &'a mut Cx, items: Vec<&'a dyn Erased>) -> BoxFuture<'a, Result<()>>;
}

impl<D: Deferred> Erased for D {
    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }

    fn write_all<'a>(&self, cx: &'a mut Cx, items: Vec<&'a dyn Erased>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let items: Vec<&D> = items.iter().filter_map(|item| item.as_any().downcast_ref()).collect();
            D::write(cx, &items).await
        })
    }
}

/// Writes everything, all items of a type together, the types in the order in which they come up.
pub(crate) async fn write(cx: &mut Cx, items: impl IntoIterator<Item = &Held>) -> Result<()> {
    let mut places = HashMap::new();
    let mut types: Vec<Vec<&dyn Erased>> = Vec::new();
    for item in items {
        let item = item.as_ref();
        let place = *places.entry(item.as_any().type_id()).or_insert_with(|| {
            types.push(Vec::new());
            types.len() - 1
        });
        types[place].push(item);
    }
    let gathered = std::mem::replace(&mut cx.gathers, true);
    for items in types {
        items[0].write_all(cx, items.clone()).await?;
    }
    cx.gathers = gathered;
    Ok(())
}

/// A row to be inserted.
pub(crate) struct NewRow<R>(pub R);

/// A row to be inserted that others may insert at the same time: then the call runs again, and finds theirs.
pub(crate) struct ContestedRow<R>(pub NewRow<R>);

impl<R: Record> Deferred for ContestedRow<R> {
    async fn write<'a>(cx: &'a mut Cx, items: &'a [&'a Self]) -> Result<()> {
        let rows: Vec<&NewRow<R>> = items.iter().map(|ContestedRow(row)| row).collect();
        let written = NewRow::write(cx, &rows).await;
        written.map_err(|error| match error.code() {
            Code::AlreadyExists => conflict::met_another().caused_by(&error),
            _ => error,
        })
    }
}

impl<R: Record> Deferred for NewRow<R> {
    async fn write<'a>(cx: &'a mut Cx, items: &'a [&'a Self]) -> Result<()> {
        let mut rest = items;
        while !rest.is_empty() {
            // Powers of two, so that there are few statements to prepare.
            let (rows, later) = rest.split_at(1 << rest.len().ilog2().min(statements::ROWS_MAX.ilog2()));
            let mut arguments = PgArguments::default();
            for NewRow(record) in rows {
                for place in 0..R::table().columns.len() {
                    record.bind(place, &mut arguments)?;
                }
            }
            let insert = AssertSqlSafe(statements::insert(R::table(), rows.len()));
            cx.execute(sqlx::query_with(insert, arguments)).await?;
            rest = later;
        }
        Ok(())
    }
}

/// Fields of a row to be changed, unless somebody else has changed the row since it was read.
pub(crate) struct ChangedRow<R> {
    pub record: R,
    pub id: Uuid,
    /// The columns to write.
    pub places: Vec<usize>,
    /// The revision that was read.
    pub revision: i64,
}

impl<R: Record> Deferred for ChangedRow<R> {
    async fn write<'a>(cx: &'a mut Cx, items: &'a [&'a Self]) -> Result<()> {
        let mut items = items.to_vec();
        let ids: HashSet<Uuid> = items.iter().map(|row| row.id).collect();
        // A second change of a row must see the first, so that each then has a statement of its own.
        let is_each_once = ids.len() == items.len();
        if is_each_once {
            items.sort_by(|one, other| one.places.cmp(&other.places));
        }
        let mut rest = &items[..];
        while !rest.is_empty() {
            let (rows, later) = rest.split_at(if is_each_once { alike(rest) } else { 1 });
            let mut arguments = PgArguments::default();
            for row in rows {
                for place in &row.places {
                    row.record.bind(*place, &mut arguments)?;
                }
                arguments.add(row.id).map_err(Error::internal)?;
                arguments.add(row.revision).map_err(Error::internal)?;
            }
            let update = AssertSqlSafe(statements::update_unchanged(R::table(), &rows[0].places, rows.len()));
            let query = sqlx::query_as_with::<_, (i64,), _>(update, arguments);
            let (changed,) = cx.row(query).await?.unwrap_or_default();
            if usize::try_from(changed) != Ok(rows.len()) {
                return Err(conflict::moved());
            }
            rest = later;
        }
        Ok(())
    }
}

/// How many of the first rows one statement changes: those of the same columns, in powers of two, so that there are few
/// statements to prepare.
fn alike<R>(rows: &[&ChangedRow<R>]) -> usize {
    let count = rows.iter().take_while(|row| row.places == rows[0].places).count();
    1 << count.ilog2().min(statements::CHANGES_MAX.ilog2())
}
