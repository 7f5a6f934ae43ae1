//! Databases for tests: one of its own for each, on the throw-away server that `scripts/with_postgres` starts; and what only a
//! test does to one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
#![allow(clippy::print_stderr, reason = "a test that is left out says so")]

mod proxy;

use std::{fs::OpenOptions, io::Write, path::Path, thread};

pub use proxy::{Cut, Proxy};

use tokio_postgres::{Client, NoTls};

/// Names the server: `postgres://USER@HOST:PORT`.
const SERVER: &str = "TEST_POSTGRES_URL";
/// Names a pgbouncer before it that pools transactions.
const POOLER: &str = "TEST_PGBOUNCER_URL";
/// Names the file of databases that it finds elsewhere than on the server.
const ELSEWHERE: &str = "TEST_PGBOUNCER_DATABASES";

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

    /// The same, where the pgbouncer reaches the server over this wire.
    pub async fn pooled_over(&self, wire: &Proxy) -> String {
        let place = wire.address();
        let line = format!("{} = host={} port={}\n", self.name, place.ip(), place.port());
        let mut file = OpenOptions::new().append(true).open(std::env::var_os(ELSEWHERE).unwrap()).unwrap();
        file.write_all(line.as_bytes()).unwrap();
        let pooler = std::env::var(POOLER).unwrap();
        connect(&format!("{pooler}/pgbouncer")).await.simple_query("RELOAD").await.unwrap();
        self.pooled_url()
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

    /// How many turns it holds that are not delivered, but for those that only wait for what may come late.
    pub fn open_turns(&self) -> u32 {
        let waits = format!("SELECT turn FROM chathakase.part WHERE idx = {STRAY}");
        self.run(&format!("SELECT count(*) FROM chathakase.turn WHERE delivery = 0 AND id NOT IN ({waits})"))[0]
            .parse()
            .unwrap()
    }

    /// How many of those have their answer.
    pub fn closed_turns(&self) -> u32 {
        self.run("SELECT count(*) FROM chathakase.turn WHERE delivery = 0 AND state = 2")[0].parse().unwrap()
    }

    /// Lets every process have missed nothing until so long before it says, no longer.
    pub fn put_good_back(&self, minutes: u32) {
        self.run(&format!("UPDATE chathakase.process SET good_until = good_until - 60000 * {minutes}"));
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

/// The part whose row says that the turn only waits for what may come late.
const STRAY: u32 = u32::MAX;

/// How many turns a SQLite file holds that are not delivered, but for those that only wait for what may come late.
pub fn open_turns(file: &Path) -> u32 {
    let connection = rusqlite::Connection::open(file).unwrap();
    let open = format!(
        "SELECT count(*) FROM turn WHERE delivery = 0 AND id NOT IN (SELECT turn FROM part WHERE idx = {STRAY})"
    );
    connection.query_row(&open, [], |row| row.get(0)).unwrap()
}

/// How many of those have their answer.
pub fn closed_turns(file: &Path) -> u32 {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.query_row("SELECT count(*) FROM turn WHERE delivery = 0 AND state = 2", [], |row| row.get(0)).unwrap()
}

/// Lets every process of a SQLite file have missed nothing until so long before it says, no longer.
pub fn put_good_back(file: &Path, minutes: u32) {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.execute("UPDATE process SET good_until = good_until - 60000 * ?", [minutes]).unwrap();
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
