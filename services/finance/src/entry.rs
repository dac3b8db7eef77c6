//! A posting as a value that cannot be unbalanced.

use std::collections::BTreeSet;

use contracts::finance::v1::{FinanceReason, JournalEntry, JournalLine, NewJournalEntry};
use kit::{Currency, Date, Error, Money, Result, Uuid, Violation};
use serde::Serialize;

/// No amount is larger than this, so that no sum of an entry can overflow.
const MINOR_MAX: i64 = 10_000_000_000_000_000;

/// One account's part in an entry: debits are more than zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    pub account_code: String,
    pub minor: i64,
    pub party_id: Option<Uuid>,
    pub memo: String,
}

impl Leg {
    /// An amount on the debit side, or on the credit side when it is less than zero.
    pub fn debit(account_code: &str, minor: i64) -> Self {
        Self { account_code: account_code.to_owned(), minor, party_id: None, memo: String::new() }
    }

    /// An amount on the credit side.
    pub fn credit(account_code: &str, minor: i64) -> Self {
        Self::debit(account_code, -minor)
    }

    /// The same for a customer or vendor.
    #[must_use]
    pub fn of(self, party_id: Uuid) -> Self {
        Self { party_id: Some(party_id), ..self }
    }
}

/// What an entry comes from. Of each source there is one entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Source {
    pub kind: String,
    pub id: Option<String>,
}

impl Source {
    /// A document or event of this kind and id.
    pub fn new(kind: &str, id: impl ToString) -> Self {
        Self { kind: kind.to_owned(), id: Some(id.to_string()) }
    }
}

/// An entry whose debits equal its credits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    id: Uuid,
    date: Date,
    memo: String,
    currency: Currency,
    legs: Vec<Leg>,
    source: Source,
    reversal_of: Option<Uuid>,
}

impl Entry {
    /// An entry of two legs or more that are not zero and add up to zero; else FINANCE_REASON_UNBALANCED.
    pub fn new(id: Uuid, date: Date, currency: Currency, legs: Vec<Leg>, source: Source) -> Result<Self> {
        for leg in &legs {
            if leg.minor.unsigned_abs() > MINOR_MAX.unsigned_abs() {
                return Err(Error::invalid("amount", "is too large"));
            }
        }
        let sum: i128 = legs.iter().map(|leg| i128::from(leg.minor)).sum();
        if legs.len() < 2 || sum != 0 || legs.iter().any(|leg| leg.minor == 0) {
            return Err(
                Error::from(FinanceReason::Unbalanced).with("difference", Money::new(clamp(sum), currency))
            );
        }
        Ok(Self { id, date, memo: String::new(), currency, legs, source, reversal_of: None })
    }

    /// Says what it is about.
    #[must_use]
    pub fn memo(mut self, memo: impl Into<String>) -> Self {
        self.memo = memo.into();
        self
    }

    /// Reads an entry of a request; `field` is its place there.
    pub fn read(id: Uuid, wire: &NewJournalEntry, field: &str) -> Result<Self> {
        let date = wire.effective_date.as_ref().ok_or_else(|| required(field, "effective_date"))?;
        let date = date.to_date(&join(field, "effective_date"))?;
        let source = Source { kind: wire.source_type.clone(), id: wire.source_id.clone() };
        refuse_nul(&wire.memo, &join(field, "memo"))?;
        refuse_nul(&source.kind, &join(field, "source_type"))?;
        refuse_nul(source.id.as_deref().unwrap_or_default(), &join(field, "source_id"))?;
        let (currency, legs) = read_lines(&wire.lines, field)?;
        let entry = Self::new(id, date, currency, legs, source);
        let entry = entry
            .map_err(|error| error.violation(violation(&join(field, "lines"), "must add up to zero")))?;
        Ok(entry.memo(wire.memo.clone()))
    }

    /// The exact opposite of a posted entry.
    pub fn reversal(id: Uuid, date: Date, posted: &JournalEntry, memo: &str) -> Result<Self> {
        let (currency, mut legs) = read_lines(&posted.lines, "")?;
        for leg in &mut legs {
            leg.minor = -leg.minor;
        }
        refuse_nul(memo, "memo")?;
        let mut entry =
            Self::new(id, date, currency, legs, Source { kind: "reversal".to_owned(), id: None })?;
        entry.reversal_of = Some(Uuid::parse_str(&posted.id).map_err(Error::internal)?);
        Ok(entry.memo(memo))
    }

    pub fn id(&self) -> Uuid {
        self.id
    }

    pub fn date(&self) -> Date {
        self.date
    }

    pub fn text(&self) -> &str {
        &self.memo
    }

    pub fn currency(&self) -> Currency {
        self.currency
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    pub fn reversal_of(&self) -> Option<Uuid> {
        self.reversal_of
    }

    /// The codes of the accounts that entries post to.
    pub fn codes<'a>(entries: impl IntoIterator<Item = &'a Self>) -> Vec<&'a str> {
        let codes: BTreeSet<&str> =
            entries.into_iter().flat_map(|entry| &entry.legs).map(|leg| leg.account_code.as_str()).collect();
        codes.into_iter().collect()
    }

    /// Where an account is first posted to: the places of the entry's line.
    pub fn line_of(&self, code: &str) -> Option<usize> {
        self.legs.iter().position(|leg| leg.account_code == code)
    }

    /// The lines as proto3 JSON with the proto's field names, as the engine stores them.
    pub fn lines_json(&self) -> Result<String> {
        let lines: Vec<_> = self.legs.iter().map(|leg| LineJson::of(leg, self.currency)).collect();
        serde_json::to_string(&lines).map_err(Error::internal)
    }

    /// The lines as messages.
    pub fn lines(&self) -> Vec<JournalLine> {
        let line = |leg: &Leg| JournalLine {
            account_code: leg.account_code.clone(),
            amount: Some(Money::new(leg.minor, self.currency).into()),
            party_id: leg.party_id.map(|id| id.to_string()),
            memo: leg.memo.clone(),
        };
        self.legs.iter().map(line).collect()
    }
}

#[derive(Serialize)]
struct LineJson<'a> {
    account_code: &'a str,
    amount: AmountJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    party_id: Option<Uuid>,
    memo: &'a str,
}

#[derive(Serialize)]
struct AmountJson {
    currency_code: String,
    units: String,
    nanos: i32,
}

impl<'a> LineJson<'a> {
    fn of(leg: &'a Leg, currency: Currency) -> Self {
        let (units, nanos) = Money::new(leg.minor, currency).to_units_nanos();
        let amount =
            AmountJson { currency_code: currency.code().to_owned(), units: units.to_string(), nanos };
        Self { account_code: &leg.account_code, amount, party_id: leg.party_id, memo: &leg.memo }
    }
}

fn read_lines(lines: &[JournalLine], field: &str) -> Result<(Currency, Vec<Leg>)> {
    let mut currency = None;
    let mut legs = Vec::with_capacity(lines.len());
    for (number, line) in lines.iter().enumerate() {
        let place = join(field, &format!("lines[{number}]"));
        let amount = line.amount.as_ref().ok_or_else(|| required(&place, "amount"))?;
        let amount = amount.to_money(&join(&place, "amount"))?;
        if *currency.get_or_insert(amount.currency) != amount.currency {
            let mixed = Error::from(FinanceReason::MixedCurrencies);
            return Err(mixed.violation(violation(&join(&place, "amount"), "is of another currency")));
        }
        let party_id = line.party_id.as_deref().map(Uuid::parse_str).transpose();
        let party_id = party_id.map_err(|_| Error::invalid(&join(&place, "party_id"), "must be a UUID"))?;
        refuse_nul(&line.account_code, &join(&place, "account_code"))?;
        refuse_nul(&line.memo, &join(&place, "memo"))?;
        let (account_code, memo) = (line.account_code.clone(), line.memo.clone());
        legs.push(Leg { account_code, minor: amount.minor, party_id, memo });
    }
    let currency = currency.ok_or_else(|| required(field, "lines"))?;
    Ok((currency, legs))
}

/// A field that breaks a rule.
pub fn violation(field: &str, description: &str) -> Violation {
    Violation { field: field.to_owned(), description: description.to_owned(), rule: String::new() }
}

fn required(field: &str, name: &str) -> Error {
    Error::invalid(&join(field, name), "is required")
}

fn join(field: &str, name: &str) -> String {
    if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
}

/// PostgreSQL's texts and JSON cannot hold the character NUL.
fn refuse_nul(text: &str, field: &str) -> Result<()> {
    if text.contains('\0') {
        Err(Error::invalid(field, "must not contain the character NUL"))
    } else {
        Ok(())
    }
}

fn clamp(sum: i128) -> i64 {
    i64::try_from(sum.clamp(i128::from(i64::MIN), i128::from(i64::MAX))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(amounts: &[i64]) -> Result<Entry> {
        let euro = Currency::parse("EUR", "c")?;
        let legs = amounts.iter().map(|minor| Leg::debit("1000", *minor)).collect();
        let date = Date::from_ordinal_date(2026, 137).map_err(Error::internal)?;
        Entry::new(Uuid::nil(), date, euro, legs, Source::default())
    }

    #[test]
    fn one_sided_and_empty_entries_are_refused() {
        // Whatever is no double entry must not become an entry.
        for amounts in [&[][..], &[0], &[5], &[5, -4], &[5, 0, -5], &[0, 0], &[i64::MAX, i64::MIN + 1]] {
            assert!(entry(amounts).is_err(), "{amounts:?}");
        }
        assert!(entry(&[5, -5]).is_ok());
        assert!(entry(&[5, -2, -3]).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_balanced(amounts in prop::collection::vec(-1_000_i64..1_000, 0..6)) {
            // An entry must exist exactly when its legs are two or more, not zero and add up to zero.
            let good = amounts.len() >= 2 && !amounts.contains(&0) && amounts.iter().sum::<i64>() == 0;
            prop_assert_eq!(entry(&amounts).is_ok(), good);
        }

        #[test]
        fn a_reversal_undoes_its_entry(minor in 1_i64..MINOR_MAX, rest in 1_i64..MINOR_MAX) {
            // An entry and its reversal together must add up to zero on every leg.
            let legs = [minor, rest, -minor, -rest];
            let posted = entry(&legs).unwrap();
            let wire = JournalEntry { id: Uuid::nil().to_string(), lines: posted.lines(), ..JournalEntry::default() };
            let undone = Entry::reversal(Uuid::nil(), posted.date, &wire, "").unwrap();
            for (one, other) in posted.legs.iter().zip(&undone.legs) {
                prop_assert_eq!(one.minor + other.minor, 0);
            }
        }
    }
}
