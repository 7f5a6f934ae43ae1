//! Edits and deletions of single posts.

use chathakase_session::{
    Kind, SlackTs, ThreadKey, Timestamp, fault_point,
    store::{Amended, Edit, Erased, NewPost, Result, Rules},
    turn::{Delivery, TurnId, TurnKind, TurnState},
};

use super::{
    Incoming, aside,
    session::{self, Entry},
};
use crate::{
    codec::Packed,
    rows::{MessageRow, Place, Post, PostName, Rows, Thread, TurnRow},
};

/// The stored message of a post, if its session is live.
fn stored(rows: &impl Rows, place: Place, now: Timestamp) -> Result<Option<(Thread, MessageRow)>> {
    let Place::Stored { thread, session, seq, .. } = place else { return Ok(None) };
    let Some(thread) = rows.thread_no(thread)? else { return Ok(None) };
    if thread.live(now).is_none_or(|live| live.no != session) {
        return Ok(None);
    }
    Ok(rows.message(session, seq)?.map(|message| (thread, message)))
}

/// An edit with its post packed.
#[derive(Clone, Debug)]
pub(crate) struct Edited {
    pub(crate) incoming: Incoming,
    edited_ts: SlackTs,
    leaves_mark: bool,
    enters: bool,
}

impl Edited {
    pub(crate) fn new(edit: Edit) -> Self {
        let Edit { post, edited_ts, leaves_mark, enters } = edit;
        let incoming = Incoming::new(NewPost { edited_ts: Some(edited_ts), kind: Kind::Context, ..post });
        Self { incoming, edited_ts, leaves_mark, enters }
    }
}

/// Gives a known message the text of a newer edit.
pub(crate) fn amend(rows: &mut impl Rows, rules: &Rules, edited: &Edited, now: Timestamp) -> Result<Amended> {
    let (edited_ts, name) = (edited.edited_ts, edited.incoming.name_of_post());
    let known = rows.post(&name)?;
    let place = known.as_ref().map(|post| post.place);
    if matches!(place, Some(Place::Erased { .. })) {
        return Ok(Amended::Gone);
    }
    let found = match place {
        Some(place) => stored(rows, place, now)?,
        None => None,
    };
    if let (Some((mut thread, message)), Some(post)) = (found, &known) {
        if !rewrite(rows, &name, post, message, &edited.incoming.body, edited_ts)? {
            return Ok(Amended::Old);
        }
        thread.session_mut()?.last_activity = now;
        session::settle(rows, rules, &mut thread, now)?;
        fault_point!("amend.uncommitted");
        return Ok(Amended::Done);
    }
    let being_read = rows.thread(&edited.incoming.post.key)?.filter(|thread| thread.is_being_read(now));
    let is_new = known.as_ref().is_none_or(|post| post.edited_ts < Some(edited_ts));
    let was_in = place.is_some_and(|place| !matches!(place, Place::Passed { .. }));
    if let Some(thread) = &being_read
        && edited.enters
        && is_new
        && !thread.is_cleared(name.ts)
    {
        enter(rows, rules, thread.clone(), edited, known.as_ref(), now)?;
        return Ok(if was_in { Amended::Done } else { Amended::Entered });
    }
    match known {
        // What expired may be read back, by somebody who reads at this moment and saw the older text.
        Some(post) if was_in => {
            if is_new {
                rows.put_post(&name, &Post { edited_ts: Some(edited_ts), ..post })?;
            }
            Ok(Amended::Gone)
        }
        known => {
            if edited.leaves_mark || being_read.is_some() {
                let root = edited.incoming.post.key.root;
                pass_over(rows, &name, root, known.as_ref(), Some(edited_ts), now)?;
            }
            Ok(Amended::Unknown)
        }
    }
}

/// Takes an edited post in as the context that the reading under way would make of it.
fn enter(
    rows: &mut impl Rows,
    rules: &Rules,
    mut thread: Thread,
    edited: &Edited,
    known: Option<&Post>,
    now: Timestamp,
) -> Result<()> {
    let entry = Entry { incoming: &edited.incoming, known, kind: Kind::Context, turn: None };
    session::enter(rows, &mut thread, &edited.incoming.name_of_post(), entry, now)?;
    session::settle(rows, rules, &mut thread, now)
}

/// Leaves a mark of a post that was never taken in and is not now, with the newest edit that is known of it.
pub(super) fn pass_over(
    rows: &mut impl Rows,
    name: &PostName,
    root: SlackTs,
    known: Option<&Post>,
    edited_ts: Option<SlackTs>,
    now: Timestamp,
) -> Result<()> {
    let says_more = match known {
        None => true,
        Some(known) => matches!(known.place, Place::Passed { .. }) && edited_ts > known.edited_ts,
    };
    if says_more {
        rows.put_post(name, &Post { asked: false, edited_ts, place: Place::Passed { root, at: now } })?;
    }
    Ok(())
}

/// Writes the text of an edit over a message's; `false` when this edit or a later one is known.
pub(super) fn rewrite(
    rows: &mut impl Rows,
    name: &PostName,
    post: &Post,
    mut message: MessageRow,
    text: &Packed,
    edited_ts: SlackTs,
) -> Result<bool> {
    if post.edited_ts.is_some_and(|known| known >= edited_ts) {
        return Ok(false);
    }
    rows.erase_content(message.content)?;
    message.content = rows.add_content(text)?;
    message.bytes = text.text_bytes as u64;
    message.tokens = None;
    rows.save_message(&message)?;
    rows.put_post(name, &Post { edited_ts: Some(edited_ts), ..post.clone() })?;
    Ok(true)
}

/// Erases a message and leaves a mark that keeps it out.
pub(crate) fn erase(rows: &mut impl Rows, rules: &Rules, name: &PostName, now: Timestamp) -> Result<Erased> {
    let erased = Place::Erased { at: now };
    let post = match rows.post(name)? {
        Some(post) if !matches!(post.place, Place::Passed { .. }) => post,
        _ => {
            rows.put_post(name, &Post { asked: false, edited_ts: None, place: erased })?;
            return Ok(Erased::Marked);
        }
    };
    if matches!(post.place, Place::Erased { .. }) {
        return Ok(Erased::Gone);
    }
    let Some((mut thread, message)) = stored(rows, post.place, now)? else {
        rows.put_post(name, &Post { place: erased, ..post })?;
        return Ok(Erased::Gone);
    };
    let stops = take_out(rows, &mut thread, name, post, &message, now)?;
    session::settle(rows, rules, &mut thread, now)?;
    fault_point!("erase.uncommitted");
    Ok(Erased::Done { stops })
}

/// Takes a message out of its session for good. Gives the running turn that has nothing left to answer by this. The caller
/// writes the thread.
pub(super) fn take_out(
    rows: &mut impl Rows,
    thread: &mut Thread,
    name: &PostName,
    post: Post,
    message: &MessageRow,
    now: Timestamp,
) -> Result<Option<TurnId>> {
    rows.put_post(name, &Post { place: Place::Erased { at: now }, ..post })?;
    session::erase(rows, thread.session_mut()?, message)?;
    let Some(id) = message.turn else { return Ok(None) };
    let running =
        aside::readable(rows, id)?.filter(|turn| turn.state == TurnState::Running && turn.kind == TurnKind::Answer);
    let Some(mut turn) = running else { return Ok(None) };
    if !rows.messages_of(turn.session, id, turn.first_seq)?.is_empty() {
        return Ok(None);
    }
    turn.stop_requested = true;
    rows.save_turn(&turn)?;
    Ok(Some(id))
}

/// Erases the answer that the post `ts` is a part of. One that is not delivered yet may still lose parts by our own doing.
pub(crate) fn retract(
    rows: &mut impl Rows,
    rules: &Rules,
    key: &ThreadKey,
    ts: SlackTs,
    now: Timestamp,
) -> Result<bool> {
    let Some(mut thread) = rows.thread(key)? else { return Ok(false) };
    let Some(no) = thread.live(now).map(|session| session.no) else { return Ok(false) };
    let Some(id) = rows.turn_shown_at(no, ts)? else { return Ok(false) };
    let Some(turn) = rows.turn(id)?.filter(|turn| turn.delivery == Delivery::Done) else { return Ok(false) };
    let forgotten = forget_answer(rows, &mut thread, &turn)?;
    if forgotten {
        session::settle(rows, rules, &mut thread, now)?;
        fault_point!("retract.uncommitted");
    }
    Ok(forgotten)
}

/// Erases what a turn answered; `false` when that is gone already. The caller writes the thread.
pub(super) fn forget_answer(rows: &mut impl Rows, thread: &mut Thread, turn: &TurnRow) -> Result<bool> {
    let Some(answer) = rows.answer_of(turn.session, turn.id, turn.last_ts)? else { return Ok(false) };
    session::erase(rows, thread.session_mut()?, &answer)?;
    Ok(true)
}
