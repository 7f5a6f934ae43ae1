//! Each thing that can be wrong with a path has its own message.

use std::{fs, path::Path, sync::Arc};

use chathakase_session::store::{Rules, SessionStore};
use chathakase_sim::ManualClock;
use chathakase_store::{
    OpenError, SqliteStore,
    sqlite::{SCHEMA, Settings},
};

use crate::{kit::*, open, sql};

fn refused(path: &Path) -> String {
    SqliteStore::open(path, Rules::default(), Arc::new(ManualClock::new())).unwrap_err().to_string()
}

fn url(url: &str) -> Result<(), OpenError> {
    chathakase_store::open(url, Rules::default(), Arc::new(ManualClock::new())).map(drop)
}

#[tokio::test]
async fn missing_folders_are_made_and_the_file_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/c.db");
    url(&format!("sqlite:{}", path.display())).unwrap();
    assert!(path.is_file());
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    url(&format!("sqlite://{}", path.display())).unwrap();
}

#[test]
fn an_address_that_cannot_be_served_says_what_to_write() {
    for (address, message) in [
        (
            "sqlite::memory:",
            "SQLite's own in-memory database is not used; write `memory:` for a store that keeps nothing on disk",
        ),
        ("sqlite:", "`sqlite:` needs the path of a file, such as `sqlite:/var/lib/chathakase/chathakase.db`"),
        (
            "mysql://ana:s3cret@db/x",
            "no store is known at `mysql://db/x`; write `sqlite:PATH`, `postgres://…` or `memory:`",
        ),
        (
            "postgres://ana:s3cret@db/x?sslmode=sometimes",
            "postgres://db/x: not understood; write `postgres://USER:PASSWORD@HOST:5432/DATABASE`, with %-codes for special characters",
        ),
        ("sessions.db", "no store is known at `sessions.db`; write `sqlite:PATH`, `postgres://…` or `memory:`"),
    ] {
        let error = url(address).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(!format!("{error:?}").contains("s3cret"));
    }
}

#[test]
fn a_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().display();
    assert_eq!(
        refused(folder.path()),
        format!("{shown} is a folder; name a file in it, such as {shown}/chathakase.db")
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_takes_no_files_is_said() {
    // The kernel's own file systems refuse new files to everybody, root included.
    let message = refused(Path::new("/sys/chathakase.db"));
    assert_eq!(
        message,
        "/sys/chathakase.db cannot be written; check who owns it, its permissions and whether its disk is read-only"
    );
    let message = refused(Path::new("/sys/new/chathakase.db"));
    assert_eq!(message, "the folder /sys/new could not be made; make it, or name another with `store.url`");
}

#[tokio::test]
async fn a_file_that_is_no_database_of_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let shown = path.display();
    fs::write(&path, "not a database, but somebody's notes ".repeat(50)).unwrap();
    assert_eq!(
        refused(&path),
        format!("{shown} is damaged or no database at all; restore it from a backup, or move it away to begin anew")
    );
    assert!(fs::read_to_string(&path).unwrap().starts_with("not a database"));

    fs::remove_file(&path).unwrap();
    sql(folder.path(), "CREATE TABLE recipes (name TEXT)");
    assert_eq!(
        refused(&path),
        format!("{shown} is not a ChatHakase database; name another file with `store.url`, or move this one away")
    );
}

#[tokio::test]
async fn a_truncated_database_is_said_to_be_damaged() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    let path = folder.path().join("sessions.db");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let message = refused(&path);
    assert!(message.contains("is damaged or no database at all"), "{message}");
}

#[tokio::test]
async fn a_second_process_on_one_file_is_refused_by_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).unwrap();
    let path = folder.path().canonicalize().unwrap().join("sessions.db");
    let message = format!(
        "{} is served by another process; stop it first, or name another file with `store.url`",
        path.display()
    );
    assert_eq!(refused(&path), message);
    #[cfg(unix)]
    {
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(refused(&link), message);
    }
    // The first one is not disturbed, and gives the file free when it goes.
    first.check().await.unwrap();
    drop(first);
    open(folder.path()).unwrap();
}

#[tokio::test]
async fn a_shut_down_store_gives_its_file_free() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.shutdown().await;
    open(folder.path()).unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    sql(folder.path(), "INSERT INTO migration (number, checksum) VALUES (99, 1)");
    let path = folder.path().canonicalize().unwrap().join("sessions.db");
    assert_eq!(
        refused(&path),
        format!(
            "{} is at schema 99, this build knows {SCHEMA}; run the version that wrote it, or a later one",
            path.display()
        )
    );
    sql(folder.path(), "DELETE FROM migration WHERE number = 99");
    drop(open(folder.path()).unwrap());
    sql(folder.path(), "UPDATE migration SET checksum = checksum + 1");
    let message = refused(&path);
    assert!(message.contains("made by another form of migration 1"), "{message}");
}

#[tokio::test]
async fn the_live_connection_keeps_what_durability_and_erasure_rest_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    runs(&store, asks(&thread(), 0, "question"), at(0)).await;
    let settings = Settings {
        journal_mode: "wal".to_owned(),
        synchronous: "2".to_owned(),
        secure_delete: "1".to_owned(),
        foreign_keys: "1".to_owned(),
        temp_store: "2".to_owned(),
        mmap_size: "0".to_owned(),
    };
    assert_eq!(store.settings().await.unwrap(), settings);
}
