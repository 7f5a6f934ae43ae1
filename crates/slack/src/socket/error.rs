//! What only a person can put right.

use crate::api::SetupError;

/// Socket Mode cannot work as the app is set up. Never retry by itself: trouble that may pass is waited out inside.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The token or the address cannot be used.
    #[error("Socket Mode cannot start; check SLACK_APP_TOKEN and SLACK_API_URL")]
    Setup(#[source] SetupError),
    /// Slack will not have us.
    #[error("Slack refuses Socket Mode with `{code}`: {}", advice(code))]
    Refused {
        /// Slack's word.
        code: String,
    },
    /// Switched off while we were connected.
    #[error(
        "Socket Mode is switched off for this app: turn it on in the app's settings (Socket Mode), or set slack.transport to http"
    )]
    Disabled,
}

/// Slack's words after which the same token will never be taken (what its own SDKs give up on, and the wrong kind of
/// token).
const FATAL: &[(&str, &str)] = &[
    ("not_authed", "set SLACK_APP_TOKEN to the app-level token (xapp-…)"),
    (
        "invalid_auth",
        "SLACK_APP_TOKEN is not a token of this Slack; copy it again from Basic Information, App-Level Tokens",
    ),
    ("not_allowed_token_type", "SLACK_APP_TOKEN must be the app-level token (xapp-…), not the bot's (xoxb-…)"),
    ("missing_scope", "the app-level token needs the scope connections:write; make a new one"),
    ("token_revoked", "the app-level token was revoked; make a new one"),
    ("token_expired", "the app-level token has expired; make a new one"),
    ("account_inactive", "the app or its workspace was deactivated; ask an administrator"),
    ("user_removed_from_team", "the token's owner was removed from the workspace; make a new app-level token"),
    ("team_disabled", "the workspace was deactivated; ask its owner"),
];

fn advice(code: &str) -> &'static str {
    FATAL.iter().find(|(fatal, _)| *fatal == code).map_or("check the app's settings", |(_, advice)| advice)
}

impl SocketError {
    /// The error for one of Slack's words, if no waiting will help.
    pub(super) fn of(code: &str) -> Option<Self> {
        FATAL.iter().any(|(fatal, _)| *fatal == code).then(|| Self::Refused { code: code.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fatal_word_comes_with_advice_and_another_is_not_fatal() {
        for code in ["not_authed", "invalid_auth", "account_inactive", "user_removed_from_team", "team_disabled"] {
            let said = SocketError::of(code).unwrap().to_string();
            assert!(said.contains(code) && !said.contains("check the app's settings"), "{said}");
        }
        for code in ["internal_error", "ratelimited", "", "something_new"] {
            assert!(SocketError::of(code).is_none(), "{code}");
        }
    }
}
