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

    /// Whether other questions would fail in the same way.
    pub const fn is_outage(self) -> bool {
        match self {
            Self::Setup | Self::Busy | Self::Quota | Self::Unreachable | Self::TooSlow | Self::Broken => true,
            Self::TooLong | Self::Empty | Self::Refused => false,
        }
    }

    /// What is wrong and what the operator can do, in a sentence that holds no words of the server's.
    pub const fn next_step(self) -> &'static str {
        match self {
            Self::Setup => "the model's server refuses our requests; check model.base_url, model.name and the key",
            Self::Busy => "the model's server is busy or out of order; ask its provider if it lasts",
            Self::Quota => "the account of the model's key has no quota left; check its plan and billing",
            Self::Unreachable => "the model's server cannot be reached; check model.base_url and the network",
            Self::TooSlow => "the model was too slow; see model.first_token_max and model.between_tokens_max",
            Self::TooLong => "a thread is too long for the model; lower context.max_tokens",
            Self::Broken => "the model's answers break off in the middle; the log says why",
            Self::Empty => "the model said nothing; ask again, or in other words",
            Self::Refused => "the model's provider refused to answer",
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
