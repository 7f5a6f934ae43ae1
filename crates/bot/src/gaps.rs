//! Gaps: noticing that something may have been missed, and keeping the order of threads while it is looked for.
//!
//! Once a minute the store is told until when this process missed nothing. After a start, a link that was down, a delivery that could
//! not be stored, a sleep of the whole process, or the death of another one, [`catch_up`] looks for posts from then on.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use chathakase_session::{
    ThreadKey, Timestamp, WorkspaceId, chain,
    time::{Clock, timeout},
};
use tokio::sync::{Notify, watch};

use crate::{catch_up, intake::Intake};

/// How often the store is told that nothing was missed.
const BEAT: Duration = Duration::from_secs(60);
/// A beat that comes so late says that the process slept.
const LATE: Duration = Duration::from_secs(180);
/// The wait before a look that the store or the process could not finish is tried again.
const AGAIN: Duration = Duration::from_secs(15);
/// How long a post waits for what was missed before it in its thread. Slack waits three seconds for an acknowledgement.
const ORDER_WAIT_MAX: Duration = Duration::from_secs(2);

/// The stretch of time in which events come without a gap, by number; `None` while none can come.
pub type Stretch = watch::Receiver<Option<u64>>;

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
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    stretch: OnceLock<Stretch>,
    behind: watch::Sender<Behind>,
    /// A delivery could not be stored since the last look, or another process died that had missed something.
    missed: AtomicBool,
    /// When the store was told last, all that was missed had been looked for.
    closed: AtomicBool,
    nudge: Notify,
    report: Mutex<CatchUpReport>,
}

#[derive(Debug, Default)]
struct Behind {
    /// The stretch before which it is known what to look for.
    known: Option<u64>,
    /// Threads that are still to be read, those that somebody waits for in front.
    threads: VecDeque<ThreadKey>,
}

impl Gaps {
    /// A delivery was not stored, and so not acknowledged. Slack sends it again, but not for ever.
    pub(crate) fn missed(&self) {
        self.missed.store(true, SeqCst);
        self.nudge.notify_one();
    }

    /// Whether all that was missed was looked for.
    pub(crate) fn are_closed(&self) -> bool {
        self.closed.load(SeqCst) && !self.missed.load(SeqCst)
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
        let is_next = |behind: &Behind| {
            stretch.borrow().is_none_or(|now| behind.known == Some(now)) && !behind.threads.contains(key)
        };
        if is_next(&self.behind.borrow()) {
            return;
        }
        self.behind.send_if_modified(|behind| {
            if let Some(at) = behind.threads.iter().position(|thread| thread == key) {
                behind.threads.swap(0, at);
            }
            false
        });
        let mut behind = self.behind.subscribe();
        // Late is better than not at all: then it is answered before what it came after.
        let _ = timeout(clock, ORDER_WAIT_MAX, behind.wait_for(is_next)).await;
    }

    /// These threads are to be read before posts of them are taken in.
    pub(crate) fn list(&self, stretch: u64, threads: Vec<ThreadKey>) {
        self.behind.send_replace(Behind { known: Some(stretch), threads: threads.into() });
    }

    /// The thread to read next.
    pub(crate) fn next(&self) -> Option<ThreadKey> {
        self.behind.borrow().threads.front().cloned()
    }

    /// A thread was read, or given up.
    pub(crate) fn done_with(&self, key: &ThreadKey) {
        self.behind.send_modify(|behind| behind.threads.retain(|thread| thread != key));
    }

    fn lock(&self) -> MutexGuard<'_, CatchUpReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees to it that gaps in `stretch` are looked at. What comes from now on waits until it is known what was missed before.
pub(crate) fn watch(intake: &Arc<Intake>, workspace: WorkspaceId, stretch: Stretch) {
    if intake.gaps.stretch.set(stretch.clone()).is_err() {
        return;
    }
    let intake = Arc::clone(intake);
    let runner = Arc::clone(&intake.runner);
    runner.spawn(async move {
        tokio::select! {
            () = keep_watch(&intake, &workspace, stretch) => {}
            () = intake.runner.until_closing() => {}
        }
    });
}

async fn keep_watch(intake: &Arc<Intake>, workspace: &WorkspaceId, mut stretch: Stretch) {
    let (tools, process, gaps) = (&intake.runner.tools, &intake.runner.claimant, &intake.gaps);
    let (mut looked_at, mut beat_at) = (None, None::<Timestamp>);
    loop {
        let now = tools.clock.now();
        let slept = beat_at.is_some_and(|at| now.since(at) > LATE);
        let current = *stretch.borrow_and_update();
        let mut wait = BEAT;
        gaps.closed.store(false, SeqCst);
        if let Some(number) = current {
            let missed = gaps.missed.swap(false, SeqCst);
            let done = if missed || slept || looked_at != current {
                catch_up::run(intake, workspace, number).await
            } else {
                tools.store.note_good(process, now, now).await
            };
            gaps.closed.store(matches!(done, Ok(false)), SeqCst);
            match done {
                Ok(others_left_some) => {
                    looked_at = current;
                    if others_left_some {
                        gaps.missed();
                    }
                }
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "what was missed could not be looked for; trying again");
                    gaps.missed.store(true, SeqCst);
                    gaps.list(number, Vec::new());
                    wait = AGAIN;
                }
            }
        }
        beat_at = Some(tools.clock.now());
        tokio::select! {
            () = tools.clock.sleep(wait) => {}
            () = changed(&mut stretch) => {}
            () = gaps.nudge.notified(), if wait == BEAT => {}
        }
    }
}

async fn changed(stretch: &mut Stretch) {
    if stretch.changed().await.is_err() {
        // It will stay as it is.
        std::future::pending::<()>().await;
    }
}
