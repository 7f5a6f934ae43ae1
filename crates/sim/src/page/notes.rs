//! What was broken and what happened then, told in sentences.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chathakase_session::time::{SharedClock, Timestamp};
use tokio::sync::watch;

use crate::slack::Changes;

/// Notes that are kept; the oldest are forgotten first.
const NOTES_MAX: usize = 100;

/// How a note is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It was asked for.
    Asked,
    /// It went wrong, as it should.
    Broke,
    /// It is well again.
    Well,
}

#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// The notes of a demo. Clones are the same ones.
#[derive(Clone)]
pub struct Notes(Arc<Inner>);

struct Inner {
    clock: SharedClock,
    kept: Mutex<VecDeque<Note>>,
    version: watch::Sender<u64>,
}

impl Notes {
    /// None yet.
    pub fn new(clock: SharedClock) -> Self {
        Self(Arc::new(Inner { clock, kept: Mutex::default(), version: watch::Sender::new(0) }))
    }

    /// Writes one down.
    pub fn add(&self, tone: Tone, text: impl Into<String>) {
        let at = self.0.clock.now();
        let mut kept = self.lock();
        let number = kept.back().map_or(1, |last| last.number + 1);
        kept.push_back(Note { number, at, tone, text: text.into() });
        if kept.len() > NOTES_MAX {
            kept.pop_front();
        }
        drop(kept);
        self.0.version.send_modify(|version| *version += 1);
    }

    pub(crate) fn all(&self) -> Vec<Note> {
        self.lock().iter().cloned().collect()
    }

    pub(crate) fn changes(&self) -> Changes {
        Changes::new(self.0.version.subscribe())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Note>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notes").field("kept", &self.lock().len()).finish_non_exhaustive()
    }
}
