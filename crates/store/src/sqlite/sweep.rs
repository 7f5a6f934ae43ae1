//! A sweep in slices, each small enough that a step behind it is not kept waiting (under 5 ms).

use chathakase_session::{
    Timestamp,
    store::{Expired, Result, Rules},
};
use tokio::sync::oneshot;

use super::tables::Sql;
use crate::{
    refusal::{Refusal, answer},
    rows::ThreadRows,
    steps::expire,
};

/// Sessions that one slice ends.
const END_SLICE: usize = 50;
/// Messages that one slice erases.
pub(super) const PURGE_SLICE: usize = 100;
/// Marks that one slice forgets.
const FORGET_SLICE: usize = 500;

/// Slices of the walk over erased texts in one sweep: the next goes on from there.
const TRIM_SLICES: u32 = 20;

/// One call of `expire`.
pub(super) struct Sweep {
    keep_up_to: usize,
    limit: usize,
    now: Timestamp,
    /// Whether the walk over erased texts is part of it. Not when a new session set it off: such sweeps come as often as
    /// sessions do.
    trims: bool,
    stage: Stage,
    expired: Expired,
    caller: oneshot::Sender<Result<Expired>>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    End,
    Purge,
    Forget,
    /// Slices that are left of the walk over erased texts.
    Trim(u32),
}

impl Sweep {
    pub(super) fn new(
        keep_up_to: usize,
        limit: usize,
        now: Timestamp,
        caller: oneshot::Sender<Result<Expired>>,
    ) -> Self {
        Self { keep_up_to, limit, now, trims: keep_up_to == 0, stage: Stage::End, expired: Expired::default(), caller }
    }

    /// Does a little of it; `true` when all is done.
    pub(super) fn slice(&mut self, sql: &mut Sql<'_>, rules: &Rules) -> Result<bool> {
        match self.stage {
            Stage::End => {
                let left = self.limit.saturating_sub(usize::try_from(self.expired.sessions).unwrap_or(usize::MAX));
                let ended = expire::end_due(sql, self.keep_up_to, left.min(END_SLICE), self.now)?;
                // The threshold decides whether to sweep, not how far.
                self.keep_up_to = 0;
                self.expired.sessions += ended.sessions;
                self.expired.more = ended.more;
                if !ended.more || left <= END_SLICE {
                    self.stage = Stage::Purge;
                }
            }
            Stage::Purge => {
                if !sql.purge(PURGE_SLICE)? {
                    self.stage = Stage::Forget;
                }
            }
            Stage::Forget => {
                if !expire::forget(sql, rules, FORGET_SLICE, self.now)? {
                    if !self.trims {
                        return Ok(true);
                    }
                    self.stage = Stage::Trim(TRIM_SLICES);
                }
            }
            Stage::Trim(left) => {
                self.stage = Stage::Trim(left.saturating_sub(1));
                return Ok(left == 0 || !sql.trim()?);
            }
        }
        Ok(false)
    }

    pub(super) fn answer(self, refused: Option<&Refusal>) {
        answer(self.caller, Some(Ok(self.expired)), refused);
    }
}
