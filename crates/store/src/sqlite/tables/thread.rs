//! Threads and their sessions.

use chathakase_session::{SlackTs, ThreadKey, Timestamp, store::Result, turn::TurnId};
use rusqlite::params;

use super::{Sql, int};
use crate::{
    rows::{Session, Thread, ThreadRows},
    sqlite::cells::Cells,
    table::Table,
};

macro_rules! columns {
    () => {
        "no, workspace, channel, root, joined, cleared_before, bots_in_row, fence, next_seq, unread, session, created_at, \
         last_activity, expires_at, users, answers, commands, waiting_messages, running, waiting, open, model, \
         joined_from, rested_at, left_out"
    };
}
pub(super) use columns;

pub(super) const THREAD: Table = Table { name: "thread", columns: columns!(), key_columns: 4 };

const NUMBER: Table = Table { name: "thread", columns: "count", key_columns: 0 };

pub(super) fn read(cells: Cells<'_, '_>) -> Result<Thread> {
    let session = |no: u64| -> Result<Session> {
        Ok(Session {
            no,
            created_at: cells.time(11)?,
            last_activity: cells.time(12)?,
            expires_at: cells.time_or_none(13)?,
            users: cells.get(14)?,
            answers: cells.get(15)?,
            commands: cells.get(16)?,
            waiting_messages: cells.get(17)?,
            running: cells.get::<Option<u64>>(18)?.map(TurnId),
            waiting: cells.get::<Option<u64>>(19)?.map(TurnId),
            open: cells.get(20)?,
            model: cells.get(21)?,
            left_out: cells.get(24)?,
        })
    };
    Ok(Thread {
        no: cells.get(0)?,
        key: ThreadKey { workspace: cells.id(1)?, channel: cells.id(2)?, root: cells.ts(3)? },
        joined: cells.flag(4)?,
        cleared_before: cells.ts_or_none(5)?,
        bots_in_row: cells.get(6)?,
        fence: cells.get(7)?,
        next_seq: cells.get(8)?,
        unread: cells.flag(9)?,
        joined_from: cells.ts_or_none(22)?,
        rested_at: cells.time_or_none(23)?,
        session: cells.get::<Option<u64>>(10)?.map(session).transpose()?,
    })
}

impl ThreadRows for Sql<'_> {
    fn thread(&self, key: &ThreadKey) -> Result<Option<Thread>> {
        let sql = concat!("SELECT ", columns!(), " FROM thread WHERE workspace = ? AND channel = ? AND root = ?");
        self.one(&THREAD, sql, params![key.workspace.as_str(), key.channel.as_str(), key.root.as_micros()], read)
    }

    fn thread_no(&self, no: u64) -> Result<Option<Thread>> {
        self.one(&THREAD, concat!("SELECT ", columns!(), " FROM thread WHERE no = ?"), params![no], read)
    }

    fn thread_of(&self, turn: TurnId) -> Result<Option<Thread>> {
        let sql = concat!("SELECT ", columns!(), " FROM thread WHERE no = (SELECT thread FROM turn WHERE id = ?)");
        self.one(&THREAD, sql, params![turn.0], read)
    }

    fn add_thread(&mut self, key: &ThreadKey) -> Result<Thread> {
        let sql = "INSERT INTO thread (workspace, channel, root, joined, bots_in_row, fence, next_seq, unread)
                   VALUES (?, ?, ?, 0, 0, 0, 1, 1)";
        self.run(sql, params![key.workspace.as_str(), key.channel.as_str(), key.root.as_micros()])?;
        Ok(Thread::unknown(self.conn.last_insert_rowid().unsigned_abs(), key))
    }

    fn save_thread(&mut self, thread: &Thread) -> Result<()> {
        let sql =
            "UPDATE thread SET joined = ?, cleared_before = ?, bots_in_row = ?, fence = ?, next_seq = ?, unread = ?,
                   session = ?, created_at = ?, last_activity = ?, expires_at = ?, users = ?, answers = ?, commands = ?,
                   waiting_messages = ?, running = ?, waiting = ?, open = ?, model = ?, joined_from = ?, rested_at = ?,
                   left_out = ? WHERE no = ?";
        let session = thread.session.as_ref();
        self.run(
            sql,
            params![
                thread.joined,
                thread.cleared_before.map(SlackTs::as_micros),
                thread.bots_in_row,
                thread.fence,
                thread.next_seq,
                thread.unread,
                session.map(|s| s.no),
                session.map(|s| s.created_at.as_millis()),
                session.map(|s| s.last_activity.as_millis()),
                session.and_then(|s| s.expires_at).map(Timestamp::as_millis),
                session.map(|s| s.users),
                session.map(|s| s.answers),
                session.map(|s| s.commands),
                session.map(|s| s.waiting_messages),
                session.and_then(|s| s.running).map(|turn| turn.0),
                session.and_then(|s| s.waiting).map(|turn| turn.0),
                session.map(|s| s.open),
                session.and_then(|s| s.model.as_deref()),
                thread.joined_from.map(SlackTs::as_micros),
                thread.rested_at.map(Timestamp::as_millis),
                session.map_or(0, |s| s.left_out),
                thread.no,
            ],
        )?;
        Ok(())
    }

    fn due_threads(&self, now: Timestamp, limit: usize) -> Result<Vec<Thread>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM thread WHERE expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at, no LIMIT ?"
        );
        self.readable(&THREAD, sql, params![now.as_millis(), int(limit)], read)
    }

    fn sessions_held(&self, up_to: usize) -> Result<usize> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM thread WHERE session IS NOT NULL LIMIT ?)";
        Ok(self.one(&NUMBER, sql, params![int(up_to)], |cells| cells.get(0))?.unwrap_or(0))
    }

    fn next_session(&mut self) -> u64 {
        let next = self.state.last_session.get() + 1;
        self.state.last_session.set(next);
        next
    }

    fn discard_session(&mut self, session: u64, thread: &Thread, at: Timestamp) -> Result<()> {
        self.state.discarded.set(true);
        let sql = "INSERT INTO discarded (session, thread, at) VALUES (?, ?, ?)";
        self.run(sql, params![session, thread.no, at.as_millis()])?;
        Ok(())
    }

    fn purge(&mut self, limit: usize) -> Result<bool> {
        let sql = "SELECT session, thread, at FROM discarded ORDER BY session LIMIT 1";
        const DISCARDED: Table = Table { name: "discarded", columns: "session, thread, at", key_columns: 1 };
        let read = |cells: Cells<'_, '_>| Ok((cells.get(0)?, cells.get(1)?, cells.get(2)?));
        let Some((session, thread, at)) = self.one::<(u64, u64, i64)>(&DISCARDED, sql, [], read)? else {
            self.state.discarded.set(false);
            return Ok(false);
        };
        self.state.erased.set(true);
        if !self.purge_messages(session, thread, at, limit)? {
            self.purge_people(session)?;
            self.purge_turns(session)?;
            self.run("DELETE FROM discarded WHERE session = ?", params![session])?;
        }
        Ok(true)
    }
}
