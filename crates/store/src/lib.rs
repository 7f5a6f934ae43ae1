//! The stores that keep sessions: in memory and in SQLite, behind one contract.
//!
//! [`open`] takes an address and gives a [`SessionStore`]. What a step decides is written once, in `steps`, over single
//! rows; a store adds how rows are kept (`memory`, `sqlite`) and how a step becomes one durable transaction. This crate is
//! the only place with SQL.

mod codec;
mod error;
pub mod memory;
mod rows;
pub mod sqlite;
mod steps;

use std::{path::Path, sync::Arc};

use chathakase_session::{
    store::{Rules, SessionStore},
    time::SharedClock,
};

pub use error::{OpenError, RedactedUrl};
pub use memory::MemoryStore;
pub use sqlite::SqliteStore;

/// Opens the store at `url`: `sqlite:PATH` (a relative path begins at the working folder; `sqlite:///PATH` works too), or
/// `memory:`. The file and its folder are made when missing. The clock limits how long reads may take.
pub fn open(url: &str, rules: Rules, clock: SharedClock) -> Result<Arc<dyn SessionStore>, OpenError> {
    match url.split_once(':') {
        Some(("memory", "" | "//")) => Ok(Arc::new(MemoryStore::new(rules))),
        Some(("sqlite", path)) => {
            let path = path.strip_prefix("//").unwrap_or(path);
            match path {
                "" => Err(OpenError::NoPath),
                ":memory:" => Err(OpenError::SqliteMemory),
                path => Ok(Arc::new(SqliteStore::open(Path::new(path), rules, clock)?)),
            }
        }
        Some(("postgres" | "postgresql", _)) => Err(OpenError::PostgresLater { url: RedactedUrl::new(url) }),
        _ => Err(OpenError::UnknownUrl { url: RedactedUrl::new(url) }),
    }
}
