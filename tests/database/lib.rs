//! Databases for tests: one of its own for each, on the throw-away server that `scripts/with_postgres` starts; and what only a
//! test does to one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
#![allow(clippy::print_stderr, reason = "a test that is left out says so")]

mod proxy;

use std::{path::Path, thread};

pub use proxy::{Cut, Proxy};

use tokio_postgres::{Client, NoTls};

/// Names the server: `postgres://USER@HOST:PORT`.
const SERVER: &str = "TEST_POSTGRES_URL";
/// Names a pgbouncer before it that pools transactions.
const POOLER: &str = "TEST_PGBOUNCER_URL";

/// An empty database, dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    server: String,
    name: String,
}

impl TestDatabase {
    /// Whether there is a server; without one, a test that needs it is left out, which is a failure where nothing may be skipped.
    pub fn is_there() -> bool {
        let (there, needed) = (std::env::var_os(SERVER).is_some(), std::env::var_os("TEST_SKIP_NOTHING"));
        assert!(
            there || needed.is_none_or(|value| value != "1"),
            "{SERVER} is not set: run this by scripts/with_postgres"
        );
        if !there {
            eprintln!("left out: {SERVER} is not set; run this by scripts/with_postgres");
        }
        there
    }

    /// Makes one.
    #[allow(clippy::new_without_default, reason = "it does a lot")]
    pub fn new() -> Self {
        let server = std::env::var(SERVER).unwrap();
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let database = Self { server, name };
        database.on_server(format!("CREATE DATABASE {}", database.name));
        database
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// Its address behind the pgbouncer.
    pub fn pooled_url(&self) -> String {
        format!("{}/{}?pgbouncer=true", std::env::var(POOLER).unwrap(), self.name)
    }

    /// Runs statements in it, and gives the first column of the rows of the last one that gives rows.
    pub fn run(&self, sql: &str) -> Vec<String> {
        run(self.url(), sql.to_owned())
    }

    /// Gives it a clock of its own, which goes right until it is put forward: whoever connects from now on calls this function
    /// instead of PostgreSQL's.
    pub fn own_clock(&self) {
        self.run(
            "CREATE SCHEMA put;
            CREATE TABLE put.forward AS SELECT interval '0' AS wait;
            CREATE FUNCTION put.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
                'SELECT pg_catalog.clock_timestamp() + wait FROM put.forward';
            DO $do$ BEGIN EXECUTE
                format('ALTER DATABASE %I SET search_path = put, pg_catalog, public', current_database()); END $do$",
        );
    }

    /// Puts that clock forward.
    pub fn put_clock_forward(&self, secs: u32) {
        self.run(&format!("UPDATE put.forward SET wait = wait + interval '{secs} s'"));
    }

    /// Ends all connections to it, as a restart of the server does; returns how many there were.
    pub fn cut_connections(&self) -> usize {
        self.on_server(format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()",
            self.name
        ))
        .len()
    }

    /// Makes it hang from now on.
    pub async fn hang(&self) -> Hanging {
        let client = connect(&self.url()).await;
        client.batch_execute("BEGIN; LOCK TABLE chathakase.message").await.unwrap();
        Hanging(client)
    }

    fn on_server(&self, sql: String) -> Vec<String> {
        run(format!("{}/postgres", self.server), sql)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.on_server(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// A database that hangs for everybody who writes a message, as one does whose disk is stuck; until this is dropped.
#[derive(Debug)]
pub struct Hanging(Client);

impl Hanging {
    /// Waits until somebody is kept waiting by it.
    pub async fn keeps_somebody(&self) {
        let waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'chathakase.message'::regclass LIMIT 1";
        while self.0.query_opt(waiting, &[]).await.unwrap().is_none() {}
    }
}

/// On a thread with a runtime of its own, so that it can be called from anywhere.
fn run(url: String, sql: String) -> Vec<String> {
    let work = async move {
        let client = connect(&url).await;
        let messages = client.simple_query(&sql).await.unwrap();
        let first = |message: &tokio_postgres::SimpleQueryMessage| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        };
        messages.iter().filter_map(first).collect()
    };
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    thread::spawn(move || runtime().block_on(work)).join().unwrap()
}

/// Makes every message in a SQLite file one that nobody can read, as a bad disk might.
pub fn spoil_messages(file: &Path) {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.execute("UPDATE message SET role = 9", []).unwrap();
}

/// Makes every thread in a SQLite file one that nobody can read; or those readable again that this was done to.
pub fn spoil_threads(file: &Path, spoilt: bool) {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.execute("UPDATE thread SET users = -1 - users WHERE users >= 0 = ?", [spoilt]).unwrap();
}

/// A connection of a test's own.
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
