//! Gaps: noticing that something may have been missed, and keeping the order of threads while it is looked for.

pub(crate) mod watch;

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use chathakase_session::{
    ThreadKey, Timestamp,
    time::{Clock, timeout},
};
use chathakase_slack::payload::Retry;
use tokio::sync::{Notify, watch as channel};

use crate::proof::{Cause, Proof};

/// How long a post waits for what was missed before it in its thread. Slack waits three seconds for an acknowledgement.
const ORDER_WAIT_MAX: Duration = Duration::from_secs(2);

/// The stretch of time in which events come without a gap, by number; `None` while none can come.
pub type Stretch = channel::Receiver<Option<u64>>;

/// What was looked for after gaps, for health pages and metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatchUpReport {
    /// From when on posts are being looked for; `None` when none are.
    pub looking_from: Option<Timestamp>,
    /// How often was looked.
    pub looks: u64,
    /// Posts that had been missed and were taken in.
    pub found: u64,
    /// Threads, channels and spans of time that were not looked through.
    pub given_up: u64,
    /// When something was given up last, and what and why in a few words.
    pub last_given_up: Option<(Timestamp, String)>,
}

/// What is known about gaps in this process.
#[derive(Debug)]
pub(crate) struct Gaps {
    stretch: OnceLock<Stretch>,
    proof: Mutex<Proof>,
    behind: channel::Sender<Behind>,
    /// A delivery could not be stored since the last look, or another process died that had missed something.
    missed: AtomicBool,
    /// When the store was told last, all that was missed had been looked for.
    closed: AtomicBool,
    nudge: Notify,
    report: Mutex<CatchUpReport>,
}

/// What is to be looked through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    /// The stretch of time that began behind it.
    pub(crate) stretch: u64,
    pub(crate) cause: Cause,
    /// Where it begins, if that is before what the store knows.
    pub(crate) suspected: Option<Timestamp>,
    /// Now.
    pub(crate) began: Timestamp,
}

#[derive(Debug, Default)]
struct Behind {
    /// The stretch before which it is known what to look for.
    known: Option<u64>,
    /// Threads that are still to be read: those that somebody waits for, then the others, then those that are read last, if at all.
    called: VecDeque<ThreadKey>,
    threads: VecDeque<ThreadKey>,
    later: VecDeque<ThreadKey>,
}

impl Behind {
    fn holds(&self, key: &ThreadKey) -> bool {
        [&self.called, &self.threads, &self.later].into_iter().any(|threads| threads.contains(key))
    }

    fn remove(&mut self, key: &ThreadKey) {
        for threads in [&mut self.called, &mut self.threads, &mut self.later] {
            threads.retain(|thread| thread != key);
        }
    }
}

impl Gaps {
    /// Nothing is known yet. What was missed is answered up to the age of `age_max`.
    pub(crate) fn new(age_max: Duration) -> Self {
        Self {
            stretch: OnceLock::new(),
            proof: Mutex::new(Proof::new(age_max)),
            behind: channel::Sender::default(),
            missed: AtomicBool::default(),
            closed: AtomicBool::default(),
            nudge: Notify::new(),
            report: Mutex::default(),
        }
    }

    /// Slack delivers something, perhaps not for the first time.
    pub(crate) fn heard(&self, retry: Option<&Retry>, now: Timestamp) {
        let mut proof = self.proof();
        let Some(retry) = retry else { return proof.heard(now) };
        // Where we hold the link, we know of every moment without one: somebody will say so.
        let is_told = self.stretch.get().is_some_and(|stretch| stretch.has_changed().is_ok());
        if !is_told && proof.retried(retry.attempt, &retry.reason, now) {
            tracing::warn!(
                retry.attempt,
                retry.reason,
                "Slack could not deliver something at once; what was missed is looked for"
            );
            self.nudge.notify_one();
        }
    }

    /// Slack waited so long for its acknowledgement.
    pub(crate) fn took(&self, took: Duration, now: Timestamp) {
        self.proof().took(took, now);
    }

    /// We did not take something in.
    pub(crate) fn refused(&self, now: Timestamp) {
        self.proof().refused(now);
    }

    /// Until when nothing was missed; `None` while something may have been.
    pub(crate) fn good(&self) -> Option<Timestamp> {
        (self.closed.load(SeqCst) && !self.missed.load(SeqCst)).then(|| self.proof().good())
    }

    /// Whether another stretch of time goes on than this one.
    pub(crate) fn is_past(&self, number: u64) -> bool {
        self.stretch.get().is_some_and(|stretch| stretch.borrow().is_some_and(|now| now != number))
    }

    /// A delivery was not stored, and so not acknowledged. Slack sends it again, but not for ever.
    pub(crate) fn missed(&self) {
        self.missed.store(true, SeqCst);
        self.nudge.notify_one();
    }

    pub(crate) fn report(&self) -> CatchUpReport {
        self.lock().clone()
    }

    /// Changes the report.
    pub(crate) fn note(&self, note: impl FnOnce(&mut CatchUpReport)) {
        note(&mut self.lock());
    }

    /// Waits a moment until posts that were missed in this thread are taken in, so that those come first.
    pub(crate) async fn in_order(&self, key: &ThreadKey, clock: &dyn Clock) {
        let Some(stretch) = self.stretch.get() else { return };
        let is_known = |behind: &Behind| stretch.borrow().is_none_or(|now| behind.known == Some(now));
        let is_next = |behind: &Behind| is_known(behind) && !behind.holds(key);
        if is_next(&self.behind.borrow()) {
            return;
        }
        let mut behind = self.behind.subscribe();
        let comes_first = async {
            let _ = behind.wait_for(is_known).await;
            self.call(key);
            let _ = behind.wait_for(is_next).await;
        };
        // Late is better than not at all: then it is answered before what it came after.
        let _ = timeout(clock, ORDER_WAIT_MAX, comes_first).await;
    }

    /// Somebody waits until this thread is read.
    fn call(&self, key: &ThreadKey) {
        self.behind.send_if_modified(|behind| {
            let waits = behind.holds(key) && !behind.called.contains(key);
            if waits {
                behind.remove(key);
                behind.called.push_back(key.clone());
            }
            waits
        });
    }

    /// These threads are to be read before posts of them are taken in; the second ones last, unless somebody waits for them.
    pub(crate) fn list(&self, stretch: u64, threads: Vec<ThreadKey>, later: Vec<ThreadKey>) {
        let behind =
            Behind { known: Some(stretch), called: VecDeque::new(), threads: threads.into(), later: later.into() };
        self.behind.send_replace(behind);
    }

    /// Nothing more is to be read.
    pub(crate) fn list_nothing(&self, stretch: u64) {
        self.list(stretch, Vec::new(), Vec::new());
    }

    /// The thread to read next when only those are left that are read last: also here, one that somebody waits for comes first.
    pub(crate) fn next_late(&self) -> Option<ThreadKey> {
        let behind = self.behind.borrow();
        behind.called.front().or(behind.later.front()).cloned()
    }

    /// The thread to read next when somebody waits for one.
    pub(crate) fn next_called(&self) -> Option<ThreadKey> {
        self.behind.borrow().called.front().cloned()
    }

    /// Ends when somebody waits for a thread.
    pub(crate) async fn somebody_waits(&self) {
        let _ = self.behind.subscribe().wait_for(|behind| !behind.called.is_empty()).await;
    }

    /// A thread was read, or given up.
    pub(crate) fn done_with(&self, key: &ThreadKey) {
        self.behind.send_modify(|behind| behind.remove(key));
    }

    fn lock(&self) -> MutexGuard<'_, CatchUpReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn proof(&self) -> MutexGuard<'_, Proof> {
        self.proof.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
