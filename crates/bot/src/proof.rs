//! Until when nothing can have been missed, as far as it is proven. Pure.
//!
//! That a door is open, or a link alive, proves nothing: an event does. Slack tries for six minutes to deliver one, so nothing is
//! lost in a shorter silence; a longer one, and what Slack says it could not deliver at once, is to be looked through.

use std::time::Duration;

use chathakase_session::Timestamp;

/// How long Slack tries to deliver an event (Slack: Events API, "Retries").
const GIVEN_UP_AFTER: Duration = Duration::from_secs(6 * 60);
/// The wait before each of its retries; later ones come by the hour.
const RETRY_WAITS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(60), Duration::from_secs(5 * 60)];
const RETRY_WAIT_LATER: Duration = Duration::from_secs(3600);
/// How long Slack waits for an acknowledgement, and its words for one that came later, and for a refusal.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(3);
const TOO_LATE: &str = "http_timeout";
const REFUSED: &str = "http_error";
/// The longest time that is not proven and not looked through, and the shortest that is worth a look.
const SILENCE_MAX: Duration = Duration::from_secs(15 * 60);
const SILENCE_LEAST: Duration = Duration::from_secs(5 * 60);
/// Between two looks because of retries.
const RETRIES_LOOKED_AT_EVERY: Duration = Duration::from_secs(5 * 60);

/// Why is looked for what was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Something was missed, or may have been: a start, no link, a delivery that was not stored, a sleep, a death.
    Gap,
    /// Slack says that it could not reach us.
    Retry,
    /// Nobody wrote, or nothing came: nobody knows which.
    Silence,
}

impl Cause {
    /// In one word; also the value of a metric's label.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Retry => "retry",
            Self::Silence => "silence",
        }
    }
}

/// What is proven.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    /// Nothing was missed until then, but for what is suspected.
    good: Timestamp,
    /// From when on Slack failed to deliver some.
    suspected: Option<Timestamp>,
    /// When the last look began.
    looked: Timestamp,
    /// When a delivery last took us so long that Slack did not wait for it.
    late: Option<Timestamp>,
    /// When we last refused one: whoever did has seen to it that it is looked for, if that is any use.
    refused: Option<Timestamp>,
    /// `None`: nothing is looked for.
    silence_max: Option<Duration>,
}

impl Proof {
    /// Nothing is proven yet. What was missed is answered up to the age of `age_max`, so a silence must be shorter than that.
    pub(crate) fn new(age_max: Duration) -> Self {
        let never = Timestamp::from_millis(0);
        let silence_max = (!age_max.is_zero()).then(|| (age_max / 2).clamp(SILENCE_LEAST, SILENCE_MAX));
        Self { good: never, suspected: None, looked: never, late: None, refused: None, silence_max }
    }

    /// Until when nothing was missed.
    pub(crate) fn good(&self) -> Timestamp {
        self.suspected.map_or(self.good, |suspected| suspected.min(self.good))
    }

    /// Slack delivered something.
    pub(crate) fn heard(&mut self, now: Timestamp) {
        if now.since(self.good) < GIVEN_UP_AFTER {
            self.good = self.good.max(now);
        }
    }

    /// Another process missed nothing until `good`: Slack brings to any of us what there is.
    pub(crate) fn told(&mut self, good: Timestamp) {
        self.good = self.good.max(good);
    }

    /// A delivery took `took`.
    pub(crate) fn took(&mut self, took: Duration, now: Timestamp) {
        if took >= ACKNOWLEDGED_WITHIN {
            self.late = Some(now);
        }
    }

    /// We refused a delivery.
    pub(crate) fn refused(&mut self, now: Timestamp) {
        self.refused = Some(now);
    }

    /// Slack had to send something again, for the `attempt`th time, for this reason. Says whether that is news.
    pub(crate) fn retried(&mut self, attempt: u32, reason: &str, now: Timestamp) -> bool {
        let fault = match reason {
            TOO_LATE => self.late,
            REFUSED => self.refused,
            _ => None,
        };
        let ours = fault.is_some_and(|at| now.since(at) <= GIVEN_UP_AFTER);
        let wait = RETRY_WAITS.get(attempt.saturating_sub(1) as usize).copied().unwrap_or(RETRY_WAIT_LATER);
        let failed = now - wait;
        // What was lost before the last look was found by it.
        if ours || (failed < self.looked && !wait.is_zero()) {
            return false;
        }
        let from = failed - GIVEN_UP_AFTER;
        let known = self.suspected.replace(self.suspected.map_or(from, |suspected| suspected.min(from)));
        known.is_none()
    }

    /// Whether something is to be looked for now, and why. Silences are looked through by the `first` of all processes only.
    pub(crate) fn due(&self, first: bool, now: Timestamp) -> Option<Cause> {
        let looked = now.since(self.looked);
        match self.suspected {
            Some(_) if looked >= RETRIES_LOOKED_AT_EVERY => Some(Cause::Retry),
            _ => {
                let max = self.silence_max.filter(|max| first && now.since(self.good).min(looked) >= *max);
                max.map(|_| Cause::Silence)
            }
        }
    }

    /// A look begins: what is suspected from now on is another matter. Gives back what was.
    pub(crate) fn looks(&mut self) -> Option<Timestamp> {
        self.suspected.take()
    }

    /// A look that began at `began` is done. If it could not be, with what was `suspected`, all is as before.
    pub(crate) fn looked(&mut self, began: Timestamp, done: bool, suspected: Option<Timestamp>) {
        match done {
            true => (self.good, self.looked) = (self.good.max(began), began),
            false => self.suspected = self.suspected.into_iter().chain(suspected).min(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(minutes: f64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000) + MINUTE.mul_f64(minutes)
    }

    /// What is proven after a look at minute 0.
    fn looked_at_0() -> Proof {
        let mut proof = Proof::new(60 * MINUTE);
        proof.looked(at(0.0), true, None);
        proof
    }

    #[test]
    fn each_event_proves_the_time_since_the_last_one_if_slack_cannot_have_given_one_up_meanwhile() {
        let mut proof = looked_at_0();
        for (heard, good) in [(5.9, 5.9), (11.8, 11.8), (10.0, 11.8), (17.8, 11.8), (18.0, 11.8)] {
            proof.heard(at(heard));
            assert_eq!(proof.good(), at(good), "after an event at minute {heard}");
        }
        assert_eq!(proof.due(true, at(26.7)), None);
        assert_eq!(proof.due(true, at(26.8)), Some(Cause::Silence), "what is not proven is looked through");
        proof.looked(at(26.8), true, None);
        proof.heard(at(30.0));
        assert_eq!((proof.good(), proof.due(true, at(44.0))), (at(30.0), None));
    }

    #[test]
    fn a_silence_is_looked_through_by_one_process_and_again_only_after_as_long() {
        let mut proof = looked_at_0();
        assert_eq!((proof.due(false, at(60.0)), proof.due(true, at(14.9))), (None, None));
        assert_eq!(proof.due(true, at(15.0)), Some(Cause::Silence));
        proof.looked(at(15.0), true, None);
        assert_eq!((proof.due(true, at(29.9)), proof.due(true, at(30.0))), (None, Some(Cause::Silence)));
        // What is older than twelve minutes may not be answered any more: it is looked for before. But not every other minute, and
        // not where nothing is to be looked for.
        for (age_max, before, silent) in [(12, 5.9, 6.0), (1, 4.9, 5.0)] {
            let mut hasty = Proof::new(age_max * MINUTE);
            hasty.looked(at(0.0), true, None);
            assert_eq!((hasty.due(true, at(before)), hasty.due(true, at(silent))), (None, Some(Cause::Silence)));
        }
        let mut never = Proof::new(Duration::ZERO);
        never.looked(at(0.0), true, None);
        assert_eq!(never.due(true, at(600.0)), None);
    }

    #[test]
    fn a_retry_is_looked_into_but_not_at_every_moment() {
        let mut proof = looked_at_0();
        for minute in 1..=20 {
            proof.heard(at(f64::from(minute)));
        }
        assert!(proof.retried(1, "connection_failed", at(20.0)));
        assert!(!proof.retried(1, "connection_failed", at(20.5)), "it is known");
        // It may have been sent first six minutes ago.
        assert_eq!((proof.good(), proof.due(false, at(20.5))), (at(14.0), Some(Cause::Retry)));
        let suspected = proof.looks();
        proof.looked(at(21.0), true, suspected);
        assert_eq!((proof.good(), proof.due(false, at(30.0))), (at(21.0), None));
        assert!(proof.retried(1, "http_error", at(22.0)));
        assert_eq!((proof.due(false, at(25.9)), proof.due(false, at(26.0))), (None, Some(Cause::Retry)));
    }

    #[test]
    fn what_failed_before_the_last_look_was_found_by_it() {
        let mut proof = looked_at_0();
        proof.looked(at(10.0), true, None);
        assert!(!proof.retried(3, "connection_failed", at(14.9)), "it failed last at 9.9");
        assert!(!proof.retried(2, "connection_failed", at(10.9)));
        assert!(proof.retried(2, "connection_failed", at(11.0)));
    }

    #[test]
    fn an_answer_of_ours_that_came_too_late_is_no_gap() {
        let mut proof = looked_at_0();
        proof.took(Duration::from_millis(2900), at(6.0));
        assert!(proof.clone().retried(1, "http_timeout", at(6.1)), "we were in time");
        proof.took(Duration::from_secs(3), at(6.0));
        assert!(!proof.retried(1, "http_timeout", at(6.1)));
        assert!(proof.clone().retried(1, "connection_failed", at(6.1)));
        assert!(proof.retried(1, "http_timeout", at(12.1)), "that was long ago");
    }

    #[test]
    fn a_refusal_of_ours_is_no_gap() {
        let mut proof = looked_at_0();
        assert!(proof.clone().retried(1, "http_error", at(6.1)), "we refused nothing");
        proof.refused(at(6.0));
        assert!(!proof.retried(1, "http_error", at(6.1)));
        assert!(!proof.retried(3, "http_error", at(11.9)));
        assert!(proof.clone().retried(1, "connection_failed", at(6.1)));
        assert!(proof.retried(1, "http_error", at(12.1)), "that was long ago");
    }

    #[test]
    fn a_look_that_could_not_be_done_is_still_to_be_done() {
        let mut proof = looked_at_0();
        proof.retried(1, "ssl_error", at(8.0));
        let suspected = proof.looks();
        assert!(proof.retried(1, "ssl_error", at(9.0)), "while it is looked for, more goes wrong");
        proof.looked(at(8.0), false, suspected);
        assert_eq!((proof.good(), proof.due(false, at(9.0))), (at(0.0), Some(Cause::Retry)));
    }
}
