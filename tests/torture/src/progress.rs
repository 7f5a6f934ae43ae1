//! How far all runs are, for a person who waits.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use chathakase::clock::SystemClock;
use chathakase_session::time::Clock;

/// How often it is said, in the world's time.
const EVERY: Duration = Duration::from_mins(1);

/// Counts all runs together.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    said: AtomicU64,
    killed: AtomicU64,
}

impl Progress {
    pub(crate) fn said(&self, messages: u64) {
        self.said.fetch_add(messages, Relaxed);
    }

    pub(crate) fn killed(&self) {
        self.killed.fetch_add(1, Relaxed);
    }

    /// Says every minute how much of so many messages and kills is done. Does not end.
    #[allow(clippy::print_stderr, reason = "the table alone goes to the standard output")]
    pub(crate) async fn tell(&self, messages: u64, kills: u64) {
        let clock = SystemClock::new();
        for minute in 1_u64.. {
            clock.sleep(EVERY).await;
            let (said, killed) = (self.said.load(Relaxed), self.killed.load(Relaxed));
            eprintln!("{minute} min: {said} of {messages} messages, {killed} of {kills} kills");
        }
    }
}
