//! What an operator wants to see counted, since the process began.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Rare things that happened to turns.
#[derive(Debug, Default)]
pub struct Counts {
    said_again: AtomicU64,
    given_up: AtomicU64,
}

impl Counts {
    /// Answers that were posted once more with a note, because their thread could not be read: some of them stand there twice.
    pub fn answers_said_again(&self) -> u64 {
        self.said_again.load(Relaxed)
    }
    /// Turns that were given up undelivered, because whoever brought them died again and again.
    pub fn turns_given_up(&self) -> u64 {
        self.given_up.load(Relaxed)
    }

    pub(crate) fn said_again(&self) {
        self.said_again.fetch_add(1, Relaxed);
        chathakase_metrics::PERHAPS_DOUBLED.count([]);
    }
    pub(crate) fn gave_up(&self) {
        self.given_up.fetch_add(1, Relaxed);
    }
}
