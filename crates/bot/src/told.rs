//! Who was told that a queue is full: remembered for a moment, by id and in a bounded ring.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chathakase_session::{ThreadKey, Timestamp, UserId};

/// How long a person who was told that a thread's queue is full is not told again: what they then read still holds.
const TOLD_FOR: Duration = Duration::from_secs(60);
/// People that are remembered at most; past it the oldest goes.
const TOLD_MAX: usize = 4096;

/// Who was told lately that a thread's queue is full.
#[derive(Debug, Default)]
pub(crate) struct Told {
    ring: Mutex<VecDeque<(Timestamp, ThreadKey, UserId)>>,
}

impl Told {
    /// Whether `person` is to be told now; says no until a while has passed.
    pub(crate) fn is_news(&self, key: &ThreadKey, person: &UserId, now: Timestamp) -> bool {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        while ring.len() >= TOLD_MAX || ring.front().is_some_and(|(at, ..)| now.since(*at) > TOLD_FOR) {
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
}
