//! Streamed messages: start, append, stop. Appends of one message must follow one another, and all be done before the stop.

use chathakase_session::{ChannelId, SlackTs, UserId, WorkspaceId};
use serde::Serialize;

use super::{Api, ApiError, Metadata, Method, Posted};

/// A streamed message to begin.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StreamStart<'a> {
    /// Where.
    pub channel: &'a ChannelId,
    /// The thread.
    pub thread_ts: SlackTs,
    /// The first text, 12,000 characters at most. It must have passed [`crate::render`].
    pub markdown_text: &'a str,
    /// Who is answered; Slack requires it in channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient_user_id: Option<&'a UserId>,
    /// The workspace of the one who is answered; Slack requires it in channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient_team_id: Option<&'a WorkspaceId>,
}

#[derive(Serialize)]
struct Append<'a> {
    channel: &'a ChannelId,
    ts: SlackTs,
    markdown_text: &'a str,
}

#[derive(Serialize)]
struct Stop<'a> {
    channel: &'a ChannelId,
    ts: SlackTs,
    #[serde(skip_serializing_if = "Option::is_none")]
    markdown_text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
}

impl Api {
    /// `chat.startStream`. Takes no metadata; [`Api::stop_stream`] gives it.
    pub async fn start_stream(&self, start: StreamStart<'_>) -> Result<Posted, ApiError> {
        self.call(Method::CHAT_START_STREAM, &start).await?.read_as()
    }

    /// `chat.appendStream`: the text is put behind what is there, as it is.
    pub async fn append_stream(&self, channel: &ChannelId, ts: SlackTs, markdown_text: &str) -> Result<(), ApiError> {
        self.call(Method::CHAT_APPEND_STREAM, &Append { channel, ts, markdown_text }).await.map(drop)
    }

    /// `chat.stopStream`, with the last text if there is any.
    pub async fn stop_stream(
        &self,
        channel: &ChannelId,
        ts: SlackTs,
        markdown_text: Option<&str>,
        metadata: Option<Metadata<'_>>,
    ) -> Result<(), ApiError> {
        self.call(Method::CHAT_STOP_STREAM, &Stop { channel, ts, markdown_text, metadata }).await.map(drop)
    }
}
