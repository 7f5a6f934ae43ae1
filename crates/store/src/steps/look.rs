//! What readers ask for.

use chathakase_session::{
    Message, ThreadKey, Timestamp, WorkspaceId,
    store::{Count, History, Page, Result, SessionInfo, ThreadMark},
    turn::TurnId,
};

use super::aside;
use crate::rows::{Lists, Rows, Session, Thread};

/// Sessions on a page, at most.
const PAGE_MAX: usize = 100;

pub(crate) fn mark(rows: &impl Rows, key: &ThreadKey, now: Timestamp) -> Result<ThreadMark> {
    let Some(thread) = rows.thread(key)? else { return Ok(ThreadMark::default()) };
    let waiting = match thread.live(now).and_then(|live| live.waiting) {
        Some(turn) => aside::readable(rows, turn)?,
        None => None,
    };
    Ok(ThreadMark {
        joined: thread.joined,
        active: thread.live(now).is_some(),
        joined_from: thread.joined_from,
        cleared_before: thread.cleared_before,
        bots_in_row: thread.bots_in_row,
        waiting_from: waiting.map(|turn| turn.first_ts),
    })
}

pub(crate) fn session(rows: &impl Lists, key: &ThreadKey, now: Timestamp) -> Result<Option<SessionInfo>> {
    let Some(thread) = rows.thread(key)? else { return Ok(None) };
    thread.live(now).map(|session| info(rows, &thread.key, session)).transpose()
}

fn info(rows: &impl Lists, key: &ThreadKey, session: &Session) -> Result<SessionInfo> {
    Ok(SessionInfo {
        key: key.clone(),
        people: rows.people(session.no)?,
        user_messages: session.users,
        assistant_messages: session.answers,
        created_at: session.created_at,
        last_activity: session.last_activity,
        expires_at: session.expires_at,
        waiting: session.waiting_messages,
        model: session.model.clone(),
    })
}

pub(crate) fn sessions(rows: &impl Lists, page: &Page, now: Timestamp) -> Result<Vec<SessionInfo>> {
    let page = Page { size: page.size.clamp(1, PAGE_MAX), ..page.clone() };
    let mut infos = Vec::with_capacity(page.size);
    for thread in rows.page(&page, now)? {
        if let Some(session) = &thread.session {
            infos.push(info(rows, &thread.key, session)?);
        }
    }
    Ok(infos)
}

pub(crate) fn joined_since(
    rows: &impl Lists,
    workspace: &WorkspaceId,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<ThreadKey>> {
    Ok(rows.joined_since(workspace, since, limit)?.into_iter().map(|thread| thread.key).collect())
}

pub(crate) fn history(
    rows: &impl Lists,
    key: &ThreadKey,
    turn: Option<TurnId>,
    limit: usize,
    now: Timestamp,
) -> Result<History> {
    let thread = rows.thread(key)?;
    thread.map_or(Ok(History::default()), |thread| history_of(rows, &thread, turn, limit, now))
}

pub(crate) fn history_of(
    rows: &impl Lists,
    thread: &Thread,
    turn: Option<TurnId>,
    limit: usize,
    now: Timestamp,
) -> Result<History> {
    let Some(session) = thread.live(now) else { return Ok(History::default()) };
    let hidden = session.waiting.filter(|waiting| turn != Some(*waiting));
    let mut newest = rows.newest(session.no, hidden, limit)?;
    // What cannot be read is in no list: that a turn's questions are missing for that must be found out here.
    let is_shown = |turn: TurnId| newest.len() < limit && newest.iter().any(|message| message.turn == Some(turn));
    if let Some(turn) = turn.filter(|turn| !is_shown(*turn)) {
        put_questions_behind(rows, session, turn, &mut newest, limit)?;
    }
    let first = rows.first(session.no, hidden)?.filter(|first| newest.iter().all(|message| message.seq != first.seq));
    let shown = newest.len() as u64 + u64::from(first.is_some());
    let left_out = session.visible(hidden).saturating_sub(shown) + session.left_out;
    Ok(History { newest, first, left_out, people: rows.people(session.no)? })
}

/// Puts the newest questions of a turn, up to `limit`, behind all others, unless they are there already: such that arrived late, or were
/// read, may have more behind them than is shown.
fn put_questions_behind(
    rows: &impl Lists,
    session: &Session,
    turn: TurnId,
    shown: &mut Vec<Message>,
    limit: usize,
) -> Result<()> {
    let Some(turn) = rows.turn(turn)?.filter(|turn| turn.session == session.no) else { return Ok(()) };
    let mut asked = rows.messages_of(session.no, turn.id, turn.first_seq)?;
    asked.sort_by_key(|row| row.ts);
    asked.drain(..asked.len().saturating_sub(limit));
    if asked.iter().all(|row| shown.iter().any(|message| message.seq == row.seq)) {
        return Ok(());
    }
    shown.retain(|message| asked.iter().all(|row| row.seq != message.seq));
    for row in asked {
        let text = rows.content(row.content)?.and_then(|packed| packed.text().ok());
        shown.extend(text.map(|text| row.with(text)));
    }
    Ok(())
}

pub(crate) fn messages(
    rows: &impl Lists,
    key: &ThreadKey,
    after: u64,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Message>> {
    let Some(thread) = rows.thread(key)? else { return Ok(Vec::new()) };
    thread.live(now).map_or(Ok(Vec::new()), |session| rows.messages_after(session.no, after, limit))
}

/// Remembers how many tokens messages have. Without a session there is nothing to remember it by.
pub(crate) fn counted(rows: &mut impl Rows, key: &ThreadKey, counts: &[Count]) -> Result<()> {
    let Some(session) = rows.thread(key)?.and_then(|thread| thread.session) else { return Ok(()) };
    counts.iter().try_for_each(|count| rows.save_tokens(session.no, *count))
}
