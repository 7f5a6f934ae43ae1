//! The contract, step by step: what is packed before it queues, and whether the writer or a reader does it.

use std::time::Duration;

use async_trait::async_trait;
use chathakase_session::{
    ChannelId, Message, SlackTs, ThreadKey, Timestamp, WorkspaceId,
    message::Ending,
    store::{
        Amended, Claimed, Cleared, Closing, Count, Edit, Erased, Expired, History, Learned, Load, Looked, NewPost,
        Others, Page, Press, ReadBack, Received, Renewed, Result, SessionInfo, SessionStore, Stats, StoreError,
        ThreadMark,
    },
    turn::{Claimant, Lease, Part, PartMode, TurnId},
};
use tokio::sync::oneshot;

use super::{SqliteStore, sweep::Sweep, writer::Job};
use crate::{
    codec::Packed,
    rows::{Lists, PostName, ProcessRows},
    steps::{
        Incoming, clear, edit, edit::Edited, learn, learn::Seen, lease, look, process, receive, speak, speak::Words,
    },
};

#[async_trait]
impl SessionStore for SqliteStore {
    async fn receive(&self, post: NewPost, claimant: Option<&Claimant>, now: Timestamp) -> Result<Received> {
        let (incoming, claimant, rules) = (Incoming::new(post), claimant.cloned(), self.rules.clone());
        let bytes = incoming.bytes();
        self.step(bytes, move |sql| receive::receive(sql, &rules, &incoming, claimant.as_ref(), now)).await
    }

    async fn learn(&self, lease: &Lease, read: ReadBack, now: Timestamp) -> Result<Learned> {
        let (lease, seen) = (lease.clone(), Seen::new(read));
        self.step(seen.bytes(), move |sql| learn::learn(sql, &lease, &seen, now)).await
    }

    async fn reconcile(&self, key: &ThreadKey, read: ReadBack, now: Timestamp) -> Result<Learned> {
        let (key, rules, seen) = (key.clone(), self.rules.clone(), Seen::new(read));
        self.step(seen.bytes(), move |sql| learn::reconcile(sql, &rules, &key, &seen, now)).await
    }

    async fn claim(&self, claimant: &Claimant, limit: usize, now: Timestamp) -> Result<Vec<Claimed>> {
        let (claimant, rules) = (claimant.clone(), self.rules.clone());
        self.step(0, move |sql| lease::claim(sql, &rules, &claimant, limit, now)).await
    }

    async fn renew(&self, leases: &[Lease], lease: Duration, now: Timestamp) -> Result<Renewed> {
        let leases = leases.to_vec();
        self.step(0, move |sql| lease::renew(sql, &leases, lease, now)).await
    }

    async fn stopped(&self, leases: &[Lease]) -> Result<Vec<TurnId>> {
        let leases = leases.to_vec();
        self.readers.read(move |sql| lease::stopped(sql, &leases)).await
    }

    async fn release(&self, leases: &[Lease], wait: Duration, now: Timestamp) -> Result<()> {
        let leases = leases.to_vec();
        self.step(0, move |sql| lease::release(sql, &leases, now + wait)).await
    }

    async fn part_intended(&self, lease: &Lease, index: u32, mode: PartMode) -> Result<()> {
        let lease = lease.clone();
        self.step(0, move |sql| speak::part_intended(sql, &lease, index, mode)).await
    }

    async fn part_open(&self, lease: &Lease, index: u32, mode: PartMode, ts: SlackTs) -> Result<()> {
        let lease = lease.clone();
        self.step(0, move |sql| speak::part_open(sql, &lease, index, mode, ts)).await
    }

    async fn part_done(&self, lease: &Lease, index: u32, hash: u64) -> Result<()> {
        let lease = lease.clone();
        self.step(0, move |sql| speak::part_done(sql, &lease, index, hash)).await
    }

    async fn repeats(&self, lease: &Lease) -> Result<()> {
        let lease = lease.clone();
        self.step(0, move |sql| speak::repeats(sql, &lease)).await
    }

    async fn posts_of_others(&self, lease: &Lease, posts: &[SlackTs]) -> Result<Vec<SlackTs>> {
        let (lease, posts) = (lease.clone(), posts.to_vec());
        self.step(0, move |sql| speak::posts_of_others(sql, &lease, &posts)).await
    }

    async fn stop(&self, key: &ThreadKey, press: &Press) -> Result<Option<TurnId>> {
        let (key, press) = (key.clone(), press.clone());
        self.step(0, move |sql| lease::stop(sql, &key, &press)).await
    }

    async fn close(&self, lease: &Lease, closing: Closing, now: Timestamp) -> Result<()> {
        let (lease, words) = (lease.clone(), Words::new(closing));
        let bytes = words.bytes();
        self.step(bytes, move |sql| speak::close(sql, &lease, &words, now)).await
    }

    async fn cut_short(&self, lease: &Lease, text: &str, ending: Ending, now: Timestamp) -> Result<()> {
        let (lease, text) = (lease.clone(), Packed::new(text.to_owned()));
        let bytes = text.bytes.len();
        self.step(bytes, move |sql| speak::cut_short(sql, &lease, &text, ending, now)).await
    }

    async fn delivered(
        &self,
        lease: &Lease,
        parts: &[Part],
        claimant: Option<&Claimant>,
        now: Timestamp,
    ) -> Result<Option<Claimed>> {
        let (lease, parts, claimant, rules) = (lease.clone(), parts.to_vec(), claimant.cloned(), self.rules.clone());
        self.step(0, move |sql| speak::delivered(sql, &rules, &lease, &parts, claimant.as_ref(), now)).await
    }

    async fn amend(&self, edit: Edit, now: Timestamp) -> Result<Amended> {
        let (edited, rules) = (Edited::new(edit), self.rules.clone());
        self.step(edited.incoming.bytes(), move |sql| edit::amend(sql, &rules, &edited, now)).await
    }

    async fn erase(&self, workspace: &WorkspaceId, channel: &ChannelId, ts: SlackTs, now: Timestamp) -> Result<Erased> {
        let name = PostName { workspace: workspace.clone(), channel: channel.clone(), ts };
        let rules = self.rules.clone();
        self.step(0, move |sql| edit::erase(sql, &rules, &name, now)).await
    }

    async fn retract(&self, key: &ThreadKey, ts: SlackTs, now: Timestamp) -> Result<bool> {
        let (key, rules) = (key.clone(), self.rules.clone());
        self.step(0, move |sql| edit::retract(sql, &rules, &key, ts, now)).await
    }

    async fn clear(&self, key: &ThreadKey, before: SlackTs, now: Timestamp) -> Result<Cleared> {
        let (key, rules) = (key.clone(), self.rules.clone());
        self.step(0, move |sql| clear::clear(sql, &rules, &key, before, now)).await
    }

    async fn clear_and_close(
        &self,
        lease: &Lease,
        before: SlackTs,
        says: fn(Cleared) -> Closing,
        now: Timestamp,
    ) -> Result<Cleared> {
        let (lease, rules) = (lease.clone(), self.rules.clone());
        self.step(0, move |sql| clear::clear_and_close(sql, &rules, &lease, before, says, now)).await
    }

    /// A sweep is many transactions: each ends whole sessions, whose content is out of sight from then on, and returns when
    /// all of it is erased. One that is broken off goes on with the next, or with the next start.
    async fn expire(&self, keep_up_to: usize, limit: usize, now: Timestamp) -> Result<Expired> {
        let (caller, swept) = oneshot::channel();
        let sweep = Sweep::new(keep_up_to, limit, now, caller);
        self.queue.push(Job::Sweep(sweep)).await?;
        swept.await.map_err(|_| StoreError::Closed)?
    }

    async fn mark(&self, key: &ThreadKey, now: Timestamp) -> Result<ThreadMark> {
        let key = key.clone();
        self.readers.read(move |sql| look::mark(sql, &key, now)).await
    }

    async fn time(&self, now: Timestamp) -> Result<Timestamp> {
        Ok(now)
    }

    async fn session(&self, key: &ThreadKey, now: Timestamp) -> Result<Option<SessionInfo>> {
        let key = key.clone();
        self.readers.read(move |sql| look::session(sql, &key, now)).await
    }

    async fn history(&self, key: &ThreadKey, turn: Option<TurnId>, limit: usize, now: Timestamp) -> Result<History> {
        let key = key.clone();
        self.readers.read(move |sql| look::history(sql, &key, turn, limit, now)).await
    }

    async fn messages(&self, key: &ThreadKey, after: u64, limit: usize, now: Timestamp) -> Result<Vec<Message>> {
        let key = key.clone();
        self.readers.read(move |sql| look::messages(sql, &key, after, limit, now)).await
    }

    async fn sessions(&self, page: &Page, now: Timestamp) -> Result<Vec<SessionInfo>> {
        let page = page.clone();
        self.readers.read(move |sql| look::sessions(sql, &page, now)).await
    }

    async fn stats(&self, workspace: Option<&WorkspaceId>, now: Timestamp) -> Result<Stats> {
        let workspace = workspace.cloned();
        self.readers.read(move |sql| sql.stats(workspace.as_ref(), now)).await
    }

    async fn load(&self, now: Timestamp) -> Result<Load> {
        let sessions_max = self.rules.sessions_counted_max;
        self.readers.read(move |sql| sql.load(sessions_max, now)).await
    }

    async fn joined_since(
        &self,
        workspace: &WorkspaceId,
        since: Timestamp,
        limit: usize,
        _now: Timestamp,
    ) -> Result<Vec<ThreadKey>> {
        let workspace = workspace.clone();
        self.readers.read(move |sql| look::joined_since(sql, &workspace, since, limit)).await
    }

    async fn live(&self, process: &Claimant, now: Timestamp) -> Result<u32> {
        let process = process.clone();
        self.step(0, move |sql| process::live(sql, &process, now)).await
    }

    async fn note_good(&self, process: &Claimant, at: Timestamp, now: Timestamp) -> Result<Others> {
        let process = process.clone();
        self.step(0, move |sql| process::note_good(sql, &process, at, now)).await
    }

    async fn good_until(&self, process: &Claimant, now: Timestamp) -> Result<Option<Timestamp>> {
        let process = process.clone();
        self.step(0, move |sql| process::good_until(sql, &process, now)).await
    }

    async fn note_looked(&self, workspace: &WorkspaceId, looked: &Looked, _now: Timestamp) -> Result<()> {
        let (workspace, looked) = (workspace.clone(), looked.clone());
        self.step(0, move |sql| process::note_looked(sql, &workspace, &looked)).await
    }

    async fn looked(&self, workspace: &WorkspaceId, _now: Timestamp) -> Result<Vec<Looked>> {
        let workspace = workspace.clone();
        self.readers.read(move |sql| sql.looked(&workspace)).await
    }

    async fn leave(&self, process: &Claimant, good: Option<Timestamp>, now: Timestamp) -> Result<()> {
        let process = process.clone();
        self.step(0, move |sql| process::leave(sql, &process, good, now)).await
    }

    async fn counted(&self, key: &ThreadKey, counts: &[Count]) -> Result<()> {
        let (key, counts) = (key.clone(), counts.to_vec());
        self.step(0, move |sql| look::counted(sql, &key, &counts)).await
    }

    async fn check(&self) -> Result<()> {
        self.step(0, |sql| sql.beat()).await
    }

    async fn shutdown(&self) {
        self.readers.close();
        let (caller, stopped) = oneshot::channel();
        if self.queue.push(Job::Stop(caller)).await.is_ok() {
            let _ = stopped.await;
        }
    }
}
