//! Time that passes faster than the world's, the same for all processes of a run, so that a lease of half a minute is over
//! in seconds.

use std::{str::FromStr, time::Duration};

use anyhow::Context;
use chathakase::clock::SystemClock;
use chathakase_session::time::{Clock, Sleep, Timestamp};

/// The name in a child's environment.
pub(crate) const VARIABLE: &str = "TORTURE_CLOCK";

/// The system's time, so many times as fast since `epoch`. On the wall it is wrong by `wrong_ms`, and is set right in the middle of
/// the process's life, after half as long as it is wrong by: then it jumps.
#[derive(Debug)]
pub(crate) struct ScaledClock {
    system: SystemClock,
    pace: Pace,
    /// When it is set right, by monotonic time.
    set_right: Duration,
}

/// What makes two clocks agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    epoch: Timestamp,
    /// How many seconds pass in one of the world's.
    scale: u32,
    /// How far the wall clock is off at first: negative is behind. Monotonic time takes no notice.
    wrong_ms: i64,
}

impl Pace {
    /// The pace of a run that begins now.
    pub(crate) fn starting(scale: u32) -> Self {
        Self { epoch: SystemClock::new().now(), scale: scale.max(1), wrong_ms: 0 }
    }

    /// The same, on a wall clock that is off.
    pub(crate) fn wrong_by(self, wrong_ms: i64) -> Self {
        Self { wrong_ms, ..self }
    }

    /// Statements that give a database this clock: a function before the one that everybody calls.
    pub(crate) fn for_database(self) -> String {
        let (epoch, scale) =
            (format!("timestamptz 'epoch' + {} * interval '1 ms'", self.epoch.as_millis()), self.scale);
        format!(
            "CREATE SCHEMA faster;
            CREATE FUNCTION faster.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $clock$
                SELECT {epoch} + (pg_catalog.clock_timestamp() - ({epoch})) * {scale} $clock$;
            DO $do$ BEGIN EXECUTE
                format('ALTER DATABASE %I SET search_path = faster, pg_catalog', current_database()); END $do$"
        )
    }

    /// As [`Pace::from_str`] reads it.
    pub(crate) fn written(self) -> String {
        format!("{}:{}:{}", self.epoch.as_millis(), self.scale, self.wrong_ms)
    }
}

impl FromStr for Pace {
    type Err = anyhow::Error;
    fn from_str(written: &str) -> anyhow::Result<Self> {
        let mut numbers = written.split(':').map(str::parse::<i64>);
        let mut next = || numbers.next().context("a pace is `epoch:scale:wrong`")?.context("not a number");
        let (epoch, scale, wrong_ms) = (Timestamp::from_millis(next()?), u32::try_from(next()?)?, next()?);
        Ok(Self { epoch, scale: scale.max(1), wrong_ms })
    }
}

impl ScaledClock {
    pub(crate) fn new(pace: Pace) -> Self {
        let system = SystemClock::new();
        let set_right = system.monotonic() * pace.scale + Duration::from_millis(pace.wrong_ms.unsigned_abs() / 2);
        Self { system, pace, set_right }
    }
}

impl Clock for ScaledClock {
    fn now(&self) -> Timestamp {
        let Pace { epoch, scale, wrong_ms } = self.pace;
        let passed = self.system.now().as_millis() - epoch.as_millis();
        let wrong_ms = if self.monotonic() < self.set_right { wrong_ms } else { 0 };
        Timestamp::from_millis(epoch.as_millis() + passed * i64::from(scale) + wrong_ms)
    }
    fn monotonic(&self) -> Duration {
        self.system.monotonic() * self.pace.scale
    }
    fn sleep(&self, wait: Duration) -> Sleep {
        self.system.sleep(wait / self.pace.scale)
    }
}
