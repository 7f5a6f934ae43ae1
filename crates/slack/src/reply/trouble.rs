//! What a failed call means to a reply.

use std::time::Duration;

use crate::{
    api::{ApiError, Fate},
    pacing::Lane,
};

/// How often a call that failed for a passing reason is tried again.
const TRIES_MAX: u32 = 5;
/// The pause before the first of them; it doubles each time.
const TRY_PAUSE: Duration = Duration::from_millis(500);

/// The pause before the next try, after so many; `None` when there were enough.
pub(super) fn try_pause(tries: u32) -> Option<Duration> {
    (tries < TRIES_MAX).then(|| TRY_PAUSE * (1 << tries))
}

/// A call that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) trouble: Trouble,
    /// What Slack said; `None` when the call was not made.
    pub(super) error: Option<ApiError>,
}

/// What it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// We may not speak any more: the call was not made.
    Silenced,
    /// Not done; may be tried after this time.
    Limited(Duration),
    /// Perhaps done.
    Unknown,
    /// Surely not done; may be tried again soon.
    Transient,
    /// There are no streams, in all of the places that the scope says.
    NoStreams(Scope),
    /// The message is not streaming any more.
    StreamOver,
    /// A person pressed Stop.
    StoppedByUser,
    /// The message is still streaming and cannot be updated.
    StillStreaming,
    /// The text is too long.
    TooLong,
    /// Somebody deleted the message.
    Deleted,
    /// The message stands, but cannot be changed any more.
    Frozen,
    /// Nothing can be posted here.
    CannotPost,
    /// Refused for another reason.
    Refused,
}

/// How far a refusal of streams reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Answer,
    Channel,
    Workspace,
}

/// Refusals that no retry changes: the place takes no posts (Slack: errors of chat.postMessage and chat.startStream). Those that
/// begin with `restricted_action` count too.
const CANNOT_POST: &[&str] = &[
    "channel_not_found",
    "not_in_channel",
    "user_not_in_channel",
    "is_archived",
    "is_inactive",
    "thread_not_found",
    "invalid_thread_ts",
    "cannot_reply_to_message",
    "messages_tab_disabled",
    "message_limit_exceeded",
    "no_permission",
    "access_denied",
    "ekm_access_denied",
    "enterprise_is_restricted",
];

impl Trouble {
    /// What `error`, the answer to a call of this kind, means.
    pub(super) fn of(error: &ApiError, lane: Option<Lane>) -> Self {
        if let Some(wait) = error.retry_after() {
            return Self::Limited(wait);
        }
        if error.fate() == Fate::Unknown {
            return Self::Unknown;
        }
        let Some(code) = error.code() else {
            return if error.is_transient() { Self::Transient } else { Self::Refused };
        };
        match code {
            "message_not_in_streaming_state" => Self::StreamOver,
            "stopped_by_user" => Self::StoppedByUser,
            "streaming_state_conflict" => Self::StillStreaming,
            "msg_too_long" | "msg_blocks_too_long" => Self::TooLong,
            "message_not_found" => Self::Deleted,
            "cant_update_message" | "edit_window_closed" | "message_not_owned_by_app" | "cant_delete_message" => {
                Self::Frozen
            }
            _ if error.is_transient() => Self::Transient,
            _ if CANNOT_POST.contains(&code) || code.starts_with("restricted_action") => Self::CannotPost,
            _ if lane == Some(Lane::Start) && !error.is_token_fatal() => Self::NoStreams(Scope::of(code)),
            _ => Self::Refused,
        }
    }
}

impl Scope {
    fn of(code: &str) -> Self {
        match code {
            "unknown_method" | "feature_disabled" | "not_agent_app" | "method_deprecated" => Self::Workspace,
            "channel_type_not_supported" | "method_not_supported_for_channel_type" => Self::Channel,
            // A recipient that is missing or that Slack does not know, and whatever else: a plain post may still do.
            _ => Self::Answer,
        }
    }
}
