//! A store that can die: in one moment, and with everything that still wants to write.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use chathakase_session::{
    ChannelId, Message, SlackTs, ThreadKey, Timestamp, WorkspaceId,
    store::{
        Amended, Claimed, Cleared, Closing, Edit, Erased, Expired, History, Learned, Load, NewPost, Page, ReadBack,
        Received, Renewed, Result, SessionInfo, SessionStore, Stats, StoreError, ThreadMark,
    },
    turn::{Claimant, Lease, Part, PartMode, TurnId},
};
use chathakase_sim::slack::Gate;

/// The store of one life. A runtime that is shut down drops its tasks one after another, and those that are still there see
/// the others' ends and write what they make of them; a killed process does nothing of the kind. After
/// [`MortalStore::die`] no step of this life begins, and none that was begun returns.
pub struct MortalStore {
    store: Arc<dyn SessionStore>,
    dead: AtomicBool,
    full: AtomicBool,
    loses_clearing: AtomicBool,
    gates: Mutex<Vec<(&'static str, Gate)>>,
}

impl MortalStore {
    /// The first life of a store.
    pub fn new(store: Arc<dyn SessionStore>) -> Arc<Self> {
        let (dead, full, loses_clearing) = (AtomicBool::default(), AtomicBool::default(), AtomicBool::default());
        Arc::new(Self { store, dead, full, loses_clearing, gates: Mutex::default() })
    }

    /// Ends this life, now.
    pub fn die(&self) {
        self.dead.store(true, SeqCst);
    }

    /// Whether nothing more can be written to it.
    pub fn is_full(&self, full: bool) {
        self.full.store(full, SeqCst);
    }

    /// The next `clear_and_close` is done and says that it could not be, as when a database goes away in the middle of a commit.
    pub fn lose_clearing(&self) {
        self.loses_clearing.store(true, SeqCst);
    }

    /// From now on, until `gate` is opened, `receive` waits there before it is done; `amend` and `mark` when they are done,
    /// before they return.
    pub fn hold(&self, step: &'static str, gate: &Gate) {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).push((step, gate.clone()));
    }

    async fn pass(&self, step: &'static str) {
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (_, gate) in gates.iter().filter(|(held, _)| *held == step) {
            gate.pass().await;
        }
    }

    fn has_room(&self) -> Result<()> {
        match self.full.load(SeqCst) {
            true => Err(StoreError::Unavailable { what: "the disk is full".into(), cause: None }),
            false => Ok(()),
        }
    }

    /// Does a step, if there is life before it and after it.
    async fn alive<T>(&self, step: impl Future<Output = T>) -> T {
        if self.dead.load(SeqCst) {
            std::future::pending::<()>().await;
        }
        let done = step.await;
        if self.dead.load(SeqCst) {
            std::future::pending::<()>().await;
        }
        done
    }
}

#[async_trait]
impl SessionStore for MortalStore {
    async fn receive(&self, post: NewPost, claimant: Option<&Claimant>, now: Timestamp) -> Result<Received> {
        self.has_room()?;
        self.pass("receive").await;
        self.alive(self.store.receive(post, claimant, now)).await
    }
    async fn learn(&self, lease: &Lease, read: ReadBack, now: Timestamp) -> Result<Learned> {
        self.alive(self.store.learn(lease, read, now)).await
    }
    async fn reconcile(&self, key: &ThreadKey, read: ReadBack, now: Timestamp) -> Result<Learned> {
        self.alive(self.store.reconcile(key, read, now)).await
    }
    async fn claim(&self, claimant: &Claimant, limit: usize, now: Timestamp) -> Result<Vec<Claimed>> {
        self.alive(self.store.claim(claimant, limit, now)).await
    }
    async fn renew(&self, leases: &[Lease], lease: Duration, now: Timestamp) -> Result<Renewed> {
        self.alive(self.store.renew(leases, lease, now)).await
    }
    async fn release(&self, leases: &[Lease], wait: Duration, now: Timestamp) -> Result<()> {
        self.alive(self.store.release(leases, wait, now)).await
    }
    async fn part_intended(&self, lease: &Lease, index: u32, mode: PartMode) -> Result<()> {
        self.alive(self.store.part_intended(lease, index, mode)).await
    }
    async fn part_open(&self, lease: &Lease, index: u32, mode: PartMode, ts: SlackTs) -> Result<()> {
        self.alive(self.store.part_open(lease, index, mode, ts)).await
    }
    async fn part_done(&self, lease: &Lease, index: u32, hash: u64) -> Result<()> {
        self.alive(self.store.part_done(lease, index, hash)).await
    }
    async fn stop(&self, key: &ThreadKey, pressed: SlackTs) -> Result<Option<TurnId>> {
        self.alive(self.store.stop(key, pressed)).await
    }
    async fn close(&self, lease: &Lease, closing: Closing, now: Timestamp) -> Result<()> {
        self.alive(self.store.close(lease, closing, now)).await
    }
    async fn cut_short(&self, lease: &Lease, text: &str, now: Timestamp) -> Result<()> {
        self.alive(self.store.cut_short(lease, text, now)).await
    }
    async fn delivered(
        &self,
        lease: &Lease,
        parts: &[Part],
        claimant: Option<&Claimant>,
        now: Timestamp,
    ) -> Result<Option<Claimed>> {
        self.alive(self.store.delivered(lease, parts, claimant, now)).await
    }
    async fn amend(&self, edit: Edit, now: Timestamp) -> Result<Amended> {
        let amended = self.alive(self.store.amend(edit, now)).await;
        self.pass("amend").await;
        amended
    }
    async fn erase(&self, workspace: &WorkspaceId, channel: &ChannelId, ts: SlackTs, now: Timestamp) -> Result<Erased> {
        self.alive(self.store.erase(workspace, channel, ts, now)).await
    }
    async fn retract(&self, key: &ThreadKey, ts: SlackTs, now: Timestamp) -> Result<bool> {
        self.alive(self.store.retract(key, ts, now)).await
    }
    async fn clear(&self, key: &ThreadKey, before: SlackTs, now: Timestamp) -> Result<Cleared> {
        self.alive(self.store.clear(key, before, now)).await
    }
    async fn clear_and_close(
        &self,
        lease: &Lease,
        before: SlackTs,
        says: fn(Cleared) -> Closing,
        now: Timestamp,
    ) -> Result<Cleared> {
        let cleared = self.alive(self.store.clear_and_close(lease, before, says, now)).await;
        match self.loses_clearing.swap(false, SeqCst) {
            true => Err(StoreError::Unavailable { what: "the connection broke".into(), cause: None }),
            false => cleared,
        }
    }
    async fn expire(&self, keep_up_to: usize, limit: usize, now: Timestamp) -> Result<Expired> {
        self.alive(self.store.expire(keep_up_to, limit, now)).await
    }
    async fn mark(&self, key: &ThreadKey, now: Timestamp) -> Result<ThreadMark> {
        let mark = self.alive(self.store.mark(key, now)).await;
        self.pass("mark").await;
        mark
    }
    async fn session(&self, key: &ThreadKey, now: Timestamp) -> Result<Option<SessionInfo>> {
        self.alive(self.store.session(key, now)).await
    }
    async fn history(&self, key: &ThreadKey, turn: Option<TurnId>, limit: usize, now: Timestamp) -> Result<History> {
        self.alive(self.store.history(key, turn, limit, now)).await
    }
    async fn messages(&self, key: &ThreadKey, after: u64, limit: usize, now: Timestamp) -> Result<Vec<Message>> {
        self.alive(self.store.messages(key, after, limit, now)).await
    }
    async fn sessions(&self, page: &Page, now: Timestamp) -> Result<Vec<SessionInfo>> {
        self.alive(self.store.sessions(page, now)).await
    }
    async fn stats(&self, workspace: Option<&WorkspaceId>, now: Timestamp) -> Result<Stats> {
        self.alive(self.store.stats(workspace, now)).await
    }
    async fn load(&self, now: Timestamp) -> Result<Load> {
        self.alive(self.store.load(now)).await
    }
    async fn joined_since(
        &self,
        workspace: &WorkspaceId,
        since: Timestamp,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<ThreadKey>> {
        self.alive(self.store.joined_since(workspace, since, limit, now)).await
    }
    async fn note_good(&self, at: Timestamp) -> Result<()> {
        self.has_room()?;
        self.alive(self.store.note_good(at)).await
    }
    async fn good_until(&self) -> Result<Option<Timestamp>> {
        self.alive(self.store.good_until()).await
    }
    async fn counted(&self, key: &ThreadKey, tokens: &[(u64, u32)]) -> Result<()> {
        self.alive(self.store.counted(key, tokens)).await
    }
    async fn check(&self) -> Result<()> {
        self.has_room()?;
        self.alive(self.store.check()).await
    }
    async fn shutdown(&self) {
        self.alive(self.store.shutdown()).await
    }
}
