//! What is remembered for a moment, by id and in bounded rings: replies in threads that are not ours yet, changes that came
//! before their posts, and who was told that a queue is full.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chathakase_session::{ChannelId, SlackTs, ThreadKey, Timestamp, UserId, WorkspaceId};

/// How long an id is remembered: events of one thread arrive out of order by seconds, not minutes.
const REMEMBERED_FOR: Duration = Duration::from_secs(120);
/// Ids that are remembered at most; past it the oldest goes.
const REMEMBERED_MAX: usize = 4096;

/// A bounded ring of (thread, reply). Holds no content.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    ring: Mutex<VecDeque<(Timestamp, ThreadKey, SlackTs)>>,
}

impl Passed {
    /// Remembers a reply that nothing was done with.
    pub(crate) fn remember(&self, key: ThreadKey, ts: SlackTs, now: Timestamp) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        while ring.len() >= REMEMBERED_MAX || ring.front().is_some_and(|(at, ..)| now.since(*at) > REMEMBERED_FOR) {
            ring.pop_front();
        }
        ring.push_back((now, key, ts));
    }

    /// Something was done with it after all.
    pub(crate) fn forget(&self, key: &ThreadKey, ts: SlackTs) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        // It came a moment ago, so it is near the end.
        if let Some(at) = ring.iter().rposition(|(_, of, post)| of == key && *post == ts) {
            ring.remove(at);
        }
    }

    /// The replies that were passed over in `key`, which is ours now; they are forgotten here.
    pub(crate) fn take(&self, key: &ThreadKey, now: Timestamp) -> Vec<SlackTs> {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.is_empty() {
            return Vec::new();
        }
        let mut taken = Vec::new();
        ring.retain(|(at, of, ts)| {
            let takes = of == key && now.since(*at) <= REMEMBERED_FOR;
            if takes {
                taken.push(*ts);
            }
            !takes
        });
        taken
    }
}

/// What happened to a post that we do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// Its text is another now.
    Edited,
    /// It is gone.
    Deleted,
}

/// Changes of posts that nothing is known of: they may still arrive, as they were before.
#[derive(Debug, Default)]
pub(crate) struct Early {
    ring: Mutex<VecDeque<(Timestamp, PostId, Change)>>,
}

type PostId = (WorkspaceId, ChannelId, SlackTs);

impl Early {
    /// Remembers what happened to a post.
    pub(crate) fn remember(
        &self,
        workspace: &WorkspaceId,
        channel: &ChannelId,
        ts: SlackTs,
        change: Change,
        now: Timestamp,
    ) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        while ring.len() >= REMEMBERED_MAX || ring.front().is_some_and(|(at, ..)| now.since(*at) > REMEMBERED_FOR) {
            ring.pop_front();
        }
        ring.push_back((now, (workspace.clone(), channel.clone(), ts), change));
    }

    /// What happened to a post before it arrived; a deletion counts for more than an edit.
    pub(crate) fn of(
        &self,
        workspace: &WorkspaceId,
        channel: &ChannelId,
        ts: SlackTs,
        now: Timestamp,
    ) -> Option<Change> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |(at, (of, place, post), _): &&(Timestamp, PostId, Change)| {
            *post == ts && place == channel && of == workspace && now.since(*at) <= REMEMBERED_FOR
        };
        ring.iter().filter(fits).map(|(.., change)| *change).max()
    }
}

/// How long a person who was told that a thread's queue is full is not told again: what they then read still holds.
const TOLD_FOR: Duration = Duration::from_secs(60);

/// Who was told lately that a thread's queue is full.
#[derive(Debug, Default)]
pub(crate) struct Told {
    ring: Mutex<VecDeque<(Timestamp, ThreadKey, UserId)>>,
}

impl Told {
    /// Whether `person` is to be told now; says no until a while has passed.
    pub(crate) fn is_news(&self, key: &ThreadKey, person: &UserId, now: Timestamp) -> bool {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        while ring.len() >= REMEMBERED_MAX || ring.front().is_some_and(|(at, ..)| now.since(*at) > TOLD_FOR) {
            ring.pop_front();
        }
        let known = ring.iter().any(|(_, of, who)| of == key && who == person);
        if !known {
            ring.push_back((now, key.clone(), person.clone()));
        }
        !known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(root: &str) -> ThreadKey {
        ThreadKey { workspace: "T1".parse().unwrap(), channel: "C1".parse().unwrap(), root: root.parse().unwrap() }
    }

    #[test]
    fn a_passed_reply_is_given_once_and_only_to_its_thread_and_while_it_is_fresh() {
        let passed = Passed::default();
        let at = |secs| Timestamp::from_secs(secs);
        let ts: SlackTs = "1.000001".parse().unwrap();
        passed.remember(key("1.000000"), ts, at(0));
        assert!(passed.take(&key("2.000000"), at(1)).is_empty());
        assert_eq!(passed.take(&key("1.000000"), at(1)), [ts]);
        assert!(passed.take(&key("1.000000"), at(1)).is_empty());
        passed.remember(key("1.000000"), ts, at(0));
        assert!(passed.take(&key("1.000000"), at(121)).is_empty());
        passed.remember(key("1.000000"), ts, at(200));
        passed.forget(&key("2.000000"), ts);
        passed.forget(&key("1.000000"), "1.000002".parse().unwrap());
        assert_eq!(passed.take(&key("1.000000"), at(200)), [ts]);
        passed.remember(key("1.000000"), ts, at(200));
        passed.forget(&key("1.000000"), ts);
        assert!(passed.take(&key("1.000000"), at(200)).is_empty());
    }

    #[test]
    fn a_full_queue_is_told_once_a_minute_to_each_person_and_thread() {
        let told = Told::default();
        let (ana, ben): (UserId, UserId) = ("U1".parse().unwrap(), "U2".parse().unwrap());
        let at = |secs| Timestamp::from_secs(secs);
        assert!(told.is_news(&key("1.000000"), &ana, at(0)));
        assert!(!told.is_news(&key("1.000000"), &ana, at(59)));
        assert!(told.is_news(&key("1.000000"), &ben, at(59)));
        assert!(told.is_news(&key("2.000000"), &ana, at(59)));
        assert!(told.is_news(&key("1.000000"), &ana, at(61)));
    }

    #[test]
    fn a_change_counts_for_its_post_for_a_while_and_a_deletion_for_more_than_an_edit() {
        let early = Early::default();
        let (here, channel): (WorkspaceId, ChannelId) = ("T1".parse().unwrap(), "C1".parse().unwrap());
        let (ts, at) = ("1.000000".parse().unwrap(), |secs| Timestamp::from_secs(secs));
        early.remember(&here, &channel, ts, Change::Deleted, at(0));
        early.remember(&here, &channel, ts, Change::Edited, at(60));
        assert_eq!(early.of(&here, &channel, ts, at(60)), Some(Change::Deleted));
        assert_eq!(early.of(&here, &channel, ts, at(121)), Some(Change::Edited));
        assert_eq!(early.of(&here, &channel, ts, at(181)), None);
        assert_eq!(early.of(&here, &"C2".parse().unwrap(), ts, at(60)), None);
        assert_eq!(early.of(&"T2".parse().unwrap(), &channel, ts, at(60)), None);
    }

    #[test]
    fn the_ring_never_outgrows_its_bound() {
        let passed = Passed::default();
        for n in 0..2 * REMEMBERED_MAX {
            passed.remember(key("1.000000"), SlackTs::from_micros(n as i64).unwrap(), Timestamp::from_secs(0));
        }
        assert_eq!(passed.take(&key("1.000000"), Timestamp::from_secs(0)).len(), REMEMBERED_MAX);
    }
}
