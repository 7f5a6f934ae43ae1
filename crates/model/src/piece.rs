//! What a stream gives out.

use std::fmt;

/// The next thing that came of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// More of the text, never empty.
    Text(String),
    /// The answer is complete. Nothing follows.
    Finished(Finish),
}

/// How a complete answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// Why the model stopped.
    pub reason: FinishReason,
    /// What it cost, if the server tells.
    pub usage: Option<Usage>,
    /// The model that answered, as the server names it (`gpt-4o-2024-08-06` when `gpt-4o` was asked for).
    pub model: Option<String>,
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// It had said all it wanted to.
    Stop,
    /// It reached `max_tokens`, or the end of what it can hold.
    Length,
    /// The provider held the rest back.
    ContentFilter,
    /// Anything else, in the server's word, at most [`REASON_CHARS_MAX`] characters.
    Other(String),
}

/// Longest [`FinishReason::Other`], in characters; the rest is cut off.
pub const REASON_CHARS_MAX: usize = 40;

impl FinishReason {
    /// Reads the server's word. Not all servers use OpenAI's: `eos`, `end_turn` and `max_tokens` are seen too.
    pub(crate) fn parse(word: &str) -> Self {
        match word {
            "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" => Self::Stop,
            "length" | "max_tokens" | "max_length" | "model_length" => Self::Length,
            "content_filter" | "safety" | "sensitive" => Self::ContentFilter,
            other => Self::Other(other.chars().take(REASON_CHARS_MAX).collect()),
        }
    }
}

impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
            Self::Other(word) => word,
        })
    }
}

/// Tokens of one request, as the server counted them. A number that it left out is zero; a missing total is the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the messages that were sent.
    pub prompt: u64,
    /// Tokens of the answer, with those of the thinking before it.
    pub completion: u64,
    /// Both.
    pub total: u64,
}
