//! The system's clock: the only place that reads it.

#![expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chathakase_session::time::{Clock, Sleep, Timestamp};

/// Real time.
#[derive(Debug)]
pub struct SystemClock {
    began: Moment,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    pub fn new() -> Self {
        Self { began: Moment::now() }
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

/// Where the system tells of it, time goes on while the machine sleeps or is suspended: a lease runs out meanwhile, and whoever wakes
/// must know that.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Moment(Duration);

#[cfg(target_os = "linux")]
impl Moment {
    fn now() -> Self {
        use rustix::time::{ClockId, clock_gettime};
        let now = clock_gettime(ClockId::Boottime);
        let (secs, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
        Self(Duration::new(secs.unwrap_or_default(), nanos.unwrap_or_default()))
    }
    fn elapsed(&self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

#[cfg(not(target_os = "linux"))]
use std::time::Instant as Moment;
