//! The store, measured: how long each step takes, which fail, and what the steps say about turns and their people's patience.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chathakase_metrics::{
    ADOPTIONS, ERASURES, MODEL_TOKENS, RECEIPTS, STORE_ERRORS, STORE_STEP_SECONDS, TURN_FIRST_TEXT, TURN_SECONDS,
    TURN_WAIT, TURNS,
};
use chathakase_session::{
    ChannelId, SlackTs, ThreadKey, Timestamp, WorkspaceId,
    store::{
        Around, Claimed, Cleared, Closing, Erased, Expired, Learned, NewPost, ReadBack, Receipt, Received, Renewed,
        Result, SessionStore, StoreError,
    },
    time::SharedClock,
    turn::{Claimant, Lease, Outcome, Part, PartMode, Turn, TurnId, TurnKind},
};

/// Turns that are timed at once at most; past it those that wait go untimed. Those that run are few.
const TIMED_MAX: usize = 8192;
/// A turn that waits longer than this is not timed any more when there is no room for others: it may have been dropped.
const TIMED_FOR: Duration = Duration::from_secs(3600);

/// A store whose steps are measured. It keeps nothing but the times of open turns.
pub struct Measured {
    store: Arc<dyn SessionStore>,
    clock: SharedClock,
    /// The model's name as a metric's label.
    model: &'static str,
    open: Mutex<HashMap<TurnId, Open>>,
}

/// A turn that is not delivered yet.
#[derive(Clone, Copy)]
struct Open {
    kind: TurnKind,
    /// When its first message arrived (monotonic); unknown when another process took it in.
    arrived: Option<Duration>,
    shown: bool,
    outcome: Option<Outcome>,
}

impl Measured {
    /// `store`, measured. `model` is the configured model, whose tokens are counted.
    pub fn new(store: Arc<dyn SessionStore>, clock: SharedClock, model: &str) -> Self {
        Self { store, clock, model: chathakase_metrics::label(model), open: Mutex::default() }
    }

    fn arrived(&self, id: TurnId, kind: TurnKind, runs: bool, at: Duration) {
        let mut open = self.lock();
        if open.len() >= TIMED_MAX {
            open.retain(|_, turn| turn.arrived.is_none_or(|arrived| at.saturating_sub(arrived) < TIMED_FOR));
        }
        if runs || open.len() < TIMED_MAX {
            let new = Open { kind, arrived: Some(at), shown: false, outcome: None };
            // A message that joins a waiting turn does not make the first one's author wait less.
            open.entry(id).or_insert(new);
        }
    }

    /// A turn that waited, here or elsewhere, is ours.
    fn runs(&self, turn: &Turn) {
        let known = *self.lock().entry(turn.id).or_insert(Open {
            kind: turn.kind,
            arrived: None,
            shown: false,
            outcome: turn.outcome,
        });
        if let Some(arrived) = known.arrived {
            TURN_WAIT.took(self.since(arrived), []);
        }
    }

    fn closed(&self, lease: &Lease, closing: &Ended) {
        let mut open = self.lock();
        let Some(turn) = open.get_mut(&lease.turn) else { return };
        if turn.outcome.replace(closing.outcome).is_none() {
            TURNS.count([kind(turn.kind), outcome(closing.outcome)]);
            MODEL_TOKENS.add(closing.prompt, [self.model, "prompt"]);
            MODEL_TOKENS.add(closing.completion, [self.model, "completion"]);
        }
    }

    fn shown(&self, id: TurnId) {
        let mut open = self.lock();
        let Some(turn) = open.get_mut(&id).filter(|turn| !turn.shown && turn.kind == TurnKind::Answer) else { return };
        turn.shown = true;
        if let Some(arrived) = turn.arrived {
            TURN_FIRST_TEXT.took(self.since(arrived), []);
        }
    }

    fn ended(&self, id: TurnId) {
        let Some(turn) = self.lock().remove(&id) else { return };
        if let (Some(arrived), Some(ended)) = (turn.arrived, turn.outcome) {
            TURN_SECONDS.took(self.since(arrived), [kind(turn.kind), outcome(ended)]);
        }
    }

    fn since(&self, moment: Duration) -> Duration {
        self.clock.monotonic().saturating_sub(moment)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TurnId, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What of a closing is counted.
struct Ended {
    outcome: Outcome,
    prompt: u64,
    completion: u64,
}

impl Ended {
    fn of(closing: &Closing) -> Self {
        let Closing { outcome, usage, .. } = closing;
        Self { outcome: *outcome, prompt: usage.prompt, completion: usage.completion }
    }
}

impl Around for Measured {
    fn inner(&self) -> &dyn SessionStore {
        &*self.store
    }
    async fn step<T: Send>(&self, name: &'static str, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let began = self.clock.monotonic();
        let done = work.await;
        STORE_STEP_SECONDS.took(self.clock.monotonic().saturating_sub(began), [name]);
        if let Err(error) = &done {
            STORE_ERRORS.count([error_name(error)]);
            if let StoreError::LeaseLost { turn } = error {
                // It is another process's now, and so is its time.
                self.lock().remove(turn);
            }
        }
        done
    }
    async fn receive(&self, post: NewPost, claimant: Option<&Claimant>, now: Timestamp) -> Result<Received> {
        let began = self.clock.monotonic();
        let received = self.step("receive", self.store.receive(post, claimant, now)).await?;
        RECEIPTS.count([received.receipt.name()]);
        match &received.receipt {
            Receipt::Run(claimed) => self.arrived(claimed.turn.id, claimed.turn.kind, true, began),
            Receipt::Waiting(id) => self.arrived(*id, TurnKind::Answer, false, began),
            _ => {}
        }
        Ok(received)
    }
    async fn learn(&self, lease: &Lease, read: ReadBack, now: Timestamp) -> Result<Learned> {
        let learned = self.step("learn", self.store.learn(lease, read, now)).await?;
        ERASURES.add(learned.erased as u64, ["deleted"]);
        Ok(learned)
    }
    async fn reconcile(&self, key: &ThreadKey, read: ReadBack, now: Timestamp) -> Result<Learned> {
        let learned = self.step("reconcile", self.store.reconcile(key, read, now)).await?;
        ERASURES.add(learned.erased as u64, ["deleted"]);
        Ok(learned)
    }
    async fn claim(&self, claimant: &Claimant, limit: usize, now: Timestamp) -> Result<Vec<Claimed>> {
        let claimed = self.step("claim", self.store.claim(claimant, limit, now)).await?;
        for Claimed { turn, after_death, .. } in &claimed {
            if *after_death {
                ADOPTIONS.count([]);
            }
            self.runs(turn);
        }
        Ok(claimed)
    }
    async fn renew(&self, leases: &[Lease], lease: Duration, now: Timestamp) -> Result<Renewed> {
        let renewed = self.step("renew", self.store.renew(leases, lease, now)).await?;
        self.lock().retain(|id, _| !renewed.lost.contains(id));
        Ok(renewed)
    }
    async fn release(&self, leases: &[Lease], wait: Duration, now: Timestamp) -> Result<()> {
        self.step("release", self.store.release(leases, wait, now)).await?;
        self.lock().retain(|id, _| leases.iter().all(|lease| lease.turn != *id));
        Ok(())
    }
    async fn part_open(&self, lease: &Lease, index: u32, mode: PartMode, ts: SlackTs) -> Result<()> {
        // The thread shows it already; writing that down is no part of anybody's wait.
        self.shown(lease.turn);
        self.step("part_open", self.store.part_open(lease, index, mode, ts)).await
    }
    async fn close(&self, lease: &Lease, closing: Closing, now: Timestamp) -> Result<()> {
        let ended = Ended::of(&closing);
        self.step("close", self.store.close(lease, closing, now)).await?;
        self.closed(lease, &ended);
        Ok(())
    }
    async fn delivered(
        &self,
        lease: &Lease,
        parts: &[Part],
        claimant: Option<&Claimant>,
        now: Timestamp,
    ) -> Result<Option<Claimed>> {
        let next = self.step("delivered", self.store.delivered(lease, parts, claimant, now)).await?;
        self.ended(lease.turn);
        next.iter().for_each(|claimed| self.runs(&claimed.turn));
        Ok(next)
    }
    async fn erase(&self, workspace: &WorkspaceId, channel: &ChannelId, ts: SlackTs, now: Timestamp) -> Result<Erased> {
        let erased = self.step("erase", self.store.erase(workspace, channel, ts, now)).await?;
        if let Erased::Done { .. } = erased {
            ERASURES.count(["deleted"]);
        }
        Ok(erased)
    }
    async fn retract(&self, key: &ThreadKey, ts: SlackTs, now: Timestamp) -> Result<bool> {
        let retracted = self.step("retract", self.store.retract(key, ts, now)).await?;
        if retracted {
            ERASURES.count(["deleted"]);
        }
        Ok(retracted)
    }
    async fn clear(&self, key: &ThreadKey, before: SlackTs, now: Timestamp) -> Result<Cleared> {
        let cleared = self.step("clear", self.store.clear(key, before, now)).await?;
        ERASURES.count(["cleared"]);
        Ok(cleared)
    }
    async fn clear_and_close(
        &self,
        lease: &Lease,
        before: SlackTs,
        says: fn(Cleared) -> Closing,
        now: Timestamp,
    ) -> Result<Cleared> {
        let cleared = self.step("clear_and_close", self.store.clear_and_close(lease, before, says, now)).await?;
        ERASURES.count(["cleared"]);
        self.closed(lease, &Ended::of(&says(cleared)));
        Ok(cleared)
    }
    async fn expire(&self, keep_up_to: usize, limit: usize, now: Timestamp) -> Result<Expired> {
        let expired = self.step("expire", self.store.expire(keep_up_to, limit, now)).await?;
        ERASURES.add(expired.sessions, ["expired"]);
        Ok(expired)
    }
}

fn error_name(error: &StoreError) -> &'static str {
    match error {
        StoreError::LeaseLost { .. } => "lease_lost",
        StoreError::Unavailable { .. } => "unavailable",
        StoreError::BadRow { .. } => "bad_row",
        StoreError::Closed => "closed",
    }
}

fn kind(kind: TurnKind) -> &'static str {
    match kind {
        TurnKind::Answer => "answer",
        TurnKind::Command => "command",
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "answered",
        Outcome::Failed => "failed",
        Outcome::Stopped => "stopped",
    }
}
