//! What readers ask for. A row that cannot be read is left out and logged.

use std::{cmp::Reverse, collections::BTreeMap};

use chathakase_session::{
    Message, Timestamp, UserId, WorkspaceId,
    store::{Load, Page, Result, Stats},
    turn::TurnId,
};
use rusqlite::params;

use super::{
    Sql, int,
    message::{self, MESSAGE, text},
    thread::{self, THREAD},
};
use crate::{
    rows::{Lists, Thread},
    sqlite::cells::Cells,
    table::Table,
};

const PERSON: Table = Table { name: "person", columns: "session, user, codec, body", key_columns: 2 };
const LOAD: Table = Table { name: "turn", columns: "sessions, running, waiting, messages", key_columns: 0 };
const STATS: Table = Table { name: "thread", columns: "sessions, messages, oldest, newest, people", key_columns: 0 };

fn message_with_text(cells: Cells<'_, '_>) -> Result<Message> {
    Ok(message::read(cells)?.with(text(cells, 14)?))
}

macro_rules! messages {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            message::columns!(),
            ", codec, body FROM message JOIN content ON content.no = message.content WHERE session = ?1 AND ",
            $rest
        )
    };
}

impl Lists for Sql<'_> {
    fn newest(&self, session: u64, hidden: Option<TurnId>, limit: usize) -> Result<Vec<Message>> {
        // `kind` 2 is a command.
        let sql = messages!("kind <> 2 AND turn IS NOT ?2 ORDER BY ts DESC, answer DESC, seq DESC LIMIT ?3");
        let hidden = hidden_turn(hidden);
        let mut newest = self.readable(&MESSAGE, sql, params![session, hidden, int(limit)], message_with_text)?;
        newest.reverse();
        Ok(newest)
    }

    fn first(&self, session: u64, hidden: Option<TurnId>) -> Result<Option<Message>> {
        let sql = messages!("kind <> 2 AND turn IS NOT ?2 ORDER BY ts, answer, seq LIMIT 1");
        Ok(self.readable(&MESSAGE, sql, params![session, hidden_turn(hidden)], message_with_text)?.pop())
    }

    fn messages_after(&self, session: u64, after: u64, limit: usize) -> Result<Vec<Message>> {
        let sql = messages!("seq > ?2 ORDER BY seq LIMIT ?3");
        self.readable(&MESSAGE, sql, params![session, int(after), int(limit)], message_with_text)
    }

    fn people(&self, session: u64) -> Result<BTreeMap<UserId, String>> {
        let sql = "SELECT session, user, codec, body FROM person LEFT JOIN content ON content.no = person.name
                   WHERE session = ?";
        let read = |cells: Cells<'_, '_>| -> Result<(UserId, String)> {
            let user: UserId = cells.id(1)?;
            let name = match cells.get::<Option<i64>>(2)? {
                Some(_) => text(cells, 2)?,
                None => user.as_str().to_owned(),
            };
            Ok((user, name))
        };
        Ok(self.readable(&PERSON, sql, params![session], read)?.into_iter().collect())
    }

    fn page(&self, page: &Page, now: Timestamp) -> Result<Vec<Thread>> {
        macro_rules! page {
            ($and:literal) => {
                concat!(
                    "SELECT ",
                    thread::columns!(),
                    " FROM thread WHERE session IS NOT NULL AND (expires_at IS NULL OR expires_at > ?1)
                     AND users + answers > 0 ",
                    $and,
                    " ORDER BY last_activity DESC, no DESC LIMIT ?2 OFFSET ?3"
                )
            };
        }
        let before = int(page.number.saturating_mul(page.size));
        match &page.workspace {
            Some(workspace) => self.readable(
                &THREAD,
                page!("AND workspace = ?4"),
                params![now.as_millis(), page.size, before, workspace.as_str()],
                thread::read,
            ),
            None => self.readable(&THREAD, page!(""), params![now.as_millis(), page.size, before], thread::read),
        }
    }

    fn joined_since(&self, workspace: &WorkspaceId, since: Timestamp, limit: usize) -> Result<Vec<Thread>> {
        const ACTIVE: &str = concat!(
            "SELECT ",
            thread::columns!(),
            " FROM thread WHERE workspace = ? AND session IS NOT NULL AND joined AND last_activity >= ?
             ORDER BY last_activity DESC, no DESC LIMIT ?"
        );
        const RESTING: &str = concat!(
            "SELECT ",
            thread::columns!(),
            " FROM thread WHERE workspace = ? AND joined AND rested_at >= ? ORDER BY rested_at DESC, no DESC LIMIT ?"
        );
        let mut threads = Vec::new();
        for sql in [ACTIVE, RESTING] {
            let values = params![workspace.as_str(), since.as_millis(), int(limit)];
            threads.extend(self.readable(&THREAD, sql, values, thread::read)?);
        }
        threads.sort_by_key(|thread| Reverse((thread.active_at(), thread.no)));
        threads.truncate(limit);
        Ok(threads)
    }

    fn stats(&self, workspace: Option<&WorkspaceId>, now: Timestamp) -> Result<Stats> {
        let sql = "WITH live AS (SELECT session, created_at, users + answers AS messages FROM thread
                   WHERE session IS NOT NULL AND (expires_at IS NULL OR expires_at > ?1)
                   AND users + answers > 0 AND (?2 IS NULL OR workspace = ?2))
                   SELECT count(*), coalesce(sum(messages), 0), min(created_at), max(created_at),
                   (SELECT count(DISTINCT user) FROM person WHERE session IN (SELECT session FROM live)) FROM live";
        let read = |cells: Cells<'_, '_>| {
            Ok(Stats {
                active_sessions: cells.get(0)?,
                messages: cells.get(1)?,
                participants: cells.get(4)?,
                oldest: cells.time_or_none(2)?,
                newest: cells.time_or_none(3)?,
            })
        };
        let workspace = workspace.map(WorkspaceId::as_str);
        Ok(self.one(&STATS, sql, params![now.as_millis(), workspace], read)?.unwrap_or_default())
    }
}

impl Sql<'_> {
    /// What there is and what waits.
    pub(crate) fn load(&self, sessions_max: u64, now: Timestamp) -> Result<Load> {
        // A session with an open turn does not expire, and each open turn that does not wait behind another one is due some time.
        let sql = "WITH open AS MATERIALIZED (SELECT thread, owner FROM turn WHERE due IS NOT NULL),
                   held AS MATERIALIZED (SELECT waiting, waiting_messages FROM thread WHERE no IN (SELECT thread FROM open))
                   SELECT min(?2, (SELECT count(*) FROM (SELECT 1 FROM thread WHERE expires_at > ?1 LIMIT ?2))
                   + (SELECT count(DISTINCT thread) FROM open)),
                   (SELECT count(*) FROM open WHERE owner IS NOT NULL),
                   (SELECT count(*) FROM open WHERE owner IS NULL)
                   + (SELECT count(*) FROM held JOIN turn ON turn.id = held.waiting WHERE turn.due IS NULL),
                   (SELECT coalesce(sum(waiting_messages), 0) FROM held)";
        let read = |cells: Cells<'_, '_>| {
            Ok(Load {
                active_sessions: cells.get(0)?,
                turns_running: cells.get(1)?,
                turns_waiting: cells.get(2)?,
                messages_waiting: cells.get(3)?,
            })
        };
        Ok(self.one(&LOAD, sql, params![now.as_millis(), sessions_max], read)?.unwrap_or_default())
    }
}

/// The turn to hide as a value: 0 names none, and unlike NULL it is different from "no turn".
fn hidden_turn(hidden: Option<TurnId>) -> u64 {
    hidden.map_or(0, |turn| turn.0)
}
