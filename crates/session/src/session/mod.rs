//! One conversation in memory.

mod change;
mod chat;
mod people;
mod row;
mod texts;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub use self::{
    chat::ChatMessage,
    row::{Inserted, MessageRef, NewMessage},
};
use self::{people::People, row::Row, texts::Texts};
use crate::{
    Kind, Role, SessionId, SlackTs, ThreadKey, Timestamp, UserId,
    store::{History, SessionInfo},
};

/// One conversation: its messages in window order, who takes part, and when it began and last changed.
///
/// Window order is Slack's: by timestamp, an answer directly behind the last message it answers. Messages may arrive in any
/// order. Their texts share one buffer and their authors one table, so that a message costs little more than its words; it is
/// handed out as a [`MessageRef`], and as a [`Message`](crate::Message) where it must outlive the session.
///
/// Adding at the end and reading the newest costs the same in a long session as in a short one. Adding in the middle, or
/// removing, moves the places (80 bytes each) of the messages behind it, but none of their words.
#[derive(Clone, Debug)]
pub struct Session {
    key: ThreadKey,
    rows: Vec<Row>,
    texts: Texts,
    people: People,
    /// Slack's mark of the last edit of those messages that were edited, which few are.
    edits: BTreeMap<SlackTs, SlackTs>,
    created_at: Timestamp,
    last_activity: Timestamp,
    cleared_before: Option<SlackTs>,
    next_seq: u64,
    user_messages: u64,
    assistant_messages: u64,
    system_prompt: Option<Arc<str>>,
}

impl Session {
    /// An empty session of `key` that begins at `now`.
    pub fn new(key: ThreadKey, now: Timestamp) -> Self {
        Self {
            key,
            rows: Vec::new(),
            texts: Texts::default(),
            people: People::default(),
            edits: BTreeMap::new(),
            created_at: now,
            last_activity: now,
            cleared_before: None,
            next_seq: 1,
            user_messages: 0,
            assistant_messages: 0,
            system_prompt: None,
        }
    }

    /// The same with instructions to the model, which come first in [`Session::openai_messages`]. Many sessions share one text.
    #[must_use]
    pub fn with_system_prompt(mut self, prompt: Arc<str>) -> Self {
        self.system_prompt = Some(prompt).filter(|prompt| !prompt.is_empty());
        self
    }

    /// The thread this is the session of.
    pub const fn key(&self) -> &ThreadKey {
        &self.key
    }

    /// The session's name as people see it: channel and thread.
    pub fn id(&self) -> SessionId {
        self.key.session_id()
    }

    /// When it began.
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When it last changed. Never goes back, also when moments are given out of order.
    pub const fn last_activity(&self) -> Timestamp {
        self.last_activity
    }

    /// Messages up to this moment were cleared, and are refused when they come again.
    pub const fn cleared_before(&self) -> Option<SlackTs> {
        self.cleared_before
    }

    /// How many messages it holds: questions, answers, context and commands.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many messages a window may be made of: all but commands.
    pub const fn message_count(&self) -> u64 {
        self.user_messages + self.assistant_messages
    }

    /// Whether it holds no message.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Everyone who wrote in it, in the order in which they came, with the name last heard of, or the id where there is none.
    pub fn participants(&self) -> impl Iterator<Item = (&UserId, &str)> {
        self.people.iter()
    }

    /// All messages in window order; from the newest on with `.rev()`.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = MessageRef<'_>> + ExactSizeIterator {
        self.rows.iter().map(|row| self.view(row))
    }

    /// The post of a person at `ts`; not an answer, which has no place of its own in Slack's order.
    pub fn post(&self, ts: SlackTs) -> Option<MessageRef<'_>> {
        self.post_at(ts).map(|at| self.view(&self.rows[at]))
    }

    /// Up to `limit` messages with a number greater than `after`, in the order in which they were added. Looks at all messages:
    /// for exports, not for answering.
    pub fn added_after(&self, after: u64, limit: usize) -> Vec<MessageRef<'_>> {
        let mut found: Vec<&Row> = self.rows.iter().filter(|row| row.seq > after).collect();
        if found.len() > limit {
            found.select_nth_unstable_by_key(limit, |row| row.seq);
            found.truncate(limit);
        }
        found.sort_unstable_by_key(|row| row.seq);
        found.into_iter().map(|row| self.view(row)).collect()
    }

    /// What a window may be made of: up to `limit` of the newest messages, without commands.
    pub fn history(&self, limit: usize) -> History {
        let mut sendable = self.messages().filter(|message| message.kind != Kind::Command);
        let mut newest: Vec<_> = sendable.by_ref().rev().take(limit).map(|message| message.to_message()).collect();
        newest.reverse();
        // What is left in the iterator is what is not among the newest.
        let first = sendable.next().map(|message| message.to_message());
        let shown = newest.len() as u64 + u64::from(first.is_some());
        History { newest, first, left_out: self.message_count() - shown, people: self.people.to_map() }
    }

    /// The session as a person may see it; it expires `timeout` after its last activity.
    pub fn info(&self, timeout: Duration) -> SessionInfo {
        SessionInfo {
            key: self.key.clone(),
            people: self.people.to_map(),
            user_messages: self.user_messages,
            assistant_messages: self.assistant_messages,
            created_at: self.created_at,
            last_activity: self.last_activity,
            expires_at: Some(self.last_activity + timeout),
            waiting: 0,
            model: None,
        }
    }

    fn view<'a>(&'a self, row: &'a Row) -> MessageRef<'a> {
        MessageRef {
            seq: row.seq,
            ts: row.ts,
            role: row.role,
            kind: row.kind,
            author: row.author.and_then(|number| self.people.id(number)),
            turn: row.turn,
            text: self.texts.get(&row.text),
            ending: row.ending,
            tokens: row.tokens,
            at: row.at,
        }
    }

    fn post_at(&self, ts: SlackTs) -> Option<usize> {
        let at = self.rows.partition_point(|row| (row.ts, row.role) < (ts, Role::User));
        self.rows.get(at).is_some_and(|row| row.ts == ts && row.role == Role::User).then_some(at)
    }
}
