//! One message of a session: who said what, and what it is to us.

use serde::{Deserialize, Serialize};

use crate::{SlackTs, Timestamp, UserId, turn::TurnId};

/// Whose words they are, as a model counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The instructions that come first in a request. Never stored with a session.
    System,
    /// A person.
    User,
    /// Us.
    Assistant,
}

impl Role {
    /// The word the chat-completions API uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// What a message is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Asks us: a turn answers it. An answer of ours is of this kind too.
    Accepted,
    /// Only to be known: it enters windows and is not answered.
    Context,
    /// A command: answered without a model, and in no window.
    Command,
}

/// A message of a session with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Counts up by one within the session: the order in which we stored them, and the order of the queue.
    pub seq: u64,
    /// Slack's timestamp. An answer has that of the last message it answers.
    pub ts: SlackTs,
    /// Whose words.
    pub role: Role,
    /// What it is to us.
    pub kind: Kind,
    /// The person who wrote it; `None` for our answers and where Slack named nobody.
    pub author: Option<UserId>,
    /// The turn that answers it, or whose answer it is; `None` for context.
    pub turn: Option<TurnId>,
    /// What was said, as the model is to read it.
    pub text: String,
    /// How an answer ended; [`Ending::Complete`] for what people write.
    pub ending: Ending,
    /// How many tokens the text has, if it was counted.
    pub tokens: Option<u32>,
    /// When we stored it.
    pub at: Timestamp,
}

/// How an answer came to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// All of it was said.
    #[default]
    Complete,
    /// The model reached its length limit.
    Length,
    /// The model's provider held the rest back.
    ContentFilter,
    /// The connection, a time limit or an error cut it off; the thread shows what had come.
    Cut,
    /// A person stopped it.
    Stopped,
}
