//! Threads and their sessions.

use chathakase_session::{ThreadKey, Timestamp, store::Result, turn::TurnId};

use super::{Cells, Sql, int, params, start::place};
use crate::{
    postgres::param::foreign,
    rows::{Session, Thread, ThreadRows},
    table::Table,
};

macro_rules! columns {
    () => {
        "thread.workspace, thread.channel, root, no, joined, cleared_before, bots_in_row, fence, next_seq, unread, session, \
         created_at, last_activity, expires_at, users, answers, commands, waiting_messages, running, waiting, open, model, \
         joined_from, rested_at, left_out"
    };
}
pub(super) use columns;

pub(super) const THREAD: Table = Table { name: "thread", columns: columns!(), key_columns: 3 };
const NUMBER: Table = Table { name: "thread", columns: "count", key_columns: 0 };
const DISCARDED: Table = Table { name: "discarded", columns: "workspace, session, channel, at", key_columns: 2 };

pub(super) fn read(cells: Cells<'_>) -> Result<Thread> {
    let session = |no: u64| -> Result<Session> {
        Ok(Session {
            no,
            created_at: cells.time(11)?,
            last_activity: cells.time(12)?,
            expires_at: cells.time_or_none(13)?,
            users: cells.count(14)?,
            answers: cells.count(15)?,
            commands: cells.count(16)?,
            waiting_messages: cells.count(17)?,
            running: cells.count_or_none(18)?.map(TurnId),
            waiting: cells.count_or_none(19)?.map(TurnId),
            open: cells.count(20)?,
            left_out: cells.count_or_none(24)?.unwrap_or(0),
            model: cells.get(21)?,
        })
    };
    Ok(Thread {
        key: ThreadKey { workspace: cells.id(0)?, channel: cells.id(1)?, root: cells.ts(2)? },
        no: cells.count(3)?,
        joined: cells.flag(4)?,
        joined_from: cells.ts_or_none(22)?,
        rested_at: cells.time_or_none(23)?,
        cleared_before: cells.ts_or_none(5)?,
        bots_in_row: cells.count(6)?,
        fence: cells.count(7)?,
        next_seq: cells.count(8)?,
        unread: cells.flag(9)?,
        session: cells.count_or_none(10)?.map(session).transpose()?,
    })
}

impl ThreadRows for Sql<'_> {
    fn thread(&self, key: &ThreadKey) -> Result<Option<Thread>> {
        self.enter(&key.workspace);
        if let Some(known) = self.book.borrow().thread(key) {
            return Ok(known);
        }
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM chathakase.thread WHERE workspace = $1 AND channel = $2 AND root = $3"
        );
        let thread = self.one(&THREAD, sql, params![key.workspace.as_str(), key.channel.as_str(), key.root], read)?;
        match &thread {
            Some(thread) => self.book.borrow_mut().know_thread(thread),
            None => self.book.borrow_mut().know_no_thread(key),
        }
        Ok(thread)
    }

    fn thread_no(&self, no: u64) -> Result<Option<Thread>> {
        if let Some(known) = self.book.borrow().thread_no(no) {
            return Ok(Some(known));
        }
        let sql = concat!("SELECT ", columns!(), " FROM chathakase.thread WHERE workspace = $1 AND no = $2");
        let thread = self.one(&THREAD, sql, vec![self.workspace(), no.into()], read)?;
        if let Some(thread) = &thread {
            self.book.borrow_mut().know_thread(thread);
        }
        Ok(thread)
    }

    fn thread_of(&self, turn: TurnId) -> Result<Option<Thread>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM chathakase.thread WHERE workspace = $1
             AND no = (SELECT thread FROM chathakase.turn WHERE workspace = $1 AND id = $2)"
        );
        let thread = self.one(&THREAD, sql, vec![self.home(turn), turn.0.into()], read)?;
        if let Some(thread) = &thread {
            self.book.borrow_mut().know_thread(thread);
        }
        Ok(thread)
    }

    fn add_thread(&mut self, key: &ThreadKey) -> Result<Thread> {
        let thread = Thread::unknown(self.number()?, key);
        let sql =
            "INSERT INTO chathakase.thread (workspace, channel, root, no, joined, bots_in_row, fence, next_seq, unread)
                   VALUES ($1, $2, $3, $4, FALSE, 0, 0, 1, TRUE)";
        self.run(sql, params![key.workspace.as_str(), key.channel.as_str(), key.root, thread.no])?;
        self.book.borrow_mut().know_thread(&thread);
        Ok(thread)
    }

    fn save_thread(&mut self, thread: &Thread) -> Result<()> {
        let sql = "UPDATE chathakase.thread SET joined = $4, cleared_before = $5, bots_in_row = $6, fence = $7,
                   next_seq = $8, unread = $9, session = $10, created_at = $11, last_activity = $12, expires_at = $13,
                   users = $14, answers = $15, commands = $16, waiting_messages = $17, running = $18, waiting = $19,
                   open = $20, model = $21, joined_from = $22, rested_at = $23, left_out = $24 WHERE workspace = $1 AND channel = $2 AND root = $3";
        let Thread { key, session, .. } = thread;
        let session = session.as_ref();
        let params = params![
            key.workspace.as_str(),
            key.channel.as_str(),
            key.root,
            thread.joined,
            thread.cleared_before,
            thread.bots_in_row,
            thread.fence,
            thread.next_seq,
            thread.unread,
            session.map(|s| s.no),
            session.map(|s| s.created_at),
            session.map(|s| s.last_activity),
            session.and_then(|s| s.expires_at),
            session.map(|s| s.users),
            session.map(|s| s.answers),
            session.map(|s| s.commands),
            session.map(|s| s.waiting_messages),
            session.and_then(|s| s.running).map(|turn| turn.0),
            session.and_then(|s| s.waiting).map(|turn| turn.0),
            session.map(|s| s.open),
            foreign(session.and_then(|s| s.model.as_deref())),
            thread.joined_from,
            thread.rested_at,
            session.map(|s| s.left_out),
        ];
        self.run(sql, params)?;
        self.book.borrow_mut().know_thread(thread);
        Ok(())
    }

    fn due_threads(&self, now: Timestamp, limit: usize) -> Result<Vec<Thread>> {
        // Found, locked, and looked at again: another process may have been faster.
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM chathakase.thread WHERE expires_at IS NOT NULL AND expires_at <= $1 ORDER BY expires_at, no LIMIT $2"
        );
        let found = self.readable(&THREAD, sql, params![now, limit], read)?;
        self.lock(found.iter().map(|thread| place(&thread.key.workspace, &thread.key.channel)).collect())?;
        let workspaces: Vec<String> = found.iter().map(|thread| thread.key.workspace.to_string()).collect();
        let numbers: Vec<i64> = found.iter().map(|thread| int(thread.no)).collect();
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM unnest($1::text[], $2::bigint[]) AS k (w, n)
             JOIN chathakase.thread ON thread.workspace = w AND thread.no = n
             WHERE expires_at <= $3 ORDER BY expires_at, no"
        );
        self.readable(&THREAD, sql, params![workspaces, numbers, now], read)
    }

    fn sessions_held(&self, up_to: usize) -> Result<usize> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM chathakase.thread WHERE session IS NOT NULL LIMIT $1) AS held";
        Ok(self.one(&NUMBER, sql, params![up_to], |cells| cells.count(0))?.unwrap_or(0))
    }

    fn next_session(&mut self) -> u64 {
        let session = self.surely(self.number());
        self.book.borrow_mut().fresh.insert(session);
        session
    }

    fn discard_session(&mut self, session: u64, thread: &Thread, at: Timestamp) -> Result<()> {
        self.discarded.set(true);
        let sql = "INSERT INTO chathakase.discarded (workspace, session, channel, at) VALUES ($1, $2, $3, $4)";
        self.run(sql, params![thread.key.workspace.as_str(), session, thread.key.channel.as_str(), at])
    }

    /// Takes the channel's lock, so it is a transaction of its own.
    fn purge(&mut self, limit: usize) -> Result<bool> {
        let oldest = "SELECT workspace, session, channel, at FROM chathakase.discarded ORDER BY at, session LIMIT 1";
        let read = |cells: Cells<'_>| Ok((cells.get(0)?, cells.count(1)?, cells.get(2)?, cells.get(3)?));
        let found = self.one::<(String, u64, String, i64)>(&DISCARDED, oldest, Vec::new(), read)?;
        let Some((workspace, session, channel, at)) = found else { return Ok(false) };
        self.lock(vec![format!("{workspace}/{channel}")])?;
        self.workspace.replace(workspace.clone());
        if !self.purge_messages(session, &channel, at, limit)? {
            self.purge_people(session)?;
            self.purge_turns(session)?;
            let sql = "DELETE FROM chathakase.discarded WHERE workspace = $1 AND session = $2";
            self.run(sql, params![&*workspace, session])?;
        }
        Ok(true)
    }
}
