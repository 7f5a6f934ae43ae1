//! What a turn says: the parts of its answer, its closing, and its delivery.

use chathakase_session::{
    Kind, Role, SlackTs, ThreadKey, Timestamp, fault_point,
    message::Ending,
    store::{Claimed, Result, Rules, StoreError, Usage},
    turn::{Claimant, Delivery, Lease, Outcome, Part, PartMode, PartState, TurnKind, TurnState},
};

use super::{edit, lease, session};
use crate::{
    codec::Packed,
    rows::{ClosingRow, ContentNo, Lists, MessageRow, Place, Post, PostName, Rows, Thread, TurnRow},
};

/// Part `index` may exist from now on. One that is known to stand keeps what is known of it.
pub(crate) fn part_intended(rows: &mut impl Rows, lease: &Lease, index: u32, mode: PartMode) -> Result<()> {
    lease::held_turn(rows, lease)?;
    let stands = rows.parts(lease.turn)?.iter().any(|part| part.index == index && part.state != PartState::Intended);
    if stands {
        return Ok(());
    }
    rows.put_part(lease.turn, &Part { index, mode, state: PartState::Intended, ts: None, hash: 0 })?;
    fault_point!("part_intended.uncommitted");
    Ok(())
}

/// Part `index` stands in the thread as `ts`.
pub(crate) fn part_open(rows: &mut impl Rows, lease: &Lease, index: u32, mode: PartMode, ts: SlackTs) -> Result<()> {
    lease::held_turn(rows, lease)?;
    rows.put_part(lease.turn, &Part { index, mode, state: PartState::Open, ts: Some(ts), hash: 0 })?;
    fault_point!("part_open.uncommitted");
    Ok(())
}

/// Part `index` stands there whole.
pub(crate) fn part_done(rows: &mut impl Rows, lease: &Lease, index: u32, hash: u64) -> Result<()> {
    lease::held_turn(rows, lease)?;
    let known = rows.parts(lease.turn)?.into_iter().find(|part| part.index == index);
    let part = known.unwrap_or(Part { index, mode: PartMode::Single, state: PartState::Done, ts: None, hash });
    rows.put_part(lease.turn, &Part { state: PartState::Done, hash, ..part })?;
    fault_point!("part_done.uncommitted");
    Ok(())
}

/// The answer is about to be posted although it may stand in the thread already.
pub(crate) fn repeats(rows: &mut impl Rows, lease: &Lease) -> Result<()> {
    let turn = lease::held_turn(rows, lease)?;
    rows.save_turn(&TurnRow { repeated: true, ..turn })?;
    fault_point!("repeats.uncommitted");
    Ok(())
}

/// Those of the posts that another turn made.
pub(crate) fn posts_of_others(rows: &impl Rows, lease: &Lease, posts: &[SlackTs]) -> Result<Vec<SlackTs>> {
    let turn = lease::held_turn(rows, lease)?;
    let mut others = Vec::new();
    for ts in posts {
        others.extend(is_of_another(rows, &lease.key, &turn, *ts)?.then_some(*ts));
    }
    Ok(others)
}

/// Whether a post of ours is known to be another turn's, of the session or of what is erased: what nobody knows of, the running turn
/// made.
pub(super) fn is_of_another(rows: &impl Rows, key: &ThreadKey, turn: &TurnRow, ts: SlackTs) -> Result<bool> {
    if let Some(id) = rows.turn_shown_at(turn.session, ts)? {
        return Ok(id != turn.id);
    }
    let post = rows.post(&PostName::of(key, ts))?;
    Ok(post.is_some_and(|post| matches!(post.place, Place::Erased { .. })))
}

/// A closing with its words packed.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    pub(crate) outcome: Outcome,
    pub(crate) ending: Ending,
    /// `None` when nothing was said.
    pub(crate) text: Option<Packed>,
    pub(crate) note: Option<Packed>,
    pub(crate) model: Option<String>,
    pub(crate) usage: Usage,
}

impl Words {
    pub(crate) fn new(closing: chathakase_session::store::Closing) -> Self {
        let chathakase_session::store::Closing { outcome, text, ending, note, model, usage } = closing;
        let text = (!text.is_empty()).then(|| Packed::new(text));
        Self { outcome, ending, text, note: note.map(Packed::new), model, usage }
    }
    /// What it adds to a batch (bytes).
    pub(crate) fn bytes(&self) -> usize {
        self.text.as_ref().map_or(0, |text| text.bytes.len())
    }
}

/// Decides what a turn says. The first closing stands.
pub(crate) fn close(rows: &mut impl Rows, lease: &Lease, words: &Words, now: Timestamp) -> Result<()> {
    let (mut thread, mut turn) = lease::held(rows, lease)?;
    if turn.state == TurnState::Closed {
        return Ok(());
    }
    let text = words.text.as_ref().map(|text| rows.add_content(text)).transpose()?;
    let note = words.note.as_ref().map(|note| rows.add_content(note)).transpose()?;
    turn.state = TurnState::Closed;
    turn.closing = Some(ClosingRow {
        outcome: words.outcome,
        ending: words.ending,
        text,
        note,
        model: words.model.clone(),
        usage: words.usage,
    });
    rows.save_turn(&turn)?;
    if turn.kind == TurnKind::Answer {
        // What answers a cleared message is brought to the thread, and never enters the session.
        if let (Some(content), Some(packed), false) = (text, &words.text, thread.is_cleared(turn.last_ts)) {
            enter_answer(rows, &mut thread, &turn, content, packed.text_bytes as u64, words.ending, now)?;
        }
        if words.model.is_some() {
            thread.session_mut()?.model.clone_from(&words.model);
        }
    }
    thread.session_mut()?.last_activity = now;
    rows.save_thread(&thread)?;
    fault_point!("close.uncommitted");
    Ok(())
}

fn enter_answer(
    rows: &mut impl Rows,
    thread: &mut Thread,
    turn: &TurnRow,
    content: ContentNo,
    bytes: u64,
    ending: Ending,
    now: Timestamp,
) -> Result<()> {
    let (_, next_seq, session) = thread.opened()?;
    let seq = *next_seq;
    *next_seq += 1;
    let message = MessageRow {
        session: session.no,
        seq,
        ts: turn.last_ts,
        answer: true,
        role: Role::Assistant,
        kind: Kind::Accepted,
        author: None,
        team: None,
        turn: Some(turn.id),
        content,
        bytes,
        ending,
        tokens: None,
        at: now,
    };
    rows.add_message(&message)?;
    session::count_in(rows, session, &message, None)
}

/// A closed answer was brought in part only: the thread shows `text` of it.
pub(crate) fn cut_short(
    rows: &mut impl Rows,
    lease: &Lease,
    text: &Packed,
    ending: Ending,
    now: Timestamp,
) -> Result<()> {
    let (mut thread, mut turn) = lease::held(rows, lease)?;
    let Some(closing) = turn.closing.as_mut().filter(|closing| closing.text.is_some()) else { return Ok(()) };
    let content = rows.add_content(text)?;
    for old in closing.text.replace(content).into_iter().chain(closing.note.take()) {
        rows.erase_content(old)?;
    }
    closing.outcome = if ending == Ending::Stopped { Outcome::Stopped } else { Outcome::Failed };
    closing.ending = ending;
    rows.save_turn(&turn)?;
    if let Some(answer) = rows.answer_of(turn.session, turn.id, turn.last_ts)? {
        let bytes = text.text_bytes as u64;
        rows.remove_message(&answer)?;
        rows.add_message(&MessageRow { content, bytes, ending, tokens: None, ..answer })?;
    }
    thread.session_mut()?.last_activity = now;
    rows.save_thread(&thread)?;
    fault_point!("cut_short.uncommitted");
    Ok(())
}

/// The thread shows a closed turn. Hands over the one that waits.
pub(crate) fn delivered(
    rows: &mut impl Lists,
    rules: &Rules,
    lease: &Lease,
    parts: &[Part],
    claimant: Option<&Claimant>,
    now: Timestamp,
) -> Result<Option<Claimed>> {
    let (mut thread, mut turn) = lease::held(rows, lease)?;
    if turn.state != TurnState::Closed {
        // Nothing was decided, so nothing can stand there: whoever says so is not to be trusted with the turn.
        return Err(StoreError::LeaseLost { turn: turn.id });
    }
    turn.delivery = Delivery::Done;
    turn.owner = None;
    turn.due = None;
    rows.remove_parts(turn.id)?;
    for part in parts {
        rows.put_part(turn.id, part)?;
    }
    if thread.is_cleared(turn.last_ts) {
        forget_turn(rows, &lease.key, &turn, now)?;
    } else {
        rows.save_turn(&turn)?;
        heed_deletions(rows, &mut thread, &turn, parts)?;
    }
    let session = thread.session_mut()?;
    session.open = session.open.saturating_sub(1);
    session.last_activity = now;
    if session.running == Some(turn.id) {
        session.running = None;
    }
    let mut next = lease::hand_over(rows, &mut thread, claimant, now)?;
    session::settle(rows, rules, &mut thread, now)?;
    if let (Some(claimed), Some(claimant)) = (&mut next, claimant) {
        lease::add_history(rows, &thread, claimed, claimant, now)?;
    }
    fault_point!("delivered.uncommitted");
    Ok(next)
}

/// Who deleted a post of an answer while it was being brought wants to read as little of it as who does so later. And an answer
/// of which nothing could be shown was not said.
fn heed_deletions(rows: &mut impl Rows, thread: &mut Thread, turn: &TurnRow, parts: &[Part]) -> Result<()> {
    if parts.is_empty() {
        return edit::forget_answer(rows, thread, turn).map(drop);
    }
    for ts in parts.iter().filter_map(|part| part.ts) {
        let post = rows.post(&PostName::of(&thread.key, ts))?;
        if post.is_some_and(|post| matches!(post.place, Place::Erased { .. })) {
            return edit::forget_answer(rows, thread, turn).map(drop);
        }
    }
    Ok(())
}

/// Erases a delivered turn with its words. Its posts may be newer than what the thread was cleared up to: they are marked.
pub(crate) fn forget_turn(rows: &mut impl Rows, key: &ThreadKey, turn: &TurnRow, now: Timestamp) -> Result<()> {
    for ts in rows.parts(turn.id)?.into_iter().filter_map(|part| part.ts) {
        let gone = Post { asked: true, edited_ts: None, place: Place::Erased { at: now } };
        rows.put_post(&PostName::of(key, ts), &gone)?;
    }
    if let Some(closing) = &turn.closing {
        for content in [closing.text, closing.note].into_iter().flatten() {
            rows.erase_content(content)?;
        }
    }
    rows.remove_turn(turn.id)
}
