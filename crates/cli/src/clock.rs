//! The system's clock: the only place that reads it.

#![expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chathakase_session::time::{Clock, Sleep, Timestamp};

/// Real time.
#[derive(Debug)]
pub struct SystemClock {
    began: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // Before 1970 there is no time worth telling apart.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
    fn monotonic(&self) -> Duration {
        self.began.elapsed()
    }
    fn sleep(&self, wait: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(wait))
    }
}
