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
    chain,
    store::{Result, Rules},
    time::SharedClock,
};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    cells::{is_everyones, unavailable},
    open::BUSY_TIMEOUT,
    step::{Ran, Step},
    sweep::{PURGE_SLICE, Sweep},
    tables::{Sql, State},
};
use crate::{queue::Queue, refusal::Refusal, rows::ThreadRows};

/// Steps in one transaction, at most.
const BATCH_STEPS_MAX: usize = 1024;
/// Bytes of content in one transaction, at most, but always one step (4 MiB).
const BATCH_BYTES_MAX: usize = 4 << 20;
/// How long a transaction waits for the callers of the one before (0.2 ms, about what a fast disk takes to commit): they
/// were answered a moment ago, and if they go on at once, one commit serves them all again.
const LINGER: Duration = Duration::from_micros(200);
/// How long traces of erased content may stay in the file under load (20 s). Without load they go at once.
const SETTLE_WITHIN: Duration = Duration::from_secs(20);

/// What the writer is asked.
pub(super) enum Job {
    Step(Box<dyn Step>),
    Sweep(Sweep),
    /// Answered when no trace of erased content is in the files.
    Settle(oneshot::Sender<()>),
    /// Answered when all that was asked before is done and the files are closed.
    Stop(oneshot::Sender<()>),
}

pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) state: State,
    pub(super) rules: Rules,
    pub(super) clock: SharedClock,
    pub(super) queue: Arc<Queue<Job>>,
    /// Taken from the queue and not yet begun.
    pub(super) taken: VecDeque<Job>,
    /// Steps in the transaction before.
    pub(super) last_batch: usize,
    /// Tells readers that the writer waits for one of them to end.
    pub(super) wants_nudge: Arc<AtomicBool>,
    /// Released last.
    pub(super) lock: File,
    pub(super) house: House,
    /// Who asked it to stop.
    pub(super) stopped: Option<oneshot::Sender<()>>,
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
        loop {
            if !self.taken.is_empty() || self.has_chores() {
                self.queue.take(&mut self.taken);
            } else {
                let more = self.queue.take_first(&mut self.taken);
                self.house.waits = false;
                if !more {
                    break;
                }
            }
            self.commit(&mut batch);
            self.settle();
            let stopped = self.stopped.is_some() || self.queue.is_closed();
            if stopped && self.taken.is_empty() && self.queue.is_empty() {
                break;
            }
        }
        self.close();
    }

    fn has_chores(&self) -> bool {
        !self.house.waits && (self.has_slice() || self.house.unsettled_since.is_some())
    }

    fn has_slice(&self) -> bool {
        !self.house.waits && (!self.house.sweeps.is_empty() || self.state.discarded.get())
    }

    /// The next step that was taken from the queue; what else was asked is noted on the way.
    fn next_step(&mut self) -> Option<Box<dyn Step>> {
        while let Some(job) = self.taken.pop_front() {
            self.house.waits = false;
            match job {
                Job::Step(step) => return Some(step),
                Job::Sweep(sweep) => self.house.sweeps.push_back(sweep),
                Job::Settle(caller) => self.house.settlers.push(caller),
                Job::Stop(caller) => {
                    self.queue.close();
                    self.stopped = Some(caller);
                }
            }
        }
        None
    }

    /// Runs steps and a slice of housekeeping in one transaction, and answers.
    fn commit(&mut self, batch: &mut Vec<Box<dyn Step>>) {
        let first = self.next_step();
        if first.is_none() && !self.has_slice() {
            return;
        }
        let sliced = self.transaction(first, batch);
        let refused = sliced.as_ref().err();
        self.last_batch = batch.len();
        for step in batch.drain(..) {
            step.answer(refused);
        }
        match sliced {
            Ok(Slice::Unfinished) => {}
            Ok(Slice::Done) => self.end_sweep(None),
            Ok(Slice::Failed(refusal)) => {
                // It stays for the next sweep; here it must not keep the writer busy for ever.
                self.state.discarded.set(false);
                self.end_sweep(Some(&refusal));
            }
            Err(refusal) => {
                tracing::error!(error = %chain(&refusal.error()), "a transaction was refused");
                self.house.waits = true;
                self.house.sweeps.drain(..).for_each(|sweep| sweep.answer(Some(&refusal)));
            }
        }
        if self.state.erased.get() {
            self.house.unsettled_since.get_or_insert_with(|| self.clock.monotonic());
        }
    }

    /// One transaction around the steps that are there, and a slice of housekeeping if there is some. Steps that were
    /// begun are in `batch` afterwards, whatever became of them.
    fn transaction(
        &mut self,
        first: Option<Box<dyn Step>>,
        batch: &mut Vec<Box<dyn Step>>,
    ) -> std::result::Result<Slice, Refusal> {
        let done = self.begin_and_commit(first, batch);
        if done.is_err() && !self.conn.is_autocommit() {
            // SQLite ends a transaction by itself after some errors; after the others it is ended here.
            let _ = self.sql().run("ROLLBACK", []);
        }
        done
    }

    fn begin_and_commit(
        &mut self,
        first: Option<Box<dyn Step>>,
        batch: &mut Vec<Box<dyn Step>>,
    ) -> std::result::Result<Slice, Refusal> {
        let begun = self.sql().run("BEGIN IMMEDIATE", []);
        let (mut next, mut bytes, mut lingered) = (first, 0, false);
        while let Some(mut step) = next {
            bytes += step.bytes();
            let ran = match &begun {
                Ok(_) => in_savepoint(&mut self.sql(), |sql| step.run(sql)),
                Err(_) => Ok(()),
            };
            batch.push(step);
            ran?;
            if batch.len() >= BATCH_STEPS_MAX || bytes >= BATCH_BYTES_MAX || begun.is_err() {
                break;
            }
            next = self.next_step_within(batch.len(), &mut lingered);
        }
        begun?;
        let slice = if self.has_slice() { self.slice()? } else { Slice::Unfinished };
        self.sql().run("COMMIT", [])?;
        Ok(slice)
    }

    /// The next step for a transaction that has `so_far`: waits a moment if more were in the one before.
    fn next_step_within(&mut self, so_far: usize, lingered: &mut bool) -> Option<Box<dyn Step>> {
        if let Some(step) = self.next_step() {
            return Some(step);
        }
        let missing = self.last_batch.saturating_sub(so_far);
        if missing == 0 || *lingered {
            self.queue.take(&mut self.taken);
        } else {
            *lingered = true;
            self.queue.take_within(missing, LINGER, &mut self.taken);
        }
        self.next_step()
    }

    fn slice(&mut self) -> std::result::Result<Slice, Refusal> {
        let Self { conn, state, rules, house, .. } = self;
        let mut sliced = Slice::Unfinished;
        in_savepoint(&mut Sql { conn, state }, |sql| {
            let done = match house.sweeps.front_mut() {
                Some(sweep) => sweep.slice(sql, rules),
                None => sql.purge(PURGE_SLICE).map(|_| false),
            };
            match done {
                Ok(true) => sliced = Slice::Done,
                Ok(false) => {}
                Err(error) if is_everyones(&error) => return Ran::Refused(error.into()),
                Err(error) => {
                    tracing::error!(error = %chain(&error), "a sweep was broken off");
                    sliced = Slice::Failed(error.into());
                    return Ran::Undo;
                }
            }
            Ran::Kept
        })?;
        Ok(sliced)
    }

    fn sql(&self) -> Sql<'_> {
        Sql { conn: &self.conn, state: &self.state }
    }

    fn end_sweep(&mut self, refused: Option<&Refusal>) {
        if let Some(sweep) = self.house.sweeps.pop_front() {
            sweep.answer(refused);
        }
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
        let idle = self.taken.is_empty()
            && self.queue.is_empty()
            && self.house.sweeps.is_empty()
            && !self.state.discarded.get();
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
                tracing::error!(error = %chain(&error), "erased content could not be taken out of the write-ahead log yet");
                self.house.waits = true;
            }
        }
    }

    fn close(mut self) {
        self.house.waits = false;
        self.settle();
        if let Err((_, error)) = self.conn.close() {
            tracing::error!(error = %chain(&error), "the database was not closed cleanly; nothing is lost");
        }
        drop(self.lock);
        self.stopped.map(|caller| caller.send(()));
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
