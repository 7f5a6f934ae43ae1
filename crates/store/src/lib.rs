//! The stores that keep sessions: in memory, in SQLite and in PostgreSQL, behind one contract.
//!
//! [`open`] takes an address and gives a [`SessionStore`]. What a step decides is written once, in `steps`, over single
//! rows; a store adds how rows are kept (`memory`, `sqlite`, `postgres`) and how a step becomes one durable transaction. This crate is
//! the only place with SQL.

mod checksum;
mod code;
mod codec;
mod copy;
mod error;
pub mod memory;
pub mod postgres;
mod queue;
mod refusal;
mod rows;
pub mod sqlite;
mod steps;
mod table;

use std::{path::Path, sync::Arc};

use chathakase_session::{
    store::{Rules, SessionStore},
    time::SharedClock,
};

pub use copy::{CopyError, Doing, Progress, Same, copy};
pub use error::{OpenError, RedactedUrl};
pub use memory::MemoryStore;
pub use postgres::PostgresStore;
pub use sqlite::{Found, SqliteStore};

/// Whether several processes may work on the store at `url` at the same time.
pub fn is_shared(url: &str) -> bool {
    matches!(url.split_once("://"), Some(("postgres" | "postgresql", _)))
}

/// Opens the store at `url`: `sqlite:PATH` (a relative path begins at the working folder; `sqlite:///PATH` works too), `postgres://…`
/// (libpq's options; see [`postgres`]), or `memory:`. A file and its folder are made when missing, and tables. The clock limits
/// how long reads of a file may take; PostgreSQL has its own.
pub fn open(url: &str, rules: Rules, clock: SharedClock) -> Result<Arc<dyn SessionStore>, OpenError> {
    match url.split_once(':') {
        Some(("memory", "" | "//")) => Ok(Arc::new(MemoryStore::new(rules))),
        Some(("sqlite", path)) => Ok(Arc::new(SqliteStore::open(file(path)?, rules, clock)?)),
        Some(("postgres" | "postgresql", _)) => Ok(Arc::new(PostgresStore::open(url, rules)?)),
        _ => Err(OpenError::UnknownUrl { url: RedactedUrl::new(url) }),
    }
}

/// The same beside a process that serves it perhaps: nothing is brought up to date under it. A file is only read, and steps that
/// write are refused as by a closed store.
pub fn open_beside(url: &str, rules: Rules, clock: SharedClock) -> Result<Arc<dyn SessionStore>, OpenError> {
    match url.split_once(':') {
        Some(("memory", "" | "//")) => Err(OpenError::InMemory),
        Some(("sqlite", path)) => match file(path)? {
            path if path.exists() => Ok(Arc::new(SqliteStore::open_to_read(path, rules, clock)?)),
            path => Err(OpenError::NoFile { path: path.into() }),
        },
        Some(("postgres" | "postgresql", _)) => {
            let options = postgres::Options { upgrades: false, ..postgres::Options::default() };
            Ok(Arc::new(PostgresStore::open_with(url, rules, &options)?))
        }
        _ => Err(OpenError::UnknownUrl { url: RedactedUrl::new(url) }),
    }
}

/// Sees whether the store at `url` can be opened, written and read, and changes nothing in it.
pub fn look(url: &str) -> Result<Found, OpenError> {
    match url.split_once(':') {
        Some(("memory", "" | "//")) => Ok(Found::Memory),
        Some(("sqlite", path)) => sqlite::look(file(path)?),
        Some(("postgres" | "postgresql", _)) => Ok(Found::Server),
        _ => Err(OpenError::UnknownUrl { url: RedactedUrl::new(url) }),
    }
}

/// The file that the part behind `sqlite:` names.
fn file(path: &str) -> Result<&Path, OpenError> {
    match path.strip_prefix("//").unwrap_or(path) {
        "" => Err(OpenError::NoPath),
        ":memory:" => Err(OpenError::SqliteMemory),
        path => Ok(Path::new(path)),
    }
}
