//! Everything that can keep an answer from coming, said so that the operator knows what to do.

use std::time::Duration;

use crate::FinishReason;

mod kind;

pub use kind::{ErrorKind, Waiting};

/// Why there is no answer, or no whole one.
///
/// `Display` is for the log and ends with the next step; [`ModelError::kind`] is for choosing the sentence that a
/// person reads. No variant holds the API key or the text of a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The configuration cannot work. Found by [`Client::new`](crate::Client::new), before any request.
    #[error("the model is not set up right: {what}")]
    Config {
        /// What is wrong, and how it should be.
        what: String,
    },
    /// The server understood us and said no (HTTP 400, 422 and other 4xx).
    #[error(
        "the model's server refused the request (HTTP {status}): {message}; compare the [model] settings with what it supports"
    )]
    BadRequest {
        /// The HTTP status.
        status: u16,
        /// The server's reason, at most 300 characters.
        message: String,
    },
    /// The key is missing, wrong, or may not do this (HTTP 401, 403).
    #[error(
        "the model's server did not accept the key (HTTP {status}): {message}; check model.api_key / OPENAI_API_KEY"
    )]
    Unauthorized {
        /// The HTTP status.
        status: u16,
        /// The server's reason, at most 300 characters.
        message: String,
    },
    /// The server knows no model of the configured name.
    #[error("the server at {base_url} knows no model `{model}`: {message}; check model.name")]
    UnknownModel {
        /// The configured name.
        model: String,
        /// The configured base URL, without user, password and query.
        base_url: String,
        /// The server's reason, at most 300 characters.
        message: String,
    },
    /// Something answers at the base URL, but no chat-completions API (HTTP 404, 405, a redirect, a web page).
    #[error(
        "no chat-completions API at {base_url}: {message}; check model.base_url / OPENAI_BASE_URL, which mostly ends in /v1"
    )]
    UnknownEndpoint {
        /// The configured base URL, without user, password and query.
        base_url: String,
        /// What came instead, at most 300 characters.
        message: String,
    },
    /// Too many requests or tokens for the moment (HTTP 429).
    #[error("the model's server asks us to slow down: {message}; ask again {}", in_a_while(*retry_after))]
    RateLimited {
        /// How long the server told us to wait, if it did.
        retry_after: Option<Duration>,
        /// The server's reason, at most 300 characters.
        message: String,
    },
    /// The account has no money or quota left (HTTP 402, or 429 with `insufficient_quota`). Waiting does not help.
    #[error("the account of the model's key has no quota left: {message}; check its plan and billing")]
    QuotaExceeded {
        /// The server's reason, at most 300 characters.
        message: String,
    },
    /// The server is in trouble (HTTP 5xx, 408, 409, 425).
    #[error("the model's server failed (HTTP {status}): {message}; ask again {}", in_a_while(*retry_after))]
    Server {
        /// The HTTP status.
        status: u16,
        /// How long the server told us to wait, if it did.
        retry_after: Option<Duration>,
        /// The server's reason, at most 300 characters.
        message: String,
    },
    /// No connection, or one that ended without any answer: wrong address, name not found, refused, TLS, connect timeout.
    #[error(
        "could not reach the model's server at {base_url}; check model.base_url / OPENAI_BASE_URL, the network and any proxy"
    )]
    Unreachable {
        /// The configured base URL, without user, password and query.
        base_url: String,
        /// What the network said.
        #[source]
        cause: reqwest::Error,
    },
    /// The server took longer than we are willing to wait.
    #[error("{waiting} within {}s; see model.{}", limit.as_secs_f32(), waiting.setting())]
    TimedOut {
        /// What was waited for.
        waiting: Waiting,
        /// How long.
        limit: Duration,
    },
    /// The messages are more than the model can read at once. A shorter window can work.
    #[error("the messages are longer than the model can read at once: {message}; lower context.max_tokens")]
    ContextTooLong {
        /// The server's reason, at most 300 characters.
        message: String,
    },
    /// The connection ended without `finish_reason` or `[DONE]`: what came is not the whole answer.
    #[error("the answer was cut off: the connection ended before the model had finished")]
    CutOff {
        /// What the network said; `None` when the server closed the connection in good order.
        #[source]
        cause: Option<reqwest::Error>,
    },
    /// What came is not a chat-completions answer.
    #[error(
        "the model's server does not speak the chat-completions protocol: {what}; check model.base_url / OPENAI_BASE_URL"
    )]
    Malformed {
        /// What was wrong with it.
        what: String,
    },
    /// The server reported an error inside a stream that had begun well.
    #[error("the model's server broke the answer off: {message}")]
    StreamError {
        /// The server's reason, at most 300 characters.
        message: String,
    },
    /// The model finished without a word.
    #[error("the model's answer is empty (finish_reason {reason}){}", empty_hint(reason))]
    Empty {
        /// How it said it had finished.
        reason: FinishReason,
    },
    /// The provider's content filter refused the question or held the whole answer back.
    #[error("the model's provider refused to answer: {message}")]
    Refused {
        /// The server's reason, at most 300 characters.
        message: String,
    },
    /// The answer or one event of it grew past our limit.
    #[error("the model's {what} is larger than {limit_bytes} bytes; lower model.max_tokens")]
    TooLarge {
        /// Which of the limits: `answer` or `event`.
        what: &'static str,
        /// The limit.
        limit_bytes: usize,
    },
}

impl ModelError {
    /// What it means to the person who asked.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Config { .. }
            | Self::BadRequest { .. }
            | Self::Unauthorized { .. }
            | Self::UnknownModel { .. }
            | Self::UnknownEndpoint { .. }
            | Self::Malformed { .. } => ErrorKind::Setup,
            Self::RateLimited { .. } | Self::Server { .. } => ErrorKind::Busy,
            Self::QuotaExceeded { .. } => ErrorKind::Quota,
            Self::Unreachable { .. } => ErrorKind::Unreachable,
            Self::TimedOut { .. } => ErrorKind::TooSlow,
            Self::ContextTooLong { .. } => ErrorKind::TooLong,
            Self::CutOff { .. } | Self::StreamError { .. } | Self::TooLarge { .. } => ErrorKind::Broken,
            Self::Empty { .. } => ErrorKind::Empty,
            Self::Refused { .. } => ErrorKind::Refused,
        }
    }

    /// Whether the same request may work at another time although nobody changes anything. These are the errors after
    /// which [`Client::stream`](crate::Client::stream) has already tried again, as often as it may.
    ///
    /// A time limit is not among them: who has waited a minute for nothing is better told so than made to wait another.
    pub fn retryable(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. }
                | Self::Server { .. }
                | Self::Unreachable { .. }
                | Self::CutOff { .. }
                | Self::StreamError { .. }
        )
    }

    /// How long the server told us to wait before the next request, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn in_a_while(retry_after: Option<Duration>) -> String {
    match retry_after {
        Some(wait) => format!("in {}s", wait.as_secs_f32().ceil()),
        None => "in a while".to_owned(),
    }
}

fn empty_hint(reason: &FinishReason) -> &'static str {
    match reason {
        FinishReason::Length => {
            "; raise model.max_tokens: a model that thinks first may have spent all of it on thinking"
        }
        _ => "; ask again, or in other words",
    }
}
