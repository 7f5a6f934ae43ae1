//! One caller's step on its way through the writer.

use chathakase_session::store::Result;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{cells::is_everyones, tables::Sql};
use crate::refusal::{Refusal, answer};

/// A step as the writer sees it: run inside a savepoint, answered after the commit.
pub(super) trait Step: Send {
    /// What it adds to a batch (bytes).
    fn bytes(&self) -> usize;
    fn run(&mut self, sql: &mut Sql<'_>) -> Ran;
    /// Tells the caller: what the step gave, or what refused the whole transaction.
    fn answer(self: Box<Self>, refused: Option<&Refusal>);
}

/// What became of a step inside its savepoint.
#[derive(Debug)]
pub(super) enum Ran {
    Kept,
    /// It failed, and nothing of it may stay; the others are not concerned.
    Undo,
    /// It failed for a reason that concerns the whole transaction.
    Refused(Refusal),
}

/// A closure over [`Sql`] with the caller that waits for what it gives.
pub(super) struct Item<T, F> {
    pub(super) work: Option<F>,
    pub(super) bytes: usize,
    pub(super) given: Option<Result<T>>,
    pub(super) caller: oneshot::Sender<Result<T>>,
    /// Its share of what may queue, given back with it.
    pub(super) _room: Option<OwnedSemaphorePermit>,
}

impl<T, F> Step for Item<T, F>
where
    T: Send,
    F: FnOnce(&mut Sql<'_>) -> Result<T> + Send,
{
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn run(&mut self, sql: &mut Sql<'_>) -> Ran {
        let Some(work) = self.work.take() else { return Ran::Undo };
        match work(sql) {
            Err(error) if is_everyones(&error) => Ran::Refused(error.into()),
            given => {
                let ran = if given.is_ok() { Ran::Kept } else { Ran::Undo };
                self.given = Some(given);
                ran
            }
        }
    }

    fn answer(self: Box<Self>, refused: Option<&Refusal>) {
        answer(self.caller, self.given, refused);
    }
}
