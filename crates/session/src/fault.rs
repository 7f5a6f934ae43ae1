//! Places at which a test ends the process, as `kill -9` would: named steps of a turn between two durable writes or Slack
//! calls.
//!
//! They are there with the feature `fault-points` alone, which no build for people has. Without it `fault_point!` is
//! nothing at all.

/// Ends the process here, if the variable `FAULT_POINT` of the environment names this place: `turn.closed`, or
/// `turn.closed:2` for the second time that it is reached.
#[cfg(feature = "fault-points")]
#[macro_export]
macro_rules! fault_point {
    ($name:literal) => {
        $crate::fault::reached($name)
    };
}

/// Nothing, in a build without the feature `fault-points`.
#[cfg(not(feature = "fault-points"))]
#[macro_export]
macro_rules! fault_point {
    ($name:literal) => {};
}

#[cfg(feature = "fault-points")]
pub use on::*;

#[cfg(feature = "fault-points")]
mod on {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering::SeqCst},
    };

    /// All places, in the order of a turn's life. What ends with `.uncommitted` is inside of a store's transaction.
    pub const FAULT_POINTS: &[&str] = &[
        "receive.uncommitted",
        "receive.stored",
        "claim.uncommitted",
        "claim.stored",
        "thread.learned",
        "thread.read",
        "part.intended",
        "part.posted",
        "part.stored",
        "part.done",
        "command.told",
        "command.ran",
        "edit.stored",
        "erase.stored",
        "stop.stored",
        "close.uncommitted",
        "close.stored",
        "cut.stored",
        "repeat.stored",
        "turn.shown",
        "delivered.uncommitted",
        "delivered.stored",
    ];

    /// The place that was named, and how often it may still be passed.
    static PLANNED: LazyLock<Option<(String, AtomicU64)>> = LazyLock::new(|| {
        let planned = std::env::var("FAULT_POINT").ok()?;
        let (name, time) = planned.split_once(':').unwrap_or((&planned, "1"));
        Some((name.to_owned(), AtomicU64::new(time.parse().unwrap_or(1))))
    });

    /// The process is at this place.
    pub fn reached(name: &'static str) {
        debug_assert!(FAULT_POINTS.contains(&name), "{name} is not in the list");
        if let Some((planned, left)) = &*PLANNED
            && planned == name
            && left.fetch_sub(1, SeqCst) == 1
        {
            std::process::abort();
        }
    }
}
