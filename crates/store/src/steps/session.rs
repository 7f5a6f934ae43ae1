//! How a session begins, changes and ends, and how messages enter and leave it.

use chathakase_session::{
    Kind, Role, SlackTs, Timestamp, UserId,
    store::{Result, Rules},
    turn::{TurnId, TurnState},
};

use super::{Incoming, aside};
use crate::{
    codec::Packed,
    rows::{MessageRow, Person, Place, Post, PostName, Rows, Session, Thread, TurnRow},
};

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its time is over: what was said may be read back from Slack.
    Expired,
    /// Nothing is left in it.
    Emptied,
}

/// Sees to it that the thread has a live session for a message that came, or asked, at `ts`; `true` when it begins with it.
pub(crate) fn ensure(rows: &mut impl Rows, thread: &mut Thread, ts: SlackTs, now: Timestamp) -> Result<bool> {
    if thread.session.as_ref().is_some_and(|session| session.is_due(now)) {
        end(rows, thread, End::Expired, now)?;
    }
    if thread.session.is_some() {
        return Ok(false);
    }
    // Nothing comes before a thread's first message, so there is nothing to read, unless it asks late: by an edit, or after others.
    let is_first = ts == thread.key.root && thread.next_seq == 1;
    thread.unread &= !is_first;
    thread.session = Some(Session {
        no: rows.next_session(),
        created_at: now,
        last_activity: now,
        expires_at: None,
        users: 0,
        answers: 0,
        commands: 0,
        waiting_messages: 0,
        running: None,
        waiting: None,
        open: 0,
        left_out: 0,
        model: None,
    });
    thread.rested_at = None;
    Ok(true)
}

/// Takes the session from its thread and leaves its rows to be purged.
pub(crate) fn end(rows: &mut impl Rows, thread: &mut Thread, why: End, now: Timestamp) -> Result<()> {
    if let Some(session) = thread.session.take() {
        rows.discard_session(session.no, thread, now)?;
        thread.unread |= why == End::Expired;
        thread.rested_at = Some(session.last_activity);
    }
    Ok(())
}

/// Writes the thread after a step that touched its session: unless a turn is open, it lives for a timeout from its last
/// activity on, and is over when nothing is left in it.
pub(crate) fn settle(rows: &mut impl Rows, rules: &Rules, thread: &mut Thread, now: Timestamp) -> Result<()> {
    if let Some(session) = &mut thread.session {
        session.expires_at = (session.open == 0).then(|| session.last_activity + rules.session_timeout);
        if session.open == 0 && session.is_empty() {
            end(rows, thread, End::Emptied, now)?;
        }
    }
    rows.save_thread(thread)
}

/// A message as it enters a session.
pub(crate) struct Entry<'a> {
    pub(crate) incoming: &'a Incoming,
    /// What was known of its post before.
    pub(crate) known: Option<&'a Post>,
    pub(crate) kind: Kind,
    pub(crate) turn: Option<TurnId>,
}

/// Stores a message with its content and its post's mark, and counts it. The caller saves the thread.
pub(crate) fn enter(
    rows: &mut impl Rows,
    thread: &mut Thread,
    name: &PostName,
    entry: Entry<'_>,
    now: Timestamp,
) -> Result<()> {
    let Entry { incoming: Incoming { post, body, name: author_name }, known, kind, turn } = entry;
    let (no, next_seq, session) = thread.opened()?;
    let seq = *next_seq;
    *next_seq += 1;
    let content = rows.add_content(body)?;
    let message = MessageRow {
        session: session.no,
        seq,
        ts: post.ts,
        answer: false,
        role: post.role,
        kind,
        author: post.author.clone(),
        team: post.author_team.clone(),
        turn,
        content,
        bytes: body.text_bytes as u64,
        ending: chathakase_session::message::Ending::Complete,
        tokens: None,
        at: now,
    };
    rows.add_message(&message)?;
    // An answer of ours is never a question; what expired or was refused asked already.
    let asked = kind != Kind::Context || post.role != Role::User || known.is_some_and(|known| known.asked);
    let refused = kind == Kind::Context && known.is_some_and(Post::is_refused);
    let place = Place::Stored { thread: no, session: session.no, seq, refused };
    rows.put_post(name, &Post { asked, edited_ts: post.edited_ts, place })?;
    count_in(rows, session, &message, author_name.as_ref())
}

/// Adds a message to the counters and its author to the people.
pub(crate) fn count_in(
    rows: &mut impl Rows,
    session: &mut Session,
    message: &MessageRow,
    name: Option<&Packed>,
) -> Result<()> {
    *counter(session, message) += 1;
    match speaker(message) {
        Some(author) => heard(rows, session.no, author, name),
        None => Ok(()),
    }
}

fn counter<'a>(session: &'a mut Session, message: &MessageRow) -> &'a mut u64 {
    match (message.kind, message.role) {
        (Kind::Command, _) => &mut session.commands,
        (_, Role::User) => &mut session.users,
        (_, Role::Assistant | Role::System) => &mut session.answers,
    }
}

/// The person a message makes a participant: whoever only gives commands takes no part in the talk.
fn speaker(message: &MessageRow) -> Option<&UserId> {
    message.author.as_ref().filter(|_| message.role == Role::User && message.kind != Kind::Command)
}

fn heard(rows: &mut impl Rows, session: u64, author: &UserId, name: Option<&Packed>) -> Result<()> {
    let mut person = rows.person(session, author)?.unwrap_or(Person { name: None, messages: 0 });
    person.messages += 1;
    if let Some(name) = name {
        let known = match person.name {
            Some(no) => rows.content(no)?,
            None => None,
        };
        if !known.is_some_and(|known| known.is_kept_like(name)) {
            if let Some(old) = person.name {
                rows.erase_content(old)?;
            }
            person.name = Some(rows.add_content(name)?);
        }
    }
    rows.put_person(session, author, &person)
}

/// Takes a message off the counters, and its author off the people if that was the last of theirs.
pub(crate) fn count_out(rows: &mut impl Rows, session: &mut Session, message: &MessageRow) -> Result<()> {
    let count = counter(session, message);
    *count = count.saturating_sub(1);
    let Some(author) = speaker(message) else { return Ok(()) };
    let Some(mut person) = rows.person(session.no, author)? else { return Ok(()) };
    person.messages = person.messages.saturating_sub(1);
    if person.messages > 0 {
        return rows.put_person(session.no, author, &person);
    }
    if let Some(name) = person.name {
        rows.erase_content(name)?;
    }
    rows.remove_person(session.no, author)
}

/// Erases a message for good; `true` when it still waited for an answer. The caller marks its post and saves the thread.
pub(crate) fn erase(rows: &mut impl Rows, session: &mut Session, message: &MessageRow) -> Result<bool> {
    count_out(rows, session, message)?;
    rows.remove_message(message)?;
    let turn = match message.turn {
        Some(id) => aside::readable(rows, id)?,
        None => None,
    };
    // The words of an answer that is still being brought are needed until it is delivered.
    let needed = message.answer && turn.as_ref().is_some_and(|turn| turn.due.is_some());
    if !needed {
        rows.erase_content(message.content)?;
    }
    match turn {
        Some(turn) if !message.answer && turn.state == TurnState::Queued => {
            withdraw(rows, session, turn)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// A queued turn lost one of its messages: it is dropped with the last, and else knows its new first and last.
fn withdraw(rows: &mut impl Rows, session: &mut Session, mut turn: TurnRow) -> Result<()> {
    let waits = session.waiting == Some(turn.id);
    if waits {
        session.waiting_messages = session.waiting_messages.saturating_sub(1);
    }
    let left = rows.messages_of(session.no, turn.id, turn.first_seq)?;
    let (Some(first), Some(last)) = (left.iter().min_by_key(|m| m.ts), left.iter().map(|m| m.ts).max()) else {
        session.open = session.open.saturating_sub(1);
        if waits {
            session.waiting = None;
        }
        return rows.remove_turn(turn.id);
    };
    turn.first_ts = first.ts;
    turn.last_ts = last;
    turn.asker.clone_from(&first.author);
    turn.asker_team.clone_from(&first.team);
    turn.first_seq = left.iter().map(|m| m.seq).min().unwrap_or(turn.first_seq);
    rows.save_turn(&turn)
}
