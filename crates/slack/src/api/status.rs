//! The line that says what the assistant is doing ("is thinking…").

use std::sync::atomic::Ordering::Relaxed;

use chathakase_session::{ChannelId, SlackTs, chain};
use serde::Serialize;

use super::{Api, ApiError, Method};

/// Refusals that no later call will change: the workspace or the place has no status line.
const HAS_NONE: &[&str] = &["unknown_method", "feature_disabled", "not_agent_app", "missing_scope"];

/// Slack's hint that the app would not hear of a Stop.
const DEAF_TO_STOP: &str = "missing_agent_session_stopped_event_subscription";

#[derive(Serialize)]
struct SessionArgs<'a> {
    channel_id: &'a ChannelId,
    thread_ts: SlackTs,
    status: &'static str,
}

#[derive(Serialize)]
struct Args<'a> {
    channel_id: &'a ChannelId,
    thread_ts: SlackTs,
    status: &'a str,
}

impl Api {
    /// Whether we are sent `agent_session_stopped`: Slack warns of it when a session is set to work (`agents.sessions.setStatus`).
    /// `None` where there are no such sessions. Shows for a moment that something is being done in that thread.
    pub async fn hears_stop(&self, channel: &ChannelId, thread_ts: SlackTs) -> Result<Option<bool>, ApiError> {
        let set = async |status| {
            self.call(Method::AGENTS_SESSIONS_SET_STATUS, &SessionArgs { channel_id: channel, thread_ts, status }).await
        };
        let warned = match set("processing").await {
            Ok(answer) => answer.warning().is_some_and(|warning| warning.contains(DEAF_TO_STOP)),
            Err(error) if error.code().is_some_and(|code| HAS_NONE.contains(&code)) => return Ok(None),
            Err(error) => return Err(error),
        };
        set("active").await?;
        Ok(Some(!warned))
    }

    /// `assistant.threads.setStatus`, made once and never waited for: shown until our answer comes or for two minutes; `""`
    /// clears it. It works for agents of both kinds today. Where there is no such line, that is remembered and `Ok`.
    ///
    /// An error here is worth a line in a log and no more: it must never harm an answer.
    pub async fn set_status(&self, channel: &ChannelId, thread_ts: SlackTs, status: &str) -> Result<(), ApiError> {
        if self.shared.no_status.load(Relaxed) {
            return Ok(());
        }
        let args = Args { channel_id: channel, thread_ts, status };
        match self.once().call(Method::ASSISTANT_THREADS_SET_STATUS, &args).await {
            Ok(_) => Ok(()),
            Err(error) if error.code().is_some_and(|code| HAS_NONE.contains(&code)) => {
                self.shared.no_status.store(true, Relaxed);
                tracing::info!(error = %chain(&error), "this workspace shows no status line; it is not asked for again");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
