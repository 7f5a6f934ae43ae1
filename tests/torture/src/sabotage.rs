//! An assistant that breaks its promises on purpose: a torture that does not find that out proves nothing.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chathakase_session::{
    ChannelId, Kind, SlackTs, Timestamp, WorkspaceId,
    store::{
        Around, Claimed, Closing, Erased, Learned, NewPost, ReadBack, Receipt, Received, Renewed, Result, SessionStore,
        StoreError,
    },
    time::{Clock, SharedClock, Sleep},
    turn::{Claimant, Lease, OwnerId, Part, PartMode},
};
use clap::ValueEnum;

/// The name in a child's environment.
pub(crate) const VARIABLE: &str = "TORTURE_SABOTAGE";

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sabotage {
    /// Slack is told that a message arrived before it is written.
    EarlyAck,
    /// A post that is known already is taken for a new one.
    NoDedupe,
    /// Who lost a lease is not told, writes as if it had the one that holds now, and does not notice how long it stood still.
    NoFence,
    /// The disk does not sync, as with `synchronous=OFF`.
    NoSync,
    /// What was deleted is kept.
    NoErase,
    /// What a reading shows for the first time is not marked as asked, though its turn answers it.
    ForgetsAsked,
}

/// How long after the acknowledgement an [`Sabotage::EarlyAck`] is written.
const LATE: Duration = Duration::from_secs(3);

impl Sabotage {
    /// What this process is to break.
    pub(crate) fn asked_for() -> Option<Self> {
        Self::from_str(&std::env::var(VARIABLE).ok()?, false).ok()
    }

    /// As [`Sabotage::asked_for`] reads it.
    pub(crate) fn written(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether what it breaks is about posts that are found, which only those are that the assistant looks back for.
    pub(crate) fn needs_catch_up(self) -> bool {
        self == Self::ForgetsAsked
    }

    /// A clock that breaks what it promised.
    pub(crate) fn on(self, clock: SharedClock) -> SharedClock {
        if self == Self::NoFence { Arc::new(Dozing { clock, dozed: Mutex::default() }) } else { clock }
    }

    /// A store that breaks what it promised.
    pub(crate) fn of(self, store: Arc<dyn SessionStore>, clock: SharedClock) -> Arc<dyn SessionStore> {
        Arc::new(Saboteur { store, clock, breaks: self })
    }
}

/// What all processes are called under [`Sabotage::NoFence`], so that nothing but the fence tells them apart.
const EVERYBODY: &str = "everybody";
/// So many takeovers of a turn are overlooked.
const TAKEOVERS: u64 = 8;

/// Does a step of a turn with the first of the leases that is good for it.
macro_rules! with_any {
    ($saboteur:ident, $lease:ident, $step:expr) => {{
        let mut done = Err(StoreError::LeaseLost { turn: $lease.turn });
        for $lease in &$saboteur.leases($lease) {
            done = $step.await;
            if !matches!(done, Err(StoreError::LeaseLost { .. })) {
                break;
            }
        }
        done
    }};
}

/// A clock that nobody asked for so long stood still with its process (20 s).
const STOOD_STILL: Duration = Duration::from_secs(20);

/// A clock that stands still while its process does, as that of a machine that is put to sleep.
#[derive(Debug)]
struct Dozing {
    clock: SharedClock,
    /// When it was asked last, and how long it stood still in all.
    dozed: Mutex<(Duration, Duration)>,
}

impl Clock for Dozing {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
    fn monotonic(&self) -> Duration {
        let now = self.clock.monotonic();
        let mut dozed = self.dozed.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_sub(dozed.0);
        dozed.0 = dozed.0.max(now);
        if since > STOOD_STILL {
            dozed.1 += since;
        }
        now.saturating_sub(dozed.1)
    }
    fn sleep(&self, wait: Duration) -> Sleep {
        self.clock.sleep(wait)
    }
}

struct Saboteur {
    store: Arc<dyn SessionStore>,
    clock: SharedClock,
    breaks: Sabotage,
}

impl Saboteur {
    /// The lease that is held; without the fence also those that others may hold by now.
    fn leases(&self, lease: &Lease) -> Vec<Lease> {
        let taken_over = if self.breaks == Sabotage::NoFence { TAKEOVERS } else { 0 };
        (lease.fence..=lease.fence + taken_over).map(|fence| Lease { fence, ..lease.clone() }).collect()
    }

    fn called(&self, claimant: &Claimant) -> Claimant {
        let owner = if self.breaks == Sabotage::NoFence { OwnerId::new(EVERYBODY) } else { claimant.owner.clone() };
        Claimant { owner, ..claimant.clone() }
    }
}

impl Around for Saboteur {
    fn inner(&self) -> &dyn SessionStore {
        &*self.store
    }
    async fn receive(&self, post: NewPost, claimant: Option<&Claimant>, now: Timestamp) -> Result<Received> {
        if self.breaks == Sabotage::EarlyAck && post.kind == Kind::Accepted {
            let (store, clock) = (self.store.clone(), self.clock.clone());
            tokio::spawn(async move {
                clock.sleep(LATE).await;
                store.receive(post, None, clock.now()).await
            });
            return Ok(Received { receipt: Receipt::Kept, created: false, passed: Vec::new() });
        }
        let (again, claimant) = (post.clone(), claimant.map(|claimant| self.called(claimant)));
        let received = self.store.receive(post, claimant.as_ref(), now).await?;
        if self.breaks == Sabotage::NoDedupe && received.receipt == Receipt::Known {
            let other = SlackTs::from_micros(again.ts.as_micros() + 1).unwrap_or(again.ts);
            return self.store.receive(NewPost { ts: other, ..again }, claimant.as_ref(), now).await;
        }
        Ok(received)
    }
    async fn learn(&self, lease: &Lease, read: ReadBack, now: Timestamp) -> Result<Learned> {
        let questions_max = if self.breaks == Sabotage::ForgetsAsked { 0 } else { read.questions_max };
        self.store.learn(lease, ReadBack { questions_max, ..read }, now).await
    }
    async fn claim(&self, claimant: &Claimant, limit: usize, now: Timestamp) -> Result<Vec<Claimed>> {
        self.store.claim(&self.called(claimant), limit, now).await
    }
    async fn renew(&self, leases: &[Lease], lease: Duration, now: Timestamp) -> Result<Renewed> {
        let renewed = self.store.renew(leases, lease, now).await?;
        Ok(if self.breaks == Sabotage::NoFence { Renewed::default() } else { renewed })
    }
    async fn erase(&self, workspace: &WorkspaceId, channel: &ChannelId, ts: SlackTs, now: Timestamp) -> Result<Erased> {
        if self.breaks == Sabotage::NoErase {
            return Ok(Erased::Marked);
        }
        self.store.erase(workspace, channel, ts, now).await
    }
    async fn part_intended(&self, lease: &Lease, index: u32, mode: PartMode) -> Result<()> {
        with_any!(self, lease, self.store.part_intended(lease, index, mode))
    }
    async fn part_open(&self, lease: &Lease, index: u32, mode: PartMode, ts: SlackTs) -> Result<()> {
        with_any!(self, lease, self.store.part_open(lease, index, mode, ts))
    }
    async fn part_done(&self, lease: &Lease, index: u32, hash: u64) -> Result<()> {
        with_any!(self, lease, self.store.part_done(lease, index, hash))
    }
    async fn repeats(&self, lease: &Lease) -> Result<()> {
        with_any!(self, lease, self.store.repeats(lease))
    }
    async fn posts_of_others(&self, lease: &Lease, posts: &[SlackTs]) -> Result<Vec<SlackTs>> {
        with_any!(self, lease, self.store.posts_of_others(lease, posts))
    }
    async fn close(&self, lease: &Lease, closing: Closing, now: Timestamp) -> Result<()> {
        with_any!(self, lease, self.store.close(lease, closing.clone(), now))
    }
    async fn delivered(
        &self,
        lease: &Lease,
        parts: &[Part],
        claimant: Option<&Claimant>,
        now: Timestamp,
    ) -> Result<Option<Claimed>> {
        let claimant = claimant.map(|claimant| self.called(claimant));
        with_any!(self, lease, self.store.delivered(lease, parts, claimant.as_ref(), now))
    }
}
