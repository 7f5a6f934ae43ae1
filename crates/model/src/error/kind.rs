//! What an error means to a person, and what was waited for.

/// What a [`ModelError`](super::ModelError) means to the person who asked. Stable: also the value of a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operator has to correct the configuration, the key or the model's name.
    Setup,
    /// The model's server is busy or out of order for the moment: asking again later may work.
    Busy,
    /// The account has no quota left.
    Quota,
    /// The server could not be reached.
    Unreachable,
    /// The server was too slow.
    TooSlow,
    /// The thread is too long for the model.
    TooLong,
    /// The answer broke off in the middle.
    Broken,
    /// The model said nothing.
    Empty,
    /// The provider's content filter stepped in.
    Refused,
}

impl ErrorKind {
    /// The kind as one lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Busy => "busy",
            Self::Quota => "quota",
            Self::Unreachable => "unreachable",
            Self::TooSlow => "too_slow",
            Self::TooLong => "too_long",
            Self::Broken => "broken",
            Self::Empty => "empty",
            Self::Refused => "refused",
        }
    }
}

/// What was waited for when the time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The first token of the answer.
    FirstToken,
    /// The next token.
    NextToken,
    /// The end of the whole answer.
    WholeAnswer,
}

impl Waiting {
    pub(super) const fn setting(self) -> &'static str {
        match self {
            Self::FirstToken => "first_token_max",
            Self::NextToken => "between_tokens_max",
            Self::WholeAnswer => "turn_max",
        }
    }
}

impl std::fmt::Display for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FirstToken => "the model did not begin to answer",
            Self::NextToken => "the model fell silent in the middle of its answer: nothing came",
            Self::WholeAnswer => "the model did not finish its answer",
        })
    }
}
