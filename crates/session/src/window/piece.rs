//! A message on its way into a window.

use std::{borrow::Cow, collections::BTreeMap};

use super::MESSAGE_TOKENS;
use crate::{
    Kind, Message, Role, UserId,
    names::{ending_mark, speaker},
};

/// What stands for a person's message without words: some models refuse an empty one.
const NO_WORDS: &str = "[a message without words]";

/// A message that may be sent.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    pub(super) role: Role,
    pub(super) text: &'a str,
    /// Its tokens, if they were counted before.
    pub(super) tokens: Option<u32>,
    pub(super) seq: u64,
    name: Option<Cow<'a, str>>,
    mark: Option<&'static str>,
}

impl<'a> Piece<'a> {
    /// `None` for what is never sent: commands, and answers without a word.
    pub(super) fn new(message: &'a Message, several: bool, people: &'a BTreeMap<UserId, String>) -> Option<Self> {
        let mark = ending_mark(message.ending);
        let by_person = message.role == Role::User;
        let text = message.text.as_str();
        if message.kind == Kind::Command
            || message.role == Role::System
            || (text.is_empty() && mark.is_none() && !by_person)
        {
            return None;
        }
        let (text, tokens) = match text {
            "" if by_person => (NO_WORDS, u32::try_from(NO_WORDS.len()).ok()),
            text => (text, message.tokens),
        };
        let name = message.author.as_ref().and_then(|id| people.get(id)).map(String::as_str);
        let name = (several && by_person).then(|| speaker(message.author.as_ref(), name));
        Some(Self { role: message.role, text, name, mark, seq: message.seq, tokens })
    }

    /// What is sent, with `text` in place of the piece's own.
    pub(super) fn content(&self, text: &str) -> String {
        let mut content = String::with_capacity(self.around() + text.len());
        if let Some(name) = &self.name {
            content.extend([name, ": "]);
        }
        content.push_str(text);
        if let Some(mark) = self.mark {
            content.extend([if text.is_empty() { "" } else { "\n" }, mark]);
        }
        content
    }

    /// Bytes of name and mark, at most. They also stand for their tokens.
    pub(super) fn around(&self) -> usize {
        self.name.as_ref().map_or(0, |name| name.len() + 2) + self.mark.map_or(0, |mark| mark.len() + 1)
    }

    /// Bytes of its content, at most.
    pub(super) fn bytes(&self) -> usize {
        self.around() + self.text.len()
    }

    /// Tokens, going by the bytes.
    pub(super) fn tokens_at_most(&self) -> usize {
        MESSAGE_TOKENS + self.bytes()
    }
}
