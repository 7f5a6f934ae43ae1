//! The floor: the statements of one `receive` of context, with the same rows, batches and savepoints, and nothing of ours
//! around them. A step cannot be cheaper than this on the same file.

use std::path::Path;

use rusqlite::{Connection, params};

const SELECT_POST: &str =
    "SELECT workspace, channel, ts, asked, edited_ts, place, thread, session, seq, gone_at FROM post
    WHERE workspace = ? AND channel = ? AND ts = ?";
const SELECT_THREAD: &str = "SELECT no, workspace, channel, root, joined, cleared_before, bots_in_row, fence, next_seq,
    unread, session, created_at, last_activity, expires_at, users, answers, commands, waiting_messages, running, waiting,
    open, model FROM thread WHERE workspace = ? AND channel = ? AND root = ?";
const INSERT_CONTENT: &str = "INSERT INTO content (codec, body) VALUES (?, ?)";
const INSERT_MESSAGE: &str =
    "INSERT INTO message (session, seq, ts, answer, role, kind, author, team, turn, content, bytes,
    ending, tokens, at) VALUES (?, ?, ?, 0, 0, 1, ?, ?, NULL, ?, ?, 0, NULL, ?)";
const PUT_POST: &str =
    "INSERT INTO post (workspace, channel, ts, asked, edited_ts, place, thread, session, seq, gone_at)
    VALUES (?, ?, ?, 0, NULL, 0, ?, ?, ?, NULL)
    ON CONFLICT DO UPDATE SET asked = excluded.asked, edited_ts = excluded.edited_ts, place = excluded.place,
    thread = excluded.thread, session = excluded.session, seq = excluded.seq, gone_at = excluded.gone_at";
const SELECT_PERSON: &str = "SELECT session, user, name, messages FROM person WHERE session = ? AND user = ?";
const SELECT_CONTENT: &str = "SELECT no, codec, body FROM content WHERE no = ? AND body IS NOT NULL";
const PUT_PERSON: &str = "INSERT INTO person (session, user, name, messages) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET name = excluded.name, messages = excluded.messages";
const UPDATE_THREAD: &str =
    "UPDATE thread SET joined = ?, cleared_before = ?, bots_in_row = ?, fence = ?, next_seq = ?,
    unread = ?, session = ?, created_at = ?, last_activity = ?, expires_at = ?, users = ?, answers = ?, commands = ?,
    waiting_messages = ?, running = ?, waiting = ?, open = ?, model = ? WHERE no = ?";

/// One post to be stored.
pub(crate) struct Post<'a> {
    pub(crate) workspace: &'a str,
    pub(crate) channel: &'a str,
    pub(crate) root: i64,
    pub(crate) ts: i64,
    pub(crate) author: &'a str,
    pub(crate) text: &'a str,
    pub(crate) now: i64,
}

/// What the store sets on its own connection, of what costs time. The length of the write-ahead log belongs to it: while the
/// log still grows, each commit waits for the file's new length too.
const SETTINGS: [(&str, &str); 6] = [
    ("synchronous", "FULL"),
    ("foreign_keys", "ON"),
    ("secure_delete", "ON"),
    ("temp_store", "MEMORY"),
    ("mmap_size", "0"),
    ("wal_autocheckpoint", "4000"),
];

/// Opens a file that the store made, with the store's settings.
pub(crate) fn open(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.set_prepared_statement_cache_capacity(128);
    for (pragma, value) in SETTINGS {
        conn.pragma_update(None, pragma, value).unwrap();
    }
    conn
}

/// Stores posts in one transaction.
pub(crate) fn batch<'a>(conn: &Connection, posts: impl Iterator<Item = Post<'a>>) {
    let run = |sql: &str| conn.prepare_cached(sql).unwrap().execute([]).unwrap();
    run("BEGIN IMMEDIATE");
    for post in posts {
        run("SAVEPOINT step");
        store(conn, &post).unwrap();
        run("RELEASE step");
    }
    run("COMMIT");
}

fn store(conn: &Connection, post: &Post<'_>) -> rusqlite::Result<()> {
    let mut known = conn.prepare_cached(SELECT_POST)?;
    assert!(known.query(params![post.workspace, post.channel, post.ts])?.next()?.is_none());
    // Read as a row is read: every column, the texts copied.
    let thread: Row =
        conn.prepare_cached(SELECT_THREAD)?.query_row(params![post.workspace, post.channel, post.root], |row| {
            let texts = (row.get::<_, String>(1)?, row.get::<_, String>(2)?);
            let numbers =
                [0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20].map(|column| row.get(column));
            Ok((texts, numbers, row.get::<_, Option<String>>(21)?))
        })?;
    let number = |column: usize| thread.1[column].as_ref().ok().copied().flatten();
    let (no, seq, session) = (number(0), number(6), number(8));
    conn.prepare_cached(INSERT_CONTENT)?.execute(params![0, post.text.as_bytes()])?;
    let content = conn.last_insert_rowid();
    conn.prepare_cached(INSERT_MESSAGE)?.execute(params![
        session,
        seq,
        post.ts,
        post.author,
        post.workspace,
        content,
        post.text.len(),
        post.now
    ])?;
    conn.prepare_cached(PUT_POST)?.execute(params![post.workspace, post.channel, post.ts, no, session, seq])?;
    let person: (i64, i64) = conn
        .prepare_cached(SELECT_PERSON)?
        .query_row(params![session, post.author], |row| Ok((row.get(2)?, row.get(3)?)))?;
    let name: Vec<u8> = conn.prepare_cached(SELECT_CONTENT)?.query_row(params![person.0], |row| row.get(2))?;
    assert!(!name.is_empty());
    conn.prepare_cached(PUT_PERSON)?.execute(params![session, post.author, person.0, person.1 + 1])?;
    conn.prepare_cached(UPDATE_THREAD)?.execute(params![
        number(2),
        number(3),
        number(4),
        number(5),
        seq.map(|seq| seq + 1),
        number(7),
        session,
        number(9),
        post.now,
        post.now + 3_600_000,
        number(12).map(|users| users + 1),
        number(13),
        number(14),
        number(15),
        number(16),
        number(17),
        number(18),
        thread.2,
        no
    ])?;
    Ok(())
}

type Row = ((String, String), [rusqlite::Result<Option<i64>>; 19], Option<String>);
