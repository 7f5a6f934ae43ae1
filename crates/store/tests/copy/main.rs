//! Copies of stores: there and back, cut anywhere, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "../conformance/kit.rs"]
#[allow(dead_code, reason = "the words of the conformance suite; not all are used here")]
mod kit;
mod population;

use std::{
    collections::BTreeMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use chathakase_session::store::{Rules, SessionStore};
use chathakase_sim::ManualClock;
use chathakase_store::{CopyError, Doing, OpenError, PostgresStore, Same, SqliteStore, copy, postgres};
use kit::*;
use rusqlite::{Connection, types::Value};
use test_database::TestDatabase;

/// A folder of files, and of databases when there is a server.
struct Place {
    folder: tempfile::TempDir,
    databases: Vec<TestDatabase>,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), databases: Vec::new() }
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    fn url(&self, name: &str) -> String {
        format!("sqlite:{}", self.path(name).display())
    }
    fn database(&mut self) -> String {
        self.databases.push(TestDatabase::new());
        self.databases.last().unwrap().url()
    }
}

fn made(from: &str, to: &str) -> Result<Vec<Same>, CopyError> {
    copy(from, to, |_| {})
}

/// A copy that is killed when it has told so many times how far it is; `None` when it was done before.
fn cut(from: &str, to: &str, after: usize) -> Option<Vec<Same>> {
    let mut told = 0;
    let work = || {
        copy(from, to, |_| {
            told += 1;
            assert!(told < after, "killed");
        })
    };
    catch_unwind(AssertUnwindSafe(work)).ok().map(Result::unwrap)
}

/// All that a file holds, but what is erased and how it is numbered inside.
fn dump(path: &Path) -> BTreeMap<String, Vec<String>> {
    let conn = Connection::open(path).unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('migration', 'sqlite_sequence')";
    let mut statement = conn.prepare(tables).unwrap();
    let names: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let rows = |name: &String| {
        let what = match &**name {
            "content" => "SELECT * FROM content WHERE body IS NOT NULL".to_owned(),
            "pulse" => "SELECT 1 FROM pulse".to_owned(),
            "process" => "SELECT min(good_until) FROM process".to_owned(),
            // Which thread of its channel it names makes no difference.
            "discarded" => "SELECT discarded.session, at, channel FROM discarded JOIN thread ON no = thread".to_owned(),
            name => format!("SELECT * FROM {name}"),
        };
        let mut statement = conn.prepare(&what).unwrap();
        let columns = statement.column_count();
        let read = |row: &rusqlite::Row<'_>| Ok((0..columns).map(|at| row.get::<_, Value>(at).unwrap()).collect());
        let found: Vec<Vec<Value>> = statement.query_map([], read).unwrap().map(Result::unwrap).collect();
        let mut lines: Vec<String> = found.iter().map(|row| format!("{row:?}").replace("\\0", "")).collect();
        lines.sort();
        lines
    };
    names.iter().map(|name| (name.clone(), rows(name))).collect()
}

#[track_caller]
fn same(one: &Path, other: &Path) {
    let (one, other) = (dump(one), dump(other));
    for (table, rows) in &one {
        assert_eq!(rows, &other[table], "{table}");
    }
}

#[tokio::test]
async fn every_row_in_every_state_is_the_same_in_a_copy() {
    let place = Place::new();
    population::make(&place.path("source")).await;
    let held = dump(&place.path("source"));
    for table in ["thread", "discarded", "post", "person", "message", "turn", "part", "content"] {
        assert!(held[table].len() > 1, "the population has {table}");
    }
    let told = made(&place.url("source"), &place.url("copy")).unwrap();
    same(&place.path("source"), &place.path("copy"));
    assert_eq!(dump(&place.path("source")), held, "the source is left as it was");
    let rows = |table: &str| told.iter().find(|line| line.table == table).unwrap().rows;
    assert_eq!(rows("message"), held["message"].len() as u64);
    assert_eq!(made(&place.url("source"), &place.url("copy")).unwrap(), told, "the same command again changes nothing");
}

#[tokio::test]
async fn there_and_back_through_postgresql_nothing_is_lost() {
    if !TestDatabase::is_there() {
        return;
    }
    let mut place = Place::new();
    population::make(&place.path("source")).await;
    let (server, second) = (place.database(), place.database());
    let back = place.url("back");
    let source = place.url("source");
    let told = tokio::task::spawn_blocking(move || {
        let told = [made(&source, &server).unwrap(), made(&server, &second).unwrap(), made(&second, &back).unwrap()];
        assert_eq!(made(&source, &server).unwrap(), told[0], "the same command again changes nothing");
        told
    });
    let told = told.await.unwrap();
    assert!(told[0] == told[1] && told[1] == told[2]);
    same(&place.path("source"), &place.path("back"));
}

#[tokio::test]
async fn a_copy_that_is_cut_anywhere_goes_on_and_ends_the_same() {
    let place = Place::new();
    population::make(&place.path("source")).await;
    for after in 1.. {
        let to = place.url(&format!("copy{after}"));
        if cut(&place.url("source"), &to, after).is_some() {
            assert!(after > 10, "it was cut at {after} points");
            break;
        }
        let path = place.path(&format!("copy{after}"));
        let refused = SqliteStore::open(&path, Rules::default(), Arc::new(ManualClock::new())).unwrap_err();
        assert!(matches!(refused, OpenError::Unfinished { .. }), "{refused}");
        made(&place.url("source"), &to).unwrap();
        same(&place.path("source"), &path);
    }
}

#[tokio::test]
async fn a_copy_to_postgresql_that_is_cut_anywhere_goes_on_and_ends_the_same() {
    if !TestDatabase::is_there() {
        return;
    }
    let mut place = Place::new();
    population::make(&place.path("source")).await;
    for after in (1..).step_by(3) {
        let (from, to, back) = (place.url("source"), place.database(), place.url(&format!("back{after}")));
        let whole = tokio::task::spawn_blocking(move || {
            let whole = cut(&from, &to, after).is_some();
            if !whole {
                let refused = PostgresStore::open(&to, Rules::default()).unwrap_err();
                assert!(matches!(refused, OpenError::Unfinished { .. }), "{refused}");
                made(&from, &to).unwrap();
            }
            made(&to, &back).unwrap();
            whole
        });
        let whole = whole.await.unwrap();
        same(&place.path("source"), &place.path(&format!("back{after}")));
        if whole {
            break;
        }
    }
}

#[tokio::test]
async fn what_was_erased_after_a_copy_was_cut_does_not_come_back() {
    let place = Place::new();
    population::make(&place.path("source")).await;
    // Cut when all rows are there and before they were compared.
    let mut rows = 0;
    copy(&place.url("source"), &place.url("whole"), |progress| rows += usize::from(progress.doing == Doing::Copying))
        .unwrap();
    assert!(cut(&place.url("source"), &place.url("copy"), rows + 1).is_none());
    population::erase_a_secret(&place.path("source")).await;
    let mut begun_anew = false;
    copy(&place.url("source"), &place.url("copy"), |progress| begun_anew |= progress.doing == Doing::Anew).unwrap();
    assert!(begun_anew);
    same(&place.path("source"), &place.path("copy"));
    for end in ["", "-wal"] {
        let bytes = fs::read(place.path(&format!("copy{end}"))).unwrap_or_default();
        let secret = population::SECRET.as_bytes();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "a trace in copy{end}");
    }
}

#[tokio::test]
async fn what_must_not_be_copied_is_refused() {
    let place = Place::new();
    population::make(&place.path("source")).await;
    let said = |from: &str, to: &str| made(from, to).unwrap_err().to_string();
    let (source, other, empty) = (place.url("source"), place.url("other"), place.url("empty"));
    assert_eq!(said(&source, &source), "both addresses are of the same store");
    assert!(said(&place.url("nothing"), &empty).starts_with("there is no database at "));
    assert!(said("memory:", &empty).starts_with("`memory:` is kept in the serving process"));
    assert!(said(&source, "mysql://a:s3cret@b").contains("mysql://b"));
    population::make_another(&place.path("other")).await;
    assert!(
        said(&source, &other)
            .ends_with("holds something else already; name an empty store, or one that is not there yet")
    );
    let serving = SqliteStore::open(&place.path("source"), Rules::default(), Arc::new(ManualClock::new())).unwrap();
    assert!(said(&source, &empty).contains("is served by another process; stop it first"));
    drop(serving);
    assert!(cut(&source, &empty, 3).is_none());
    assert!(said(&other, &empty).contains("that is not finished: go on with that one, or name another store"));
    assert!(
        said(&empty, &place.url("third")).contains("that is not finished; do `chathakase store copy` from there again")
    );
}

#[tokio::test]
async fn a_database_that_a_process_serves_is_not_copied() {
    if !TestDatabase::is_there() {
        return;
    }
    let mut place = Place::new();
    population::make(&place.path("source")).await;
    let (from, to) = (place.url("source"), place.database());
    let url = to.clone();
    let serving =
        tokio::task::spawn_blocking(move || PostgresStore::open(&url, Rules::default()).unwrap()).await.unwrap();
    let refused = tokio::task::spawn_blocking(move || made(&from, &to).unwrap_err()).await.unwrap();
    assert!(matches!(refused, CopyError::Served { .. }), "{refused}");
    drop(serving);
}

#[tokio::test]
async fn who_begins_to_serve_the_source_in_mid_copy_is_found_out() {
    if !TestDatabase::is_there() {
        return;
    }
    let mut place = Place::new();
    population::make(&place.path("source")).await;
    let (file, from, to) = (place.url("source"), place.database(), place.url("target"));
    let refused = tokio::task::spawn_blocking(move || {
        made(&file, &from).unwrap();
        let mut serving = None;
        copy(&from, &to, |progress| {
            if progress.doing == Doing::Comparing && serving.is_none() {
                serving = Some(PostgresStore::open(&from, Rules::default()).unwrap());
            }
        })
        .unwrap_err()
    });
    let refused = refused.await.unwrap();
    // It may have swept something already.
    assert!(matches!(refused, CopyError::Served { .. } | CopyError::Differs { .. }), "{refused}");
}

#[tokio::test]
async fn a_database_that_is_not_ours_is_no_source_and_gets_no_tables() {
    if !TestDatabase::is_there() {
        return;
    }
    let (database, place) = (TestDatabase::new(), Place::new());
    let (from, to) = (database.url(), place.url("target"));
    let refused = tokio::task::spawn_blocking(move || made(&from, &to).unwrap_err()).await.unwrap();
    assert!(matches!(refused, CopyError::NoTables { .. }), "{refused}");
    assert_eq!(database.run("SELECT count(*) FROM pg_tables WHERE schemaname = 'chathakase'"), ["0"]);
}

/// What a process finds to do in a store, and the numbers it gives to what comes next.
async fn goes_on(store: &dyn SessionStore) -> (Vec<String>, Vec<u64>) {
    let mut todo = Vec::new();
    let (half, mut numbers) = (thread_of("T1", "C1", 3000), Vec::new());
    for claimed in store.claim(&us(), 10, at(500)).await.unwrap() {
        todo.push(format!("{:?} {:?} {:?} {:?}", claimed.turn, claimed.parts, claimed.closing, claimed.adopted));
        if claimed.turn.key == half {
            assert!(claimed.turn.stop_requested);
            let next = answers(store, &claimed, "the whole answer", at(501)).await.unwrap();
            let heard = next.history.unwrap().newest;
            todo.push(format!("{:?}", texts(&heard)));
        }
        numbers.push(claimed.turn.id.0);
    }
    for secs in 0..20 {
        let turn = runs(store, asks(&thread_of("T1", "C1", 9000 + secs), 9000 + secs, "new"), at(502)).await;
        numbers.push(turn.turn.id.0);
    }
    let window = window(store, &thread_of("E1", "C2", 2000), at(502)).await;
    todo.push(format!("{window:?}"));
    (todo, numbers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_goes_on_where_its_source_stopped_and_gives_no_number_twice() {
    let mut place = Place::new();
    population::make(&place.path("source")).await;
    made(&place.url("source"), &place.url("copy")).unwrap();
    let open =
        |name: &str| SqliteStore::open(&place.path(name), Rules::default(), Arc::new(ManualClock::new())).unwrap();
    let (wanted, numbers) = goes_on(&open("source")).await;
    let known = dump(&place.path("copy"))["turn"].len();
    assert!(wanted.len() > 4 && numbers.windows(2).all(|two| two[0] < two[1]) && known > 3, "{numbers:?}");
    assert_eq!(goes_on(&open("copy")).await, (wanted.clone(), numbers.clone()));
    if !TestDatabase::is_there() {
        return;
    }
    drop(open("copy"));
    population::make(&place.path("again")).await;
    let (from, to) = (place.url("again"), place.database());
    let url = to.clone();
    tokio::task::spawn_blocking(move || made(&from, &to).unwrap()).await.unwrap();
    let options = postgres::Options { deadlines: postgres::Deadlines::Caller, ..postgres::Options::default() };
    let store = PostgresStore::open_with(&url, Rules::default(), &options).unwrap();
    let (found, given) = goes_on(&store).await;
    assert_eq!((found, given), (wanted, numbers));
}
