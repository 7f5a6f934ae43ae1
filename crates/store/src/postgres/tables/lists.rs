//! What readers ask for. A row that cannot be read is left out and logged.

use std::{cmp::Reverse, collections::BTreeMap};

use chathakase_session::{
    Message, Timestamp, UserId, WorkspaceId,
    store::{Load, Page, Result, Stats},
    turn::TurnId,
};
use tokio_postgres::Row;

use super::{
    Cells, Param, Sql,
    message::{self, MESSAGE, PERSON, person, text},
    params, readable,
    thread::{self, THREAD},
};
use crate::{
    rows::{Lists, Thread},
    table::Table,
};

const STATS: Table = Table { name: "thread", columns: "sessions, messages, oldest, newest, people", key_columns: 0 };

/// Whoever asks for the newest messages of a session asks for its first and its people next: all three are asked at once.
pub(super) struct Ahead {
    session: u64,
    hidden: Option<TurnId>,
    first: Vec<Row>,
    people: Vec<Row>,
}

fn message_with_text(cells: Cells<'_>) -> Result<Message> {
    Ok(message::read(cells)?.with(text(cells, 15)?))
}

fn named(cells: Cells<'_>) -> Result<(UserId, String)> {
    let user: UserId = cells.id(2)?;
    let name = match cells.get::<Option<i16>>(5)? {
        Some(_) => text(cells, 5)?,
        None => user.as_str().to_owned(),
    };
    Ok((user, name))
}

macro_rules! messages {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            message::columns!(),
            ", codec, body FROM chathakase.message JOIN chathakase.content
             ON content.workspace = message.workspace AND content.no = message.content
             WHERE message.workspace = $1 AND session = $2 AND ",
            $rest
        )
    };
}

// `kind` 2 is a command.
const NEWEST: &str =
    messages!("kind <> 2 AND turn IS DISTINCT FROM $3 ORDER BY ts DESC, answer DESC, seq DESC LIMIT $4");
const FIRST: &str = messages!("kind <> 2 AND turn IS DISTINCT FROM $3 ORDER BY ts, answer, seq LIMIT 1");
const PEOPLE: &str = concat!(person!(), " WHERE person.workspace = $1 AND session = $2");

/// The turn to hide as a value: 0 names none, and unlike NULL it is different from "no turn".
fn hidden_turn(hidden: Option<TurnId>) -> Param {
    hidden.map_or(0, |turn| turn.0).into()
}

const LOAD: Table = Table { name: "turn", columns: "sessions, running, waiting, messages", key_columns: 0 };

impl Sql<'_> {
    /// What there is and what waits.
    pub(in crate::postgres) fn load(&self, sessions_max: u64, now: Timestamp) -> Result<Load> {
        // A session with an open turn does not expire, and each open turn that does not wait behind another one is due some time.
        let sql =
            "WITH open AS MATERIALIZED (SELECT workspace, thread, owner FROM chathakase.turn WHERE due IS NOT NULL),
                   held AS MATERIALIZED (SELECT thread.workspace, waiting, waiting_messages FROM chathakase.thread
                    JOIN (SELECT DISTINCT workspace, thread FROM open) AS busy
                    ON thread.workspace = busy.workspace AND thread.no = busy.thread)
                   SELECT least($2, (SELECT count(*) FROM (SELECT 1 FROM chathakase.thread WHERE expires_at > $1 LIMIT $2) AS live)
                   + (SELECT count(*) FROM held)),
                   (SELECT count(*) FROM open WHERE owner IS NOT NULL),
                   (SELECT count(*) FROM open WHERE owner IS NULL) + (SELECT count(*) FROM held JOIN chathakase.turn
                    ON turn.workspace = held.workspace AND turn.id = held.waiting WHERE turn.due IS NULL),
                   (SELECT coalesce(sum(waiting_messages), 0)::bigint FROM held)";
        let read = |cells: Cells<'_>| {
            Ok(Load {
                active_sessions: cells.count(0)?,
                turns_running: cells.count(1)?,
                turns_waiting: cells.count(2)?,
                messages_waiting: cells.count(3)?,
            })
        };
        Ok(self.one(&LOAD, sql, params![now, sessions_max], read)?.unwrap_or_default())
    }
}

impl Lists for Sql<'_> {
    fn newest(&self, session: u64, hidden: Option<TurnId>, limit: usize) -> Result<Vec<Message>> {
        let mut given = self.link.query_all(vec![
            (NEWEST, self.of(session, vec![hidden_turn(hidden), limit.into()])),
            (FIRST, self.of(session, vec![hidden_turn(hidden)])),
            (PEOPLE, self.of(session, Vec::new())),
        ])?;
        let (people, first) = (given.pop().unwrap_or_default(), given.pop().unwrap_or_default());
        let mut newest = readable(&MESSAGE, &given.pop().unwrap_or_default(), message_with_text)?;
        self.ahead.replace(Some(Ahead { session, hidden, first, people }));
        newest.reverse();
        Ok(newest)
    }

    fn first(&self, session: u64, hidden: Option<TurnId>) -> Result<Option<Message>> {
        if let Some(ahead) = &*self.ahead.borrow()
            && (ahead.session, ahead.hidden) == (session, hidden)
        {
            return Ok(readable(&MESSAGE, &ahead.first, message_with_text)?.pop());
        }
        let values = self.of(session, vec![hidden_turn(hidden)]);
        Ok(self.readable(&MESSAGE, FIRST, values, message_with_text)?.pop())
    }

    fn messages_after(&self, session: u64, after: u64, limit: usize) -> Result<Vec<Message>> {
        let sql = messages!("seq > $3 ORDER BY seq LIMIT $4");
        self.readable(&MESSAGE, sql, self.of(session, params![after, limit]), message_with_text)
    }

    fn people(&self, session: u64) -> Result<BTreeMap<UserId, String>> {
        if let Some(ahead) = self.ahead.borrow_mut().take_if(|ahead| ahead.session == session) {
            return Ok(readable(&PERSON, &ahead.people, named)?.into_iter().collect());
        }
        if let Some(home) = self.book.borrow().sessions.get(&session) {
            self.enter(home);
        }
        Ok(self.readable(&PERSON, PEOPLE, self.of(session, Vec::new()), named)?.into_iter().collect())
    }

    fn page(&self, page: &Page, now: Timestamp) -> Result<Vec<Thread>> {
        macro_rules! page {
            ($and:literal) => {
                concat!(
                    "SELECT ",
                    thread::columns!(),
                    " FROM chathakase.thread WHERE session IS NOT NULL AND (expires_at IS NULL OR expires_at > $1)
                     AND users + answers > 0 ",
                    $and,
                    " ORDER BY last_activity DESC, no DESC LIMIT $2 OFFSET $3"
                )
            };
        }
        let before = page.number.saturating_mul(page.size);
        let mut values = params![now, page.size, before];
        let sql = match &page.workspace {
            Some(workspace) => {
                values.push(workspace.as_str().into());
                page!("AND workspace = $4")
            }
            None => page!(""),
        };
        let threads = self.readable(&THREAD, sql, values, thread::read)?;
        // Whoever wants a page asks for the people of each session next, and these are of any workspace.
        let mut book = self.book.borrow_mut();
        for (thread, session) in threads.iter().filter_map(|thread| Some((thread, thread.session.as_ref()?))) {
            book.sessions.insert(session.no, thread.key.workspace.clone());
        }
        Ok(threads)
    }

    fn joined_since(&self, workspace: &WorkspaceId, since: Timestamp, limit: usize) -> Result<Vec<Thread>> {
        const ACTIVE: &str = concat!(
            "SELECT ",
            thread::columns!(),
            " FROM chathakase.thread WHERE workspace = $1 AND session IS NOT NULL AND joined AND last_activity >= $2
             ORDER BY last_activity DESC, no DESC LIMIT $3"
        );
        const RESTING: &str = concat!(
            "SELECT ",
            thread::columns!(),
            " FROM chathakase.thread WHERE workspace = $1 AND joined AND rested_at >= $2
             ORDER BY rested_at DESC, no DESC LIMIT $3"
        );
        let values = || params![workspace.as_str(), since, limit];
        let given = self.link.query_all(vec![(ACTIVE, values()), (RESTING, values())])?;
        let mut threads = Vec::new();
        for rows in given {
            threads.extend(readable(&THREAD, &rows, thread::read)?);
        }
        threads.sort_by_key(|thread| Reverse((thread.active_at(), thread.no)));
        threads.truncate(limit);
        Ok(threads)
    }

    fn stats(&self, workspace: Option<&WorkspaceId>, now: Timestamp) -> Result<Stats> {
        let sql = "WITH live AS (SELECT workspace, session, created_at, users + answers AS messages
                   FROM chathakase.thread WHERE session IS NOT NULL AND (expires_at IS NULL OR expires_at > $1)
                   AND users + answers > 0 AND ($2::text IS NULL OR workspace = $2))
                   SELECT count(*), coalesce(sum(messages), 0)::bigint, min(created_at), max(created_at),
                   (SELECT count(DISTINCT member) FROM chathakase.person JOIN live
                    ON person.workspace = live.workspace AND person.session = live.session) FROM live";
        let read = |cells: Cells<'_>| {
            Ok(Stats {
                active_sessions: cells.count(0)?,
                messages: cells.count(1)?,
                participants: cells.count(4)?,
                oldest: cells.time_or_none(2)?,
                newest: cells.time_or_none(3)?,
            })
        };
        let workspace = workspace.map(WorkspaceId::as_str);
        Ok(self.one(&STATS, sql, params![now, workspace], read)?.unwrap_or_default())
    }
}
