//! The journal: what is posted stays, and all of it is balanced.

use contracts::finance::v1::{
    BatchPostJournalEntriesRequest, BatchPostJournalEntriesResponse, FinanceReason, JournalEntriesPosted,
    JournalEntry, JournalEntryApi, PostJournalEntryRequest, PostedJournalEntry, ReverseJournalEntryRequest,
};
use kit::{Code, Error, OffsetDateTime, Result, Uuid, ensure};
use store::Cx;
use store::column::timestamp;

use crate::chart;
use crate::entry::{Entry, violation};

/// The journal.
#[derive(Debug)]
pub struct JournalEntries;

impl JournalEntryApi for JournalEntries {
    async fn post_journal_entry(
        &self,
        cx: &mut Cx,
        request: PostJournalEntryRequest,
    ) -> Result<JournalEntry> {
        let wire = request.entry.ok_or_else(|| Error::invalid("entry", "is required"))?;
        let entry = Entry::read(new_id(cx)?, &wire, "entry")?;
        let time = post_named(cx, std::slice::from_ref(&entry), |_| "entry".to_owned()).await?;
        message(cx, &entry, time)
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

/// Posts what comes from a source that may have been posted already, and then does nothing. Only as the last
/// thing in a transaction, which a conflict takes back.
pub async fn post_once(cx: &mut Cx, entries: &[Entry]) -> Result<()> {
    match post(cx, entries).await {
        Err(error) if is_taken(&error, "journal_entries_source_id_key") => {
            cx.rollback().await;
            Ok(())
        }
        result => result.map(|_| ()),
    }
}

/// Whether a row with the same value exists already.
pub fn is_taken(error: &Error, constraint: &str) -> bool {
    error.code() == Code::AlreadyExists
        && error.metadata().get("constraint").is_some_and(|name| name == constraint)
}

/// A new id as the value that it is.
pub fn new_id(cx: &Cx) -> Result<Uuid> {
    Uuid::parse_str(&cx.new_id()).map_err(Error::internal)
}

async fn post_named(
    cx: &mut Cx,
    entries: &[Entry],
    place: impl Fn(usize) -> String,
) -> Result<OffsetDateTime> {
    let time = cx.now();
    let mut wrong = insert(cx, entries, time).await?;
    if wrong.iter().any(|(_, unknown)| *unknown) {
        chart::install_if_absent(cx).await?;
        wrong = insert(cx, entries, time).await?;
    }
    if let Some((code, unknown)) = wrong.first() {
        return Err(refusal(entries, code, *unknown, place));
    }
    let posted = |entry: &Entry| PostedJournalEntry {
        journal_entry_id: entry.id().to_string(),
        source_type: entry.source().kind.clone(),
        source_id: entry.source().id.clone().unwrap_or_default(),
    };
    if let Some(first) = entries.first() {
        cx.emit(JournalEntriesPosted {
            first_journal_entry_id: first.id().to_string(),
            entries: entries.iter().map(posted).collect(),
        })?;
    }
    Ok(time)
}

/// One statement for all entries, which posts nothing when an account is unknown or blocked and returns those.
async fn insert(cx: &mut Cx, entries: &[Entry], time: OffsetDateTime) -> Result<Vec<(String, bool)>> {
    let lines = entries.iter().map(Entry::lines_json).collect::<Result<Vec<_>>>()?;
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
                 $10, $11
             from unnest($2::uuid[], $3::date[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::text[])
                 as row (id, effective_date, memo, lines, source_type, source_id, reversal_of_id, currency_code)
             where not exists (select from wrong)
         )
         select code, unknown from wrong order by code",
    )
    .bind(Entry::codes(entries))
    .bind(entries.iter().map(Entry::id).collect::<Vec<_>>())
    .bind(entries.iter().map(Entry::date).collect::<Vec<_>>())
    .bind(entries.iter().map(Entry::text).collect::<Vec<_>>())
    .bind(lines)
    .bind(entries.iter().map(|entry| entry.source().kind.as_str()).collect::<Vec<_>>())
    .bind(entries.iter().map(|entry| entry.source().id.as_deref()).collect::<Vec<_>>())
    .bind(entries.iter().map(Entry::reversal_of).collect::<Vec<_>>())
    .bind(entries.iter().map(|entry| entry.currency().code().to_owned()).collect::<Vec<_>>())
    .bind(time)
    .bind(cx.actor().to_string());
    cx.rows(query).await
}

fn refusal(entries: &[Entry], code: &str, unknown: bool, place: impl Fn(usize) -> String) -> Error {
    let reason = if unknown { FinanceReason::AccountUnknown } else { FinanceReason::AccountBlocked };
    let error = Error::from(reason).with("account_code", code);
    let found = entries.iter().enumerate().find_map(|(number, entry)| Some((number, entry.line_of(code)?)));
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
