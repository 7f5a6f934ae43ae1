//! Replies in threads that are not ours, remembered by id for a moment: the mention that opens the thread may arrive after them.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chathakase_session::{SlackTs, ThreadKey, Timestamp};

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
