//! Where the assistant keeps things in a run.

use std::io;

use clap::ValueEnum;

use crate::{clock::Pace, database::Database, disk::Disk, schedule::Power};

/// Which store a run is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    #[default]
    Sqlite,
    Postgres,
    /// PostgreSQL behind a pgbouncer that pools transactions.
    Pgbouncer,
}

/// A store's files, or its server.
pub(crate) enum Store {
    File(Disk),
    Server(Database),
}

impl Store {
    /// A new one.
    pub(crate) async fn new(kind: Kind, folder: &std::path::Path, pace: Pace) -> anyhow::Result<Self> {
        Ok(match kind {
            Kind::Sqlite => Self::File(Disk::in_folder(folder)?),
            Kind::Postgres => Self::Server(Database::new(pace, false).await?),
            Kind::Pgbouncer => Self::Server(Database::new(pace, true).await?),
        })
    }

    /// Its address, as the assistant is told.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::File(disk) => disk.url(),
            Self::Server(database) => database.url(),
        }
    }

    /// What a process needs in its environment besides, when writes are to be synced or not.
    pub(crate) fn environment(&self, syncs: bool) -> Vec<(String, String)> {
        match self {
            Self::File(disk) => disk.environment(syncs),
            Self::Server(_) => Vec::new(),
        }
    }

    /// What a kill of the assistant leaves of it.
    pub(crate) fn after(&self, power: Power) -> io::Result<()> {
        match self {
            Self::File(disk) => disk.after(power),
            Self::Server(_) => Ok(()),
        }
    }

    /// The server, where there is one.
    pub(crate) fn server(&self) -> Option<&Database> {
        match self {
            Self::File(_) => None,
            Self::Server(database) => Some(database),
        }
    }
}

impl Kind {
    /// As the table names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Pgbouncer => "PostgreSQL behind pgbouncer",
        }
    }

    /// Whether several processes may share it.
    pub(crate) fn is_shared(self) -> bool {
        self != Self::Sqlite
    }
}
