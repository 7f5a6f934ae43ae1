//! A look at a file that another process may be serving: to read it, or to see whether it could be served.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use chathakase_session::{store::Rules, time::SharedClock};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::Semaphore;

use super::{Options, SCHEMA, SqliteStore, migrate, open, readers::Readers};
use crate::{OpenError, queue::Queue};

/// What stands at the address of a store.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing is kept on disk.
    Memory,
    /// A database server: whether it can be used is seen by opening it.
    Server,
    /// No file yet; the first start makes it, and can.
    Nothing {
        /// Where.
        path: PathBuf,
    },
    /// A database of ours that was written to and read just now.
    Ready {
        /// Where.
        path: PathBuf,
    },
    /// A database of ours that another process serves; it was read.
    Served {
        /// Where.
        path: PathBuf,
    },
}

/// Sees whether the file at `path` could be served, without changing what it holds. A file that is not there yet is not made;
/// a database is made, written and thrown away in the folder that it would be in.
pub(crate) fn look(path: &Path) -> Result<Found, OpenError> {
    if path.is_dir() {
        return Err(OpenError::Folder { path: path.into() });
    }
    if !path.exists() {
        try_out(&nearest_folder(path))?;
        return Ok(Found::Nothing { path: path.into() });
    }
    let path = path.canonicalize().map_err(|cause| OpenError::NotWritable { path: path.into(), cause })?;
    let served = is_served(&path)?;
    let conn = open::reader(&path)?;
    if migrate::found(&conn, &path)? == SCHEMA {
        open::refuse_unfinished(&conn, &path)?;
    }
    drop(conn);
    if served {
        return Ok(Found::Served { path });
    }
    write_nothing_new(&path).map_err(|cause| open::refused(&path, cause))?;
    Ok(Found::Ready { path })
}

/// Whether another process serves the file. Who looks must not keep it from one that starts: the lock is let go at once.
fn is_served(path: &Path) -> Result<bool, OpenError> {
    match open::lock(path) {
        Ok(_) => Ok(false),
        Err(OpenError::InUse { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

/// A durable write that leaves everything as it was: in one transaction, because somebody may have begun to serve the file, and
/// to bring it up to date.
fn write_nothing_new(path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(open::BUSY_TIMEOUT)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    let writes = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = writes.pragma_query_value(None, "user_version", |row| row.get(0))?;
    writes.pragma_update(None, "user_version", version)?;
    writes.commit()
}

fn nearest_folder(path: &Path) -> PathBuf {
    let folders =
        path.ancestors().skip(1).map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    folders.into_iter().find(|folder| folder.is_dir()).unwrap_or(Path::new(".")).to_owned()
}

/// Makes a whole database in a folder of its own, and takes both away.
fn try_out(folder: &Path) -> Result<(), OpenError> {
    let own = folder.join(format!(".chathakase-check-{}", std::process::id()));
    let no_folder = |cause: io::Error| OpenError::NoFolder { path: folder.into(), cause };
    fs::create_dir(&own).map_err(no_folder)?;
    let made = open::open(&own.join("check.db"), &Options::default()).map(drop);
    fs::remove_dir_all(&own).map_err(no_folder)?;
    made
}

impl SqliteStore {
    /// Opens the file at `path` to read it, beside a process that serves it perhaps: takes no lock and migrates nothing. Steps
    /// that would write are refused with [`StoreError::Closed`](chathakase_session::store::StoreError::Closed).
    ///
    /// # Errors
    /// When there is no such file, or it is of another schema than this build's.
    pub fn open_to_read(path: &Path, rules: Rules, clock: SharedClock) -> Result<Self, OpenError> {
        let conn = open::reader(path)?;
        match migrate::found(&conn, path)? {
            SCHEMA => {}
            found => return Err(OpenError::OlderSchema { path: path.into(), found, needed: SCHEMA }),
        }
        open::refuse_unfinished(&conn, path)?;
        let queue = Arc::new(Queue::new(1));
        queue.close();
        let readers = Readers::new(vec![conn], clock, Arc::new(AtomicBool::new(false)), queue.clone())
            .map_err(|cause| OpenError::Sqlite { path: path.into(), cause })?;
        Ok(Self {
            path: path.into(),
            queue,
            room: Arc::new(Semaphore::new(1)),
            room_units: 1,
            readers: Arc::new(readers),
            rules: Arc::new(rules),
            writer: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_looked_at_can_be_served_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chathakase.db");
        drop(open::open(&path, &Options::default()).unwrap());
        assert!(!is_served(&path).unwrap());
        let serving = open::open(&path, &Options::default()).unwrap();
        assert!(is_served(&path).unwrap());
        // One that began to serve after the question is not in its way either.
        write_nothing_new(&path).unwrap();
        drop(serving);
    }
}
