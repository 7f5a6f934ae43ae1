//! Shares a budget out over time: a part of it may go in a burst, the rest comes back evenly, so that nobody starves.

use std::time::Duration;

/// The part of a minute's budget that may be used at once. The other part flows: both together never exceed the budget.
const BURST: f64 = 0.3;
/// All sharers together use what is there at a rate that would empty it in this time. As it empties they slow down, until
/// they use what flows in and something is always left for the next one's turn.
const SPREAD_SECS: f64 = 10.0;

/// A bucket of calls, filled by its flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    level: f64,
    at: Duration,
}

impl Flow {
    /// Full, whatever the budget is.
    pub(super) fn new() -> Self {
        Self { level: f64::INFINITY, at: Duration::ZERO }
    }

    /// How far apart each of `sharers` should make its calls, of which all may make `per_minute`.
    pub(super) fn spacing(&mut self, sharers: u32, per_minute: f64, now: Duration) -> Duration {
        self.fill(per_minute, now);
        Duration::try_from_secs_f64(f64::from(sharers.max(1)) * SPREAD_SECS / self.level).unwrap_or(Duration::MAX)
    }

    /// How long until one call may be made; zero when one may be now.
    pub(super) fn wait(&mut self, per_minute: f64, now: Duration) -> Duration {
        let per_second = self.fill(per_minute, now);
        // Sums of fractions stay a hair below a whole call; a wait of less than a millisecond would come back at once.
        let missing = 1.0 - 1e-6 - self.level;
        if missing <= 0.0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(missing / per_second).unwrap_or(Duration::MAX).max(Duration::from_millis(1))
    }

    /// Counts one call.
    pub(super) fn take(&mut self) {
        self.level -= 1.0;
    }

    /// Adds what has flowed in by now; gives the flow in calls a second.
    fn fill(&mut self, per_minute: f64, now: Duration) -> f64 {
        let per_second = per_minute * (1.0 - BURST) / 60.0;
        let come = now.saturating_sub(self.at).as_secs_f64() * per_second;
        self.level = (self.level + come).min((per_minute * BURST).max(1.0));
        self.at = now;
        per_second
    }
}
