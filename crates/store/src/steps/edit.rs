//! Edits and deletions of single posts.

use chathakase_session::{
    SlackTs, Timestamp,
    store::{Amended, Erased, Result, Rules},
};

use super::session;
use crate::{
    codec::Packed,
    rows::{MessageRow, Place, Post, PostName, Rows, Thread},
};

/// The stored message of a post, if its session is live.
fn stored(rows: &impl Rows, place: Place, now: Timestamp) -> Result<Option<(Thread, MessageRow)>> {
    let Place::Stored { thread, session, seq } = place else { return Ok(None) };
    let Some(thread) = rows.thread_no(thread)? else { return Ok(None) };
    if thread.live(now).is_none_or(|live| live.no != session) {
        return Ok(None);
    }
    Ok(rows.message(session, seq)?.map(|message| (thread, message)))
}

/// Gives a known message the text of a newer edit.
pub(crate) fn amend(
    rows: &mut impl Rows,
    rules: &Rules,
    name: &PostName,
    text: &Packed,
    edited_ts: SlackTs,
    now: Timestamp,
) -> Result<Amended> {
    let Some(post) = rows.post(name)? else { return Ok(Amended::Unknown) };
    if matches!(post.place, Place::Erased { .. }) {
        return Ok(Amended::Old);
    }
    let Some((mut thread, mut message)) = stored(rows, post.place, now)? else { return Ok(Amended::Unknown) };
    if post.edited_ts.is_some_and(|known| known >= edited_ts) {
        return Ok(Amended::Old);
    }
    rows.erase_content(message.content)?;
    message.content = rows.add_content(text)?;
    message.bytes = text.text_bytes as u64;
    message.tokens = None;
    rows.save_message(&message)?;
    rows.put_post(name, &Post { edited_ts: Some(edited_ts), ..post })?;
    thread.session_mut()?.last_activity = now;
    session::settle(rows, rules, &mut thread, now)?;
    Ok(Amended::Done)
}

/// Erases a message and leaves a mark that keeps it out.
pub(crate) fn erase(rows: &mut impl Rows, rules: &Rules, name: &PostName, now: Timestamp) -> Result<Erased> {
    let erased = Place::Erased { at: now };
    let Some(post) = rows.post(name)? else {
        rows.put_post(name, &Post { asked: false, edited_ts: None, place: erased })?;
        return Ok(Erased::Marked);
    };
    if matches!(post.place, Place::Erased { .. }) {
        return Ok(Erased::Gone);
    }
    let place = post.place;
    rows.put_post(name, &Post { place: erased, ..post })?;
    let Some((mut thread, message)) = stored(rows, place, now)? else { return Ok(Erased::Gone) };
    session::erase(rows, thread.session_mut()?, &message)?;
    session::settle(rows, rules, &mut thread, now)?;
    Ok(Erased::Done)
}
