//! Whether a link is alive, decided from times alone.

use std::time::Duration;

/// Longest wait for hello on a new link.
pub(super) const HELLO_WAIT_MAX: Duration = Duration::from_secs(10);

/// Silence after which we ping, and ping again.
pub(super) const PING_AFTER: Duration = Duration::from_secs(10);

/// Silence after which the link counts as dead. Slack pings more often than that.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(30);

// At least one ping must have had its time to be answered.
const _: () = assert!(PING_AFTER.as_secs() * 2 < SILENCE_MAX.as_secs());

/// When what was last heard and sent on a link; all times are the monotonic clock's.
#[derive(Debug)]
pub(super) struct Pulse {
    /// Until when Slack has to say hello; `None` once it has.
    hello_by: Option<Duration>,
    heard: Duration,
    pinged: Duration,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Wait,
    Ping,
    NoHello,
    Dead,
}

impl Pulse {
    pub(super) fn new(now: Duration) -> Self {
        Self { hello_by: Some(now + HELLO_WAIT_MAX), heard: now, pinged: now }
    }

    /// Something came from Slack; anything is a sign of life.
    pub(super) fn heard(&mut self, now: Duration) {
        self.heard = now;
    }

    /// Slack said hello.
    pub(super) fn greeted(&mut self) {
        self.hello_by = None;
    }

    pub(super) fn check(&mut self, now: Duration) -> Verdict {
        if self.hello_by.is_some_and(|by| now >= by) {
            return Verdict::NoHello;
        }
        if now >= self.heard + SILENCE_MAX {
            return Verdict::Dead;
        }
        if now < self.ping_at() {
            return Verdict::Wait;
        }
        self.pinged = now;
        Verdict::Ping
    }

    /// How long nothing needs to be looked at. Never zero after [`Pulse::check`] let the link live.
    pub(super) fn next_check(&self, now: Duration) -> Duration {
        let next = self.ping_at().min(self.heard + SILENCE_MAX).min(self.hello_by.unwrap_or(Duration::MAX));
        next.saturating_sub(now)
    }

    fn ping_at(&self) -> Duration {
        self.heard.max(self.pinged) + PING_AFTER
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_silent_link_is_pinged_twice_and_then_dead() {
        let mut pulse = Pulse::new(at(0));
        pulse.greeted();
        let verdicts: Vec<Verdict> = [9, 10, 11, 19, 20, 29, 30].map(|secs| pulse.check(at(secs))).into();
        use Verdict::{Dead, Ping, Wait};
        assert_eq!(verdicts, [Wait, Ping, Wait, Wait, Ping, Wait, Dead]);
    }

    #[test]
    fn any_sign_of_life_begins_the_silence_anew() {
        let mut pulse = Pulse::new(at(0));
        pulse.greeted();
        assert_eq!(pulse.check(at(10)), Verdict::Ping);
        pulse.heard(at(29));
        assert_eq!(
            (pulse.check(at(38)), pulse.check(at(39)), pulse.check(at(59))),
            (Verdict::Wait, Verdict::Ping, Verdict::Dead)
        );
    }

    #[test]
    fn signs_of_life_are_no_hello() {
        let mut pulse = Pulse::new(at(100));
        pulse.heard(at(109));
        assert_eq!((pulse.check(at(109)), pulse.check(at(110))), (Verdict::Wait, Verdict::NoHello));
    }

    proptest! {
        #[test]
        fn a_link_that_lives_is_never_looked_at_without_pause(greeted: bool, steps in prop::collection::vec((0..40_000_u64, any::<bool>()), 1..40)) {
            let (mut pulse, mut now) = (Pulse::new(Duration::ZERO), Duration::ZERO);
            if greeted {
                pulse.greeted();
            }
            for (ms, heard) in steps {
                now += Duration::from_millis(ms);
                if heard {
                    pulse.heard(now);
                }
                match pulse.check(now) {
                    Verdict::Wait | Verdict::Ping => prop_assert!(pulse.next_check(now) > Duration::ZERO),
                    Verdict::NoHello => prop_assert!(!greeted),
                    Verdict::Dead => prop_assert!(!heard),
                }
            }
        }
    }
}
