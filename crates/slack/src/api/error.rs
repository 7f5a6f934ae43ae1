//! What can go wrong with a call, and what it means for the caller.

use std::time::Duration;

use super::method::Method;

/// Whether the call may have had its effect on Slack's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing happened: the call may be made again.
    DidNotHappen,
    /// It may have happened: repeating it may do it twice.
    Unknown,
}

/// A call that brought no good answer.
#[derive(Debug, thiserror::Error)]
#[error("{method}: {problem}{}", .problem.next_step(.method))]
pub struct ApiError {
    /// The method that was called.
    pub method: &'static str,
    /// What went wrong.
    #[source]
    pub problem: Problem,
}

/// What went wrong with a call. Never holds a token or text of a message.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Slack asks us to wait (HTTP 429, or the error `ratelimited`).
    #[error("rate limited by Slack for {} s", .retry_after.as_secs())]
    RateLimited {
        /// How long to wait before this method is called again for this workspace.
        retry_after: Duration,
    },
    /// Slack said no (`"ok":false`).
    #[error("refused by Slack: {code}{}", .needed.as_ref().map(|n| format!(" (needs the scope {n})")).unwrap_or_default())]
    Refused {
        /// Slack's error code, such as `not_in_channel`; letters, digits and underscores, 64 at most.
        code: String,
        /// The scope that is missing, with `missing_scope`.
        needed: Option<String>,
    },
    /// No answer within the limit.
    #[error("no answer within {} ms", .limit.as_millis())]
    Timeout {
        /// How long was waited.
        limit: Duration,
    },
    /// The connection could not be made, or broke.
    #[error("{}", if *.connected { "the connection broke" } else { "could not connect" })]
    Network {
        /// Whether a connection was there, so that the request may have gone out.
        connected: bool,
        /// What the connection said; without the URL.
        #[source]
        cause: reqwest::Error,
    },
    /// An HTTP status other than 200 and 429.
    #[error("HTTP status {status}")]
    Server {
        /// The status.
        status: u16,
    },
    /// HTTP 200, but not an answer of Slack's.
    #[error("the answer is not Slack's (HTTP status {status}): {why}")]
    BadAnswer {
        /// The status.
        status: u16,
        /// What is wrong with it; never its text.
        why: String,
    },
    /// The arguments could not be written down; a mistake in this program.
    #[error("the arguments could not be encoded")]
    Arguments(
        /// What the encoder said.
        #[source]
        Box<dyn std::error::Error + Send + Sync>,
    ),
}

/// Errors after which the effect may be there all the same: Slack's side broke while it worked (Slack: errors on nearly all methods).
const BROKE_INSIDE: &[&str] =
    &["internal_error", "fatal_error", "service_unavailable", "request_timeout", "messaging_processing_failed"];

/// Errors after which the token is of no use any more: the installation is gone.
const TOKEN_FATAL: &[&str] =
    &["not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired", "org_login_required"];

impl Problem {
    /// The kind of problem in one word; stable: also the value of a metric's label.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::Refused { .. } => "refused",
            Self::Timeout { .. } => "timeout",
            Self::Network { .. } => "network",
            Self::Server { .. } => "server",
            Self::BadAnswer { .. } => "bad_answer",
            Self::Arguments(_) => "arguments",
        }
    }

    /// What to do about it after a call of `method`, as the rest of a sentence; empty where nothing can be done but to wait.
    pub fn next_step(&self, method: &str) -> &'static str {
        match self {
            Self::Refused { code, .. } => match code.as_str() {
                "missing_scope" => "; add the scope to the app, then install it again",
                "not_authed" | "invalid_auth" | "token_revoked" | "token_expired"
                    if method == Method::APPS_CONNECTIONS_OPEN.name =>
                {
                    "; check the app-level token (xapp-…)"
                }
                "not_authed" | "invalid_auth" | "token_revoked" | "token_expired" => {
                    "; check the bot token (xoxb-…) of this workspace"
                }
                "account_inactive" => "; the app was removed from the workspace: install it again",
                "not_in_channel" | "channel_not_found" => "; invite the assistant to the channel",
                "not_allowed_token_type" => "; this method needs the other kind of token (xoxb- or xapp-)",
                "unknown_method" => "; check SLACK_API_URL",
                _ => "",
            },
            Self::Network { connected: false, .. } => "; check the network and SLACK_API_URL",
            Self::Server { status: 301..=399 | 404 } => "; check SLACK_API_URL",
            Self::BadAnswer { .. } => "; check SLACK_API_URL and what stands between (a proxy?)",
            _ => "",
        }
    }
}

impl ApiError {
    /// The call went to a known method and failed for `problem`.
    pub(crate) fn new(method: &'static str, problem: Problem) -> Self {
        Self { method, problem }
    }

    /// Whether the call may have had its effect.
    pub fn fate(&self) -> Fate {
        match &self.problem {
            Problem::Refused { code, .. } if BROKE_INSIDE.contains(&code.as_str()) => Fate::Unknown,
            Problem::Network { connected: true, .. } | Problem::Timeout { .. } | Problem::BadAnswer { .. } => {
                Fate::Unknown
            }
            Problem::Server { status } if *status >= 500 || *status < 300 => Fate::Unknown,
            Problem::RateLimited { .. }
            | Problem::Refused { .. }
            | Problem::Network { .. }
            | Problem::Server { .. }
            | Problem::Arguments(_) => Fate::DidNotHappen,
        }
    }

    /// Whether the same call may succeed a little later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match &self.problem {
            Problem::Refused { code, .. } => BROKE_INSIDE.contains(&code.as_str()) || code == "team_added_to_org",
            Problem::Server { status } => *status >= 500 || *status == 408,
            Problem::RateLimited { .. } | Problem::Timeout { .. } | Problem::Network { .. } => true,
            Problem::BadAnswer { .. } | Problem::Arguments(_) => false,
        }
    }

    /// Whether it says that Slack, or our way to it, is out of order, and not only this one call.
    pub fn is_outage(&self) -> bool {
        match &self.problem {
            Problem::RateLimited { .. } | Problem::Arguments(_) => false,
            Problem::BadAnswer { .. } => true,
            Problem::Refused { .. } => self.is_token_fatal() || self.is_transient(),
            Problem::Timeout { .. } | Problem::Network { .. } | Problem::Server { .. } => true,
        }
    }

    /// Whether the token is of no use any more: every other call will fail too.
    pub fn is_token_fatal(&self) -> bool {
        self.code().is_some_and(|code| TOKEN_FATAL.contains(&code))
    }

    /// Slack's error code, when Slack refused.
    pub fn code(&self) -> Option<&str> {
        match &self.problem {
            Problem::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// How long Slack asks us to wait, when it does.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.problem {
            Problem::RateLimited { retry_after } => Some(retry_after),
            _ => None,
        }
    }
}
