//! The contract, step by step: what is packed before it queues, what it needs, and whether a writer or a reader does it.

use std::time::Duration;

use async_trait::async_trait;
use chathakase_session::{
    ChannelId, Kind, Message, SlackTs, ThreadKey, Timestamp, WorkspaceId,
    message::Ending,
    store::{
        Amended, Claimed, Cleared, Closing, Count, Edit, Erased, Expired, History, Learned, Load, Looked, NewPost,
        Others, Page, Press, ReadBack, Received, Renewed, Result, SessionInfo, SessionStore, Stats, ThreadMark,
    },
    turn::{Claimant, Lease, Part, PartMode, TurnId},
};

use super::{
    PostgresStore,
    tables::{Needs, Sql},
    writer::PURGE_SLICE,
};
use crate::{
    codec::Packed,
    rows::{Lists, PostName, ProcessRows, ThreadRows},
    steps::{
        Incoming, clear, edit, edit::Edited, expire, learn, learn::Seen, lease, look, process, receive, speak,
        speak::Words,
    },
};

/// Sessions that one transaction of a sweep ends.
const END_SLICE: usize = 50;
/// Marks that one transaction of a sweep forgets.
const FORGET_SLICE: usize = 500;

/// Steps that do not depend on the time are told this one.
const ANY_TIME: Timestamp = Timestamp::from_millis(0);

#[async_trait]
impl SessionStore for PostgresStore {
    async fn receive(&self, post: NewPost, claimant: Option<&Claimant>, now: Timestamp) -> Result<Received> {
        let (incoming, claimant, rules) = (Incoming::new(post), claimant.cloned(), self.rules.clone());
        let (post, name, bytes) = (&incoming.post, incoming.name_of_post(), incoming.bytes());
        let speaker = post.author.clone().filter(|_| post.kind != Kind::Command);
        let speakers = speaker.map(|author| (post.key.clone(), author)).into_iter().collect();
        let opener = (!post.joined_only).then(|| (post.key.clone(), post.asked_by_edit.unwrap_or(post.ts)));
        let openers = opener.into_iter().collect();
        let needs = Needs { posts: vec![name], speakers, openers, opens: true, ..Needs::thread(&post.key) };
        let work = move |sql: &mut Sql<'_>, now| receive::receive(sql, &rules, &incoming, claimant.as_ref(), now);
        self.step(needs, bytes, now, work).await
    }

    async fn learn(&self, lease: &Lease, read: ReadBack, now: Timestamp) -> Result<Learned> {
        let (lease, seen) = (lease.clone(), Seen::new(read));
        let (needs, bytes) = (Needs { posts: seen.names_of(&lease.key), ..of_turn(&lease) }, seen.bytes());
        let work = move |sql: &mut Sql<'_>, now| learn::learn(sql, &lease, &seen, now);
        self.step(needs, bytes, now, work).await
    }

    async fn reconcile(&self, key: &ThreadKey, read: ReadBack, now: Timestamp) -> Result<Learned> {
        let (key, rules, seen) = (key.clone(), self.rules.clone(), Seen::new(read));
        let (needs, bytes) = (Needs { posts: seen.names_of(&key), ..Needs::thread(&key) }, seen.bytes());
        let work = move |sql: &mut Sql<'_>, now| learn::reconcile(sql, &rules, &key, &seen, now);
        self.step(needs, bytes, now, work).await
    }

    async fn claim(&self, claimant: &Claimant, limit: usize, now: Timestamp) -> Result<Vec<Claimed>> {
        let (claimant, rules) = (claimant.clone(), self.rules.clone());
        self.alone(now, move |sql, now| lease::claim(sql, &rules, &claimant, limit, now)).await
    }

    async fn renew(&self, leases: &[Lease], lease: Duration, now: Timestamp) -> Result<Renewed> {
        let leases = leases.to_vec();
        self.step(Needs::leases(&leases), 0, now, move |sql, now| lease::renew(sql, &leases, lease, now)).await
    }

    async fn stopped(&self, leases: &[Lease]) -> Result<Vec<TurnId>> {
        let (needs, leases) = (Needs { places: Vec::new(), ..Needs::leases(leases) }, leases.to_vec());
        self.look(needs, ANY_TIME, move |sql, _| lease::stopped(sql, &leases)).await
    }

    async fn release(&self, leases: &[Lease], wait: Duration, now: Timestamp) -> Result<()> {
        let leases = leases.to_vec();
        self.step(Needs::leases(&leases), 0, now, move |sql, now| lease::release(sql, &leases, now + wait)).await
    }

    async fn part_intended(&self, lease: &Lease, index: u32, mode: PartMode) -> Result<()> {
        let (needs, lease) = (Needs::leases([lease]), lease.clone());
        self.step(needs, 0, ANY_TIME, move |sql, _| speak::part_intended(sql, &lease, index, mode)).await
    }

    async fn part_open(&self, lease: &Lease, index: u32, mode: PartMode, ts: SlackTs) -> Result<()> {
        let (needs, lease) = (Needs::leases([lease]), lease.clone());
        self.step(needs, 0, ANY_TIME, move |sql, _| speak::part_open(sql, &lease, index, mode, ts)).await
    }

    async fn part_done(&self, lease: &Lease, index: u32, hash: u64) -> Result<()> {
        let (needs, lease) = (Needs::leases([lease]), lease.clone());
        self.step(needs, 0, ANY_TIME, move |sql, _| speak::part_done(sql, &lease, index, hash)).await
    }

    async fn repeats(&self, lease: &Lease) -> Result<()> {
        let (needs, lease) = (Needs::leases([lease]), lease.clone());
        self.step(needs, 0, ANY_TIME, move |sql, _| speak::repeats(sql, &lease)).await
    }

    async fn posts_of_others(&self, lease: &Lease, posts: &[SlackTs]) -> Result<Vec<SlackTs>> {
        let (needs, lease, posts) = (of_turn(lease), lease.clone(), posts.to_vec());
        self.step(needs, 0, ANY_TIME, move |sql, _| speak::posts_of_others(sql, &lease, &posts)).await
    }

    async fn stop(&self, key: &ThreadKey, press: &Press) -> Result<Option<TurnId>> {
        let (key, press) = (key.clone(), press.clone());
        self.step(Needs::thread(&key), 0, ANY_TIME, move |sql, _| lease::stop(sql, &key, &press)).await
    }

    async fn close(&self, lease: &Lease, closing: Closing, now: Timestamp) -> Result<()> {
        let (needs, lease, words) = (of_turn(lease), lease.clone(), Words::new(closing));
        let bytes = words.bytes();
        self.step(needs, bytes, now, move |sql, now| speak::close(sql, &lease, &words, now)).await
    }

    async fn cut_short(&self, lease: &Lease, text: &str, ending: Ending, now: Timestamp) -> Result<()> {
        let (needs, lease, text) = (of_turn(lease), lease.clone(), Packed::new(text.to_owned()));
        let bytes = text.bytes.len();
        self.step(needs, bytes, now, move |sql, now| speak::cut_short(sql, &lease, &text, ending, now)).await
    }

    async fn delivered(
        &self,
        lease: &Lease,
        parts: &[Part],
        claimant: Option<&Claimant>,
        now: Timestamp,
    ) -> Result<Option<Claimed>> {
        let (lease, parts, claimant, rules) = (lease.clone(), parts.to_vec(), claimant.cloned(), self.rules.clone());
        let posts = parts.iter().filter_map(|part| part.ts).map(|ts| PostName::of(&lease.key, ts)).collect();
        let needs = Needs { posts, ..of_turn(&lease) };
        let work = move |sql: &mut Sql<'_>, now| speak::delivered(sql, &rules, &lease, &parts, claimant.as_ref(), now);
        self.step(needs, 0, now, work).await
    }

    async fn amend(&self, edit: Edit, now: Timestamp) -> Result<Amended> {
        let (edited, rules) = (Edited::new(edit), self.rules.clone());
        let (name, bytes) = (edited.incoming.name_of_post(), edited.incoming.bytes());
        let needs = Needs { posts: vec![name], ..Needs::thread(&edited.incoming.post.key) };
        self.step(needs, bytes, now, move |sql, now| edit::amend(sql, &rules, &edited, now)).await
    }

    async fn erase(&self, workspace: &WorkspaceId, channel: &ChannelId, ts: SlackTs, now: Timestamp) -> Result<Erased> {
        let name = PostName { workspace: workspace.clone(), channel: channel.clone(), ts };
        let (needs, rules) = (Needs::post(&name), self.rules.clone());
        self.step(needs, 0, now, move |sql, now| edit::erase(sql, &rules, &name, now)).await
    }

    async fn retract(&self, key: &ThreadKey, ts: SlackTs, now: Timestamp) -> Result<bool> {
        let (key, rules) = (key.clone(), self.rules.clone());
        self.step(Needs::thread(&key), 0, now, move |sql, now| edit::retract(sql, &rules, &key, ts, now)).await
    }

    async fn clear(&self, key: &ThreadKey, before: SlackTs, now: Timestamp) -> Result<Cleared> {
        let (key, rules) = (key.clone(), self.rules.clone());
        self.step(Needs::thread(&key), 0, now, move |sql, now| clear::clear(sql, &rules, &key, before, now)).await
    }

    async fn clear_and_close(
        &self,
        lease: &Lease,
        before: SlackTs,
        says: fn(Cleared) -> Closing,
        now: Timestamp,
    ) -> Result<Cleared> {
        let (needs, lease, rules) = (of_turn(lease), lease.clone(), self.rules.clone());
        let work = move |sql: &mut Sql<'_>, now| clear::clear_and_close(sql, &rules, &lease, before, says, now);
        self.step(needs, 0, now, work).await
    }

    /// A sweep is many transactions: each ends whole sessions, whose content is out of sight from then on, and returns when
    /// all of it is erased. One that is broken off goes on with the next.
    async fn expire(&self, keep_up_to: usize, limit: usize, now: Timestamp) -> Result<Expired> {
        let (mut keep_up_to, mut left, mut swept) = (keep_up_to, limit, Expired::default());
        loop {
            let slice = left.min(END_SLICE);
            let ended = self.alone(now, move |sql, now| expire::end_due(sql, keep_up_to, slice, now)).await?;
            // The threshold decides whether to sweep, not how far.
            keep_up_to = 0;
            left = left.saturating_sub(slice);
            swept = Expired { sessions: swept.sessions + ended.sessions, more: ended.more };
            if !ended.more || left == 0 {
                break;
            }
        }
        while self.alone(now, |sql, _| sql.purge(PURGE_SLICE)).await? {}
        let rules = &self.rules;
        let forget = || {
            let rules = rules.clone();
            self.alone(now, move |sql, now| expire::forget(sql, &rules, FORGET_SLICE, now))
        };
        while forget().await? {}
        Ok(swept)
    }

    async fn mark(&self, key: &ThreadKey, now: Timestamp) -> Result<ThreadMark> {
        let key = key.clone();
        self.look(of_reader(&key), now, move |sql, now| look::mark(sql, &key, now)).await
    }

    async fn time(&self, now: Timestamp) -> Result<Timestamp> {
        self.look(Needs::default(), now, |_, now| Ok(now)).await
    }

    async fn session(&self, key: &ThreadKey, now: Timestamp) -> Result<Option<SessionInfo>> {
        let key = key.clone();
        self.look(of_reader(&key), now, move |sql, now| look::session(sql, &key, now)).await
    }

    async fn history(&self, key: &ThreadKey, turn: Option<TurnId>, limit: usize, now: Timestamp) -> Result<History> {
        let key = key.clone();
        self.look(of_reader(&key), now, move |sql, now| look::history(sql, &key, turn, limit, now)).await
    }

    async fn messages(&self, key: &ThreadKey, after: u64, limit: usize, now: Timestamp) -> Result<Vec<Message>> {
        let key = key.clone();
        self.look(of_reader(&key), now, move |sql, now| look::messages(sql, &key, after, limit, now)).await
    }

    async fn sessions(&self, page: &Page, now: Timestamp) -> Result<Vec<SessionInfo>> {
        let page = page.clone();
        self.look(Needs::default(), now, move |sql, now| look::sessions(sql, &page, now)).await
    }

    async fn stats(&self, workspace: Option<&WorkspaceId>, now: Timestamp) -> Result<Stats> {
        let workspace = workspace.cloned();
        self.look(Needs::default(), now, move |sql, now| sql.stats(workspace.as_ref(), now)).await
    }

    async fn load(&self, now: Timestamp) -> Result<Load> {
        let sessions_max = self.rules.sessions_counted_max;
        self.look(Needs::default(), now, move |sql, now| sql.load(sessions_max, now)).await
    }

    async fn joined_since(
        &self,
        workspace: &WorkspaceId,
        since: Timestamp,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<ThreadKey>> {
        let (workspace, ago) = (workspace.clone(), now.since(since));
        self.look(Needs::default(), now, move |sql, now| look::joined_since(sql, &workspace, now - ago, limit)).await
    }

    async fn live(&self, process: &Claimant, now: Timestamp) -> Result<u32> {
        let process = process.clone();
        self.alone(now, move |sql, now| process::live(sql, &process, now)).await
    }

    async fn note_good(&self, process: &Claimant, at: Timestamp, now: Timestamp) -> Result<Others> {
        let (process, ago) = (process.clone(), now.since(at));
        self.alone(now, move |sql, now| process::note_good(sql, &process, now - ago, now)).await
    }

    async fn good_until(&self, process: &Claimant, now: Timestamp) -> Result<Option<Timestamp>> {
        let process = process.clone();
        // How long ago, and not when: the database's clock and the process's may differ.
        let ago = self
            .alone(now, move |sql, now| {
                let good = process::good_until(sql, &process, now)?;
                Ok(good.map(|good| now.since(good)))
            })
            .await?;
        Ok(ago.map(|ago| now - ago))
    }

    async fn note_looked(&self, workspace: &WorkspaceId, looked: &Looked, now: Timestamp) -> Result<()> {
        let (workspace, looked) = (workspace.clone(), looked.clone());
        self.alone(now, move |sql, there| process::note_looked(sql, &workspace, &looked_by(there, &looked, now))).await
    }

    async fn looked(&self, workspace: &WorkspaceId, now: Timestamp) -> Result<Vec<Looked>> {
        let workspace = workspace.clone();
        let looked = move |sql: &Sql<'_>, there| {
            Ok(sql.looked(&workspace)?.iter().map(|looked| looked_by(now, looked, there)).collect())
        };
        self.look(Needs::default(), now, looked).await
    }

    async fn leave(&self, process: &Claimant, good: Option<Timestamp>, now: Timestamp) -> Result<()> {
        let (process, ago) = (process.clone(), good.map(|good| now.since(good)));
        self.alone(now, move |sql, now| process::leave(sql, &process, ago.map(|ago| now - ago), now)).await
    }

    async fn counted(&self, key: &ThreadKey, counts: &[Count]) -> Result<()> {
        let (key, counts) = (key.clone(), counts.to_vec());
        self.step(Needs::thread(&key), 0, ANY_TIME, move |sql, _| look::counted(sql, &key, &counts)).await
    }

    async fn check(&self) -> Result<()> {
        self.alone(ANY_TIME, |sql, _| sql.beat()).await
    }

    async fn shutdown(&self) {
        self.queues.iter().for_each(|queue| queue.close());
        let readers = self.readers.clone();
        let _ = tokio::task::spawn_blocking(move || readers.close()).await;
        let writers = u32::try_from(self.queues.len()).unwrap_or(u32::MAX);
        // Given back at once, so that a second shutdown ends too.
        drop(self.ended.acquire_many(writers).await);
    }
}

/// What a step needs that holds a turn and changes its thread.
fn of_turn(lease: &Lease) -> Needs {
    Needs { threads: vec![lease.key.clone()], ..Needs::leases([lease]) }
}

/// What a reader of a thread needs: it takes no lock.
fn of_reader(key: &ThreadKey) -> Needs {
    Needs { places: Vec::new(), ..Needs::thread(key) }
}

/// The same by another clock: how long ago, and not when, because the database's and the process's may differ.
fn looked_by(there: Timestamp, looked: &Looked, now: Timestamp) -> Looked {
    let [since, at] = [looked.since, looked.at].map(|time| there - now.since(time));
    Looked { since, at, ..looked.clone() }
}
