//! The messages of a session, as they are kept, come in and are handed out.

use std::ops::Range;

use crate::{Kind, Message, Role, SlackTs, Timestamp, UserId, message::Ending, turn::TurnId};

/// A message without its words.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) ts: SlackTs,
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) turn: Option<TurnId>,
    pub(super) text: Range<usize>,
    pub(super) tokens: Option<u32>,
    pub(super) author: Option<u32>,
    pub(super) role: Role,
    pub(super) kind: Kind,
    pub(super) ending: Ending,
}

impl Row {
    /// What window order goes by.
    pub(super) const fn order(&self) -> (SlackTs, Role, u64) {
        (self.ts, self.role, self.seq)
    }
}

/// A message on its way into a [`Session`](super::Session).
#[derive(Clone, Copy, Debug)]
pub struct NewMessage<'a> {
    /// Slack's timestamp; for an answer, that of the last message it answers.
    pub ts: SlackTs,
    /// Whose words.
    pub role: Role,
    /// What it is to us.
    pub kind: Kind,
    /// Who wrote it.
    pub author: Option<&'a UserId>,
    /// The author's name, if it is known.
    pub name: Option<&'a str>,
    /// The turn that answers it, or whose answer it is.
    pub turn: Option<TurnId>,
    /// What was said.
    pub text: &'a str,
    /// How an answer ended; [`Ending::Complete`] for what people write.
    pub ending: Ending,
    /// Slack's mark of its last edit; an edit that is not later changes nothing.
    pub edited_ts: Option<SlackTs>,
}

impl<'a> NewMessage<'a> {
    /// What a person wrote, as a question to us.
    pub const fn from_user(author: &'a UserId, name: Option<&'a str>, text: &'a str, ts: SlackTs) -> Self {
        let ending = Ending::Complete;
        let (role, kind) = (Role::User, Kind::Accepted);
        Self { ts, role, kind, author: Some(author), name, turn: None, text, ending, edited_ts: None }
    }

    /// A whole answer of ours to what was said up to `ts`.
    pub const fn answer(text: &'a str, ts: SlackTs) -> Self {
        let ending = Ending::Complete;
        let (role, kind) = (Role::Assistant, Kind::Accepted);
        Self { ts, role, kind, author: None, name: None, turn: None, text, ending, edited_ts: None }
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is now part of the session, under this number.
    New(u64),
    /// It was part of the session already: nothing was done.
    Known,
    /// It is from before the session was cleared: nothing was done.
    Gone,
}

/// A message of a [`Session`](super::Session), borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRef<'a> {
    /// Counts up by one within the session, in the order in which messages were added.
    pub seq: u64,
    /// Slack's timestamp. An answer has that of the last message it answers.
    pub ts: SlackTs,
    /// Whose words.
    pub role: Role,
    /// What it is to us.
    pub kind: Kind,
    /// The person who wrote it.
    pub author: Option<&'a UserId>,
    /// The turn that answers it, or whose answer it is.
    pub turn: Option<TurnId>,
    /// What was said.
    pub text: &'a str,
    /// How an answer ended.
    pub ending: Ending,
    /// How many tokens the text has, if it was counted.
    pub tokens: Option<u32>,
    /// When it was added.
    pub at: Timestamp,
}

impl MessageRef<'_> {
    /// The message with words of its own.
    pub fn to_message(&self) -> Message {
        Message {
            seq: self.seq,
            ts: self.ts,
            role: self.role,
            kind: self.kind,
            author: self.author.cloned(),
            turn: self.turn,
            text: self.text.to_owned(),
            ending: self.ending,
            tokens: self.tokens,
            at: self.at,
        }
    }
}
