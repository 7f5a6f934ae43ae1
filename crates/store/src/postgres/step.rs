//! One caller's step on its way through a writer.

use chathakase_session::{
    Timestamp,
    store::{Result, StoreError},
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::tables::{Needs, Sql};
use crate::refusal::{Refusal, answer};

/// A step as a writer sees it. It may be run more than once: what a transaction that failed gave does not count.
pub(super) trait Step: Send {
    fn needs(&self) -> &Needs;
    /// Whether it finds out itself what it is about, and so needs a transaction of its own.
    fn is_alone(&self) -> bool;
    /// What it adds to a batch (bytes).
    fn bytes(&self) -> usize;
    fn run(&mut self, sql: &mut Sql<'_>, now: Timestamp) -> Ran;
    /// Tells the caller: what the step gave, or what refused the whole transaction.
    fn answer(self: Box<Self>, refused: Option<&Refusal>);
}

/// What became of a step.
pub(super) enum Ran {
    Kept,
    /// It failed, and nothing of it may stay; the others are not concerned.
    Failed,
    /// It failed for a reason that concerns the whole transaction.
    Refused(StoreError),
}

/// A closure over [`Sql`] with the caller that waits for what it gives.
pub(super) struct Item<T, F> {
    pub(super) needs: Needs,
    pub(super) alone: bool,
    pub(super) work: F,
    /// The time that counts, unless it is the database's.
    pub(super) now: Option<Timestamp>,
    pub(super) bytes: usize,
    pub(super) given: Option<Result<T>>,
    pub(super) caller: oneshot::Sender<Result<T>>,
    /// Its share of what may queue, given back with it.
    pub(super) _room: Option<OwnedSemaphorePermit>,
}

impl<T, F> Step for Item<T, F>
where
    T: Send,
    F: Fn(&mut Sql<'_>, Timestamp) -> Result<T> + Send,
{
    fn needs(&self) -> &Needs {
        &self.needs
    }
    fn is_alone(&self) -> bool {
        self.alone
    }
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn run(&mut self, sql: &mut Sql<'_>, now: Timestamp) -> Ran {
        match (self.work)(sql, self.now.unwrap_or(now)) {
            // Whatever PostgreSQL refuses, it refuses the transaction with it.
            Err(error @ StoreError::Unavailable { .. }) => Ran::Refused(error),
            given => {
                let ran = if given.is_ok() { Ran::Kept } else { Ran::Failed };
                self.given = Some(given);
                ran
            }
        }
    }

    fn answer(self: Box<Self>, refused: Option<&Refusal>) {
        answer(self.caller, self.given, refused);
    }
}
