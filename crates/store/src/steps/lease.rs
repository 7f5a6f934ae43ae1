//! Who may work on a turn: claiming, renewing, giving back, and the check that every write of a turn begins with.

use chathakase_session::{
    SlackTs, ThreadKey, Timestamp, chain, fault_point,
    store::{Claimed, Closing, Press, Renewed, Result, Rules, StoreError},
    turn::{Claimant, Lease, Part, PartMode, PartState, TurnId, TurnKind, TurnState},
};
use std::time::Duration;

use super::{aside, look, speak};
use crate::rows::{ClosingRow, ContentNo, Lists, Room, Rows, Thread, TurnRow};

/// The turn of a lease that is still held, with its thread.
pub(crate) fn held(rows: &impl Rows, lease: &Lease) -> Result<(Thread, TurnRow)> {
    let lost = || StoreError::LeaseLost { turn: lease.turn };
    let turn = held_turn(rows, lease)?;
    let thread = rows.thread(&lease.key)?.filter(|thread| thread.no == turn.thread).ok_or_else(lost)?;
    Ok((thread, turn))
}

/// The turn of a lease that is still held.
pub(crate) fn held_turn(rows: &impl Rows, lease: &Lease) -> Result<TurnRow> {
    rows.turn(lease.turn)?.filter(|turn| is_held(turn, lease)).ok_or(StoreError::LeaseLost { turn: lease.turn })
}

/// Whether a lease still holds. A delivered turn has no owner, so its lease is refused too.
fn is_held(turn: &TurnRow, lease: &Lease) -> bool {
    turn.fence == lease.fence && turn.owner.as_ref() == Some(&lease.owner)
}

/// Gives the turn to the claimant. The caller writes the turn and the thread.
pub(crate) fn start(thread: &mut Thread, turn: &mut TurnRow, claimant: &Claimant, now: Timestamp) -> Result<Lease> {
    thread.fence += 1;
    turn.fence = thread.fence;
    if turn.state == TurnState::Queued {
        turn.state = TurnState::Running;
        turn.started_at = Some(claimant.slack_now.unwrap_or(now));
        if turn.kind == TurnKind::Answer {
            let session = thread.session_mut()?;
            session.running = Some(turn.id);
            session.waiting = None;
            session.waiting_messages = 0;
        }
    } else {
        // A lease that was given back is no death.
        turn.deaths = turn.deaths_by_now();
    }
    turn.owner = Some(claimant.owner.clone());
    let until = now + claimant.lease;
    turn.due = Some(until);
    Ok(Lease { turn: turn.id, key: thread.key.clone(), owner: claimant.owner.clone(), fence: turn.fence, until })
}

/// What the first owner of a turn must know.
pub(crate) fn begun(thread: &Thread, turn: &TurnRow, lease: Lease, command: Option<String>) -> Claimed {
    let (turn, parts) = (turn.turn(&thread.key), vec![FIRST_PART]);
    let (adopted, after_death) = (false, false);
    Claimed { lease, turn, parts, closing: None, adopted, after_death, unread: thread.unread, command, history: None }
}

/// Adds the history that the claimant wants. The last thing in a step, so that it is the history that the step leaves.
pub(crate) fn add_history(
    rows: &impl Lists,
    thread: &Thread,
    claimed: &mut Claimed,
    claimant: &Claimant,
    now: Timestamp,
) -> Result<()> {
    if claimed.turn.kind == TurnKind::Answer && claimant.history_max > 0 && !thread.unread {
        claimed.history = Some(look::history_of(rows, thread, Some(claimed.turn.id), claimant.history_max, now)?);
    }
    Ok(())
}

/// What any owner must know, as far as it is stored.
fn claimed(rows: &impl Rows, thread: &Thread, turn: &TurnRow, lease: Lease, adopted: bool) -> Result<Claimed> {
    let command = if turn.kind == TurnKind::Command { command_text(rows, turn)? } else { None };
    let begun = begun(thread, turn, lease, command);
    if !adopted {
        return Ok(begun);
    }
    let closing = turn.closing.as_ref().map(|closing| read_closing(rows, turn.id, closing)).transpose()?;
    Ok(Claimed { parts: parts(rows, turn.id)?, closing, adopted, ..begun })
}

/// What the person wrote; `None` when it was erased meanwhile.
fn command_text(rows: &impl Rows, turn: &TurnRow) -> Result<Option<String>> {
    let message = rows.message(turn.session, turn.first_seq)?;
    read_text(rows, turn.id, "command", message.map(|message| message.content))
}

/// The part that may exist from the moment a turn runs. It has no row of its own: the turn's state says it.
const FIRST_PART: Part = Part { index: 0, mode: PartMode::Stream, state: PartState::Intended, ts: None, hash: 0 };

fn parts(rows: &impl Rows, turn: TurnId) -> Result<Vec<Part>> {
    let mut parts = rows.parts(turn)?;
    if parts.first().is_none_or(|part| part.index != 0) {
        parts.insert(0, FIRST_PART);
    }
    Ok(parts)
}

fn read_closing(rows: &impl Rows, turn: TurnId, closing: &ClosingRow) -> Result<Closing> {
    Ok(Closing {
        outcome: closing.outcome,
        text: read_text(rows, turn, "text", closing.text)?.unwrap_or_default(),
        ending: closing.ending,
        note: read_text(rows, turn, "note", closing.note)?,
        model: closing.model.clone(),
        usage: closing.usage,
    })
}

fn read_text(rows: &impl Rows, turn: TurnId, column: &'static str, no: Option<ContentNo>) -> Result<Option<String>> {
    let Some(packed) = no.map(|no| rows.content(no)).transpose()?.flatten() else { return Ok(None) };
    let bad = |cause| StoreError::BadRow { table: "turn", column, row: turn.to_string(), cause: Some(Box::new(cause)) };
    packed.text().map(Some).map_err(bad)
}

/// Takes up to `limit` turns of the model, and commands, oldest first. One that cannot be read is set aside; one whose thread cannot be read is put off.
/// Neither hides any beside it.
pub(crate) fn claim(
    rows: &mut impl Rows,
    rules: &Rules,
    claimant: &Claimant,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Claimed>> {
    let mut taken = Vec::new();
    let room = Room { answers: limit, commands: claimant.commands_max };
    let deaths_max = rows.suspects_of(&claimant.owner, now)?.deaths_max();
    for id in rows.claimable(deaths_max, now, room)? {
        let error = match claim_one(rows, id, claimant, now) {
            Ok(claimed) => {
                taken.extend(claimed);
                continue;
            }
            Err(error @ StoreError::BadRow { .. }) => error,
            Err(error) => return Err(error),
        };
        match aside::set_aside(rows, rules, id, &error, now) {
            Err(error @ StoreError::BadRow { .. }) => aside::put_off(rows, id, &error, now)?,
            done => done?,
        }
    }
    Ok(taken)
}

fn claim_one(rows: &mut impl Rows, id: TurnId, claimant: &Claimant, now: Timestamp) -> Result<Option<Claimed>> {
    let Some(mut turn) = rows.turn(id)? else { return Ok(None) };
    let no_thread = || StoreError::BadRow { table: "turn", column: "thread", row: id.to_string(), cause: None };
    let mut thread = rows.thread_no(turn.thread)?.ok_or_else(no_thread)?;
    let adopted = turn.state != TurnState::Queued;
    let deaths = turn.deaths;
    let lease = start(&mut thread, &mut turn, claimant, now)?;
    let claimed = claimed(rows, &thread, &turn, lease, adopted)?;
    let claimed = Claimed { after_death: turn.deaths > deaths, ..claimed };
    rows.save_turn(&turn)?;
    rows.save_thread(&thread)?;
    fault_point!("claim.uncommitted");
    Ok(Some(claimed))
}

/// Sets the thread's waiting turn running if nothing runs before it; without a claimant it is left for whoever claims it.
/// The caller saves the thread.
pub(crate) fn hand_over(
    rows: &mut impl Rows,
    thread: &mut Thread,
    claimant: Option<&Claimant>,
    now: Timestamp,
) -> Result<Option<Claimed>> {
    if thread.session.as_ref().is_none_or(|session| session.running.is_some()) {
        return Ok(None);
    }
    let Some(mut turn) = aside::waiting(rows, thread)? else { return Ok(None) };
    let Some(claimant) = claimant else {
        if turn.due.is_none() {
            turn.due = Some(crate::rows::AT_ONCE);
            rows.save_turn(&turn)?;
        }
        return Ok(None);
    };
    let lease = start(thread, &mut turn, claimant, now)?;
    rows.save_turn(&turn)?;
    claimed(rows, thread, &turn, lease, false).map(Some)
}

/// Extends leases, and tells which turns are lost and which are stopped.
pub(crate) fn renew(rows: &mut impl Rows, leases: &[Lease], lease: Duration, now: Timestamp) -> Result<Renewed> {
    let mut renewed = Renewed::default();
    for held in leases {
        match readable(rows, held)? {
            Some(turn) => {
                rows.save_due(turn.id, Some(now + lease))?;
                renewed.stopped.extend(turn.stop_requested.then_some(turn.id));
            }
            None => renewed.lost.push(held.turn),
        }
    }
    Ok(renewed)
}

/// The turn of a lease that is still held. One that cannot be read is logged and counts as lost: it must not fail those
/// beside it.
fn readable(rows: &impl Rows, lease: &Lease) -> Result<Option<TurnRow>> {
    match held_turn(rows, lease) {
        Ok(turn) => Ok(Some(turn)),
        Err(StoreError::LeaseLost { .. }) => Ok(None),
        Err(error @ StoreError::BadRow { .. }) => {
            tracing::error!(turn = %lease.turn, error = %chain(&error), "a turn cannot be held any longer");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Turns that are still held, and stopped.
pub(crate) fn stopped(rows: &impl Rows, leases: &[Lease]) -> Result<Vec<TurnId>> {
    let mut stopped = Vec::new();
    for held in leases {
        match held_turn(rows, held) {
            Ok(turn) => stopped.extend(turn.stop_requested.then_some(turn.id)),
            // Whoever renews finds that out, and says so.
            Err(StoreError::LeaseLost { .. } | StoreError::BadRow { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(stopped)
}

/// Marks the answer that runs in a thread as stopped, if it is the one that Stop was pressed over. One that is closed but not
/// delivered counts: it may be shown still.
pub(crate) fn stop(rows: &mut impl Rows, key: &ThreadKey, press: &Press) -> Result<Option<TurnId>> {
    let running = rows.thread(key)?.and_then(|thread| thread.session?.running);
    let Some(mut turn) = running.map(|id| rows.turn(id)).transpose()?.flatten() else { return Ok(None) };
    if !is_meant(rows, key, &turn, press)? {
        return Ok(None);
    }
    if !turn.stop_requested {
        turn.stop_requested = true;
        rows.save_turn(&turn)?;
        fault_point!("stop.uncommitted");
    }
    Ok(Some(turn.id))
}

/// Whether Stop was pressed over this turn: over one of its posts, or, where none was growing, after it began. A turn begins after
/// all that it answers was written.
fn is_meant(rows: &impl Rows, key: &ThreadKey, turn: &TurnRow, press: &Press) -> Result<bool> {
    if press.over.is_empty() {
        return Ok(turn.started_at.map(SlackTs::at).max(Some(turn.last_ts)) <= Some(press.at));
    }
    for ts in press.over.iter().filter(|ts| **ts > turn.last_ts) {
        if !speak::is_of_another(rows, key, turn, *ts)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Gives leases back, to be claimed from `due` on.
pub(crate) fn release(rows: &mut impl Rows, leases: &[Lease], due: Timestamp) -> Result<()> {
    for held in leases {
        if let Some(mut turn) = readable(rows, held)? {
            turn.owner = None;
            turn.due = Some(due);
            rows.save_turn(&turn)?;
            fault_point!("release.uncommitted");
        }
    }
    Ok(())
}
