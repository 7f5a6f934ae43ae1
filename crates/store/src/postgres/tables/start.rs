//! The beginning of a transaction: its locks, the time, and all rows that its steps are known to need, in one round trip.

use std::{collections::HashSet, hash::Hash};

use chathakase_session::{
    ChannelId, SlackTs, ThreadKey, Timestamp, UserId, WorkspaceId,
    store::{PASSED_MAX, Result, StoreError},
    turn::{Lease, TurnId},
};
use tokio_postgres::Row;

use super::{
    Cells, Sql, all, int,
    message::{self, PERSON, person},
    params,
    post::{self, PASSED, POST},
    take_numbers,
    thread::{self, THREAD},
    turn::{self, PART, TURN},
};
use crate::{
    postgres::{
        link::{Ask, Link},
        numbers::{Numbers, OTHERS_AT_ONCE, TURNS_AT_ONCE},
    },
    rows::PostName,
    table::Table,
};

/// What a step locks, and the rows that it will ask for.
///
/// What is locked are channels, not threads: an edit or a deletion names its post by channel and time alone, and must meet
/// whoever is storing that very post.
#[derive(Clone, Debug, Default)]
pub(in crate::postgres) struct Needs {
    pub(in crate::postgres) places: Vec<String>,
    pub(in crate::postgres) threads: Vec<ThreadKey>,
    pub(in crate::postgres) posts: Vec<PostName>,
    pub(in crate::postgres) turns: Vec<(WorkspaceId, TurnId)>,
    /// Who is about to speak, with the thread.
    pub(in crate::postgres) speakers: Vec<(ThreadKey, UserId)>,
    /// Threads that it may open to posts after a moment.
    pub(in crate::postgres) openers: Vec<(ThreadKey, SlackTs)>,
    /// Whether it may begin a session and a turn.
    pub(in crate::postgres) opens: bool,
}

/// The name under which a channel is locked.
pub(super) fn place(workspace: &WorkspaceId, channel: &ChannelId) -> String {
    format!("{workspace}/{channel}")
}

impl Needs {
    /// Those of a step about one thread.
    pub(in crate::postgres) fn thread(key: &ThreadKey) -> Self {
        Self { places: vec![place(&key.workspace, &key.channel)], threads: vec![key.clone()], ..Self::default() }
    }
    /// Those of a step about one post.
    pub(in crate::postgres) fn post(name: &PostName) -> Self {
        Self { places: vec![place(&name.workspace, &name.channel)], posts: vec![name.clone()], ..Self::default() }
    }
    /// Those of a step about the turns of leases.
    pub(in crate::postgres) fn leases<'a>(leases: impl IntoIterator<Item = &'a Lease>) -> Self {
        let mut needs = Self::default();
        for Lease { turn, key, .. } in leases {
            needs.places.push(place(&key.workspace, &key.channel));
            needs.turns.push((key.workspace.clone(), *turn));
        }
        needs
    }
    pub(in crate::postgres) fn merge(&mut self, other: &Self) {
        self.places.extend_from_slice(&other.places);
        self.threads.extend_from_slice(&other.threads);
        self.posts.extend_from_slice(&other.posts);
        self.turns.extend_from_slice(&other.turns);
        self.speakers.extend_from_slice(&other.speakers);
        self.openers.extend_from_slice(&other.openers);
        self.opens |= other.opens;
    }
    /// Names each thing once.
    pub(in crate::postgres) fn tidy(&mut self) {
        once(&mut self.places);
        once(&mut self.threads);
        once(&mut self.posts);
        once(&mut self.turns);
        once(&mut self.speakers);
        once(&mut self.openers);
    }
}

fn once<T: Clone + Eq + Hash>(all: &mut Vec<T>) {
    let mut seen = HashSet::with_capacity(all.len());
    all.retain(|one| seen.insert(one.clone()));
}

/// Numbers that a transaction has at hand, if there are so many: enough for most.
const OTHERS_AT_HAND: usize = 64;

/// What is known of a transaction that has begun.
pub(in crate::postgres) struct Start {
    /// By the database's clock.
    pub(in crate::postgres) now: Timestamp,
    /// PostgreSQL's number for it.
    pub(in crate::postgres) id: String,
    /// Whether a commit is on the disk before it returns, if nothing is done about it.
    pub(in crate::postgres) is_durable: bool,
}

/// In one order, whoever asks: nobody who waits for a lock holds one that a waiting other needs.
pub(super) const LOCK: &str = "SELECT pg_advisory_xact_lock(place) FROM
    (SELECT DISTINCT hashtextextended(name, 20260101) AS place FROM unnest($1::text[]) AS name ORDER BY 1) AS places";
pub(super) const TURN_NUMBERS: &str = "SELECT nextval('chathakase.turn_no') FROM generate_series(1, $1)";
pub(super) const OTHER_NUMBERS: &str = "SELECT nextval('chathakase.other_no') FROM generate_series(1, $1)";

const START: Table = Table { name: "transaction", columns: "now, id, durable", key_columns: 0 };
const START_WRITE: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, pg_current_xact_id()::text,
    current_setting('synchronous_commit') <> 'off'";
const START_READ: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, '', TRUE";

/// The threads asked for, and what hangs on them.
macro_rules! of_threads {
    ($columns:expr, $rest:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM unnest($1::text[], $2::text[], $3::bigint[]) AS k (w, c, r)
             JOIN chathakase.thread ON thread.workspace = w AND thread.channel = c AND thread.root = r",
            $rest
        )
    };
}
const THREADS: &str = of_threads!(thread::columns!(), "");
const WAITING: &str =
    of_threads!(turn::columns!(), " JOIN chathakase.turn ON turn.workspace = w AND turn.id = thread.waiting");
const SPEAKERS: &str = concat!(
    person!(),
    " JOIN chathakase.thread ON thread.workspace = person.workspace AND thread.session = person.session
      JOIN unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS k (w, c, r, m)
      ON thread.workspace = w AND thread.channel = c AND thread.root = r AND member = m"
);
const POSTS: &str = concat!(
    "SELECT ",
    post::columns!(),
    " FROM unnest($1::text[], $2::text[], $3::bigint[]) AS k (w, c, t)
     JOIN chathakase.post ON post.workspace = w AND post.channel = c AND post.ts = t"
);
const TURNS: &str = concat!(
    "SELECT ",
    turn::columns!(),
    " FROM unnest($1::text[], $2::bigint[]) AS k (w, n) JOIN chathakase.turn ON turn.workspace = w AND turn.id = n"
);
const PARTS: &str =
    "SELECT workspace, turn, idx, mode, state, ts, hash FROM unnest($1::text[], $2::bigint[]) AS k (w, n)
    JOIN chathakase.part ON part.workspace = w AND part.turn = n ORDER BY turn, idx";

/// What was asked at the start, so that its rows find their way.
enum Asked {
    Locks,
    Start,
    Threads,
    Waiting,
    Speakers,
    Posts,
    Passed,
    Turns,
    Parts,
    TurnNumbers,
    OtherNumbers,
}

impl<'c> Sql<'c> {
    /// Begins a transaction that writes, for so many steps.
    pub(in crate::postgres) fn begin(
        link: &'c Link,
        numbers: &Numbers,
        needs: &Needs,
        steps: usize,
    ) -> Result<(Self, Start)> {
        // Who falls silent in the middle would keep its locks for as long as the server does not notice.
        link.command(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL idle_in_transaction_session_timeout = '30s'",
        )?;
        let wanted = if needs.opens { steps } else { 0 };
        // A step begins one session at most, and stores a text and a name for it.
        let sql = Self::new(link, numbers.take(wanted, OTHERS_AT_HAND.max(wanted * 4)));
        let start = sql.start(true, needs, wanted)?;
        Ok((sql, start))
    }

    /// Begins a transaction that reads, all of one moment, for a second at most.
    pub(in crate::postgres) fn read(link: &'c Link, needs: &Needs) -> Result<(Self, Start)> {
        link.command("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '1s'")?;
        let sql = Self::new(link, super::Lot::default());
        let start = sql.start(false, needs, 0)?;
        Ok((sql, start))
    }

    fn start(&self, writes: bool, needs: &Needs, steps: usize) -> Result<Start> {
        let (what, asks): (Vec<Asked>, Vec<Ask>) = self.asks(writes, needs, steps).into_iter().unzip();
        let given = self.link.query_all(asks)?;
        let mut start = None;
        let mut readable = true;
        for (what, rows) in what.into_iter().zip(given) {
            readable &= self.note(&what, &rows, &mut start)?;
        }
        // A row that cannot be read is there all the same: the step that needs it asks again, and says so.
        if readable {
            self.note_absent(needs);
        }
        start.ok_or_else(|| StoreError::Unavailable { what: "the database gave no time".to_owned(), cause: None })
    }

    fn asks(&self, writes: bool, needs: &Needs, steps: usize) -> Vec<(Asked, Ask)> {
        let mut asks = Vec::new();
        if !needs.places.is_empty() {
            asks.push((Asked::Locks, (LOCK, params![needs.places.clone()])));
        }
        asks.push((Asked::Start, (if writes { START_WRITE } else { START_READ }, Vec::new())));
        if !needs.threads.is_empty() {
            let keys = || {
                let (w, c, r) = columns(needs.threads.iter().map(|k| (&k.workspace, &k.channel, k.root.as_micros())));
                params![w, c, r]
            };
            asks.push((Asked::Threads, (THREADS, keys())));
            if writes {
                asks.push((Asked::Waiting, (WAITING, keys())));
            }
        }
        if !needs.posts.is_empty() {
            let (w, c, t) = columns(needs.posts.iter().map(|n| (&n.workspace, &n.channel, n.ts.as_micros())));
            asks.push((Asked::Posts, (POSTS, params![w, c, t])));
        }
        if !needs.openers.is_empty() {
            let (w, c, r) = columns(needs.openers.iter().map(|(k, _)| (&k.workspace, &k.channel, k.root.as_micros())));
            let after: Vec<i64> = needs.openers.iter().map(|(_, after)| after.as_micros()).collect();
            asks.push((Asked::Passed, (PASSED, params![w, c, r, after, PASSED_MAX])));
        }
        if !needs.turns.is_empty() {
            let keys = || {
                let workspaces: Vec<String> = needs.turns.iter().map(|(w, _)| w.to_string()).collect();
                params![workspaces, needs.turns.iter().map(|(_, id)| int(id.0)).collect::<Vec<i64>>()]
            };
            asks.push((Asked::Turns, (TURNS, keys())));
            asks.push((Asked::Parts, (PARTS, keys())));
        }
        if !needs.speakers.is_empty() {
            let keys = needs.speakers.iter().map(|(k, _)| (&k.workspace, &k.channel, k.root.as_micros()));
            let (w, c, r) = columns(keys);
            let members: Vec<String> = needs.speakers.iter().map(|(_, user)| user.to_string()).collect();
            asks.push((Asked::Speakers, (SPEAKERS, params![w, c, r, members])));
        }
        let lot = self.lot.borrow();
        if lot.turns.len() < steps {
            let blocks = (steps - lot.turns.len()).div_ceil(TURNS_AT_ONCE as usize);
            asks.push((Asked::TurnNumbers, (TURN_NUMBERS, params![blocks])));
        }
        if lot.others.len() < steps * 4 {
            let blocks = (steps * 4 - lot.others.len()).div_ceil(OTHERS_AT_ONCE as usize);
            asks.push((Asked::OtherNumbers, (OTHER_NUMBERS, params![blocks])));
        }
        asks
    }

    /// Notes rows; `false` when one cannot be read.
    fn note(&self, what: &Asked, rows: &[Row], start: &mut Option<Start>) -> Result<bool> {
        let before = rows.len();
        let mut noted = before;
        let mut book = self.book.borrow_mut();
        match what {
            Asked::Locks => {}
            Asked::Start => {
                let read =
                    |cells: Cells<'_>| Ok(Start { now: cells.time(0)?, id: cells.get(1)?, is_durable: cells.flag(2)? });
                *start = all(&START, rows, read)?.pop();
            }
            Asked::Threads => {
                let threads = known(&THREAD, rows, thread::read, &mut noted);
                threads.iter().for_each(|thread| book.know_thread(thread));
            }
            Asked::Waiting | Asked::Turns => {
                for turn in known(&TURN, rows, turn::read, &mut noted) {
                    book.turns.insert(turn.id, Some(turn));
                }
            }
            Asked::Posts => {
                let posts = known(&POST, rows, post::read, &mut noted);
                book.posts.extend(posts.into_iter().map(|(name, post)| (name, Some(post))));
            }
            Asked::Passed => {
                for (of, ts) in all(&POST, rows, post::read_passed)? {
                    book.passed.entry(of).or_default().push(ts);
                }
            }
            Asked::Parts => {
                for (turn, part) in all(&PART, rows, turn::read_part)? {
                    book.parts.entry(turn).or_default().push(part);
                }
            }
            Asked::Speakers => {
                drop(book);
                for named in known(&PERSON, rows, message::read_person, &mut noted) {
                    self.knows_person(named.0, &named.1.clone(), Some(named));
                }
            }
            Asked::TurnNumbers => take_numbers(rows, TURNS_AT_ONCE, &mut self.lot.borrow_mut().turns)?,
            Asked::OtherNumbers => take_numbers(rows, OTHERS_AT_ONCE, &mut self.lot.borrow_mut().others)?,
        }
        Ok(noted == before)
    }

    /// What was asked for and did not come is not there.
    fn note_absent(&self, needs: &Needs) {
        let mut book = self.book.borrow_mut();
        needs.threads.iter().for_each(|key| book.know_no_thread(key));
        for name in &needs.posts {
            book.posts.entry(name.clone()).or_insert(None);
        }
        for of in &needs.openers {
            book.passed.entry(of.clone()).or_default();
        }
        for (workspace, id) in &needs.turns {
            book.homes.insert(*id, workspace.clone());
            book.turns.entry(*id).or_insert(None);
            book.parts.entry(*id).or_default();
        }
        for (key, user) in &needs.speakers {
            if let Some(Some(session)) = book.thread(key).map(|thread| thread.and_then(|thread| thread.session)) {
                book.people.entry((session.no, user.clone())).or_insert(None);
            }
        }
    }
}

/// Rows that can be read, and how many they are.
fn known<T>(table: &'static Table, rows: &[Row], read: impl Fn(Cells<'_>) -> Result<T>, noted: &mut usize) -> Vec<T> {
    let known: Vec<T> = rows.iter().filter_map(|row| read(Cells::new(table, row)).ok()).collect();
    *noted = known.len();
    known
}

fn columns<'a>(
    keys: impl Iterator<Item = (&'a WorkspaceId, &'a ChannelId, i64)>,
) -> (Vec<String>, Vec<String>, Vec<i64>) {
    let (mut workspaces, mut channels, mut moments) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys {
        workspaces.push(key.0.to_string());
        channels.push(key.1.to_string());
        moments.push(key.2);
    }
    (workspaces, channels, moments)
}
