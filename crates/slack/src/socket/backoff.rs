//! How long to wait before the next attempt.

use std::time::Duration;

/// The second wait; the first is none, and each further one is twice as long.
const FIRST: Duration = Duration::from_secs(1);

/// The longest wait.
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// Counts attempts without a good link between them.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The wait before the next attempt: none at first, then doubling from [`FIRST`] to [`LONGEST`], of which `random`
    /// (0 to 1) takes up to half away. Without that all clients of a Slack that comes back would come back in the same
    /// instant.
    pub(super) fn next(&mut self, random: f64) -> Duration {
        let doublings = self.attempts.checked_sub(1);
        self.attempts = self.attempts.saturating_add(1);
        let Some(doublings) = doublings else { return Duration::ZERO };
        let full = FIRST.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST);
        full.mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0)
    }

    /// A link was good: the next attempt is the first again.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attempt_is_at_once_and_the_others_ever_later() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..8).map(|_| backoff.next(0.0).as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 30, 30]);
        backoff.reset();
        assert_eq!(backoff.next(0.0), Duration::ZERO);
        assert_eq!(backoff.next(1.0), Duration::from_millis(500), "chance takes up to half");
    }

    #[test]
    fn years_of_failure_do_not_overflow() {
        let mut backoff = Backoff { attempts: u32::MAX };
        assert_eq!(backoff.next(0.0), LONGEST);
        assert_eq!(backoff.next(0.0), LONGEST);
    }
}
