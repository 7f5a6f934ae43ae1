//! The stores under test. Each is empty and its own.

use std::{ops::Deref, sync::Arc};

use chathakase_session::store::{Rules, SessionStore};
use chathakase_sim::ManualClock;
use tempfile::TempDir;

/// Makes a store of one kind.
pub(crate) type Open = fn(Rules) -> Opened;

/// An open store with whatever it lies in.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn SessionStore>,
    _folder: Option<Arc<TempDir>>,
}

impl Deref for Opened {
    type Target = dyn SessionStore;
    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

pub(crate) fn memory(rules: Rules) -> Opened {
    let store = chathakase_store::open("memory:", rules, Arc::new(ManualClock::new())).unwrap();
    Opened { store, _folder: None }
}

pub(crate) fn sqlite(rules: Rules) -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/sessions.db", folder.path().display());
    let store = chathakase_store::open(&url, rules, Arc::new(ManualClock::new())).unwrap();
    Opened { store, _folder: Some(Arc::new(folder)) }
}
