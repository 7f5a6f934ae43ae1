//! One budget: so many calls in any minute.

use std::{collections::VecDeque, time::Duration};

/// The minute that Slack counts by, and a little more: two calls may come closer together on their way than they were sent.
const MINUTE: Duration = Duration::from_millis(60_500);
/// A 429 lowers what we believe the limit to be, but not below this part of what Slack documents.
const BELIEF_LEAST: u32 = 4;

/// Remembers the calls of the last minute; never more of them than the limit.
#[derive(Debug)]
pub(super) struct Window {
    /// What Slack documents, times our share.
    limit: u32,
    /// What we believe after 429s; grows back.
    believed: u32,
    span: Duration,
    taken: VecDeque<Duration>,
    blocked_until: Duration,
    belief_grows_at: Duration,
}

impl Window {
    /// No limit but what 429s say.
    pub(super) fn unlimited() -> Self {
        Self { span: Duration::ZERO, ..Self::new(u32::MAX, 1.0) }
    }

    /// `per_minute` calls a minute, of which `share` are ours. A share of less than one call widens the minute instead.
    pub(super) fn new(per_minute: u32, share: f64) -> Self {
        let ours = f64::from(per_minute.max(1)) * share;
        let span = if ours < 1.0 { MINUTE.div_f64(ours) } else { MINUTE };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and a u32")]
        let limit = ours.floor().max(1.0) as u32;
        Self {
            limit,
            believed: limit,
            span,
            taken: VecDeque::new(),
            blocked_until: Duration::ZERO,
            belief_grows_at: Duration::ZERO,
        }
    }

    /// Our share is another. A smaller one holds at once. Into a greater one we grow as after a 429: what the others called in the
    /// last minute counts still.
    pub(super) fn resize(&mut self, per_minute: u32, share: f64, now: Duration) {
        let Self { limit, span, .. } = Self::new(per_minute, share);
        if self.span.is_zero() || (limit, span) == (self.limit, self.span) {
            return;
        }
        self.forget(now);
        (self.limit, self.span) = (limit, span);
        self.believed = self.believed.min(limit);
        self.belief_grows_at = self.belief_grows_at.max(now + span);
    }

    /// Calls that may be made now.
    pub(super) fn free(&mut self, now: Duration) -> u32 {
        self.forget(now);
        if now < self.blocked_until { 0 } else { self.believed.saturating_sub(self.used()) }
    }

    /// Calls made in the last minute.
    pub(super) fn used(&self) -> u32 {
        u32::try_from(self.taken.len()).unwrap_or(u32::MAX)
    }

    /// How long until a call may be made; zero when one may be now.
    pub(super) fn wait(&mut self, now: Duration) -> Duration {
        self.forget(now);
        let blocked = self.blocked_until.saturating_sub(now);
        let over = (self.taken.len() + 1).saturating_sub(self.believed as usize);
        let full = match over.checked_sub(1).and_then(|oldest| self.taken.get(oldest)) {
            Some(taken) => (*taken + self.span).saturating_sub(now),
            None => Duration::ZERO,
        };
        blocked.max(full)
    }

    /// Counts one call, if there is budget for it.
    pub(super) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        match self.wait(now) {
            Duration::ZERO => {
                if !self.span.is_zero() {
                    self.taken.push_back(now);
                }
                Ok(())
            }
            wait => Err(wait),
        }
    }

    /// Calls a minute that we believe in; `None` without a limit.
    pub(super) fn per_minute(&self) -> Option<f64> {
        (!self.span.is_zero()).then(|| f64::from(self.believed) * 60.0 / self.span.as_secs_f64())
    }

    /// Slack says that it was too much.
    pub(super) fn limited(&mut self, retry_after: Duration, now: Duration) {
        self.forget(now);
        self.blocked_until = self.blocked_until.max(now + retry_after);
        if self.span.is_zero() {
            return;
        }
        // The calls of the last minute are what was allowed; the limit may be shared with others that we cannot see.
        let seen = self.used().saturating_sub(1).max(self.limit.div_ceil(BELIEF_LEAST));
        self.believed = self.believed.min(seen).max(1);
        self.belief_grows_at = self.blocked_until + self.span;
    }

    /// Whether forgetting it loses nothing.
    pub(super) fn is_idle(&mut self, now: Duration) -> bool {
        self.forget(now);
        self.taken.is_empty() && self.blocked_until <= now && self.believed == self.limit
    }

    fn forget(&mut self, now: Duration) {
        while self.taken.front().is_some_and(|taken| *taken + self.span <= now) {
            self.taken.pop_front();
        }
        while self.believed < self.limit && self.belief_grows_at <= now {
            self.believed = (self.believed + self.believed.div_ceil(4)).min(self.limit);
            self.belief_grows_at += self.span;
        }
    }
}
