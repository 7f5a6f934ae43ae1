//! A store that can die: in one moment, and with everything that still wants to write.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
};

use chathakase_session::{
    SlackTs, ThreadKey, Timestamp, WorkspaceId,
    store::{
        Amended, Around, Cleared, Closing, Edit, Looked, NewPost, Others, Received, Result, SessionStore, StoreError,
        ThreadMark,
    },
    turn::{Claimant, Lease},
};
use chathakase_sim::slack::Gate;

/// The store of one life. A runtime that is shut down drops its tasks one after another, and those that are still there see
/// the others' ends and write what they make of them; a killed process does nothing of the kind. After
/// [`MortalStore::die`] no step of this life begins, and none that was begun returns.
pub struct MortalStore {
    store: Arc<dyn SessionStore>,
    dead: AtomicBool,
    full: AtomicBool,
    turned_away: AtomicU32,
    loses_clearing: AtomicBool,
    gates: Mutex<Vec<(&'static str, Gate)>>,
    processes: AtomicU32,
}

impl MortalStore {
    /// The first life of a store.
    pub fn new(store: Arc<dyn SessionStore>) -> Arc<Self> {
        Arc::new(Self {
            store,
            dead: AtomicBool::default(),
            full: AtomicBool::default(),
            turned_away: AtomicU32::default(),
            loses_clearing: AtomicBool::default(),
            gates: Mutex::default(),
            processes: AtomicU32::default(),
        })
    }

    /// Ends this life, now.
    pub fn die(&self) {
        self.dead.store(true, SeqCst);
    }

    /// Whether nothing more can be written to it.
    pub fn is_full(&self, full: bool) {
        self.full.store(full, SeqCst);
    }

    /// How many posts came while there was no room for them.
    pub fn turned_away(&self) -> u32 {
        self.turned_away.load(SeqCst)
    }

    /// The next `clear_and_close` is done and says that it could not be, as when a database goes away in the middle of a commit.
    pub fn lose_clearing(&self) {
        self.loses_clearing.store(true, SeqCst);
    }

    /// How many processes live, as this one was told last.
    pub fn processes(&self) -> u32 {
        self.processes.load(SeqCst)
    }

    /// From now on, until `gate` is opened, steps of that name wait there before they are done; `amend` and `mark` when they are done,
    /// before they return. Not those that only tell of the process.
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

impl Around for MortalStore {
    fn inner(&self) -> &dyn SessionStore {
        &*self.store
    }
    async fn step<T: Send>(&self, name: &'static str, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        self.pass(name).await;
        self.alive(work).await
    }
    async fn receive(&self, post: NewPost, claimant: Option<&Claimant>, now: Timestamp) -> Result<Received> {
        self.pass("receive").await;
        self.has_room().inspect_err(|_| {
            self.turned_away.fetch_add(1, SeqCst);
        })?;
        self.alive(self.store.receive(post, claimant, now)).await
    }
    async fn amend(&self, edit: Edit, now: Timestamp) -> Result<Amended> {
        let amended = self.alive(self.store.amend(edit, now)).await;
        self.pass("amend").await;
        amended
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
    async fn mark(&self, key: &ThreadKey, now: Timestamp) -> Result<ThreadMark> {
        let mark = self.alive(self.store.mark(key, now)).await;
        self.pass("mark").await;
        mark
    }
    async fn live(&self, process: &Claimant, now: Timestamp) -> Result<u32> {
        let live = self.alive(self.store.live(process, now)).await?;
        self.processes.store(live, SeqCst);
        Ok(live)
    }
    async fn note_good(&self, process: &Claimant, at: Timestamp, now: Timestamp) -> Result<Others> {
        self.has_room()?;
        self.alive(self.store.note_good(process, at, now)).await
    }
    async fn good_until(&self, process: &Claimant, now: Timestamp) -> Result<Option<Timestamp>> {
        self.has_room()?;
        self.alive(self.store.good_until(process, now)).await
    }
    async fn note_looked(&self, workspace: &WorkspaceId, looked: &Looked, now: Timestamp) -> Result<()> {
        self.has_room()?;
        self.alive(self.store.note_looked(workspace, looked, now)).await
    }
    async fn check(&self) -> Result<()> {
        self.has_room()?;
        self.alive(self.store.check()).await
    }
    async fn shutdown(&self) {
        self.alive(self.store.shutdown()).await
    }
}
