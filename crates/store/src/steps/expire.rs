//! The sweep: sessions whose time is over, and marks that nobody needs any more.

use chathakase_session::{
    Timestamp,
    store::{Expired, Result, Rules},
};

use super::session::{self, End};
use crate::rows::Rows;

/// Ends up to `limit` sessions that are due, unless no more than `keep_up_to` are there. Their rows are left to be purged.
pub(crate) fn end_due(rows: &mut impl Rows, keep_up_to: usize, limit: usize, now: Timestamp) -> Result<Expired> {
    if rows.sessions_held(keep_up_to.saturating_add(1))? <= keep_up_to {
        return Ok(Expired::default());
    }
    let mut due = rows.due_threads(now, limit.saturating_add(1))?;
    let more = due.len() > limit;
    due.truncate(limit);
    for thread in &mut due {
        session::end(rows, thread, End::Expired, now)?;
        rows.save_thread(thread)?;
    }
    Ok(Expired { sessions: due.len() as u64, more })
}

/// Forgets up to `limit` old marks; `true` when some are left.
pub(crate) fn forget(rows: &mut impl Rows, rules: &Rules, limit: usize, now: Timestamp) -> Result<bool> {
    rows.forget_posts(now - rules.tombstones_for, limit)
}
