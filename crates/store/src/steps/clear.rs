//! Erasing what a thread said so far.

use chathakase_session::{
    Kind, SlackTs, ThreadKey, Timestamp, fault_point,
    store::{Cleared, Closing, Result, Rules},
    turn::Lease,
};

use super::{lease, session, speak, speak::Words};
use crate::rows::{Place, Post, PostName, Rows};

/// Erases everything up to and including `before`. Costs time with every message that is erased.
pub(crate) fn clear(
    rows: &mut impl Rows,
    rules: &Rules,
    key: &ThreadKey,
    before: SlackTs,
    now: Timestamp,
) -> Result<Cleared> {
    let mut thread = match rows.thread(key)? {
        Some(thread) => thread,
        None => rows.add_thread(key)?,
    };
    thread.cleared_before = thread.cleared_before.max(Some(before));
    if thread.live(now).is_none() {
        session::end(rows, &mut thread, session::End::Expired, now)?;
    }
    // What was not read until now is older than `before`, or comes by itself.
    thread.unread = false;
    let mut cleared = Cleared::default();
    if let Some(session) = &mut thread.session {
        // What was not read of the thread is older than what was.
        session.left_out = 0;
        for message in rows.messages_until(session.no, before)? {
            let waited = session::erase(rows, session, &message)?;
            cleared.messages += u64::from(message.kind != Kind::Command);
            cleared.waiting += u64::from(waited && message.kind != Kind::Command);
            if !message.answer {
                let name = PostName::of(key, message.ts);
                let known = rows.post(&name)?.unwrap_or(Post {
                    asked: false,
                    edited_ts: None,
                    place: Place::Erased { at: now },
                });
                rows.put_post(&name, &Post { place: Place::Erased { at: now }, ..known })?;
            }
        }
        for turn in rows.delivered_until(session.no, before)? {
            speak::forget_turn(rows, key, &turn, now)?;
        }
    }
    session::settle(rows, rules, &mut thread, now)?;
    Ok(cleared)
}

/// Clears the thread of a command's turn and closes the turn with what `says` makes of it.
pub(crate) fn clear_and_close(
    rows: &mut impl Rows,
    rules: &Rules,
    lease: &Lease,
    before: SlackTs,
    says: fn(Cleared) -> Closing,
    now: Timestamp,
) -> Result<Cleared> {
    lease::held_turn(rows, lease)?;
    let cleared = clear(rows, rules, &lease.key, before, now)?;
    fault_point!("clear.uncommitted");
    speak::close(rows, lease, &Words::new(says(cleared)), now)?;
    Ok(cleared)
}
