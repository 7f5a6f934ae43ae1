//! The budgets, each with its source.

use std::time::Duration;

/// A smaller share counts as this one.
const SHARE_LEAST: f64 = 0.001;
/// Nor does a smaller one count for posts: that all processes post in one channel at once is rare, and a post too many costs a second.
const POST_SHARE_LEAST: f64 = 1.0 / 3.0;

/// How many calls a minute a workspace allows us, and how we space our own. All replies of a process share them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// `chat.startStream` a minute and workspace, default 20 (Slack: tier 2).
    pub starts_per_minute: u32,
    /// `chat.stopStream` a minute and workspace, default 20 (Slack: tier 2).
    pub stops_per_minute: u32,
    /// `chat.appendStream` a minute and workspace, all streams together, default 100 (Slack: tier 4).
    pub appends_per_minute: u32,
    /// `chat.update` a minute and workspace, default 50 (Slack: tier 3).
    pub updates_per_minute: u32,
    /// The least time between two posts in one channel, default 1 s (Slack: one message a second per channel).
    pub post_every: Duration,
    /// The least time between two appends to one stream, default 700 ms; more when many streams share the budget.
    pub append_every: Duration,
    /// The least time between two updates of one post, default 3 s (Slack's advice for imitated streams).
    pub update_every: Duration,
    /// How long a workspace or channel that refused a stream is not asked again, default 1 h.
    pub no_streams_for: Duration,
    /// Our part of the budgets, 0 to 1, default 1: with three processes, a third each (see [`super::Pacing::shared_by`]).
    pub share: f64,
    /// No budgets at all: for benchmarks against a Slack that has none either. The spacing stays.
    pub unlimited: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            starts_per_minute: 20,
            stops_per_minute: 20,
            appends_per_minute: 100,
            updates_per_minute: 50,
            post_every: Duration::from_secs(1),
            append_every: Duration::from_millis(700),
            update_every: Duration::from_secs(3),
            no_streams_for: Duration::from_secs(3600),
            share: 1.0,
            unlimited: false,
        }
    }
}

impl Limits {
    /// No budgets.
    pub fn unlimited() -> Self {
        Self { unlimited: true, ..Self::default() }
    }

    /// The time between our own posts in one channel.
    pub(super) fn post_spacing(&self) -> Duration {
        match self.unlimited {
            true => Duration::ZERO,
            false => self.post_every.div_f64(self.sane_share().max(POST_SHARE_LEAST)),
        }
    }

    /// The share, within its bounds; what is no number counts as all.
    pub(super) fn sane_share(&self) -> f64 {
        if self.share.is_nan() { 1.0 } else { self.share.clamp(SHARE_LEAST, 1.0) }
    }
}
