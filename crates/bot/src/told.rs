//! Telling people that a message was not taken. Who was told is remembered for a while, by id and in a bounded ring.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chathakase_session::{SlackTs, ThreadKey, Timestamp, UserId, chain, store::StoreError, time::timeout};
use chathakase_slack::reply::ReplyError;
use tokio::sync::oneshot;

use crate::{runner::Runner, texts, turn::Tools};

/// How long a delivery waits until somebody is told that a message was not taken: Slack itself waits three seconds for an
/// acknowledgement. Where it waited before, to come in order, Slack may send it again meanwhile.
const TELLING_MAX: Duration = Duration::from_secs(2);

/// How many of a thread's newest messages are looked through for one that may have come in after all.
const NEWEST: u64 = 50;

/// People that are remembered at most; past it the oldest goes.
const TOLD_MAX: usize = 4096;

/// Who was told lately that a message was not taken.
#[derive(Debug)]
struct Told {
    /// How long a person who was told is not told again: what they then read still holds.
    holds: Duration,
    /// How long after the message it may be said at all, where Slack does not allow it at once; `None` where the message is lost:
    /// then late is better than never, and so is twice.
    is_true_for: Option<Duration>,
    ring: Mutex<VecDeque<(Timestamp, ThreadKey, UserId)>>,
}

impl Told {
    /// That a thread's queue is full.
    fn of_full() -> Self {
        Self { holds: Duration::from_secs(60), is_true_for: None, ring: Mutex::default() }
    }

    /// That nothing can be stored right now.
    fn of_not_stored() -> Self {
        Self { holds: Duration::from_secs(600), is_true_for: Some(Duration::from_secs(30)), ring: Mutex::default() }
    }

    /// Whether `person` is to be told now; says no until a while has passed.
    fn is_news(&self, key: &ThreadKey, person: &UserId, now: Timestamp) -> bool {
        let mut ring = self.ring();
        while ring.len() >= TOLD_MAX || ring.front().is_some_and(|(at, ..)| now.since(*at) > self.holds) {
            ring.pop_front();
        }
        let known = ring.iter().any(|(_, of, who)| of == key && who == person);
        if !known {
            ring.push_back((now, key.clone(), person.clone()));
        }
        !known
    }

    /// `person` could not be told.
    fn forget(&self, key: &ThreadKey, person: &UserId) {
        self.ring().retain(|(_, of, who)| of != key || who != person);
    }

    fn ring(&self) -> MutexGuard<'_, VecDeque<(Timestamp, ThreadKey, UserId)>> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells people that a message was not taken.
pub(crate) struct Teller {
    runner: Arc<Runner>,
    full: Arc<Told>,
    not_stored: Arc<Told>,
}

impl Teller {
    pub(crate) fn new(runner: Arc<Runner>) -> Self {
        Self { runner, full: Arc::new(Told::of_full()), not_stored: Arc::new(Told::of_not_stored()) }
    }

    /// Tells the author of a message for which the queue is full, unless they were told lately.
    pub(crate) async fn say_full(&self, key: &ThreadKey, ts: SlackTs, author: Option<UserId>) {
        let Tools { clock, settings, .. } = &self.runner.tools;
        let told = &self.full;
        if let Some(author) = author.filter(|author| told.is_news(key, author, clock.now())) {
            tracing::warn!(thread.key = %key, "too many messages wait in this thread; one was not taken");
            let limit = settings.waiting_max;
            let texts = [texts::queue_full(limit), texts::queue_full_in(key.channel.as_str(), limit)];
            self.say_not_taken(Arc::clone(told), key.clone(), ts, author, texts).await;
        }
    }

    /// Tells the author of a message that the store could not take in, as long as it may be for us and waits.
    pub(crate) async fn say_not_stored(
        &self,
        error: &StoreError,
        key: ThreadKey,
        ts: SlackTs,
        author: UserId,
        joined_only: bool,
    ) {
        let (channel, told) = (key.channel.as_str(), &self.not_stored);
        let texts = match error {
            StoreError::BadRow { table: "thread", .. } => {
                [texts::thread_unreadable(), texts::thread_unreadable_in(channel)]
            }
            // What cannot be asked either is told where it is for us in any case.
            StoreError::Unavailable { .. } if self.waits(&key, ts, joined_only).await.unwrap_or(!joined_only) => {
                [texts::not_stored(), texts::not_stored_in(channel)]
            }
            _ => return,
        };
        if told.is_news(&key, &author, self.runner.tools.clock.now()) {
            self.say_not_taken(Arc::clone(told), key, ts, author, texts).await;
        }
    }

    /// Whether a message that could not be stored is for us and has to wait: a store that cannot write may still know. Perhaps the
    /// other event of a mention was taken in, or this one was and nobody heard of it.
    async fn waits(&self, key: &ThreadKey, ts: SlackTs, joined_only: bool) -> Result<bool, StoreError> {
        let Tools { store, clock, .. } = &self.runner.tools;
        let now = clock.now();
        if joined_only && !store.mark(key, now).await?.listens_at(ts) {
            return Ok(false);
        }
        let Some(session) = store.session(key, now).await? else { return Ok(true) };
        // Commands and what was erased count too, so there may be some more behind them.
        let older = (session.user_messages + session.assistant_messages).saturating_sub(NEWEST);
        let newest = store.messages(key, older, 2 * NEWEST as usize, now).await?;
        Ok(newest.iter().all(|message| message.ts != ts))
    }

    /// Tells the author of a message that was not taken; by direct message, in the second text, where Slack shows them nothing in the
    /// thread. Slack is told that the message arrived only when they were, if that takes no longer than [`TELLING_MAX`]: should we die
    /// before, it comes again. Who could be told by neither is `told` at their next message.
    async fn say_not_taken(
        &self,
        told: Arc<Told>,
        key: ThreadKey,
        ts: SlackTs,
        author: UserId,
        [here, by_dm]: [String; 2],
    ) {
        let runner = Arc::clone(&self.runner);
        let (telling, over) = oneshot::channel::<()>();
        self.runner.spawn(async move {
            let _telling = telling;
            let Tools { api, replies, clock, .. } = &runner.tools;
            let ThreadKey { workspace, channel, root } = &key;
            let thread = (ts != *root).then_some(*root);
            let until = told.is_true_for.map(|time| clock.monotonic().saturating_add(time));
            let is_true = || until.is_none_or(|until| clock.monotonic() <= until);
            let said = match replies.whisper(&is_true, workspace, channel, &author, thread, &here).await {
                Ok(()) => return,
                Err(ReplyError::Unknown { .. }) if until.is_some() => return,
                Err(error @ ReplyError::Silenced) => Err(error),
                Err(error) => {
                    tracing::info!(error = %chain(&error), thread.key = %key, "the author of a message that was not taken is told by direct message");
                    match api.conversations_open(&author).await {
                        Ok(dm) => replies.tell(&is_true, workspace, &dm, None, &ts.to_string(), &by_dm).await.map(drop),
                        Err(error) => Err(ReplyError::Slack(error)),
                    }
                }
            };
            if let Err(error) = said {
                told.forget(&key, &author);
                tracing::warn!(error = %chain(&error), thread.key = %key, "the author of a message that was not taken could not be told");
            }
        });
        let _ = timeout(&*self.runner.tools.clock, TELLING_MAX, over).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(root: &str) -> ThreadKey {
        ThreadKey { workspace: "T1".parse().unwrap(), channel: "C1".parse().unwrap(), root: root.parse().unwrap() }
    }

    #[test]
    fn each_person_is_told_once_in_a_while_of_each_thread() {
        let told = Told::of_full();
        let (ana, ben): (UserId, UserId) = ("U1".parse().unwrap(), "U2".parse().unwrap());
        let at = |secs| Timestamp::from_secs(secs);
        assert!(told.is_news(&key("1.000000"), &ana, at(0)));
        assert!(!told.is_news(&key("1.000000"), &ana, at(59)));
        assert!(told.is_news(&key("1.000000"), &ben, at(59)));
        assert!(told.is_news(&key("2.000000"), &ana, at(59)));
        assert!(told.is_news(&key("1.000000"), &ana, at(61)));
        told.forget(&key("1.000000"), &ana);
        assert!(told.is_news(&key("1.000000"), &ana, at(61)), "she could not be told");
        assert!(!told.is_news(&key("2.000000"), &ana, at(61)));
        assert!(!told.is_news(&key("1.000000"), &ben, at(61)));
    }
}
