//! Opening the file: one process only, a SQLite that keeps what it says, and the settings that durability and erasure
//! rest on.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig, types::ValueRef};

use super::{Options, copy, migrate, tables::State};
use crate::{OpenError, RedactedUrl, copy::Position};

/// The oldest SQLite without the fault that two checkpoints at once could damage the file.
const SQLITE_MIN: (i32, &str) = (3_051_003, "3.51.3");

/// How long a connection waits for another program that holds the database (5 s), such as a backup.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the write-ahead log gets before it is copied into the database, in pages (16 MiB). Whoever commits then waits
/// for it (some ms), so it is to be rare.
const WAL_PAGES: &str = "4000";

/// Statements kept prepared on each connection: more than there are.
const STATEMENTS_MAX: usize = 128;

/// The open file with its lock, held as long as the writer lives.
pub(super) struct Opened {
    pub(super) writer: Connection,
    pub(super) readers: Vec<Connection>,
    pub(super) state: State,
    /// The lock goes with the process, whatever ends it.
    pub(super) lock: File,
}

pub(super) fn open(path: &Path, options: &Options) -> Result<Opened, OpenError> {
    let Locked { path, lock, conn: writer } = locked(path, options)?;
    refuse_unfinished(&writer, &path)?;
    let state = begin(&writer).map_err(|cause| refused(&path, cause))?;
    let readers = (0..options.readers.max(1)).map(|_| reader(&path)).collect::<Result<_, _>>()?;
    Ok(Opened { writer, readers, state, lock })
}

/// A file that nobody else has, with all tables.
pub(super) struct Locked {
    /// Its one name.
    pub(super) path: PathBuf,
    pub(super) lock: File,
    pub(super) conn: Connection,
}

pub(super) fn locked(path: &Path, options: &Options) -> Result<Locked, OpenError> {
    let version = rusqlite::version_number();
    if version < SQLITE_MIN.0 {
        return Err(OpenError::OldSqlite { found: rusqlite::version(), needed: SQLITE_MIN.1 });
    }
    let path = make_file(path)?;
    let lock = lock(&path)?;
    let conn = connect(&path, options)?;
    Ok(Locked { path, lock, conn })
}

/// A connection that writes, and all tables.
pub(super) fn connect(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    private_file(path).map_err(|cause| OpenError::NotWritable { path: path.into(), cause })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags).map_err(|cause| refused(path, cause))?;
    set_up(&conn, path, options)?;
    migrate::run(&mut conn, path)?;
    Ok(conn)
}

/// Nobody but who copies opens half a copy.
pub(super) fn refuse_unfinished(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    match copy::position(conn).map_err(|cause| refused(path, cause))? {
        Some(Position { source, .. }) => {
            Err(OpenError::Unfinished { at: RedactedUrl::new(&format!("sqlite:{}", path.display())), of: source })
        }
        None => Ok(()),
    }
}

/// What a refusal while opening means.
pub(super) fn refused(path: &Path, cause: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match cause.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, cause },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse { path },
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            OpenError::NotWritable { path, cause: io::Error::other(cause) }
        }
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => OpenError::Disk { path, cause },
        _ => OpenError::Sqlite { path, cause },
    }
}

/// Makes the file and its folder when missing, readable by its owner alone, and finds its one name.
fn make_file(path: &Path) -> Result<PathBuf, OpenError> {
    if path.is_dir() {
        return Err(OpenError::Folder { path: path.into() });
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(|cause| OpenError::NoFolder { path: folder.into(), cause })?;
    let not_writable = |cause| OpenError::NotWritable { path: path.into(), cause };
    private_file(path).map_err(not_writable)?;
    // Two names of one file must meet at one lock.
    path.canonicalize().map_err(not_writable)
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A lock of the operating system on a file beside the database: a killed process leaves none behind.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock_path = PathBuf::from(name);
    let not_writable = |cause| OpenError::NotWritable { path: lock_path.clone(), cause };
    let mut file = private_file(&lock_path).map_err(not_writable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: path.into() }),
        Err(TryLockError::Error(cause)) => return Err(not_writable(cause)),
    }
    // For people who look; nothing reads it.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

fn set_up(conn: &Connection, path: &Path, options: &Options) -> Result<(), OpenError> {
    let sqlite = |cause| refused(path, cause);
    conn.busy_timeout(BUSY_TIMEOUT).map_err(sqlite)?;
    keep_statements(conn).map_err(sqlite)?;
    // Statement journals hold content too: they stay in memory.
    for (name, value, kept) in [
        ("journal_mode", "WAL", "wal"),
        ("synchronous", "FULL", "2"),
        ("foreign_keys", "ON", "1"),
        ("secure_delete", "ON", "1"),
        ("temp_store", "MEMORY", "2"),
        ("mmap_size", "0", "0"),
        ("wal_autocheckpoint", WAL_PAGES, WAL_PAGES),
    ] {
        conn.pragma_update(None, name, value).map_err(sqlite)?;
        let found = pragma(conn, name).map_err(sqlite)?;
        if found != kept {
            return Err(OpenError::Pragma { path: path.into(), pragma: name, found, wanted: kept });
        }
    }
    if let Some(pages) = options.pages_max {
        conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(sqlite)?;
    }
    Ok(())
}

/// Statements stay prepared. Unless plans are fixed, SQLite plans a statement anew for each value that a `LIMIT ?` is given,
/// which costs more than most of our reads.
fn keep_statements(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// A setting as SQLite tells it.
pub(super) fn pragma(conn: &Connection, name: &str) -> rusqlite::Result<String> {
    conn.pragma_query_value(None, name, |row| {
        Ok(match row.get_ref(0)? {
            ValueRef::Integer(number) => number.to_string(),
            value => value.as_str().unwrap_or_default().to_owned(),
        })
    })
}

/// Ends what an earlier boot began, and finds the numbers to go on from.
fn begin(conn: &Connection) -> rusqlite::Result<State> {
    // Nobody else can hold a lease: we have the lock. The owner stays, so that the next one knows it died.
    conn.execute("UPDATE turn SET due = 1 WHERE owner IS NOT NULL AND due IS NOT NULL", [])?;
    conn.execute("UPDATE process SET until = 0", [])?;
    let state = State::default();
    let last = |sql: &str| conn.query_row(sql, [], |row| row.get(0));
    state.last_session.set(last(
        "SELECT max((SELECT coalesce(max(session), 0) FROM thread), (SELECT coalesce(max(session), 0) FROM discarded))",
    )?);
    state.last_turn.set(last("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'turn'), 0)")?);
    // A kill may have come between an erasure and its checkpoint, or in the middle of a purge.
    state.erased.set(true);
    state.discarded.set(true);
    Ok(state)
}

pub(super) fn reader(path: &Path) -> Result<Connection, OpenError> {
    let sqlite = |cause| refused(path, cause);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    conn.busy_timeout(BUSY_TIMEOUT).map_err(sqlite)?;
    keep_statements(&conn).map_err(sqlite)?;
    for (pragma, value) in [("temp_store", "MEMORY"), ("mmap_size", "0"), ("query_only", "ON")] {
        conn.pragma_update(None, pragma, value).map_err(sqlite)?;
    }
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_planned_once_whatever_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let opened = open(&folder.path().join("chathakase.db"), &Options::default()).unwrap();
        for conn in opened.readers.iter().chain([&opened.writer]) {
            let mut statement = conn.prepare("SELECT no FROM content ORDER BY no LIMIT ?").unwrap();
            for limit in [20, 50, 20] {
                let _: Vec<i64> = statement.query_map([limit], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
            }
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
        }
    }
}
