//! How often somebody may guess a password: attempts are counted by address, known or not.

use contracts::identity::v1::IdentityReason;
use kit::{Duration, Error, OffsetDateTime, Result};
use sha2::{Digest, Sha256};
use store::Cx;

use crate::keys::PLATFORM;

/// Attempts without a pause: more than a person needs, and enough for the devices of one.
const FREE: i32 = 10;
const PAUSE_FIRST: Duration = Duration::seconds(30);
const PAUSE_MAX: Duration = Duration::minutes(15);
/// An address that was left alone for so long starts anew.
pub const FORGET_AFTER: Duration = Duration::hours(24);

/// Counts an attempt before the password is looked at, so that a thousand guesses at once are a thousand
/// attempts, or refuses it with LOGIN_THROTTLED. Leaves the call in the platform's tenant.
pub async fn count(cx: &mut Cx, address: &str) -> Result<()> {
    cx.enter_tenant(PLATFORM).await?;
    let (now, hash) = (cx.now(), hash(address));
    let begin = "insert into login_attempts (address_hash, failures, last_time) values ($1, 0, $2)
         on conflict (tenant_id, address_hash) do nothing";
    cx.execute(sqlx::query(begin).bind(&hash).bind(now)).await?;
    let lock =
        "select failures, last_time, block_time from login_attempts where address_hash = $1 for update";
    let row = cx.row(sqlx::query_as::<_, Row>(lock).bind(&hash)).await?;
    let (failures, block) = attempt(row.unwrap_or((0, now, None)), now)?;
    let write =
        "update login_attempts set failures = $2, last_time = $3, block_time = $4 where address_hash = $1";
    cx.execute(sqlx::query(write).bind(&hash).bind(failures).bind(now).bind(block)).await?;
    cx.checkpoint().await
}

/// Forgets the attempts of somebody who knew the password. Leaves the call in the platform's tenant.
pub async fn forgive(cx: &mut Cx, address: &str) -> Result<()> {
    cx.enter_tenant(PLATFORM).await?;
    let delete = sqlx::query("delete from login_attempts where address_hash = $1");
    cx.execute(delete.bind(hash(address))).await?;
    cx.checkpoint().await
}

/// Failures, the time of the last and the end of the pause.
type Row = (i32, OffsetDateTime, Option<OffsetDateTime>);

/// The count after one more attempt and the end of the pause that it brings, or the refusal of it.
fn attempt((failures, last, block): Row, now: OffsetDateTime) -> Result<(i32, Option<OffsetDateTime>)> {
    if let Some(end) = block.filter(|end| *end > now) {
        let seconds = (end - now).whole_seconds().max(1);
        return Err(Error::from(IdentityReason::LoginThrottled).with("retry_after_seconds", seconds));
    }
    let failures = if last + FORGET_AFTER <= now { 1 } else { failures.saturating_add(1) };
    Ok((failures, pause(failures).map(|pause| now + pause)))
}

/// Twice as long with each failure beyond the free ones.
fn pause(failures: i32) -> Option<Duration> {
    let beyond = u32::try_from(failures - FREE).ok()?;
    Some((PAUSE_FIRST * 2_i32.pow(beyond.min(10))).min(PAUSE_MAX))
}

fn hash(address: &str) -> Vec<u8> {
    Sha256::digest(address.to_ascii_lowercase()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn pauses_grow_to_a_limit() {
        // A person may mistype; a machine must get slower and slower, but nobody is locked out for good.
        assert_eq!(pause(FREE - 1), None);
        assert_eq!(pause(FREE), Some(Duration::seconds(30)));
        assert_eq!(pause(FREE + 1), Some(Duration::seconds(60)));
        assert_eq!(pause(i32::MAX), Some(PAUSE_MAX));
    }

    #[test]
    fn a_pause_refuses_and_tells_how_long() {
        // Within the pause nothing is counted; after it the next attempt is let through.
        let (failures, block) = attempt((FREE - 1, START, None), START).unwrap();
        let refusal = attempt((failures, START, block), START + Duration::seconds(10)).unwrap_err();
        assert!(refusal.is(IdentityReason::LoginThrottled));
        assert_eq!(refusal.metadata()["retry_after_seconds"], "20");
        let (failures, _) = attempt((failures, START, block), START + Duration::seconds(30)).unwrap();
        assert_eq!(failures, FREE + 1);
    }

    #[test]
    fn a_day_of_rest_starts_anew() {
        // Failures of last week must not throttle today's login.
        assert_eq!(attempt((FREE + 5, START, None), START + FORGET_AFTER).unwrap(), (1, None));
    }

    #[test]
    fn the_case_of_letters_does_not_matter() {
        // Otherwise every spelling would bring its own free attempts.
        assert_eq!(hash("Ada@Example.com"), hash("ada@example.COM"));
    }
}
