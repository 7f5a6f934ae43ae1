//! Time as a value, and the clock that whoever runs is given.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

/// A moment: milliseconds since 1970-01-01 UTC. Never read from the system by this crate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `ms` milliseconds after the epoch.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }
    /// The moment `secs` seconds after the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }
    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }
    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }
    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }
    /// The distance between two moments, whichever is first.
    pub fn abs_diff(self, other: Self) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// A wait that a [`Clock`] hands out.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// Where the time comes from. Production passes the system's; a test passes one that it moves by hand, so that an hour's
/// expiry or a five-minute stream takes no time at all.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The wall clock's moment: for stored deadlines and for what people see.
    fn now(&self) -> Timestamp;
    /// Time since the clock was made. Never goes back and takes no notice of a changed wall clock: for leases and timeouts.
    fn monotonic(&self) -> Duration;
    /// Ends when `wait` has passed. [`Clock::monotonic`] goes on while the machine is suspended and this does not, so that it may end
    /// late by that clock: what must be over in time is measured there.
    fn sleep(&self, wait: Duration) -> Sleep;
}

/// The clock as it is passed around.
pub type SharedClock = Arc<dyn Clock>;

/// The time ran out before the work was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {limit:?}")]
pub struct TimedOut {
    /// How long was waited.
    pub limit: Duration,
}

/// Waits for `work`, but no longer than `limit`; the work is dropped when the time is over.
pub async fn timeout<T>(clock: &dyn Clock, limit: Duration, work: impl Future<Output = T>) -> Result<T, TimedOut> {
    let mut work = std::pin::pin!(work);
    let mut over = clock.sleep(limit);
    std::future::poll_fn(move |cx| {
        // The work comes first: an answer that is here counts, even when the limit has passed meanwhile.
        if let std::task::Poll::Ready(done) = work.as_mut().poll(cx) {
            return std::task::Poll::Ready(Ok(done));
        }
        over.as_mut().poll(cx).map(|()| Err(TimedOut { limit }))
    })
    .await
}
