//! Places at which a test ends the process, as `kill -9` would: named steps of a turn between two durable writes or Slack
//! calls.
//!
//! They are there with the feature `fault-points` alone, which no build for people has. Without it `fault_point!` is
//! nothing at all.

/// Ends the process here, if the variable `FAULT_POINT` of the environment names this place: `close.stored`, or `part.stored:2` for
/// the second time that it is reached. `*` ends it nowhere. Standard error tells of it: of the place where it ends, or, with `*`, of
/// each place of a turn that is reached.
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
    use std::{
        io::Write,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering::SeqCst},
        },
    };

    /// The places of a turn, in the order of its life, and those at which something is done to one. What ends with `.uncommitted` is
    /// inside of a store's transaction, and named after its step.
    pub const OF_A_TURN: &[&str] = &[
        "receive.uncommitted",
        "receive.stored",
        "claim.uncommitted",
        "claim.stored",
        "learn.uncommitted",
        "thread.learned",
        "thread.read",
        "part_intended.uncommitted",
        "part.intended",
        "part.posted",
        "part_open.uncommitted",
        "part.stored",
        "part.appended",
        "part.stopped",
        "part.updated",
        "part.deleted",
        "part_done.uncommitted",
        "part.done",
        "command.told",
        "clear.uncommitted",
        "command.ran",
        "amend.uncommitted",
        "edit.stored",
        "erase.uncommitted",
        "erase.stored",
        "retract.uncommitted",
        "retract.stored",
        "stop.uncommitted",
        "stop.stored",
        "close.uncommitted",
        "close.stored",
        "cut_short.uncommitted",
        "cut.stored",
        "repeats.uncommitted",
        "repeat.stored",
        "stray.stored",
        "asker.told",
        "turn.shown",
        "delivered.uncommitted",
        "delivered.stored",
    ];

    /// The places in what a process does beside its turns.
    pub const BESIDE_TURNS: &[&str] = &[
        "live.uncommitted",
        "live.stored",
        "good_until.uncommitted",
        "gap.taken",
        "reconcile.uncommitted",
        "gap.reconciled",
        "note_looked.uncommitted",
        "gap.noted",
        "gap.looked",
        "note_good.uncommitted",
        "good.stored",
        "sweep.stored",
        "release.uncommitted",
        "release.stored",
        "leave.uncommitted",
        "leave.stored",
    ];

    /// The place that was named, and how often it may still be passed.
    static PLANNED: LazyLock<Option<(String, AtomicU64)>> = LazyLock::new(|| {
        let planned = std::env::var("FAULT_POINT").ok()?;
        let (name, time) = planned.split_once(':').unwrap_or((&planned, "1"));
        Some((name.to_owned(), AtomicU64::new(time.parse().unwrap_or(1))))
    });

    /// The process is at this place.
    pub fn reached(name: &'static str) {
        debug_assert!(OF_A_TURN.contains(&name) || BESIDE_TURNS.contains(&name), "{name} is not in the lists");
        let Some((planned, left)) = &*PLANNED else { return };
        let is_met = planned == "*" && OF_A_TURN.contains(&name);
        let is_over = planned == name && left.fetch_sub(1, SeqCst) == 1;
        if is_met || is_over {
            let _ = writeln!(std::io::stderr(), "FAULT_POINT {name}");
        }
        if is_over {
            std::process::abort();
        }
    }
}
