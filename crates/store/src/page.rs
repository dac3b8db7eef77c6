//! Page sizes and page tokens.
//!
//! A token holds the place where the next page begins, not a number of rows, so a page deep in a list costs
//! what the first one costs, and rows that come and go in between neither hide others nor show them twice.
//! It is bound to the query it came from and lives three days. It is no secret and no permission: it holds
//! values that its owner has seen, and row-level security filters what a forged one would find.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::{Code, Error, OffsetDateTime, Result, Violation};
use sha2::{Digest, Sha256};

/// Rows of a page when none are asked for.
pub const DEFAULT_SIZE: i64 = 50;
/// Rows of a page at the most.
pub const MAX_SIZE: i64 = 1_000;
/// How many results a Search gives over all its pages.
pub const MAX_SEARCH_RESULTS: i64 = 1_000;
/// How long a token lives.
const LIFETIME_SECONDS: i64 = 3 * 24 * 60 * 60;
/// How far the clocks of two servers may differ.
const CLOCK_SKEW_SECONDS: i64 = 300;

const VERSION: u8 = 1;
const HEADER_LENGTH: usize = 2 + 8 + DIGEST_LENGTH;
const DIGEST_LENGTH: usize = 16;

/// How many rows a page has: 0 asks for the default, and too many are cut to the maximum.
pub fn size(page_size: i32) -> Result<i64> {
    match i64::from(page_size) {
        0 => Ok(DEFAULT_SIZE),
        negative if negative < 0 => Err(Error::invalid("page_size", "must not be negative")),
        size => Ok(size.min(MAX_SIZE)),
    }
}

/// What must stay the same from page to page.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scope<'a> {
    /// The full name of the method, so that tokens of different entities differ.
    pub method: &'a str,
    /// The tenant whose rows are listed.
    pub tenant_id: &'a str,
    /// The filter as it was written.
    pub filter: &'a str,
    /// The order as it was written.
    pub order_by: &'a str,
    /// The query of a Search.
    pub query: &'a str,
    /// Whether deleted rows are listed too.
    pub show_deleted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Keyset = 1,
    Offset = 2,
}

impl Scope<'_> {
    /// The token of the page behind the row with these cursor columns.
    pub fn token(&self, cursor: &[Option<String>], now: OffsetDateTime) -> String {
        let mut body = Vec::new();
        for value in cursor {
            // 0 stands for NULL, so that the empty text can be told from it.
            let length = value.as_ref().map_or(0, |text| text.len() + 1);
            write_length(length, &mut body);
            body.extend_from_slice(value.as_deref().unwrap_or_default().as_bytes());
        }
        self.seal(Place::Keyset, &body, now)
    }

    /// The cursor columns in a token; `None` for the empty token of a first page.
    pub fn cursor(&self, token: &str, now: OffsetDateTime) -> Result<Option<Vec<Option<String>>>> {
        let Some(body) = self.open(Place::Keyset, token, now)? else { return Ok(None) };
        let mut rest = body.as_slice();
        let mut cursor = Vec::new();
        while !rest.is_empty() {
            let length = read_length(&mut rest).ok_or_else(|| bad_token("is damaged"))?;
            let Some(length) = length.checked_sub(1) else {
                cursor.push(None);
                continue;
            };
            let (value, after) = rest.split_at_checked(length).ok_or_else(|| bad_token("is damaged"))?;
            let value = String::from_utf8(value.to_vec()).map_err(|_| bad_token("is damaged"))?;
            cursor.push(Some(value));
            rest = after;
        }
        Ok(Some(cursor))
    }

    /// The token of the page of a Search that begins behind this many results; empty when none follows.
    pub fn offset_token(&self, offset: i64, now: OffsetDateTime) -> String {
        if offset >= MAX_SEARCH_RESULTS {
            return String::new();
        }
        self.seal(Place::Offset, &offset.to_le_bytes(), now)
    }

    /// How many results of a Search stand before the page of this token; 0 for the empty token.
    pub fn offset(&self, token: &str, now: OffsetDateTime) -> Result<i64> {
        let Some(body) = self.open(Place::Offset, token, now)? else { return Ok(0) };
        let offset = body.try_into().map(i64::from_le_bytes).map_err(|_| bad_token("is damaged"))?;
        let is_reachable = (0..MAX_SEARCH_RESULTS).contains(&offset);
        if is_reachable { Ok(offset) } else { Err(bad_token("is damaged")) }
    }

    fn seal(&self, place: Place, body: &[u8], now: OffsetDateTime) -> String {
        let issued_at = now.unix_timestamp();
        let mut token = Vec::with_capacity(HEADER_LENGTH + body.len());
        token.extend([VERSION, place as u8]);
        token.extend(issued_at.to_le_bytes());
        token.extend(self.digest(place, issued_at, body));
        token.extend(body);
        URL_SAFE_NO_PAD.encode(token)
    }

    fn open(&self, place: Place, token: &str, now: OffsetDateTime) -> Result<Option<Vec<u8>>> {
        if token.is_empty() {
            return Ok(None);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad_token("is none that a page came with"))?;
        let (header, body) = bytes
            .split_at_checked(HEADER_LENGTH)
            .ok_or_else(|| bad_token("is none that a page came with"))?;
        if header[..2] != [VERSION, place as u8] {
            return Err(bad_token("is none that this method gives"));
        }
        let (issued_at, digest) = header[2..].split_at(8);
        let issued_at = issued_at.try_into().map(i64::from_le_bytes).map_err(Error::internal)?;
        if digest != self.digest(place, issued_at, body) {
            return Err(bad_token("belongs to other arguments; they must stay the same from page to page"));
        }
        let age = now.unix_timestamp().saturating_sub(issued_at);
        if !(-CLOCK_SKEW_SECONDS..=LIFETIME_SECONDS).contains(&age) {
            return Err(bad_token("is older than three days; begin with the first page again"));
        }
        Ok(Some(body.to_vec()))
    }

    fn digest(&self, place: Place, issued_at: i64, body: &[u8]) -> [u8; DIGEST_LENGTH] {
        let mut hash = Sha256::new();
        for part in [self.method, self.tenant_id, self.filter, self.order_by, self.query] {
            // With their lengths, so that no text can move from one part into the next.
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        hash.update([u8::from(self.show_deleted), place as u8]);
        hash.update(issued_at.to_le_bytes());
        hash.update(body);
        let mut digest = [0; DIGEST_LENGTH];
        digest.copy_from_slice(&hash.finalize()[..DIGEST_LENGTH]);
        digest
    }
}

/// The error for a token that cannot be used.
pub(crate) fn bad_token(what: &str) -> Error {
    Error::new(Code::InvalidArgument, "BAD_PAGE_TOKEN", "erp", format!("the page token {what}")).violation(
        Violation { field: "page_token".to_owned(), description: what.to_owned(), rule: String::new() },
    )
}

/// Seven bits a byte, the lowest first.
fn write_length(mut length: usize, bytes: &mut Vec<u8>) {
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

fn read_length(bytes: &mut &[u8]) -> Option<usize> {
    let mut length = 0_usize;
    for shift in (0..usize::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-10 15:30 UTC);
    const SCOPE: Scope<'static> = Scope {
        method: "erp.crm.v1.AccountService/ListAccounts",
        tenant_id: "t",
        filter: "a = 1",
        order_by: "name",
        query: "",
        show_deleted: false,
    };

    fn assert_refused<T: std::fmt::Debug>(result: Result<T>) {
        let error = result.unwrap_err();
        assert_eq!((error.reason(), error.code()), ("BAD_PAGE_TOKEN", Code::InvalidArgument));
        assert_eq!(error.violations()[0].field, "page_token");
    }

    #[test]
    fn sizes_are_bounded() {
        // 0 is the default, too many are cut, negative is refused.
        assert_eq!([0, 1, 1_000, 1_001, i32::MAX].map(|n| size(n).unwrap()), [50, 1, 1_000, 1_000, 1_000]);
        assert_eq!(size(-1).unwrap_err().violations()[0].field, "page_size");
    }

    #[test]
    fn a_token_belongs_to_its_query() {
        // A token must not be taken with any other argument, by another method, or as another kind.
        let token = SCOPE.token(&[Some("x".to_owned())], NOW);
        assert_eq!(SCOPE.cursor(&token, NOW).unwrap(), Some(vec![Some("x".to_owned())]));
        for other in [
            Scope { method: "m", ..SCOPE },
            Scope { tenant_id: "u", ..SCOPE },
            Scope { filter: "a = 2", ..SCOPE },
            Scope { order_by: "name desc", ..SCOPE },
            Scope { query: "q", ..SCOPE },
            Scope { show_deleted: true, ..SCOPE },
            Scope { filter: "a = 1n", order_by: "ame", ..SCOPE },
        ] {
            assert_refused(other.cursor(&token, NOW));
        }
        assert_refused(SCOPE.offset(&token, NOW));
        assert_eq!(SCOPE.cursor("", NOW).unwrap(), None);
    }

    #[test]
    fn a_token_ages() {
        // Three days to the second, and no token from the future beyond what clocks differ.
        let token = SCOPE.token(&[None], NOW);
        assert!(SCOPE.cursor(&token, NOW + Duration::days(3)).is_ok());
        assert_refused(SCOPE.cursor(&token, NOW + Duration::days(3) + Duration::SECOND));
        assert!(SCOPE.cursor(&token, NOW - Duration::minutes(5)).is_ok());
        assert_refused(SCOPE.cursor(&token, NOW - Duration::minutes(6)));
    }

    #[test]
    fn offsets_end_with_the_search() {
        // No token leads behind the last result that a search gives.
        let token = SCOPE.offset_token(950, NOW);
        assert_eq!(SCOPE.offset(&token, NOW).unwrap(), 950);
        assert_eq!(SCOPE.offset("", NOW).unwrap(), 0);
        assert_eq!(SCOPE.offset_token(1_000, NOW), "");
        let forged = SCOPE.seal(Place::Offset, &(-1_i64).to_le_bytes(), NOW);
        assert_refused(SCOPE.offset(&forged, NOW));
    }

    proptest! {
        /// Every cursor comes back from its token, NULL and the empty text told apart.
        #[test]
        fn cursors_come_back(cursor in prop::collection::vec(prop::option::of("\\PC{0,200}"), 1..9)) {
            let token = SCOPE.token(&cursor, NOW);
            prop_assert_eq!(SCOPE.cursor(&token, NOW).unwrap(), Some(cursor));
        }

        /// A token with any one letter changed, and any other text, is refused.
        #[test]
        fn damage_is_seen(place in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_-]", text in "\\PC{1,90}") {
            let token = SCOPE.token(&[Some("Ann".to_owned()), None], NOW);
            let place = place.index(token.len());
            let damaged = format!("{}{letter}{}", &token[..place], &token[place + 1..]);
            if damaged != token {
                assert_refused(SCOPE.cursor(&damaged, NOW));
            }
            assert_refused(SCOPE.cursor(&text, NOW));
            assert_refused(SCOPE.offset(&text, NOW));
        }
    }
}
