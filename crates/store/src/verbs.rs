//! What a handler does with records: create, get, list, search, change, delete.

use std::collections::{BTreeSet, HashMap};

use kit::{Code, Error, Result};
use prost_types::{FieldMask, Timestamp};
use serde_json::{Map, Value};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe};
use uuid::Uuid;

use crate::deferred::{ChangedRow, ContestedRow, Deferred as _, NewRow};
use crate::flush::AuditRow;
use crate::record::Record;
use crate::table::Table;
use crate::{Cx, column, conflict, mask, statements};

/// How many records a batch may name.
pub const BATCH_MAX: usize = 1_000;

impl Cx {
    /// Creates a record: gives it its id, times and actor, and writes its created event. Where no transaction is
    /// open the row is left for later, see [`Cx::defer`], and so is what the database may have against it.
    pub async fn create<R: Record>(&mut self, mut record: R) -> Result<R> {
        self.stamp_new(&mut record)?;
        self.defer(NewRow(record.clone())).await?;
        let changes = created_changes(&record);
        self.audit(&record, "created", changes.clone())?;
        self.record_event(&record, "created", changes)?;
        Ok(record)
    }

    /// Inserts a row of an aggregate, whose events are the service's own, at once: its service may want to know
    /// what the database says. An id that is set is kept.
    pub async fn insert<R: Record>(&mut self, mut record: R) -> Result<R> {
        self.stamp_new(&mut record)?;
        let row = NewRow(record);
        NewRow::write(self, &[&row]).await?;
        let NewRow(record) = row;
        self.audit(&record, "created", created_changes(&record))?;
        Ok(record)
    }

    /// The same, left for later where no transaction is open, see [`Cx::defer`].
    pub async fn insert_later<R: Record>(&mut self, mut record: R) -> Result<R> {
        self.stamp_new(&mut record)?;
        self.defer(NewRow(record.clone())).await?;
        self.audit(&record, "created", created_changes(&record))?;
        Ok(record)
    }

    /// The same, where others may insert a record with the same key at the same time: then the handler runs again, and must
    /// look for theirs.
    pub async fn insert_contested<R: Record>(&mut self, mut record: R) -> Result<R> {
        self.stamp_new(&mut record)?;
        self.defer(ContestedRow(NewRow(record.clone()))).await?;
        self.audit(&record, "created", created_changes(&record))?;
        Ok(record)
    }

    /// Gets a record, also a softly deleted one. NOT_FOUND when there is none for this tenant.
    pub async fn get<R: Record>(&mut self, id: &str) -> Result<R> {
        let found = self.select_one(statements::of(R::table()).get, id).await?;
        found.ok_or_else(|| Error::not_found(R::table().noun, id))
    }

    /// Gets a record that exists and is not deleted, or nothing.
    pub async fn find<R: Record>(&mut self, id: &str) -> Result<Option<R>> {
        let found = self.select_one(statements::of(R::table()).get, id).await?;
        Ok(found.filter(|record: &R| !is_deleted(record)))
    }

    /// Gets a record that is not deleted and keeps others from changing it until the commit.
    pub async fn lock<R: Record>(&mut self, id: &str) -> Result<R> {
        let found: Option<R> = self.select_one(statements::of(R::table()).lock, id).await?;
        found.filter(|record| !is_deleted(record)).ok_or_else(|| Error::not_found(R::table().noun, id))
    }

    /// The same for several, each once and in the order of their ids, so that no two callers wait for each other. Those that
    /// are not there are left out.
    pub async fn lock_all<R: Record>(&mut self, ids: &[&str]) -> Result<Vec<R>> {
        let ids: BTreeSet<Uuid> = ids.iter().filter_map(|id| Uuid::parse_str(id).ok()).collect();
        let query =
            sqlx::query(statements::of(R::table()).batch_lock).bind(ids.into_iter().collect::<Vec<_>>());
        let rows = query.fetch_all(self.sql().await?).await.map_err(conflict::map)?;
        let records = rows.iter().map(R::read).collect::<Result<Vec<R>>>()?;
        Ok(records.into_iter().filter(|record| !is_deleted(record)).collect())
    }

    /// Gets records by id, in the order of the ids. NOT_FOUND, naming the first, when one is missing.
    pub async fn batch_get<R: Record>(&mut self, ids: &[String]) -> Result<Vec<R>> {
        if ids.len() > BATCH_MAX {
            return Err(Error::invalid("ids", format!("must be {BATCH_MAX} at the most")));
        }
        let wanted = ids.iter().map(|id| parse_id(id, "ids")).collect::<Result<Vec<_>>>()?;
        let found = self.get_all::<R>(&wanted).await?;
        let record = |(wanted, id): (&Uuid, &String)| {
            found.get(wanted).cloned().ok_or_else(|| Error::not_found(R::table().noun, id))
        };
        wanted.iter().zip(ids).map(record).collect()
    }

    /// Those of these records that there are, also softly deleted ones.
    pub async fn get_all<R: Record>(&mut self, ids: &[Uuid]) -> Result<HashMap<Uuid, R>> {
        let query = sqlx::query(statements::of(R::table()).batch_get).bind(ids);
        let rows = query.fetch_all(self.sql().await?).await.map_err(conflict::map)?;
        let record = |row| {
            let record = R::read(row)?;
            Ok((parse_id(record.id(), "id")?, record))
        };
        rows.iter().map(record).collect()
    }

    /// Changes the fields of a mask. `path` is the record's place in the request, for errors. Writes the
    /// updated event unless nothing changed.
    pub async fn update<R: Record>(
        &mut self,
        patch: R,
        update_mask: Option<&FieldMask>,
        path: &str,
    ) -> Result<R> {
        let before: R = self.lock(patch.id()).await?;
        check_etag(&before, etag_of(&patch).as_str())?;
        let mut after = before.clone();
        mask::apply(&mut after, &patch, update_mask, path)?;
        let mut violations = Vec::new();
        after.validate(path, &mut violations);
        if !violations.is_empty() {
            return Err(Error::invalid_fields(violations));
        }
        let fields = changed_fields(&before, &after);
        if fields.is_empty() {
            return Ok(before);
        }
        let after = self.write(after, &fields).await?;
        let changes = changes(&before, &after, &fields);
        self.audit(&after, "updated", changes.clone())?;
        self.record_event(&after, "updated", changes)?;
        Ok(after)
    }

    /// Writes these fields of a locked record of an aggregate and gives it a new etag.
    pub async fn put<R: Record>(&mut self, record: R, fields: &[&'static str]) -> Result<R> {
        let record = self.write(record, fields).await?;
        self.audit(&record, "updated", put_changes(&record, fields))?;
        Ok(record)
    }

    /// The same for a record that was read without a lock: fails with ABORTED, reason CONFLICT, when somebody else
    /// has changed it since. Left for later where no transaction is open, see [`Cx::defer`], and so is the failure.
    pub async fn put_unchanged<R: Record>(&mut self, record: R, fields: &[&'static str]) -> Result<R> {
        let record = self.put_unchanged_unaudited(record, fields).await?;
        self.audit(&record, "updated", put_changes(&record, fields))?;
        Ok(record)
    }

    /// The same without an audit row, for a record that tells its own story.
    pub async fn put_unchanged_unaudited<R: Record>(
        &mut self,
        mut record: R,
        fields: &[&'static str],
    ) -> Result<R> {
        let id = parse_id(record.id(), "id")?;
        let revision = column::revision(&etag_of(&record), "etag").map_err(Error::internal)?;
        let places = self.stamp_changed(&mut record, fields)?;
        self.defer(ChangedRow { record: record.clone(), id, places, revision }).await?;
        Ok(record)
    }

    /// Deletes a record, softly where its contract says so, and returns it as it was last.
    pub async fn delete<R: Record>(&mut self, id: &str, etag: &str) -> Result<R> {
        let mut record: R = self.lock(id).await?;
        check_etag(&record, etag)?;
        if R::table().soft_delete {
            let now = timestamp(self.now());
            if let Some(delete_time) = record.header().delete_time {
                *delete_time = Some(now);
            }
            record = self.write(record, &["delete_time"]).await?;
        } else {
            let id = parse_id(id, "id")?;
            self.execute(sqlx::query(statements::of(R::table()).delete).bind(id)).await?;
        }
        self.audit(&record, "deleted", Value::Object(Map::new()))?;
        self.record_event(&record, "deleted", Value::Object(Map::new()))?;
        Ok(record)
    }

    /// Brings a softly deleted record back. Fails when it is not deleted.
    pub async fn undelete<R: Record>(&mut self, id: &str) -> Result<R> {
        let found: Option<R> = self.select_one(statements::of(R::table()).lock, id).await?;
        let mut record = found.ok_or_else(|| Error::not_found(R::table().noun, id))?;
        if !is_deleted(&record) {
            return Err(Error::new(
                Code::AlreadyExists,
                "ALREADY_EXISTS",
                "erp",
                "the record is not deleted",
            ));
        }
        if let Some(delete_time) = record.header().delete_time {
            *delete_time = None;
        }
        let record = self.write(record, &["delete_time"]).await?;
        self.audit(&record, "undeleted", Value::Object(Map::new()))?;
        self.record_event(&record, "undeleted", Value::Object(Map::new()))?;
        Ok(record)
    }

    async fn select_one<R: Record>(&mut self, statement: &'static str, id: &str) -> Result<Option<R>> {
        let Ok(id) = Uuid::parse_str(id) else { return Ok(None) };
        let query = sqlx::query(statement).bind(id);
        let row = query.fetch_optional(self.sql().await?).await.map_err(conflict::map)?;
        row.as_ref().map(R::read).transpose()
    }

    async fn write<R: Record>(&mut self, mut record: R, fields: &[&str]) -> Result<R> {
        let places = self.stamp_changed(&mut record, fields)?;
        let mut arguments = PgArguments::default();
        for place in &places {
            record.bind(*place, &mut arguments)?;
        }
        arguments.add(parse_id(record.id(), "id")?).map_err(Error::internal)?;
        let statement = statements::update(R::table(), &places);
        let written = self.execute(sqlx::query_with(AssertSqlSafe(statement), arguments)).await?;
        if written == 0 {
            return Err(Error::not_found(R::table().noun, record.id()));
        }
        Ok(record)
    }

    fn stamp_new<R: Record>(&mut self, record: &mut R) -> Result<()> {
        let (now, actor, tenant) =
            (timestamp(self.now()), self.actor().to_string(), self.tenant()?.to_string());
        let new_id = self.new_id();
        let header = record.header();
        if !R::table().aggregate || header.id.is_empty() {
            *header.id = new_id;
        }
        set(header.tenant_id, tenant);
        set(header.create_time, Some(now));
        set(header.update_time, Some(now));
        set(header.delete_time, None);
        set(header.created_by, actor.clone());
        set(header.updated_by, actor);
        set(header.etag, "\"1\"".to_owned());
        Ok(())
    }

    /// Sets the times, the actor and the etag, and tells the places of the columns to write.
    fn stamp_changed<R: Record>(&mut self, record: &mut R, fields: &[&str]) -> Result<Vec<usize>> {
        let (now, actor) = (timestamp(self.now()), self.actor().to_string());
        let header = record.header();
        set(header.update_time, Some(now));
        set(header.updated_by, actor);
        if let Some(etag) = header.etag {
            let revision: i64 = etag.trim_matches('"').parse().map_err(Error::internal)?;
            *etag = format!("\"{}\"", revision + 1);
        }
        let mut places = Vec::with_capacity(fields.len() + 3);
        for field in fields.iter().copied().chain(["update_time", "updated_by", "etag"]) {
            places.extend(R::table().columns_of(field).map(|(place, _)| place));
        }
        places.sort_unstable();
        places.dedup();
        Ok(places)
    }

    fn audit<R: Record>(&mut self, record: &R, change: &'static str, changes: Value) -> Result<()> {
        let entity_id = parse_id(record.id(), "id")?;
        let id = self.env().ids().new_id();
        self.pending.audits.push(AuditRow { id, entity_type: R::table().entity, entity_id, change, changes });
        Ok(())
    }

    fn record_event<R: Record>(&mut self, record: &R, change: &str, changes: Value) -> Result<()> {
        let table = R::table();
        let Some(topic) = table.topic.filter(|_| !table.aggregate) else { return Ok(()) };
        let event_type = format!("{}.{change}", table.noun);
        let data = serde_json::json!({
            "entityType": table.entity, "entityId": record.id(), "changes": changes,
        });
        let row = crate::event::outbox_row(self, &event_type, topic, record.id(), data)?;
        self.pending.events.push(row);
        Ok(())
    }
}

fn set<T>(place: Option<&mut T>, value: T) {
    if let Some(place) = place {
        *place = value;
    }
}

/// Reads an id of a request; `field` is named in the error.
pub(crate) fn parse_id(id: &str, field: &str) -> Result<Uuid> {
    Uuid::parse_str(id).map_err(|_| Error::invalid(field, "must be a UUID"))
}

fn timestamp(instant: kit::OffsetDateTime) -> Timestamp {
    let nanos = i32::try_from(instant.nanosecond()).expect("a second has fewer than 2^31 nanoseconds");
    Timestamp { seconds: instant.unix_timestamp(), nanos }
}

fn is_deleted<R: Record>(record: &R) -> bool {
    R::table().soft_delete && record.is_set("delete_time")
}

fn etag_of<R: Record>(record: &R) -> String {
    record.field_json("etag").as_str().unwrap_or_default().to_owned()
}

fn check_etag<R: Record>(record: &R, etag: &str) -> Result<()> {
    if etag.is_empty() || etag_of(record) == etag {
        return Ok(());
    }
    let stale = Error::new(Code::Aborted, "STALE_ETAG", "erp", "the record has changed since it was read");
    Err(stale.with("current_etag", etag_of(record)))
}

/// The fields of a table, without those that the engine keeps itself.
fn own_fields(table: &'static Table) -> impl Iterator<Item = &'static str> {
    const KEPT: [&str; 8] =
        ["id", "tenant_id", "create_time", "update_time", "delete_time", "created_by", "updated_by", "etag"];
    let mut last = "";
    table.columns.iter().map(|column| column.field).filter(move |field| {
        // The two columns of a money are one field, and stand side by side.
        let repeated = *field == last;
        last = field;
        !repeated && !KEPT.contains(field)
    })
}

fn changed_fields<R: Record>(before: &R, after: &R) -> Vec<&'static str> {
    own_fields(R::table()).filter(|field| before.field_json(field) != after.field_json(field)).collect()
}

fn created_changes<R: Record>(record: &R) -> Value {
    let mut list = Map::new();
    for field in own_fields(R::table()).filter(|field| record.is_set(field)) {
        list.insert(field.to_owned(), change(Value::Null, shown(record, field)));
    }
    Value::Object(list)
}

fn put_changes<R: Record>(record: &R, fields: &[&'static str]) -> Value {
    let mut list = Map::new();
    for field in fields {
        list.insert((*field).to_owned(), change(Value::Null, shown(record, field)));
    }
    Value::Object(list)
}

fn changes<R: Record>(before: &R, after: &R, fields: &[&'static str]) -> Value {
    let mut list = Map::new();
    for field in fields {
        list.insert((*field).to_owned(), change(shown(before, field), shown(after, field)));
    }
    Value::Object(list)
}

fn change(from: Value, to: Value) -> Value {
    let mut pair = Map::new();
    if !from.is_null() {
        pair.insert("from".to_owned(), from);
    }
    if !to.is_null() {
        pair.insert("to".to_owned(), to);
    }
    Value::Object(pair)
}

/// The field's value, unless it tells something of a person or is a secret.
fn shown<R: Record>(record: &R, field: &str) -> Value {
    let masked = R::table().columns_of(field).any(|(_, column)| column.personal || column.secret);
    if masked { Value::Null } else { record.field_json(field) }
}
