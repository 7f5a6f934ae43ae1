//! Why a store could not be opened, in words that say what to do.

use std::{error::Error, fmt, path::PathBuf};

use chathakase_session::store::StoreError;

/// An address without what must not be shown: user, password and everything behind `?`.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactedUrl(String);

impl RedactedUrl {
    /// Keeps scheme, host and path of `url`.
    pub fn new(url: &str) -> Self {
        let shown = url.split(['?', '#']).next().unwrap_or_default();
        let Some((scheme, rest)) = shown.split_once("://") else { return Self(shown.to_owned()) };
        // The last `@`: a password may hold others, and must not be cut in two.
        let place = url[scheme.len() + 3..].rsplit_once('@').map_or(rest, |(_, place)| place);
        Self(format!("{scheme}://{}", place.split(['?', '#']).next().unwrap_or_default()))
    }
}

impl fmt::Display for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a store could not be opened. None of these goes away by trying again at once.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is of a kind that this build does not know.
    #[error("no store is known at `{url}`; write `sqlite:PATH`, `postgres://…` or `memory:`")]
    UnknownUrl {
        /// The address.
        url: RedactedUrl,
    },
    /// A PostgreSQL address that is none.
    #[error(
        "{url}: not understood; write `postgres://USER:PASSWORD@HOST:5432/DATABASE`, with %-codes for special characters"
    )]
    PostgresUrl {
        /// The address.
        url: RedactedUrl,
    },
    /// PostgreSQL cannot be reached, or refuses.
    #[error(
        "the database at {url} could not be opened; check that it runs, that the address is right, and what its user may do"
    )]
    Postgres {
        /// The address.
        url: RedactedUrl,
        /// What is in the way.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The server is too old.
    #[error("the database server is PostgreSQL {found}; 13 or later is needed")]
    OldPostgres {
        /// Its version.
        found: i32,
    },
    /// A later build wrote the database.
    #[error("{url} is at schema {found}, this build knows {known}; run the version that wrote it, or a later one")]
    NewerDatabase {
        /// The address.
        url: RedactedUrl,
        /// The schema's number.
        found: i64,
        /// The highest number this build knows.
        known: u32,
    },
    /// An earlier build wrote the database, and processes of that build may be using it.
    #[error(
        "{url} is at schema {found}, this build needs {needed}; stop the processes of the old version, then start `chathakase serve`: \
         it brings the database up to date"
    )]
    OlderDatabase {
        /// The address.
        url: RedactedUrl,
        /// The schema's number.
        found: usize,
        /// The one that is needed.
        needed: u32,
    },
    /// A migration of the database was changed after it was applied.
    #[error("{url} was made by another form of migration {number}; run the build that wrote it")]
    ChangedDatabase {
        /// The address.
        url: RedactedUrl,
        /// The migration's number.
        number: i64,
    },
    /// `sqlite::memory:` would keep nothing and look like a file.
    #[error("SQLite's own in-memory database is not used; write `memory:` for a store that keeps nothing on disk")]
    SqliteMemory,
    /// The path is empty.
    #[error("`sqlite:` needs the path of a file, such as `sqlite:/var/lib/chathakase/chathakase.db`")]
    NoPath,
    /// The path is a folder.
    #[error("{path} is a folder; name a file in it, such as {path}/chathakase.db")]
    Folder {
        /// The path.
        path: PathBuf,
    },
    /// The folder that the file is to be in could not be made.
    #[error("the folder {path} could not be made; make it, or name another with `store.url`")]
    NoFolder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The file could not be opened for writing.
    #[error("{path} cannot be written; check who owns it, its permissions and whether its disk is read-only")]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The disk takes nothing, or fails.
    #[error("{path} cannot be written: its disk is full or fails; make room or see to the disk, then start again")]
    Disk {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        cause: rusqlite::Error,
    },
    /// Another process has it.
    #[error("{path} is served by another process; stop it first, or name another file with `store.url`")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is no database of ours.
    #[error("{path} is not a ChatHakase database; name another file with `store.url`, or move this one away")]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("{path} is damaged or no database at all; restore it from a backup, or move it away to begin anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        cause: rusqlite::Error,
    },
    /// A later build wrote it.
    #[error("{path} is at schema {found}, this build knows {known}; run the version that wrote it, or a later one")]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The schema's number.
        found: u32,
        /// The highest number this build knows.
        known: u32,
    },
    /// An earlier build wrote it, and it is only to be read.
    #[error(
        "{path} is at schema {found}, this build reads {needed}; start `chathakase serve` once: it brings the file up to date"
    )]
    OlderSchema {
        /// The file.
        path: PathBuf,
        /// The schema's number.
        found: u32,
        /// The one that is needed.
        needed: u32,
    },
    /// There is no such file, and it is only to be read.
    #[error("there is no database at {path} yet; `chathakase serve` makes it")]
    NoFile {
        /// The file.
        path: PathBuf,
    },
    /// It is half a copy of another store.
    #[error(
        "{at} holds a copy of {of} that is not finished; do `chathakase store copy` from there again, and it goes on where it stopped"
    )]
    Unfinished {
        /// The store.
        at: RedactedUrl,
        /// What it is a copy of.
        of: String,
    },
    /// `memory:` is in one process alone.
    #[error(
        "`memory:` is kept in the serving process and nowhere else: nothing can be read from here; ask in Slack (`all sessions`)"
    )]
    InMemory,
    /// A migration was changed after it was applied.
    #[error("{path} was made by another form of migration {number}; run the build that wrote it")]
    ChangedMigration {
        /// The file.
        path: PathBuf,
        /// The migration's number.
        number: u32,
    },
    /// The SQLite library is one that can lose data.
    #[error("SQLite {found} can damage a database (fixed in {needed}); build with the bundled one")]
    OldSqlite {
        /// Its version.
        found: &'static str,
        /// The oldest that is accepted.
        needed: &'static str,
    },
    /// A setting that durability or erasure rests on did not take.
    #[error("{path}: SQLite keeps {pragma} at {found} instead of {wanted}; the file system may not support it")]
    Pragma {
        /// The file.
        path: PathBuf,
        /// The setting.
        pragma: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// Anything else that SQLite refuses.
    #[error("could not open the store at {path}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        cause: rusqlite::Error,
    },
    /// A thread could not be started.
    #[error("could not start the store's writer; too many threads?")]
    Thread {
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
}

impl OpenError {
    /// PostgreSQL is in the way.
    pub(crate) fn postgres(url: &RedactedUrl, cause: StoreError) -> Self {
        let cause = InTheWay::of(cause);
        Self::Postgres { url: url.clone(), cause }
    }
}

/// [`StoreError::Unavailable`] without its promise to try again: what cannot be opened is not tried again.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct InTheWay {
    what: String,
    #[source]
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl InTheWay {
    /// What stood in the way.
    pub(crate) fn of(error: StoreError) -> Box<dyn Error + Send + Sync> {
        match error {
            StoreError::Unavailable { what, cause } => Box::new(Self { what, cause }),
            error => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (url, shown) in [
            ("postgres://ana:s3cret@db.example:5432/hakase?sslpassword=s3cret", "postgres://db.example:5432/hakase"),
            ("postgres://ana:s3@cret@db.example/hakase", "postgres://db.example/hakase"),
            ("postgres://ana:s3cret?x@db.example/hakase", "postgres://db.example/hakase"),
            ("postgres://db.example/hakase", "postgres://db.example/hakase"),
            ("sqlite:/var/lib/a.db?mode=s3cret", "sqlite:/var/lib/a.db"),
            ("memory:", "memory:"),
        ] {
            assert_eq!(RedactedUrl::new(url).to_string(), shown);
            assert_eq!(format!("{:?}", RedactedUrl::new(url)), shown);
        }
    }
}
