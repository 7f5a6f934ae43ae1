//! A session as the chat-completions API wants it.

use std::{borrow::Cow, fmt};

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Session, row::Row};
use crate::{
    Kind, Role, json,
    names::{ending_mark, speaker},
};

/// One message of a request: `{"role": …, "content": …}`, borrowed from its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatMessage<'a> {
    /// Whose words, as the model counts them.
    pub role: Role,
    /// Who speaks, when the model must tell several people apart; the content then begins with it.
    pub name: Option<Cow<'a, str>>,
    /// The words.
    pub text: &'a str,
    /// What is said in brackets behind an answer that is not whole.
    pub mark: Option<&'static str>,
}

impl ChatMessage<'_> {
    /// What the model reads: name, words and mark together.
    pub fn content(&self) -> String {
        Content(self).to_string()
    }

    fn pieces(&self) -> [&str; 5] {
        let (name, colon) = self.name.as_deref().map_or(("", ""), |name| (name, ": "));
        let (gap, mark) = self.mark.map_or(("", ""), |mark| (if self.text.is_empty() { "" } else { "\n" }, mark));
        [name, colon, self.text, gap, mark]
    }

    fn write_json(&self, out: &mut Vec<u8>) {
        let start: &[u8] = match self.role {
            Role::System => br#"{"role":"system","content":""#,
            Role::User => br#"{"role":"user","content":""#,
            Role::Assistant => br#"{"role":"assistant","content":""#,
        };
        out.extend_from_slice(start);
        let pieces = self.pieces();
        pieces.into_iter().filter(|piece| !piece.is_empty()).for_each(|piece| json::escape(piece, out));
        out.extend_from_slice(b"\"}");
    }
}

impl Serialize for ChatMessage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut message = serializer.serialize_struct("ChatMessage", 2)?;
        message.serialize_field("role", self.role.as_str())?;
        message.serialize_field("content", &Content(self))?;
        message.end()
    }
}

/// Writes a message's content piece by piece, so that a request needs no copy of it.
struct Content<'a>(&'a ChatMessage<'a>);

impl fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.pieces().into_iter().try_for_each(|piece| f.write_str(piece))
    }
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Session {
    /// The last `max_messages` messages as the chat-completions API wants them, the system prompt before them if
    /// `include_system` (it is not counted). Commands are no part of it. With two or more participants, each message of a
    /// person begins with a name.
    ///
    /// This is the plain rule, the last N. [`window`](crate::window::window) is the careful one: it also keeps to a number of
    /// tokens, and begins with a question.
    pub fn openai_messages(&self, include_system: bool, max_messages: usize) -> Vec<ChatMessage<'_>> {
        let newest = self.newest(max_messages).map(|row| self.chat_message(row));
        self.system_message(include_system).into_iter().chain(newest).collect()
    }

    /// Writes the JSON array of [`Session::openai_messages`] behind what `out` holds.
    pub fn write_openai_json(&self, include_system: bool, max_messages: usize, out: &mut Vec<u8>) {
        let newest = self.newest(max_messages).map(|row| self.chat_message(row));
        let mut between = b'[';
        for message in self.system_message(include_system).into_iter().chain(newest) {
            out.push(between);
            message.write_json(out);
            between = b',';
        }
        out.extend_from_slice(if between == b'[' { b"[]" } else { b"]" });
    }

    /// The newest `max` messages but commands, in window order.
    fn newest(&self, max: usize) -> impl Iterator<Item = &Row> {
        let no_command = |row: &&Row| row.kind != Kind::Command;
        let rows = self.rows.iter().enumerate().rev().filter(move |(_, row)| no_command(row));
        let start = rows.take(max).last().map_or(self.rows.len(), |(at, _)| at);
        self.rows[start..].iter().filter(no_command)
    }

    fn system_message(&self, include: bool) -> Option<ChatMessage<'_>> {
        let text = self.system_prompt.as_deref().filter(|_| include)?;
        Some(ChatMessage { role: Role::System, name: None, text, mark: None })
    }

    fn chat_message(&self, row: &Row) -> ChatMessage<'_> {
        let several = self.people.are_several();
        let name = || row.author.and_then(|number| self.people.person(number));
        ChatMessage {
            role: row.role,
            name: (several && row.role == Role::User).then(|| match name() {
                Some((id, name)) => speaker(Some(id), Some(name)),
                None => speaker(None, None),
            }),
            text: self.texts.get(&row.text),
            mark: ending_mark(row.ending),
        }
    }
}
