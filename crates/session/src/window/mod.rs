//! Which messages one request sends to the model.

mod cut;
mod fill;
mod piece;

use serde::{Deserialize, Serialize};

use self::{fill::Budget, piece::Piece};
use crate::{Role, TokenCounter, store::History};

/// What each message of a request costs beside its words: the role and the marks between messages. OpenAI's chat models
/// take 4 or less.
pub const MESSAGE_TOKENS: usize = 4;
/// What a request costs beside its messages: the beginning of the reply.
pub const REPLY_TOKENS: usize = 3;

/// What [`Window::shrink`] leaves at least, in bytes: a question of a few words must not be cut to nothing.
pub const SHRUNK_BYTES_MIN: usize = 512;

/// How much one request may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowLimits {
    /// Most messages (default 20), the system prompt not counted.
    pub max_messages: usize,
    /// Most tokens (default 32,000), everything counted: system prompt, names, marks and what a message costs beside its words.
    pub max_tokens: usize,
    /// Most bytes of messages, the system prompt not counted (default: no limit of its own). [`Window::shrink`] sets it.
    pub max_bytes: usize,
}

impl Default for WindowLimits {
    fn default() -> Self {
        Self { max_messages: 20, max_tokens: 32_000, max_bytes: usize::MAX }
    }
}

/// One message as it is sent: `{"role": …, "content": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowMessage {
    /// Whose words, as the model counts them.
    pub role: Role,
    /// The words, with the speaker's name before them where the model must tell people apart, and with a mark in brackets
    /// behind an answer that broke off.
    pub content: String,
}

/// What a window does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Messages of the session that are not in it.
    pub messages: u64,
    /// Messages that are in it without their middle.
    pub shortened: u64,
    /// Whether the system prompt is in it without its middle: `max_tokens` is too small for it.
    pub system_shortened: bool,
}

/// The messages that one request sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The system prompt first, if there is one, then the messages in window order.
    pub messages: Vec<WindowMessage>,
    /// What it does not hold.
    pub left_out: LeftOut,
    /// How many tokens it has at most: counted where that was needed, and the number of bytes elsewhere.
    pub tokens: usize,
    /// How many bytes its messages have, the system prompt not counted.
    pub bytes: usize,
    /// What was counted anew, by message number, to be remembered with
    /// [`SessionStore::counted`](crate::store::SessionStore::counted).
    pub counted: Vec<(u64, u32)>,
}

impl Window {
    /// Limits for a second try when the model said that this window was too long for it: half the bytes, but no
    /// less than [`SHRUNK_BYTES_MIN`].
    ///
    /// Bytes, because the model's own limit is not known, and nor perhaps is its way to count: half the bytes are half the
    /// tokens in any count.
    #[must_use]
    pub fn shrink(&self, limits: &WindowLimits) -> WindowLimits {
        WindowLimits { max_bytes: (self.bytes.min(limits.max_bytes) / 2).max(SHRUNK_BYTES_MIN), ..*limits }
    }
}

/// Chooses what to send: the system prompt, then the newest messages that keep to all `limits`, in window order. Pure.
///
/// - The newest message comes first in rank: one that is too large for all that is left loses its middle. An older one loses
///   its middle only if no window could hold it whole; otherwise the window begins behind it.
/// - The session's first message, which says what the thread is about, stays as long as it is a person's and takes no more
///   than half of what the newest one leaves.
/// - The window never begins with an answer whose question it lacks.
/// - With two or more participants each message of a person begins with `Name: `, one line of at most
///   [`NAME_CHARS_MAX`](crate::names::NAME_CHARS_MAX) characters.
/// - Commands are no part of it. An answer that broke off says so in brackets.
/// - A text's bytes stand for its tokens as long as they fit; only a window that bytes would overfill asks the `counter`,
///   and only for messages that were not counted before.
///
/// Costs work in proportion to `history`, which is bounded, not to the session.
pub fn window(system: &str, history: &History, limits: &WindowLimits, counter: &dyn TokenCounter) -> Window {
    let mut budget = Budget::new(limits, counter);
    let mut left_out = LeftOut::default();
    let mut messages = Vec::with_capacity(limits.max_messages.min(history.newest.len() + 1) + 1);
    if let Some((content, shortened)) = budget.take_system(system) {
        left_out.system_shortened = shortened;
        messages.push(WindowMessage { role: Role::System, content });
    }
    let pieces = pieces(history);
    let chosen = budget.choose(&pieces, history.first.is_some() && history.left_out > 0);
    left_out.messages = history.left_out + (pieces.len() - chosen.len()) as u64;
    let mut bytes = 0;
    for choice in chosen {
        let piece = &pieces[choice.at];
        left_out.shortened += u64::from(choice.shortened.is_some());
        let content = piece.content(choice.shortened.as_deref().unwrap_or(piece.text));
        bytes += content.len();
        messages.push(WindowMessage { role: piece.role, content });
    }
    Window { messages, left_out, tokens: budget.tokens_taken(), bytes, counted: budget.counted }
}

/// All that may be sent, in window order.
fn pieces(history: &History) -> Vec<Piece<'_>> {
    let several = history.people.len() > 1;
    let messages = history.first.iter().chain(&history.newest);
    messages.filter_map(|message| Piece::new(message, several, &history.people)).collect()
}
