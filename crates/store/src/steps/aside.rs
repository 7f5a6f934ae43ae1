//! Turns that cannot be read: set aside, so that their threads go on. And turns whose threads cannot be read: those go on when
//! somebody has put their rows right, and until then they are looked at once an hour.
//!
//! A thread's row is not made anew, however welcome that were there: it says from when on a thread is cleared.

use std::time::Duration;

use chathakase_metrics::TURNS_UNREADABLE;
use chathakase_session::{
    Timestamp, chain,
    store::{Result, Rules, StoreError},
    turn::TurnId,
};

use super::{lease, session};
use crate::rows::{Rows, Thread, TurnRow};

/// How long a turn whose thread cannot be read is not tried again (1 h).
const PUT_OFF: Duration = Duration::from_secs(3600);

/// A turn that is due cannot be read: nobody claims it again, and what waits behind it is due.
pub(super) fn set_aside(
    rows: &mut impl Rows,
    rules: &Rules,
    id: TurnId,
    error: &StoreError,
    now: Timestamp,
) -> Result<()> {
    match rows.thread_of(id)? {
        Some(mut thread) => {
            let_go(rows, &mut thread, id, error)?;
            lease::hand_over(rows, &mut thread, None, now)?;
            session::settle(rows, rules, &mut thread, now)
        }
        None => {
            tracing::error!(turn = %id, error = %chain(error), "a turn whose thread is not known is set aside: people have to ask again there");
            TURNS_UNREADABLE.count([]);
            rows.save_due(id, None)
        }
    }
}

/// The thread of a turn cannot be read: nothing can be said there.
pub(super) fn put_off(rows: &mut impl Rows, id: TurnId, error: &StoreError, now: Timestamp) -> Result<()> {
    tracing::error!(turn = %id, error = %chain(error), "a turn is set aside for an hour: the row of its thread cannot be read, and until it is restored nobody is answered there");
    TURNS_UNREADABLE.count([]);
    rows.save_due(id, Some(now + PUT_OFF))
}

/// The turn that waits in a thread. One that cannot be read is set aside. The caller saves the thread.
pub(super) fn waiting(rows: &mut impl Rows, thread: &mut Thread) -> Result<Option<TurnRow>> {
    let Some(id) = thread.session.as_ref().and_then(|session| session.waiting) else { return Ok(None) };
    match rows.turn(id) {
        Err(error @ StoreError::BadRow { .. }) => let_go(rows, thread, id, &error).map(|()| None),
        found => found,
    }
}

/// The turn of a message that is to be erased; none when it cannot be read, for then nobody runs it.
pub(super) fn readable(rows: &impl Rows, id: TurnId) -> Result<Option<TurnRow>> {
    match rows.turn(id) {
        Err(StoreError::BadRow { .. }) => Ok(None),
        found => found,
    }
}

/// The row stays as it is, for a person to look at. The caller saves the thread.
fn let_go(rows: &mut impl Rows, thread: &mut Thread, id: TurnId, error: &StoreError) -> Result<()> {
    tracing::error!(turn = %id, thread.key = %thread.key, error = %chain(error), "a turn is set aside: its thread goes on without an answer to it, and people have to ask again");
    TURNS_UNREADABLE.count([]);
    rows.save_due(id, None)?;
    let session = thread.session_mut()?;
    session.open = session.open.saturating_sub(1);
    if session.running == Some(id) {
        session.running = None;
    }
    if session.waiting == Some(id) {
        session.waiting = None;
        session.waiting_messages = 0;
    }
    Ok(())
}
