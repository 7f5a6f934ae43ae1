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
    _place: Place,
}

/// What a store lies in; gone with it.
#[derive(Clone)]
enum Place {
    Nowhere,
    Folder { _folder: Arc<TempDir> },
    Database { _database: Arc<TestDatabase> },
}

impl Deref for Opened {
    type Target = dyn SessionStore;
    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

pub(crate) fn memory(rules: Rules) -> Opened {
    let store = chathakase_store::open("memory:", rules, Arc::new(ManualClock::new())).unwrap();
    Opened { store, _place: Place::Nowhere }
}

pub(crate) fn sqlite(rules: Rules) -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/sessions.db", folder.path().display());
    let store = chathakase_store::open(&url, rules, Arc::new(ManualClock::new())).unwrap();
    Opened { store, _place: Place::Folder { _folder: Arc::new(folder) } }
}

pub(crate) fn postgres(rules: Rules) -> Opened {
    postgres_at(TestDatabase::url, rules)
}

/// Behind a pgbouncer that gives each transaction another connection.
pub(crate) fn pooled(rules: Rules) -> Opened {
    postgres_at(TestDatabase::pooled_url, rules)
}

fn postgres_at(url: fn(&TestDatabase) -> String, rules: Rules) -> Opened {
    let database = TestDatabase::new();
    let options = Options { deadlines: Deadlines::Caller, ..Options::default() };
    let store = Arc::new(PostgresStore::open_with(&url(&database), rules, &options).unwrap());
    Opened { store, _place: Place::Database { _database: Arc::new(database) } }
}
