//! What a reply tells the store while it speaks, and whether it may still speak.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use chathakase_session::{
    SlackTs, Timestamp, chain, fault_point,
    store::{SessionStore, StoreError},
    time::SharedClock,
    turn::{Lease, Part, PartMode, PartState, TurnId},
};
use chathakase_slack::reply::{Journal, Mode, Silenced};
use tokio_util::sync::CancellationToken;

/// How long before its end a lease stops being enough to speak on: longer than a Slack call may take (8 s).
const SPEAK_MARGIN: Duration = Duration::from_secs(10);
/// The first wait before a step that the store could not write is tried again; doubles up to [`RETRY_WAIT_MAX`].
pub(super) const RETRY_WAIT: Duration = Duration::from_millis(250);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(5);

/// A lease as its holder sees it: valid by the monotonic clock, which a changed wall clock does not move.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) lease: Lease,
    clock: SharedClock,
    speak_until_ms: AtomicU64,
    /// When the store lets others take it, by the wall clock.
    held_until_ms: AtomicI64,
    /// Set when the turn is not ours any more, or the process ends: whoever works on it falls silent.
    pub(crate) silenced: CancellationToken,
    /// Set when a person wants no more of the answer.
    pub(crate) stopped: CancellationToken,
    /// Set when a step of the store fails for a reason that does not pass.
    failed: AtomicBool,
}

impl Hold {
    /// A lease that was asked for at `asked_at` (monotonic) and lasts `lasts` from then on.
    pub(crate) fn new(
        lease: Lease,
        clock: SharedClock,
        asked_at: Duration,
        lasts: Duration,
        silenced: CancellationToken,
    ) -> Arc<Self> {
        let held_until_ms = AtomicI64::new(lease.until.as_millis());
        let (speak_until_ms, stopped) = (AtomicU64::new(0), CancellationToken::new());
        let failed = AtomicBool::new(false);
        let hold = Self { lease, clock, speak_until_ms, held_until_ms, silenced, stopped, failed };
        hold.may_speak_until(asked_at + lasts);
        Arc::new(hold)
    }

    /// The lease was renewed by a request made at `asked_at` (monotonic), which was `now` by the wall clock.
    pub(crate) fn extend(&self, asked_at: Duration, now: Timestamp, lasts: Duration) {
        self.may_speak_until(asked_at + lasts);
        self.held_until_ms.store((now + lasts).as_millis(), Relaxed);
    }

    fn may_speak_until(&self, end: Duration) {
        let until = end.saturating_sub(SPEAK_MARGIN);
        self.speak_until_ms.store(u64::try_from(until.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Whether others may think that nobody holds the turn, now or soon.
    pub(crate) fn looks_abandoned(&self) -> bool {
        (self.clock.now() + SPEAK_MARGIN).as_millis() >= self.held_until_ms.load(Relaxed)
    }

    /// Whether nobody else can have taken the turn over by the time a Slack call made now is done.
    pub(crate) fn may_speak(&self) -> bool {
        let now = u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX);
        !self.silenced.is_cancelled() && now < self.speak_until_ms.load(Relaxed)
    }

    /// Whether whoever takes the turn up next would fail as we did, for all that we know.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Relaxed)
    }

    /// A step of the store failed: waits until it may be tried again. Gives up only when the turn is lost: what a full disk
    /// or an absent database holds up, it holds up, and nothing is lost.
    pub(crate) async fn held_up(&self, error: StoreError, wait: &mut Duration) -> Result<(), Lost> {
        let lost = Lost(self.lease.turn);
        if !error.is_retryable() {
            tracing::warn!(error = %chain(&error), turn.id = %self.lease.turn, "a turn is given up");
            self.failed.store(true, Relaxed);
            self.silenced.cancel();
            return Err(lost);
        }
        tracing::warn!(error = %chain(&error), turn.id = %self.lease.turn, "the store is in the way of a turn; trying again");
        tokio::select! {
            () = self.clock.sleep(*wait) => {}
            () = self.silenced.cancelled() => return Err(lost),
        }
        *wait = (*wait * 2).min(RETRY_WAIT_MAX);
        Ok(())
    }
}

/// Does a step of the store, again and again if it must be, until it is done or the turn is lost.
macro_rules! insist {
    ($hold:expr, $step:expr) => {{
        let mut wait = crate::turn::journal::RETRY_WAIT;
        loop {
            match $step.await {
                Ok(done) => break Ok::<_, crate::turn::journal::Lost>(done),
                Err(error) => {
                    if let Err(lost) = $hold.held_up(error, &mut wait).await {
                        break Err(lost);
                    }
                }
            }
        }
    }};
}
pub(super) use insist;

/// This process works no more on the turn: it is somebody else's, or cannot go on now. Whoever claims it next carries on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("turn {0} is not ours to carry on with now")]
pub(crate) struct Lost(pub(crate) TurnId);

/// The index of the row that says that a post of unknown fate may come to stand beside the parts. No answer has so many.
const STRAY: u32 = u32::MAX;

/// The parts of a turn as this process knows them: what stands under which timestamp, and what may stand under one that we
/// were never told.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Parts>);

#[derive(Debug, Default)]
struct Parts {
    by_index: BTreeMap<u32, Part>,
    /// Since when (monotonic) a post may come to stand that nobody waits for any more.
    late_since: Option<Duration>,
}

impl Known {
    /// The parts of a turn that somebody else ran. What they meant to post and never named may stand there only if one of them died,
    /// or noted that nobody knows: who gives a turn back has heard of all its other calls.
    pub(crate) fn inherit(&self, parts: Vec<Part>, after_deaths: bool) {
        let may_stand = after_deaths || parts.iter().any(|part| part.index == STRAY);
        parts.into_iter().filter(|part| may_stand || part.ts.is_some()).for_each(|part| self.note(part));
    }
    pub(crate) fn note(&self, part: Part) {
        self.lock().by_index.insert(part.index, part);
    }
    /// A part may stand under a timestamp that we were never told: this one, or, where that is known, one behind all that are.
    fn note_unknown(&self, part: u32, mode: PartMode) {
        let mut parts = self.lock();
        let stands = parts.by_index.get(&part).is_some_and(|part| part.ts.is_some());
        let behind = || parts.by_index.range(..STRAY).next_back().map_or(0, |(last, _)| last + 1);
        let index = if stands { behind() } else { part };
        parts.by_index.insert(index, Part { index, mode, state: PartState::Intended, ts: None, hash: 0 });
    }
    /// The timestamps of those that stand.
    pub(crate) fn posts(&self) -> Vec<SlackTs> {
        self.lock().by_index.values().filter_map(|part| part.ts).collect()
    }
    /// Whether any may stand that we cannot name.
    pub(crate) fn is_unsure(&self) -> bool {
        self.lock().by_index.values().any(|part| part.ts.is_none() && part.index != STRAY)
    }
    /// Whether whoever ran the turn before us may have made a call that it never heard of.
    pub(crate) fn has_nameless(&self) -> bool {
        self.lock().by_index.values().any(|part| part.ts.is_none())
    }
    /// Since when (monotonic) a post of the turn may come to stand beside the others; `None` when none can.
    pub(crate) fn late_since(&self) -> Option<Duration> {
        self.lock().late_since
    }
    /// Slack does not show the thread: whoever looked for a post that comes late would not see it.
    pub(crate) fn nobody_looks(&self) {
        self.lock().late_since = None;
    }
    /// Those that stand.
    pub(crate) fn parts(&self) -> Vec<Part> {
        self.lock().by_index.values().filter(|part| part.ts.is_some()).cloned().collect()
    }
    fn lock(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The journal of one turn's reply.
pub(crate) struct TurnJournal {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) hold: Arc<Hold>,
    pub(crate) known: Arc<Known>,
    /// For what a person's Stop ends at once.
    pub(crate) until_stopped: bool,
}

#[async_trait]
impl Journal for TurnJournal {
    async fn part_intended(&self, part: u32, mode: Mode) -> Result<(), Silenced> {
        // Not known to be possible as long as we live: what the call comes to, we shall hear.
        insist!(self.hold, self.store.part_intended(&self.hold.lease, part, stored(mode))).map_err(|_| Silenced)?;
        fault_point!("part.intended");
        Ok(())
    }
    async fn part_unknown(&self, part: u32, mode: Mode) -> Result<(), Silenced> {
        self.known.note_unknown(part, stored(mode));
        self.may_come_late().await.map_err(|_| Silenced)
    }
    async fn part_open(&self, part: u32, mode: Mode, ts: SlackTs) -> Result<(), Silenced> {
        fault_point!("part.posted");
        let mode = stored(mode);
        self.known.note(Part { index: part, mode, state: PartState::Open, ts: Some(ts), hash: 0 });
        insist!(self.hold, self.store.part_open(&self.hold.lease, part, mode, ts)).map_err(|_| Silenced)?;
        fault_point!("part.stored");
        Ok(())
    }
    async fn part_done(&self, part: u32, hash: u64) -> Result<(), Silenced> {
        insist!(self.hold, self.store.part_done(&self.hold.lease, part, hash)).map_err(|_| Silenced)?;
        fault_point!("part.done");
        Ok(())
    }
    fn may_speak(&self) -> bool {
        self.hold.may_speak() && !(self.until_stopped && self.hold.stopped.is_cancelled())
    }
}

impl TurnJournal {
    /// A post of the turn may come to stand that nobody waits for any more.
    pub(super) async fn may_come_late(&self) -> Result<(), Lost> {
        self.known.lock().late_since = Some(self.hold.clock.monotonic());
        // For whoever takes the turn over before we have looked again.
        insist!(self.hold, self.store.part_intended(&self.hold.lease, STRAY, PartMode::Single))?;
        fault_point!("stray.stored");
        Ok(())
    }
}

/// The store's word for a way of bringing an answer.
pub(crate) const fn stored(mode: Mode) -> PartMode {
    match mode {
        Mode::Stream => PartMode::Stream,
        Mode::PostAndUpdate => PartMode::Update,
        Mode::SinglePost => PartMode::Single,
    }
}
