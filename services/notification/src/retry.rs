//! When a mail that was not taken is tried again.

use kit::Duration;

const FIRST: Duration = Duration::seconds(30);
const LONGEST: Duration = Duration::hours(2);
/// After this time a mail is given up.
const GIVEN_UP: Duration = Duration::hours(24);

/// The pause after this many failed attempts, each twice as long as the one before; none when a day is over.
pub fn pause(attempts: i32) -> Option<Duration> {
    let waited: Duration = (1..attempts).map(single).sum();
    let next = single(attempts);
    (waited + next <= GIVEN_UP).then_some(next)
}

fn single(attempt: i32) -> Duration {
    let doublings = u32::try_from(attempt.clamp(1, 16) - 1).unwrap_or(0);
    (FIRST * 2_i32.saturating_pow(doublings)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_tried_for_a_day() {
        // The pauses must grow, stay below the longest, and end when a day is over.
        let pauses: Vec<Duration> = (1..).map_while(pause).collect();
        assert_eq!(pauses[..3], [Duration::seconds(30), Duration::minutes(1), Duration::minutes(2)]);
        assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1] && pair[1] <= LONGEST));
        let whole: Duration = pauses.iter().copied().sum();
        assert!(whole <= GIVEN_UP && whole > GIVEN_UP - LONGEST, "{whole}");
    }
}
