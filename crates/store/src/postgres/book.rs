//! What a transaction has read and written so far. Its locks keep others out, so what it knows stays true until it ends.

use std::collections::{HashMap, HashSet};

use chathakase_session::{
    SlackTs, ThreadKey, UserId, WorkspaceId,
    turn::{Part, TurnId},
};

use crate::{
    codec::Packed,
    rows::{ContentNo, Person, Post, PostName, Thread, TurnRow},
};

/// Rows by their keys; `None` for one that is known not to be there.
#[derive(Default)]
pub(super) struct Book {
    threads: HashMap<ThreadKey, Option<Thread>>,
    keys: HashMap<u64, ThreadKey>,
    pub(super) posts: HashMap<PostName, Option<Post>>,
    /// By thread and the moment after which.
    pub(super) passed: HashMap<(ThreadKey, SlackTs), Vec<SlackTs>>,
    pub(super) turns: HashMap<TurnId, Option<TurnRow>>,
    pub(super) parts: HashMap<TurnId, Vec<Part>>,
    pub(super) people: HashMap<(u64, UserId), Option<Person>>,
    pub(super) contents: HashMap<ContentNo, Option<Packed>>,
    /// Sessions that began here: nobody spoke in them before.
    pub(super) fresh: HashSet<u64>,
    /// Where the sessions of a page are.
    pub(super) sessions: HashMap<u64, WorkspaceId>,
    /// Where turns are that were named by others than their thread.
    pub(super) homes: HashMap<TurnId, WorkspaceId>,
}

impl Book {
    pub(super) fn thread(&self, key: &ThreadKey) -> Option<Option<Thread>> {
        self.threads.get(key).cloned()
    }
    pub(super) fn thread_no(&self, no: u64) -> Option<Thread> {
        self.threads.get(self.keys.get(&no)?).cloned().flatten()
    }
    pub(super) fn know_thread(&mut self, thread: &Thread) {
        self.keys.insert(thread.no, thread.key.clone());
        self.threads.insert(thread.key.clone(), Some(thread.clone()));
    }
    pub(super) fn know_no_thread(&mut self, key: &ThreadKey) {
        self.threads.entry(key.clone()).or_insert(None);
    }
}
