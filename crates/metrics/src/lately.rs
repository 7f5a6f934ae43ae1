//! How calls to somebody else went lately.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chathakase_session::Timestamp;

/// How calls to one other party went lately; clones look at the same one.
#[derive(Clone, Debug, Default)]
pub struct Lately(Arc<Mutex<Report>>);

/// How they went, as far as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// When the last call that worked ended.
    pub worked_at: Option<Timestamp>,
    /// The last call, when it failed. `None` after one that worked.
    pub failure: Option<Failure>,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When it ended.
    pub at: Timestamp,
    /// Why, with the next step where there is one. Never a secret, nor words of people.
    pub why: String,
}

impl Lately {
    /// A call worked.
    pub fn worked(&self, now: Timestamp) {
        *self.lock() = Report { worked_at: Some(now), failure: None };
    }

    /// A call failed, and not because of what was asked.
    pub fn failed(&self, why: String, now: Timestamp) {
        self.lock().failure = Some(Failure { at: now, why });
    }

    /// How it stands.
    pub fn report(&self) -> Report {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
