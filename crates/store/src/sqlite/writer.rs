//! The one writer: a thread that commits the steps of many callers in one transaction.
//!
//! Each step runs in a savepoint, so that one that fails takes nothing from the others, and is answered only after the
//! commit has returned. Housekeeping comes in slices beside the steps, so that no step waits for a sweep.

use std::{
    collections::VecDeque,
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chathakase_session::{
    store::{Result, Rules},
    time::SharedClock,
};
use rusqlite::Connection;
use tokio::sync::{
    mpsc::{self, error::TryRecvError},
    oneshot,
};

use super::{
    cells::{is_everyones, unavailable},
    open::BUSY_TIMEOUT,
    step::{Ran, Refusal, Step},
    sweep::{PURGE_SLICE, Sweep},
    tables::{Sql, State},
};
use crate::rows::ThreadRows;

/// Steps in one transaction, at most.
const BATCH_STEPS_MAX: usize = 1024;
/// Bytes of content in one transaction, at most, but always one step (4 MiB).
const BATCH_BYTES_MAX: usize = 4 << 20;
/// How long traces of erased content may stay in the file under load (20 s). Without load they go at once.
const SETTLE_WITHIN: Duration = Duration::from_secs(20);

/// What the writer is asked.
pub(super) enum Job {
    Step(Box<dyn Step>),
    Sweep(Sweep),
    /// Answered when no trace of erased content is in the files.
    Settle(oneshot::Sender<()>),
    /// A reader that stood in the way of the checkpoint has ended.
    Nudge,
    /// Answered when all that was asked before is done and the files are closed.
    Stop(oneshot::Sender<()>),
}

pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) state: State,
    pub(super) rules: Rules,
    pub(super) clock: SharedClock,
    pub(super) queue: mpsc::Receiver<Job>,
    /// Tells readers that the writer waits for one of them to end.
    pub(super) wants_nudge: Arc<AtomicBool>,
    /// Released last.
    pub(super) lock: File,
    pub(super) house: House,
}

/// Housekeeping that is under way.
#[derive(Default)]
pub(super) struct House {
    sweeps: VecDeque<Sweep>,
    settlers: Vec<oneshot::Sender<()>>,
    unsettled_since: Option<Duration>,
    /// It failed or a reader is in the way: not tried again before something else happens.
    waits: bool,
}

/// What became of a slice of housekeeping.
enum Slice {
    /// There is more of it, or there was none.
    Unfinished,
    /// The sweep at the head of the queue is done.
    Done,
    Failed(Refusal),
}

impl Writer {
    /// Works until everyone who could ask is gone, or it is stopped.
    pub(super) fn run(mut self) {
        let mut batch = Vec::new();
        let stopped = loop {
            let job = if self.has_chores() {
                match self.queue.try_recv() {
                    Ok(job) => Some(job),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => break None,
                }
            } else {
                match self.queue.blocking_recv() {
                    Some(job) => Some(job),
                    None => break None,
                }
            };
            let stop = job.and_then(|job| self.gather(job, &mut batch));
            self.commit(&mut batch);
            self.settle();
            if stop.is_some() {
                break stop;
            }
        };
        self.close(stopped);
    }

    fn has_chores(&self) -> bool {
        !self.house.waits
            && (!self.house.sweeps.is_empty() || self.state.discarded.get() || self.house.unsettled_since.is_some())
    }

    /// Takes what is queued, as far as one transaction goes. Returns who wants the writer to stop.
    fn gather(&mut self, first: Job, batch: &mut Vec<Box<dyn Step>>) -> Option<oneshot::Sender<()>> {
        self.house.waits = false;
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Step(step) => {
                    bytes += step.bytes();
                    batch.push(step);
                }
                Job::Sweep(sweep) => self.house.sweeps.push_back(sweep),
                Job::Settle(caller) => self.house.settlers.push(caller),
                Job::Nudge => {}
                Job::Stop(caller) => return Some(caller),
            }
            let full = batch.len() >= BATCH_STEPS_MAX || bytes >= BATCH_BYTES_MAX;
            next = if full { None } else { self.queue.try_recv().ok() };
        }
        None
    }

    /// Runs a batch and a slice of housekeeping in one transaction, and answers.
    fn commit(&mut self, batch: &mut Vec<Box<dyn Step>>) {
        let slice = !self.house.waits && (!self.house.sweeps.is_empty() || self.state.discarded.get());
        if batch.is_empty() && !slice {
            return;
        }
        let swept = self.transaction(batch, slice);
        let refused = swept.as_ref().err();
        for step in batch.drain(..) {
            step.answer(refused);
        }
        match swept {
            Ok(Slice::Unfinished) => {}
            Ok(Slice::Done) => self.end_sweep(None),
            Ok(Slice::Failed(refusal)) => {
                // It stays for the next sweep; here it must not keep the writer busy for ever.
                self.state.discarded.set(false);
                self.end_sweep(Some(&refusal));
            }
            Err(refusal) => {
                tracing::error!(error = %refusal.error(), "a transaction was refused");
                self.house.waits = true;
                self.house.sweeps.drain(..).for_each(|sweep| sweep.answer(Some(&refusal)));
            }
        }
        if self.state.erased.get() {
            self.house.unsettled_since.get_or_insert_with(|| self.clock.monotonic());
        }
    }

    fn end_sweep(&mut self, refused: Option<&Refusal>) {
        if let Some(sweep) = self.house.sweeps.pop_front() {
            sweep.answer(refused);
        }
    }

    /// One transaction around a batch and, if asked for, a slice of housekeeping.
    fn transaction(&mut self, batch: &mut [Box<dyn Step>], slice: bool) -> std::result::Result<Slice, Refusal> {
        let mut sql = Sql { conn: &self.conn, state: &self.state };
        let done = sql.run("BEGIN IMMEDIATE", []).map_err(Refusal::from).and_then(|_| {
            for step in batch {
                in_savepoint(&mut sql, |sql| step.run(sql))?;
            }
            let mut sliced = Slice::Unfinished;
            if slice {
                let sweep = self.house.sweeps.front_mut();
                in_savepoint(&mut sql, |sql| {
                    let done = match sweep {
                        Some(sweep) => sweep.slice(sql, &self.rules),
                        None => sql.purge(PURGE_SLICE).map(|_| false),
                    };
                    match done {
                        Ok(true) => sliced = Slice::Done,
                        Ok(false) => {}
                        Err(error) if is_everyones(&error) => return Ran::Refused(error.into()),
                        Err(error) => {
                            tracing::error!(%error, "a sweep was broken off");
                            sliced = Slice::Failed(error.into());
                            return Ran::Undo;
                        }
                    }
                    Ran::Kept
                })?;
            }
            sql.run("COMMIT", []).map_err(Refusal::from)?;
            Ok(sliced)
        });
        if done.is_err() && !self.conn.is_autocommit() {
            // SQLite ends a transaction by itself after some errors; after the others it is ended here.
            let _ = sql.run("ROLLBACK", []);
        }
        done
    }

    /// Takes traces of erased content out of the files: when nothing else is to be done, when somebody waits for it, or
    /// when it was put off for [`SETTLE_WITHIN`].
    fn settle(&mut self) {
        if !self.state.erased.get() {
            self.house.unsettled_since = None;
            for caller in self.house.settlers.drain(..) {
                let _ = caller.send(());
            }
            return;
        }
        let since = self.house.unsettled_since.get_or_insert_with(|| self.clock.monotonic());
        let late = self.clock.monotonic().saturating_sub(*since) >= SETTLE_WITHIN;
        let idle = self.queue.is_empty() && self.house.sweeps.is_empty() && !self.state.discarded.get();
        let asked = !self.house.settlers.is_empty() && self.house.sweeps.is_empty() && !self.state.discarded.get();
        if !(late || idle || asked) || self.house.waits {
            return;
        }
        // Before the attempt, so that a reader that ends meanwhile is not missed.
        self.wants_nudge.store(true, Ordering::SeqCst);
        match truncate(&self.conn) {
            Ok(true) => {
                self.wants_nudge.store(false, Ordering::SeqCst);
                self.state.erased.set(false);
                self.settle();
            }
            Ok(false) => self.house.waits = true,
            Err(error) => {
                tracing::error!(%error, "erased content could not be taken out of the write-ahead log yet");
                self.house.waits = true;
            }
        }
    }

    fn close(mut self, stopped: Option<oneshot::Sender<()>>) {
        self.queue.close();
        while self.queue.try_recv().is_ok() {}
        self.house.waits = false;
        self.settle();
        if let Err((_, error)) = self.conn.close() {
            tracing::error!(%error, "the database was not closed cleanly; nothing is lost");
        }
        drop(self.lock);
        stopped.map(|caller| caller.send(()));
    }
}

/// Runs one step so that nothing of it stays when it fails.
fn in_savepoint(sql: &mut Sql<'_>, step: impl FnOnce(&mut Sql<'_>) -> Ran) -> std::result::Result<(), Refusal> {
    sql.run("SAVEPOINT step", [])?;
    match step(sql) {
        Ran::Kept => {}
        Ran::Undo => {
            sql.run("ROLLBACK TO step", [])?;
        }
        Ran::Refused(refusal) => return Err(refusal),
    }
    sql.run("RELEASE step", [])?;
    Ok(())
}

/// Copies the write-ahead log into the database and empties it; `false` when a reader is in the way.
fn truncate(conn: &Connection) -> Result<bool> {
    conn.busy_timeout(Duration::ZERO).map_err(unavailable)?;
    let busy = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    conn.busy_timeout(BUSY_TIMEOUT).map_err(unavailable)?;
    match busy {
        Ok(busy) => Ok(busy == 0),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => Ok(false),
        Err(error) => Err(unavailable(error)),
    }
}
