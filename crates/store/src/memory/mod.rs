//! The store that keeps nothing on disk: for tests, and for whoever wants no traces. Its steps end with the process.

mod lists;
mod rows;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chathakase_session::{
    ChannelId, Message, SlackTs, ThreadKey, Timestamp, WorkspaceId,
    message::Ending,
    store::{
        Amended, Claimed, Cleared, Closing, Count, Edit, Erased, Expired, History, Learned, Load, Looked, NewPost,
        Others, Page, Press, ReadBack, Received, Renewed, Result, Rules, SessionInfo, SessionStore, Stats, StoreError,
        ThreadMark,
    },
    turn::{Claimant, Lease, Part, PartMode, TurnId},
};

use crate::{
    codec::Packed,
    rows::{PostName, ProcessRows},
    steps::{
        Incoming, clear, edit, edit::Edited, expire, learn, learn::Seen, lease, look, process, receive, speak,
        speak::Words,
    },
};
use rows::Tables;

/// Keeps sessions in memory behind one lock, which is never held across an await.
///
/// Bounded by what expires: content goes with its session, marks of posts after [`Rules::tombstones_for`]; what is known
/// of a thread for ever is about 200 bytes.
#[derive(Debug)]
pub struct MemoryStore {
    rules: Rules,
    /// `None` once closed.
    tables: Mutex<Option<Tables>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(rules: Rules) -> Self {
        Self { rules, tables: Mutex::new(Some(Tables::default())) }
    }

    fn step<T>(&self, step: impl FnOnce(&mut Tables) -> Result<T>) -> Result<T> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.as_mut().map_or(Err(StoreError::Closed), step)
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn receive(&self, post: NewPost, claimant: Option<&Claimant>, now: Timestamp) -> Result<Received> {
        let incoming = Incoming::new(post);
        self.step(|rows| receive::receive(rows, &self.rules, &incoming, claimant, now))
    }

    async fn learn(&self, lease: &Lease, read: ReadBack, now: Timestamp) -> Result<Learned> {
        let seen = Seen::new(read);
        self.step(|rows| learn::learn(rows, lease, &seen, now))
    }

    async fn reconcile(&self, key: &ThreadKey, read: ReadBack, now: Timestamp) -> Result<Learned> {
        let seen = Seen::new(read);
        self.step(|rows| learn::reconcile(rows, &self.rules, key, &seen, now))
    }

    async fn claim(&self, claimant: &Claimant, limit: usize, now: Timestamp) -> Result<Vec<Claimed>> {
        self.step(|rows| lease::claim(rows, &self.rules, claimant, limit, now))
    }

    async fn renew(&self, leases: &[Lease], lease: Duration, now: Timestamp) -> Result<Renewed> {
        self.step(|rows| lease::renew(rows, leases, lease, now))
    }

    async fn stopped(&self, leases: &[Lease]) -> Result<Vec<TurnId>> {
        self.step(|rows| lease::stopped(rows, leases))
    }

    async fn release(&self, leases: &[Lease], wait: Duration, now: Timestamp) -> Result<()> {
        self.step(|rows| lease::release(rows, leases, now + wait))
    }

    async fn part_intended(&self, lease: &Lease, index: u32, mode: PartMode) -> Result<()> {
        self.step(|rows| speak::part_intended(rows, lease, index, mode))
    }

    async fn part_open(&self, lease: &Lease, index: u32, mode: PartMode, ts: SlackTs) -> Result<()> {
        self.step(|rows| speak::part_open(rows, lease, index, mode, ts))
    }

    async fn part_done(&self, lease: &Lease, index: u32, hash: u64) -> Result<()> {
        self.step(|rows| speak::part_done(rows, lease, index, hash))
    }

    async fn repeats(&self, lease: &Lease) -> Result<()> {
        self.step(|rows| speak::repeats(rows, lease))
    }

    async fn posts_of_others(&self, lease: &Lease, posts: &[SlackTs]) -> Result<Vec<SlackTs>> {
        self.step(|rows| speak::posts_of_others(rows, lease, posts))
    }

    async fn stop(&self, key: &ThreadKey, press: &Press) -> Result<Option<TurnId>> {
        self.step(|rows| lease::stop(rows, key, press))
    }

    async fn close(&self, lease: &Lease, closing: Closing, now: Timestamp) -> Result<()> {
        let words = Words::new(closing);
        self.step(|rows| speak::close(rows, lease, &words, now))
    }

    async fn cut_short(&self, lease: &Lease, text: &str, ending: Ending, now: Timestamp) -> Result<()> {
        let text = Packed::new(text.to_owned());
        self.step(|rows| speak::cut_short(rows, lease, &text, ending, now))
    }

    async fn delivered(
        &self,
        lease: &Lease,
        parts: &[Part],
        claimant: Option<&Claimant>,
        now: Timestamp,
    ) -> Result<Option<Claimed>> {
        self.step(|rows| speak::delivered(rows, &self.rules, lease, parts, claimant, now))
    }

    async fn amend(&self, edit: Edit, now: Timestamp) -> Result<Amended> {
        let edited = Edited::new(edit);
        self.step(|rows| edit::amend(rows, &self.rules, &edited, now))
    }

    async fn erase(&self, workspace: &WorkspaceId, channel: &ChannelId, ts: SlackTs, now: Timestamp) -> Result<Erased> {
        let name = PostName { workspace: workspace.clone(), channel: channel.clone(), ts };
        self.step(|rows| edit::erase(rows, &self.rules, &name, now))
    }

    async fn retract(&self, key: &ThreadKey, ts: SlackTs, now: Timestamp) -> Result<bool> {
        self.step(|rows| edit::retract(rows, &self.rules, key, ts, now))
    }

    async fn clear(&self, key: &ThreadKey, before: SlackTs, now: Timestamp) -> Result<Cleared> {
        self.step(|rows| clear::clear(rows, &self.rules, key, before, now))
    }

    async fn clear_and_close(
        &self,
        lease: &Lease,
        before: SlackTs,
        says: fn(Cleared) -> Closing,
        now: Timestamp,
    ) -> Result<Cleared> {
        self.step(|rows| clear::clear_and_close(rows, &self.rules, lease, before, says, now))
    }

    async fn expire(&self, keep_up_to: usize, limit: usize, now: Timestamp) -> Result<Expired> {
        self.step(|rows| {
            let expired = expire::end_due(rows, keep_up_to, limit, now)?;
            expire::forget(rows, &self.rules, usize::MAX, now)?;
            Ok(expired)
        })
    }

    async fn mark(&self, key: &ThreadKey, now: Timestamp) -> Result<ThreadMark> {
        self.step(|rows| look::mark(rows, key, now))
    }

    async fn time(&self, now: Timestamp) -> Result<Timestamp> {
        Ok(now)
    }

    async fn session(&self, key: &ThreadKey, now: Timestamp) -> Result<Option<SessionInfo>> {
        self.step(|rows| look::session(rows, key, now))
    }

    async fn history(&self, key: &ThreadKey, turn: Option<TurnId>, limit: usize, now: Timestamp) -> Result<History> {
        self.step(|rows| look::history(rows, key, turn, limit, now))
    }

    async fn messages(&self, key: &ThreadKey, after: u64, limit: usize, now: Timestamp) -> Result<Vec<Message>> {
        self.step(|rows| look::messages(rows, key, after, limit, now))
    }

    async fn sessions(&self, page: &Page, now: Timestamp) -> Result<Vec<SessionInfo>> {
        self.step(|rows| look::sessions(rows, page, now))
    }

    async fn stats(&self, workspace: Option<&WorkspaceId>, now: Timestamp) -> Result<Stats> {
        self.step(|rows| crate::rows::Lists::stats(rows, workspace, now))
    }

    async fn load(&self, now: Timestamp) -> Result<Load> {
        self.step(|rows| Ok(rows.load(self.rules.sessions_counted_max, now)))
    }

    async fn joined_since(
        &self,
        workspace: &WorkspaceId,
        since: Timestamp,
        limit: usize,
        _now: Timestamp,
    ) -> Result<Vec<ThreadKey>> {
        self.step(|rows| look::joined_since(rows, workspace, since, limit))
    }

    async fn live(&self, process: &Claimant, now: Timestamp) -> Result<u32> {
        self.step(|rows| process::live(rows, process, now))
    }

    async fn note_good(&self, process: &Claimant, at: Timestamp, now: Timestamp) -> Result<Others> {
        self.step(|rows| process::note_good(rows, process, at, now))
    }

    async fn good_until(&self, process: &Claimant, now: Timestamp) -> Result<Option<Timestamp>> {
        self.step(|rows| process::good_until(rows, process, now))
    }

    async fn note_looked(&self, workspace: &WorkspaceId, looked: &Looked, _now: Timestamp) -> Result<()> {
        self.step(|rows| process::note_looked(rows, workspace, looked))
    }

    async fn looked(&self, workspace: &WorkspaceId, _now: Timestamp) -> Result<Vec<Looked>> {
        self.step(|rows| rows.looked(workspace))
    }

    async fn leave(&self, process: &Claimant, good: Option<Timestamp>, now: Timestamp) -> Result<()> {
        self.step(|rows| process::leave(rows, process, good, now))
    }

    async fn counted(&self, key: &ThreadKey, counts: &[Count]) -> Result<()> {
        self.step(|rows| look::counted(rows, key, counts))
    }

    async fn check(&self) -> Result<()> {
        self.step(|_| Ok(()))
    }

    async fn shutdown(&self) {
        *self.tables.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
