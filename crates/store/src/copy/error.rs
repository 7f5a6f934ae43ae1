//! Why a store could not be copied, in words that say what to do.

use std::{error::Error, path::PathBuf};

use chathakase_session::store::StoreError;

use crate::{OpenError, RedactedUrl, error::InTheWay};

/// Why a copy was not made, or not to its end. What there is of it stays, and the same command goes on with it.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the two could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// `memory:` is in one process alone.
    #[error(
        "`memory:` is kept in the serving process and nowhere else; only `sqlite:PATH` and `postgres://…` can be copied"
    )]
    InMemory,
    /// Both addresses are of one store.
    #[error("both addresses are of the same store")]
    SameStore,
    /// There is no such file.
    #[error("there is no database at {path} to copy")]
    NoSource {
        /// The file.
        path: PathBuf,
    },
    /// There is such a database, and nothing of ours in it.
    #[error("there are no tables of ChatHakase in {url}: see whether that is the store to copy from")]
    NoTables {
        /// The address.
        url: RedactedUrl,
    },
    /// Processes are connected to the database.
    #[error(
        "{url} is in use by {connections} connections of ChatHakase: stop every process that serves it, then do this again"
    )]
    Served {
        /// The address.
        url: RedactedUrl,
        /// How many.
        connections: i64,
    },
    /// The target holds other sessions.
    #[error("{to} holds something else already; name an empty store, or one that is not there yet")]
    Occupied {
        /// The target.
        to: RedactedUrl,
    },
    /// The target is half a copy of something else.
    #[error("{to} holds a copy of {of} that is not finished: go on with that one, or name another store")]
    OtherCopy {
        /// The target.
        to: RedactedUrl,
        /// What it is a copy of.
        of: String,
    },
    /// They hold different things in the end.
    #[error(
        "`{table}` is not the same in both stores: something else writes to one of them. Stop it, and do this again"
    )]
    Differs {
        /// The first table in which they differ.
        table: &'static str,
    },
    /// The target has a row that is to be copied.
    #[error(
        "`{table}` has rows in the target that are not of this copy: something else writes there. Stop it, and do this again"
    )]
    Clashes {
        /// The table.
        table: &'static str,
    },
    /// A store failed.
    #[error("the copy broke off at {at}; do the same again, and it goes on where it stopped")]
    Broken {
        /// The store.
        at: RedactedUrl,
        /// What it said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
}

impl CopyError {
    pub(crate) fn broken(at: &str, cause: StoreError) -> Self {
        Self::Broken { at: RedactedUrl::new(at), cause: InTheWay::of(cause) }
    }

    /// A write that was refused.
    pub(crate) fn refused(at: &str, table: &'static str, cause: StoreError) -> Self {
        if crate::sqlite::is_clash(&cause) || crate::postgres::is_double(&cause) {
            return Self::Clashes { table };
        }
        Self::broken(at, cause)
    }

    /// This error, or the other if this is one of differing contents.
    pub(crate) fn if_differing(self, other: Self) -> Self {
        if matches!(self, Self::Differs { .. }) { other } else { self }
    }
}
