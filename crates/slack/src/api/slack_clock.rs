//! What time it is at Slack's: our clock may be wrong by minutes, and Slack's moments are compared with each other only.

use std::{
    sync::atomic::{AtomicI64, Ordering::Relaxed},
    time::Duration,
};

use chathakase_session::Timestamp;

/// An answer's date is whole seconds and older by the way it took, at most this much in all (a call takes 8 s). What lies further
/// back is no late answer: one of the two clocks was set.
const LATE_MAX: Duration = Duration::from_secs(10);

/// How far Slack's clock is ahead of ours, in milliseconds, as the dates of its answers show: dates are late or right, so the
/// greatest counts.
#[derive(Debug)]
pub(super) struct SlackClock(AtomicI64);

/// Slack has said nothing yet.
const UNKNOWN: i64 = i64::MIN;

impl Default for SlackClock {
    fn default() -> Self {
        Self(AtomicI64::new(UNKNOWN))
    }
}

impl SlackClock {
    /// An answer that arrived at `now`, by our clock, says that it was `date`.
    pub(super) fn heard(&self, date: Timestamp, now: Timestamp) {
        let ahead = date.as_millis().saturating_sub(now.as_millis());
        let late_max = i64::try_from(LATE_MAX.as_millis()).unwrap_or(i64::MAX);
        let _ = self.0.fetch_update(Relaxed, Relaxed, |known| {
            let was_set = ahead.saturating_add(late_max) < known;
            (ahead > known || was_set).then_some(ahead)
        });
    }

    /// What Slack's clock shows when ours shows `now`, a second early at most and mostly much less; ours, as long as Slack said nothing.
    pub(super) fn at(&self, now: Timestamp) -> Timestamp {
        let ahead = self.0.load(Relaxed);
        Timestamp::from_millis(now.as_millis().saturating_add(if ahead == UNKNOWN { 0 } else { ahead }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_date_counts_until_a_clock_is_set() {
        let at = Timestamp::from_millis;
        let clock = SlackClock::default();
        assert_eq!(clock.at(at(5_000)), at(5_000));
        // 64 s behind Slack's.
        for (date, now, shown) in [
            (69_000, 5_900, 68_100),
            (70_000, 6_050, 68_950),
            // The answer was 5 s on its way.
            (71_000, 12_000, 68_950),
            // Ours was set right.
            (80_000, 80_500, 4_500),
        ] {
            clock.heard(at(date), at(now));
            assert_eq!(clock.at(at(5_000)), at(shown), "{date} at {now}");
        }
    }
}
