//! What time it is at Slack's: our clock may be wrong by minutes, and Slack's moments are compared with each other only.

use std::{
    sync::atomic::{AtomicI64, Ordering::Relaxed},
    time::Duration,
};

use chathakase_session::Timestamp;

/// An answer's date is whole seconds and older by the way it took, at most this much in all (a call takes 8 s). What lies further
/// back is no late answer: one of the two clocks was set.
const LATE_MAX: Duration = Duration::from_secs(10);

/// What Slack's clock showed when our monotonic one, which nobody sets, began, in milliseconds, as the dates of its answers tell: dates
/// are late or right, so the greatest counts.
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
    /// An answer that arrived at `now`, by our monotonic clock, says that it was `date`.
    pub(super) fn heard(&self, date: Timestamp, now: Duration) {
        let ahead = date.as_millis().saturating_sub(millis(now));
        let late_max = millis(LATE_MAX);
        let _ = self.0.fetch_update(Relaxed, Relaxed, |known| {
            let was_set = ahead.saturating_add(late_max) < known;
            (ahead > known || was_set).then_some(ahead)
        });
    }

    /// What Slack's clock shows when our monotonic one shows `now`, a second early at most and mostly much less; `None` as long as Slack
    /// said nothing.
    pub(super) fn at(&self, now: Duration) -> Option<Timestamp> {
        let ahead = self.0.load(Relaxed);
        (ahead != UNKNOWN).then(|| Timestamp::from_millis(millis(now).saturating_add(ahead)))
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_date_counts_until_slacks_clock_is_set() {
        let (at, passed) = (Timestamp::from_millis, Duration::from_millis);
        let clock = SlackClock::default();
        assert_eq!(clock.at(passed(5_000)), None);
        for (date, now, shown) in [
            (69_000, 5_900, 68_100),
            (70_000, 6_050, 68_950),
            // The answer was 5 s on its way.
            (71_000, 12_000, 68_950),
            // Slack's was set.
            (80_000, 80_500, 4_500),
        ] {
            clock.heard(at(date), passed(now));
            assert_eq!(clock.at(passed(5_000)), Some(at(shown)), "{date} at {now}");
        }
    }
}
