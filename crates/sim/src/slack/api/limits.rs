//! Slack's rate limits (Slack: Rate limits): per method and workspace, and one post a second per channel.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chathakase_session::ChannelId;

use super::super::world::Home;

/// How often a method may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    /// 20 a minute.
    Two,
    /// 50 a minute.
    Three,
    /// 100 a minute.
    Four,
    /// One post a second per channel, and several hundred a minute per workspace.
    Posting,
    /// So many a minute ("special" in Slack's list).
    PerMinute(u32),
}

impl Tier {
    fn per_minute(self) -> u32 {
        match self {
            Self::Two => 20,
            Self::Three => 50,
            Self::Four => 100,
            Self::Posting => POSTS_PER_WORKSPACE_MINUTE,
            Self::PerMinute(count) => count,
        }
    }
}

/// Slack: "several hundred" messages a minute per workspace.
const POSTS_PER_WORKSPACE_MINUTE: u32 = 300;
/// Posts that a channel takes at once before one a second holds.
const POST_BURST: f64 = 3.0;
const MINUTE: f64 = 60.0;

#[derive(Debug, Default)]
pub(crate) struct Limits(Mutex<Buckets>);

#[derive(Debug, Default)]
struct Buckets {
    methods: HashMap<(Home, &'static str), Bucket>,
    channels: HashMap<ChannelId, Bucket>,
}

/// Tokens that come back with time; a call takes one.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Duration,
}

impl Bucket {
    /// Takes a token, or says how many seconds until there is one.
    fn take(&mut self, now: Duration, burst: f64, per_second: f64) -> Result<(), f64> {
        let gained = now.saturating_sub(self.at).as_secs_f64() * per_second;
        self.tokens = (self.tokens + gained).min(burst);
        self.at = now;
        // Sums of fractions stay a hair below a whole token.
        if self.tokens >= 1.0 - 1e-6 {
            self.tokens -= 1.0;
            Ok(())
        } else {
            Err((1.0 - self.tokens) / per_second)
        }
    }
}

impl Limits {
    /// Counts a call of `method`. `Err` holds the `Retry-After` in whole seconds.
    pub(crate) fn call(&self, home: Home, method: &'static str, tier: Tier, now: Duration) -> Result<(), u64> {
        let burst = f64::from(tier.per_minute());
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.methods.entry((home, method)).or_insert(Bucket { tokens: burst, at: now });
        bucket.take(now, burst, burst / MINUTE).map_err(whole_seconds)
    }

    /// Counts a post in `channel`.
    pub(crate) fn post(&self, channel: &ChannelId, now: Duration) -> Result<(), u64> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.channels.entry(channel.clone()).or_insert(Bucket { tokens: POST_BURST, at: now });
        bucket.take(now, POST_BURST, 1.0).map_err(whole_seconds)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
fn whole_seconds(wait: f64) -> u64 {
    (wait.ceil() as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_calls_may_come_at_once_and_then_one_by_one() {
        let limits = Limits::default();
        let mut now = Duration::from_secs(1);
        for _ in 0..20 {
            limits.call(0, "chat.startStream", Tier::Two, now).unwrap();
        }
        assert_eq!(limits.call(0, "chat.startStream", Tier::Two, now), Err(3));
        assert_eq!(limits.call(1, "chat.startStream", Tier::Two, now), Ok(()), "another workspace has its own");
        assert_eq!(limits.call(0, "chat.stopStream", Tier::Two, now), Ok(()), "another method too");
        now += Duration::from_secs(3);
        assert_eq!(limits.call(0, "chat.startStream", Tier::Two, now), Ok(()));
        assert_eq!(limits.call(0, "chat.startStream", Tier::Two, now), Err(3));
    }

    #[test]
    fn a_channel_takes_one_post_a_second_after_a_small_burst() {
        let limits = Limits::default();
        let channel = ChannelId::parse("C1").unwrap();
        let at = Duration::from_secs(9);
        let taken = (0..5).map(|_| limits.post(&channel, at)).collect::<Vec<_>>();
        assert_eq!(taken, [Ok(()), Ok(()), Ok(()), Err(1), Err(1)]);
        assert_eq!(limits.post(&channel, at + Duration::from_secs(1)), Ok(()));
        assert_eq!(limits.post(&channel, at + Duration::from_secs(1)), Err(1));
    }
}
