//! The journal: what is posted stays, and all of it is balanced.

use std::collections::HashSet;

use contracts::finance::v1::{
    BatchPostJournalEntriesRequest, BatchPostJournalEntriesResponse, FinanceReason, JournalEntriesPosted,
    JournalEntry, JournalEntryApi, ListJournalEntriesRequest, ListJournalEntriesResponse,
    PostJournalEntryRequest, PostedJournalEntry, ReverseJournalEntryRequest,
};
use kit::{Code, Error, OffsetDateTime, Result, Uuid, ensure};
use store::column::timestamp;
use store::{Cx, Deferred, ListQuery, Only, Value};

use crate::chart;
use crate::entry::{Entry, Source, violation};

/// The journal.
#[derive(Debug)]
pub struct JournalEntries;

impl JournalEntryApi for JournalEntries {
    async fn list_journal_entries(
        &self,
        cx: &mut Cx,
        request: ListJournalEntriesRequest,
    ) -> Result<ListJournalEntriesResponse> {
        let only = (!request.account_code.is_empty()).then(|| Only {
            condition: "id in (select line.entry_id from journal_lines line
                 join ledger_accounts account on account.id = line.ledger_account_id where account.code = {})",
            value: Value::Text(request.account_code.clone()),
        });
        let query = ListQuery {
            page_size: request.page_size,
            page_token: &request.page_token,
            filter: &request.filter,
            order_by: &request.order_by,
            show_total_size: request.show_total_size,
            only: only.as_slice(),
            ..ListQuery::default()
        };
        let page = cx.list::<JournalEntry>(query).await?;
        Ok(ListJournalEntriesResponse {
            journal_entries: page.items,
            next_page_token: page.next_page_token,
            total_size: page.total_size,
        })
    }

    async fn post_journal_entry(
        &self,
        cx: &mut Cx,
        request: PostJournalEntryRequest,
    ) -> Result<JournalEntry> {
        let wire = request.entry.ok_or_else(|| Error::invalid("entry", "is required"))?;
        let entry = Entry::read(new_id(cx)?, &wire, "entry")?;
        let posting = Posting::new(cx, entry);
        let answer = message(cx, &posting.entry, posting.time)?;
        cx.emit(posted([&posting.entry]))?;
        cx.defer(posting).await?;
        Ok(answer)
    }

    async fn batch_post_journal_entries(
        &self,
        cx: &mut Cx,
        request: BatchPostJournalEntriesRequest,
    ) -> Result<BatchPostJournalEntriesResponse> {
        let mut entries = Vec::with_capacity(request.entries.len());
        for (number, wire) in request.entries.iter().enumerate() {
            entries.push(Entry::read(new_id(cx)?, wire, &format!("entries[{number}]"))?);
        }
        post_named(cx, &entries, |number| format!("entries[{number}]")).await?;
        Ok(BatchPostJournalEntriesResponse {
            ids: entries.iter().map(|entry| entry.id().to_string()).collect(),
        })
    }

    async fn reverse_journal_entry(
        &self,
        cx: &mut Cx,
        request: ReverseJournalEntryRequest,
    ) -> Result<JournalEntry> {
        let posted: JournalEntry = cx.get(&request.id).await?;
        ensure!(posted.reversal_of_id.is_none(), FinanceReason::AlreadyReversed);
        let date = request.effective_date.ok_or_else(|| Error::invalid("effective_date", "is required"))?;
        let date = date.to_date("effective_date")?;
        let first = posted.effective_date.as_ref().map(|date| date.to_date("effective_date")).transpose()?;
        if first.is_some_and(|first| date < first) {
            return Err(Error::invalid("effective_date", "must not be before that of the entry"));
        }
        let entry = Entry::reversal(new_id(cx)?, date, &posted, &request.memo)?;
        match post(cx, std::slice::from_ref(&entry)).await {
            Ok(time) => message(cx, &entry, time),
            Err(error) if is_taken(&error, "journal_entries_reversal_of_id_key") => {
                Err(FinanceReason::AlreadyReversed.into())
            }
            Err(error) => Err(error),
        }
    }
}

/// Posts entries, all or none, and tells when.
pub async fn post(cx: &mut Cx, entries: &[Entry]) -> Result<OffsetDateTime> {
    post_named(cx, entries, |_| String::new()).await
}

/// Posts entries of an event, all or none, together with those of other calls: what is wrong with them shows then.
pub async fn post_later(cx: &mut Cx, entries: Vec<Entry>) -> Result<()> {
    if !entries.is_empty() {
        cx.emit(posted(&entries))?;
    }
    for entry in entries {
        let posting = Posting::new(cx, entry);
        cx.defer(posting).await?;
    }
    Ok(())
}

/// Those of these sources that have an entry.
pub async fn posted_sources(cx: &mut Cx, sources: &[&Source]) -> Result<HashSet<Source>> {
    let kinds: Vec<&str> = sources.iter().map(|source| source.kind.as_str()).collect();
    let ids: Vec<Option<&str>> = sources.iter().map(|source| source.id.as_deref()).collect();
    let query = sqlx::query_as::<_, (String, Option<String>)>(
        "select type, source from unnest($1::text[], $2::text[]) as wanted (type, source)
         where exists (select from journal_entries where source_type = type and source_id = source)",
    );
    let rows = cx.rows(query.bind(kinds).bind(ids)).await?;
    Ok(rows.into_iter().map(|(kind, id)| Source { kind, id }).collect())
}

/// Whether a row with the same value exists already.
fn is_taken(error: &Error, constraint: &str) -> bool {
    error.code() == Code::AlreadyExists
        && error.metadata().get("constraint").is_some_and(|name| name == constraint)
}

/// A new id as the value that it is.
pub fn new_id(cx: &Cx) -> Result<Uuid> {
    Uuid::parse_str(&cx.new_id()).map_err(Error::internal)
}

/// An entry that is posted together with those of other calls.
struct Posting {
    entry: Entry,
    time: OffsetDateTime,
    actor: String,
}

impl Posting {
    fn new(cx: &Cx, entry: Entry) -> Self {
        Self { entry, time: cx.now(), actor: cx.actor().to_string() }
    }
}

impl Deferred for Posting {
    async fn write<'a>(cx: &'a mut Cx, items: &'a [&'a Self]) -> Result<()> {
        let rows: Vec<Row<'_>> =
            items.iter().map(|Self { entry, time, actor }| Row { entry, time: *time, actor }).collect();
        book(cx, &rows, |_| "entry".to_owned()).await
    }
}

async fn post_named(
    cx: &mut Cx,
    entries: &[Entry],
    place: impl Fn(usize) -> String,
) -> Result<OffsetDateTime> {
    let (time, actor) = (cx.now(), cx.actor().to_string());
    let rows: Vec<Row<'_>> = entries.iter().map(|entry| Row { entry, time, actor: &actor }).collect();
    book(cx, &rows, place).await?;
    if !entries.is_empty() {
        cx.emit(posted(entries))?;
    }
    Ok(time)
}

fn posted<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> JournalEntriesPosted {
    let entry = |entry: &Entry| PostedJournalEntry {
        journal_entry_id: entry.id().to_string(),
        source_type: entry.source().kind.clone(),
        source_id: entry.source().id.clone().unwrap_or_default(),
    };
    let entries: Vec<_> = entries.into_iter().map(entry).collect();
    let first = entries.first().map(|entry| entry.journal_entry_id.clone());
    JournalEntriesPosted { first_journal_entry_id: first.unwrap_or_default(), entries }
}

/// An entry with who posts it and when.
struct Row<'a> {
    entry: &'a Entry,
    time: OffsetDateTime,
    actor: &'a str,
}

/// Books entries, all or none; `place` is where an entry stands in its request, for errors.
async fn book(cx: &mut Cx, rows: &[Row<'_>], place: impl Fn(usize) -> String) -> Result<()> {
    let mut wrong = insert(cx, rows).await?;
    if wrong.iter().any(|(_, unknown)| *unknown) {
        chart::install_if_absent(cx).await?;
        wrong = insert(cx, rows).await?;
    }
    match wrong.first() {
        Some((code, unknown)) => Err(refusal(rows, code, *unknown, place)),
        None => Ok(()),
    }
}

/// One statement for all entries, which posts nothing when an account is unknown or blocked and returns those.
async fn insert(cx: &mut Cx, rows: &[Row<'_>]) -> Result<Vec<(String, bool)>> {
    fn column<'a, T>(rows: &[Row<'a>], value: impl Fn(&'a Entry) -> T) -> Vec<T> {
        rows.iter().map(|row| value(row.entry)).collect()
    }
    let lines = rows.iter().map(|row| row.entry.lines_json()).collect::<Result<Vec<_>>>()?;
    let query = sqlx::query_as::<_, (String, bool)>(
        "with wrong as (
             select used.code, account.code is null as unknown
             from unnest($1::text[]) as used (code)
             left join ledger_accounts account on account.code = used.code
             where account.blocked is not false
         ), posted as (
             insert into journal_entries (
                 id, effective_date, memo, lines, source_type, source_id, reversal_of_id, currency_code,
                 create_time, created_by)
             select id, effective_date, memo, lines::jsonb, source_type, source_id, reversal_of_id, currency_code,
                 create_time, created_by
             from unnest($2::uuid[], $3::date[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[],
                     $9::text[], $10::timestamptz[], $11::text[])
                 as row (id, effective_date, memo, lines, source_type, source_id, reversal_of_id, currency_code,
                     create_time, created_by)
             where not exists (select from wrong)
         )
         select code, unknown from wrong order by code",
    )
    .bind(Entry::codes(rows.iter().map(|row| row.entry)))
    .bind(column(rows, Entry::id))
    .bind(column(rows, Entry::date))
    .bind(column(rows, Entry::text))
    .bind(lines)
    .bind(column(rows, |entry| entry.source().kind.as_str()))
    .bind(column(rows, |entry| entry.source().id.as_deref()))
    .bind(column(rows, Entry::reversal_of))
    .bind(column(rows, |entry| entry.currency().code().to_owned()))
    .bind(rows.iter().map(|row| row.time).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.actor).collect::<Vec<_>>());
    cx.rows(query).await
}

fn refusal(rows: &[Row<'_>], code: &str, unknown: bool, place: impl Fn(usize) -> String) -> Error {
    let reason = if unknown { FinanceReason::AccountUnknown } else { FinanceReason::AccountBlocked };
    let error = Error::from(reason).with("account_code", code);
    let line = |(number, row): (usize, &Row<'_>)| Some((number, row.entry.line_of(code)?));
    let found = rows.iter().enumerate().find_map(line);
    match found {
        Some((number, line)) => {
            let field = format!("{}.lines[{line}].account_code", place(number));
            error.violation(violation(&field, reason_text(unknown)))
        }
        None => error,
    }
}

fn reason_text(unknown: bool) -> &'static str {
    if unknown { "names no account of the chart" } else { "names a blocked account" }
}

fn message(cx: &Cx, entry: &Entry, time: OffsetDateTime) -> Result<JournalEntry> {
    Ok(JournalEntry {
        id: entry.id().to_string(),
        tenant_id: cx.tenant()?.to_string(),
        effective_date: Some(entry.date().into()),
        memo: entry.text().to_owned(),
        lines: entry.lines(),
        source_type: entry.source().kind.clone(),
        source_id: entry.source().id.clone(),
        reversal_of_id: entry.reversal_of().map(|id| id.to_string()),
        currency_code: entry.currency().code().to_owned(),
        create_time: Some(timestamp(time)),
        created_by: cx.actor().to_string(),
    })
}
