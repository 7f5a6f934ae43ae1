//! What only the PostgreSQL store has to show: several processes on one database, lost connections, clashes, wrong clocks, a
//! pooler, and what it says when it cannot be opened.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

// `cargo bolero` builds every target of a package with its engine, which comes with this library.
use bolero as _;

mod bad;
mod every_step;
#[path = "../conformance/kit.rs"]
#[allow(dead_code, reason = "the words of the conformance suite; not all are used here")]
mod kit;
mod loss;
mod opening;
mod replicas;

use std::sync::Arc;

use chathakase_session::store::Rules;
use chathakase_store::{
    PostgresStore,
    postgres::{Deadlines, Options},
};
use test_database::TestDatabase;

/// The whole command: a transaction also begins with words about what is `COMMITTED`.
const COMMIT: &str = "COMMIT\0";

/// A process with its own connections to the database at `url`, which goes by the time it is told.
fn process_at(url: &str) -> Arc<PostgresStore> {
    process_with(url, Options::default())
}

/// The same, opened otherwise than by default.
fn process_with(url: &str, options: Options) -> Arc<PostgresStore> {
    let options = Options { deadlines: Deadlines::Caller, ..options };
    Arc::new(PostgresStore::open_with(url, Rules::default(), &options).unwrap())
}

/// Tests that need a server; each gets an empty database.
macro_rules! with_database {
    ($($(#[$note:meta])* async fn $name:ident($database:ident) $body:block)*) => { $(
        $(#[$note])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            if test_database::TestDatabase::is_there() {
                let $database = test_database::TestDatabase::new();
                $body
            }
        }
    )* };
}
pub(crate) use with_database;

/// Channels enough for every writer to have some.
fn channels(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!("C{n:03}"))
}

fn rows(database: &TestDatabase, table: &str) -> usize {
    database.run(&format!("SELECT count(*) FROM chathakase.{table}"))[0].parse().unwrap()
}
