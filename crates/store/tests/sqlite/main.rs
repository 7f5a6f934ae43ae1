//! What only the store in a file can get wrong: restarts, full disks, damaged files, other processes, traces of what was
//! erased.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

// `cargo bolero` builds every target of a package with its engine, which comes with this library.
use bolero as _;

mod batch;
mod beside;
mod damage;
mod erasure;
#[path = "../conformance/kit.rs"]
#[allow(dead_code, reason = "shared with the conformance suite")]
mod kit;
mod opening;
mod restart;
mod writes;

use std::{path::Path, sync::Arc};

use chathakase_session::store::Rules;
use chathakase_sim::ManualClock;
use chathakase_store::{OpenError, SqliteStore};

/// Opens the database in a folder.
fn open(folder: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(&folder.join("sessions.db"), Rules::default(), Arc::new(ManualClock::new()))
}

/// Changes the database behind the store's back, while it is closed.
fn sql(folder: &Path, statement: &str) {
    rusqlite::Connection::open(folder.join("sessions.db")).unwrap().execute_batch(statement).unwrap();
}
