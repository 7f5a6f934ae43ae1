//! The stores under test. Each is empty and its own.

use std::{ops::Deref, sync::Arc};

use chathakase_session::store::{Rules, SessionStore};
use chathakase_sim::ManualClock;
use chathakase_store::{
    PostgresStore,
    postgres::{Deadlines, Options},
};
use tempfile::TempDir;
use test_database::TestDatabase;

/// Makes a store of one kind.
pub(crate) type Open = fn(Rules) -> Opened;

/// An open store with whatever it lies in.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn SessionStore>,
    place: Place,
}

/// What a store lies in; gone with it.
#[derive(Clone)]
enum Place {
    Nowhere,
    Folder { _folder: Arc<TempDir> },
    Database { database: Arc<TestDatabase>, url: fn(&TestDatabase) -> String },
}

impl Opened {
    /// Another handle on the same sessions; of a database that processes share, one as another process has it.
    pub(crate) fn beside(&self, rules: Rules) -> Self {
        let store = store_at(&self.place, rules).unwrap_or_else(|| Arc::clone(&self.store));
        Self { store, place: self.place.clone() }
    }
}

impl Deref for Opened {
    type Target = dyn SessionStore;
    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

pub(crate) fn memory(rules: Rules) -> Opened {
    let store = chathakase_store::open("memory:", rules, Arc::new(ManualClock::new())).unwrap();
    Opened { store, place: Place::Nowhere }
}

pub(crate) fn sqlite(rules: Rules) -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/sessions.db", folder.path().display());
    let store = chathakase_store::open(&url, rules, Arc::new(ManualClock::new())).unwrap();
    Opened { store, place: Place::Folder { _folder: Arc::new(folder) } }
}

pub(crate) fn postgres(rules: Rules) -> Opened {
    postgres_at(TestDatabase::url, rules)
}

/// Behind a pgbouncer that gives each transaction another connection.
pub(crate) fn pooled(rules: Rules) -> Opened {
    postgres_at(TestDatabase::pooled_url, rules)
}

fn postgres_at(url: fn(&TestDatabase) -> String, rules: Rules) -> Opened {
    let place = Place::Database { database: Arc::new(TestDatabase::new()), url };
    Opened { store: store_at(&place, rules).unwrap(), place }
}

fn store_at(place: &Place, rules: Rules) -> Option<Arc<dyn SessionStore>> {
    let Place::Database { database, url } = place else { return None };
    let options = Options { deadlines: Deadlines::Caller, ..Options::default() };
    Some(Arc::new(PostgresStore::open_with(&url(database), rules, &options).unwrap()))
}
