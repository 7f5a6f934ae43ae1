//! A writer: a thread that commits the steps of many callers in one transaction, over one connection.
//!
//! Steps of a channel always go to the same writer, and answers go out only after the commit. A step that fails before it
//! has written anything fails alone. After anything else that fails the transaction is rolled back and done again, without
//! the step that failed, or one step at a time.
//!
//! When the connection is lost before the commit was sent, nothing has happened, and all is done again. When it is lost
//! after that, PostgreSQL itself is asked what became of it ([`fate`]).

use std::{collections::VecDeque, sync::Arc};

use chathakase_session::{
    chain,
    store::{Result, StoreError},
};
use tokio::sync::oneshot;

use super::{
    address::Address,
    cells::{is_clash, is_loss, is_unanswered},
    fate,
    link::Link,
    numbers::Numbers,
    step::{Item, Ran, Step},
    tables::{Needs, Sql, Start},
};
use crate::{queue::Queue, refusal::Refusal, rows::ThreadRows};

/// Steps in one transaction, at most.
const BATCH_STEPS_MAX: usize = 256;
/// Bytes of content in one transaction, at most, but always one step (4 MiB).
const BATCH_BYTES_MAX: usize = 4 << 20;
/// How often a transaction is begun anew before its callers are told that it cannot be.
const ATTEMPTS_MAX: u32 = 5;
/// Messages that one transaction of housekeeping erases.
pub(super) const PURGE_SLICE: usize = 100;

pub(super) type Job = Box<dyn Step>;

pub(super) struct Writer {
    pub(super) address: Arc<Address>,
    pub(super) queue: Arc<Queue<Job>>,
    pub(super) numbers: Arc<Numbers>,
    pub(super) link: Option<Link>,
    /// Taken from the queue and not yet begun.
    pub(super) taken: VecDeque<Job>,
    /// Whether sessions were left to be purged.
    pub(super) discarded: bool,
}

/// Why a transaction was not committed.
enum Trouble {
    /// A step failed after it had written: it has its answer, and the others are to be done again.
    Spoiled,
    /// There is no connection.
    Away(StoreError),
    /// The connection was lost before the commit was sent.
    Lost(StoreError),
    /// The connection was lost in the commit of the transaction with this number.
    Unknown(String, StoreError),
    /// Another transaction was in the way.
    Clash(StoreError),
    Other(StoreError),
}

impl Writer {
    /// Works until everyone who could ask is gone.
    pub(super) fn run(mut self) {
        loop {
            if self.taken.is_empty() && !self.discarded {
                if !self.queue.take_first(&mut self.taken) {
                    break;
                }
            } else {
                self.queue.take(&mut self.taken);
            }
            let batch = self.batch();
            if batch.is_empty() { self.purge() } else { self.commit(batch) }
        }
        if let Some(link) = self.link {
            link.close();
        }
    }

    /// The next steps that can be done together.
    fn batch(&mut self) -> Vec<Job> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(step) = self.taken.front() {
            let alone = step.is_alone();
            bytes += step.bytes();
            if !batch.is_empty() && (alone || bytes > BATCH_BYTES_MAX || batch.len() >= BATCH_STEPS_MAX) {
                break;
            }
            batch.extend(self.taken.pop_front());
            if alone {
                break;
            }
        }
        batch
    }

    /// Does steps until they are committed or must be refused, and answers.
    fn commit(&mut self, mut batch: Vec<Job>) {
        // Steps that failed and must not be done again.
        let mut spoiled = vec![false; batch.len()];
        let mut attempts = 1;
        let refused = loop {
            let error = match self.transaction(&mut batch, &mut spoiled) {
                Ok(()) => break None,
                Err(Trouble::Spoiled) => continue,
                Err(Trouble::Unknown(id, error)) => {
                    match fate::ask(&self.address, &id, &error, || self.queue.is_closed()) {
                        Some(true) => {
                            // It may have left some: that was to be told with its end.
                            self.discarded = true;
                            break None;
                        }
                        Some(false) => error,
                        None => break Some(fate::unknown(error)),
                    }
                }
                // A database that hangs twice has had its time.
                Err(Trouble::Lost(error)) if attempts > 1 && is_unanswered(&error) => break Some(error),
                Err(Trouble::Lost(error)) => error,
                Err(Trouble::Away(error)) => break Some(error),
                Err(Trouble::Clash(error) | Trouble::Other(error)) if batch.len() > 1 => {
                    tracing::warn!(error = %chain(&error), steps = batch.len(), "a transaction failed; its steps are done one by one");
                    return batch
                        .into_iter()
                        .zip(spoiled)
                        .for_each(|(step, spoiled)| if spoiled { step.answer(None) } else { self.commit(vec![step]) });
                }
                Err(Trouble::Clash(error)) => error,
                Err(Trouble::Other(error)) => break Some(error),
            };
            attempts += 1;
            if attempts > ATTEMPTS_MAX {
                break Some(error);
            }
            tracing::info!(error = %chain(&error), steps = batch.len(), "a transaction is done again");
        };
        let refused = refused.map(Refusal::from);
        if let Some(refusal) = &refused {
            tracing::error!(error = %chain(&refusal.error()), steps = batch.len(), "a transaction was refused");
        }
        batch.into_iter().for_each(|step| step.answer(refused.as_ref()));
    }

    /// One transaction around the steps that are not spoiled.
    fn transaction(&mut self, batch: &mut [Job], spoiled: &mut [bool]) -> std::result::Result<(), Trouble> {
        let mut needs = Needs::default();
        let mut steps = 0;
        for (step, _) in batch.iter().zip(&*spoiled).filter(|(_, spoiled)| !**spoiled) {
            needs.merge(step.needs());
            steps += 1;
        }
        needs.tidy();
        let numbers = self.numbers.clone();
        let link = self.link().map_err(Trouble::Away)?;
        let done = Self::attempt(link, &numbers, &needs, steps, batch, spoiled);
        match done {
            Ok(discarded) => {
                self.discarded |= discarded;
                Ok(())
            }
            Err(Failure::Spoiled) => {
                self.undo().map_or_else(|lost| Err(Trouble::Lost(lost)), |()| Err(Trouble::Spoiled))
            }
            Err(Failure::Before(error)) => Err(self.trouble(error)),
            Err(Failure::InCommit(id, error)) => Err(match self.trouble(error) {
                Trouble::Lost(error) => Trouble::Unknown(id, error),
                // The commit was answered: with a refusal.
                refused => refused,
            }),
        }
    }

    /// Tells whether sessions were left to be purged.
    fn attempt(
        link: &Link,
        numbers: &Numbers,
        needs: &Needs,
        steps: usize,
        batch: &mut [Job],
        spoiled: &mut [bool],
    ) -> std::result::Result<bool, Failure> {
        let (mut sql, start) = Sql::begin(link, numbers, needs, steps).map_err(Failure::Before)?;
        if !start.is_durable {
            link.command("SET LOCAL synchronous_commit = on").map_err(Failure::Before)?;
        }
        for (step, spoiled) in batch.iter_mut().zip(spoiled).filter(|(_, spoiled)| !**spoiled) {
            let before = sql.writes();
            match step.run(&mut sql, start.now) {
                Ran::Refused(error) => return Err(Failure::Before(error)),
                Ran::Failed if sql.writes() > before => {
                    *spoiled = true;
                    return Err(Failure::Spoiled);
                }
                Ran::Failed | Ran::Kept => {}
            }
        }
        if !sql.is_sound() {
            let what = "no numbers for new rows could be had".to_owned();
            return Err(Failure::Before(StoreError::Unavailable { what, cause: None }));
        }
        let (writes, discarded) = (sql.writes(), sql.discarded.get());
        numbers.give_back(sql.into_lot());
        end(link, writes > 0, start).map(|()| discarded)
    }

    /// What a failure means, once the transaction is rolled back.
    fn trouble(&mut self, error: StoreError) -> Trouble {
        if is_loss(&error) || self.undo().is_err() {
            self.link = None;
            return Trouble::Lost(error);
        }
        if is_clash(&error) { Trouble::Clash(error) } else { Trouble::Other(error) }
    }

    fn undo(&mut self) -> Result<()> {
        let undone = match &self.link {
            Some(link) => {
                // What was sent is answered with the failure that is known already.
                let _ = link.settle();
                link.command("ROLLBACK").and_then(|()| link.settle())
            }
            None => Ok(()),
        };
        if undone.is_err() {
            self.link = None;
        }
        undone
    }

    /// The connection, a new one if there is none.
    fn link(&mut self) -> Result<&Link> {
        let link = match self.link.take().filter(|link| !link.is_lost()) {
            Some(link) => link,
            None => Link::connect_impatiently(&self.address)?,
        };
        Ok(self.link.insert(link))
    }

    /// Erases a little of what discarded sessions left.
    fn purge(&mut self) {
        let (caller, mut purged) = oneshot::channel();
        let work = |sql: &mut Sql<'_>, _| sql.purge(PURGE_SLICE);
        self.commit(vec![Box::new(Item {
            needs: Needs::default(),
            alone: true,
            work,
            now: None,
            bytes: 0,
            given: None,
            caller,
            _room: None,
        })]);
        // What failed stays for the next sweep; here it must not keep the writer busy for ever.
        self.discarded = matches!(purged.try_recv(), Ok(Ok(true)));
    }
}

/// Why an attempt at a transaction ended before its commit was confirmed.
enum Failure {
    Spoiled,
    Before(StoreError),
    InCommit(String, StoreError),
}

/// Commits, or rolls back what has written nothing: of that, nobody need be asked what became of it.
fn end(link: &Link, wrote: bool, start: Start) -> std::result::Result<(), Failure> {
    let sent = link.command(if wrote { "COMMIT" } else { "ROLLBACK" });
    let failure = |error| if wrote { Failure::InCommit(start.id, error) } else { Failure::Before(error) };
    sent.and_then(|()| link.settle()).map_err(failure)
}
