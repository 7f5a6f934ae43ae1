//! The queue before the writer: callers wait for room in it without blocking, the writer blocks on it.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chathakase_session::store::{Result, StoreError};
use tokio::sync::Semaphore;

/// A bounded queue of jobs with many callers and one writer.
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    ready: Condvar,
    /// Free places.
    places: Semaphore,
}

struct State<J> {
    jobs: VecDeque<J>,
    /// How many jobs the writer waits for; it is not woken for fewer.
    wanted: usize,
    nudged: bool,
    closed: bool,
}

impl<J> Queue<J> {
    pub(crate) fn new(places: usize) -> Self {
        let state = State { jobs: VecDeque::new(), wanted: 1, nudged: false, closed: false };
        Self {
            state: Mutex::new(state),
            ready: Condvar::new(),
            places: Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS)),
        }
    }

    /// Queues a job, once there is a place for it.
    pub(crate) async fn push(&self, job: J) -> Result<()> {
        self.places.acquire().await.map_err(|_| StoreError::Closed)?.forget();
        let mut state = self.lock();
        if state.closed {
            return Err(StoreError::Closed);
        }
        state.jobs.push_back(job);
        if state.jobs.len() >= state.wanted {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Wakes the writer without a job.
    pub(crate) fn nudge(&self) {
        self.lock().nudged = true;
        self.ready.notify_one();
    }

    /// Lets nobody queue any more; what is queued is still done.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.places.close();
        self.ready.notify_one();
    }

    /// Takes all that is queued.
    pub(crate) fn take(&self, into: &mut VecDeque<J>) {
        self.give(self.lock(), into);
    }

    /// Waits until something is queued or the writer is nudged, and takes all of it; `false` when nothing can come any
    /// more.
    pub(crate) fn take_first(&self, into: &mut VecDeque<J>) -> bool {
        let nothing = |state: &mut State<J>| state.jobs.is_empty() && !state.nudged && !state.closed;
        let mut state = self.ready.wait_while(self.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
        state.nudged = false;
        let more = !state.jobs.is_empty() || !state.closed;
        self.give(state, into);
        more
    }

    /// Waits until `wanted` jobs are queued, but no longer than `limit`, and takes all there are.
    pub(crate) fn take_within(&self, wanted: usize, limit: Duration, into: &mut VecDeque<J>) {
        let mut state = self.lock();
        state.wanted = wanted;
        let too_few = |state: &mut State<J>| state.jobs.len() < state.wanted && !state.closed;
        let waited = self.ready.wait_timeout_while(state, limit, too_few);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.wanted = 1;
        self.give(state, into);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().jobs.is_empty()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn give(&self, mut state: MutexGuard<'_, State<J>>, into: &mut VecDeque<J>) {
        let taken = state.jobs.len();
        into.append(&mut state.jobs);
        drop(state);
        self.places.add_permits(taken);
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
