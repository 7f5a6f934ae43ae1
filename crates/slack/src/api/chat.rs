//! Posts: make, replace, delete, and show to one person.

use chathakase_session::{ChannelId, SlackTs, UserId};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};

use super::{Api, ApiError, Method};
use crate::payload;

/// The `event_type` of the metadata that our posts carry.
pub const METADATA_EVENT_TYPE: &str = "chathakase_turn";
/// The kind of what is said about an answer, beside it.
pub(crate) const NOTICE: &str = "notice";
const BETWEEN_NOTES: &str = "\n\n";

/// What marks a post as ours: which turn's, what kind, which part. Recovery finds its posts by it, and whoever reads a thread
/// tells by it what was an answer.
#[derive(Clone, Copy, Debug)]
pub struct Metadata<'a> {
    /// The turn's id.
    pub turn: &'a str,
    /// What kind of answer it is.
    pub kind: &'a str,
    /// Which part of the answer, from 0.
    pub part: u32,
    /// Sentences of our own at the answer's beginning or end.
    pub notes: &'a [String],
}

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Payload<'a> {
            turn: &'a str,
            kind: &'a str,
            part: u32,
            /// One text: Slack promises to take words, numbers and objects of them, and no lists of words.
            #[serde(skip_serializing_if = "String::is_empty")]
            notes: String,
        }
        let Self { turn, kind, part, notes } = *self;
        let mut metadata = to.serialize_struct("Metadata", 2)?;
        metadata.serialize_field("event_type", METADATA_EVENT_TYPE)?;
        metadata.serialize_field("event_payload", &Payload { turn, kind, part, notes: notes.join(BETWEEN_NOTES) })?;
        metadata.end()
    }
}

/// [`Metadata`] as it is read back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Mark {
    /// The turn's id.
    pub turn: String,
    /// What kind of answer it is; empty when it does not say.
    pub kind: String,
    notes: String,
}

impl Mark {
    /// Whether it marks something said about an answer, beside it.
    pub fn is_notice(&self) -> bool {
        self.kind == NOTICE
    }

    /// The mark in a post's metadata; `None` when it is not one of ours.
    pub fn of(metadata: Option<&payload::Metadata>) -> Option<Self> {
        let metadata = metadata.filter(|metadata| metadata.event_type == METADATA_EVENT_TYPE)?;
        Some(serde_json::from_str(&metadata.event_payload).unwrap_or_default())
    }

    /// Sentences of our own at the answer's beginning or end.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.notes.split(BETWEEN_NOTES).filter(|note| !note.is_empty())
    }
}

/// A message to post. Links are never unfurled: a preview is a known way to carry data out.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    /// Where.
    pub channel: &'a ChannelId,
    /// The thread; `None` posts to the channel itself.
    pub thread_ts: Option<SlackTs>,
    /// Markdown, 12,000 characters at most. It must have passed [`crate::render`].
    pub markdown_text: &'a str,
    /// What marks it as ours.
    pub metadata: Option<Metadata<'a>>,
}

/// A post that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Posted {
    /// Its timestamp: its name within the channel.
    pub ts: SlackTs,
}

#[derive(Serialize)]
struct PostArgs<'a> {
    channel: &'a ChannelId,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_ts: Option<SlackTs>,
    markdown_text: &'a str,
    unfurl_links: bool,
    unfurl_media: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
}

#[derive(Serialize)]
struct UpdateArgs<'a> {
    channel: &'a ChannelId,
    ts: SlackTs,
    markdown_text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
}

#[derive(Serialize)]
struct DeleteArgs<'a> {
    channel: &'a ChannelId,
    ts: SlackTs,
}

#[derive(Serialize)]
struct EphemeralArgs<'a> {
    channel: &'a ChannelId,
    user: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_ts: Option<SlackTs>,
    markdown_text: &'a str,
}

impl Api {
    /// `chat.postMessage`.
    pub async fn post_message(&self, post: Post<'_>) -> Result<Posted, ApiError> {
        let Post { channel, thread_ts, markdown_text, metadata } = post;
        let args = PostArgs { channel, thread_ts, markdown_text, unfurl_links: false, unfurl_media: false, metadata };
        self.call(Method::CHAT_POST_MESSAGE, &args).await?.read_as()
    }

    /// `chat.update`: the post shows `markdown_text` (12,000 characters at most) and nothing else. Metadata is left as it is if `None`.
    pub async fn update(
        &self,
        channel: &ChannelId,
        ts: SlackTs,
        markdown_text: &str,
        metadata: Option<Metadata<'_>>,
    ) -> Result<(), ApiError> {
        let args = UpdateArgs { channel, ts, markdown_text, metadata };
        self.call(Method::CHAT_UPDATE, &args).await.map(drop)
    }

    /// `chat.delete`; only our own posts can be deleted.
    pub async fn delete(&self, channel: &ChannelId, ts: SlackTs) -> Result<(), ApiError> {
        self.call(Method::CHAT_DELETE, &DeleteArgs { channel, ts }).await.map(drop)
    }

    /// `chat.postEphemeral`: only `user` sees it, until they reload; Slack does not promise that it arrives.
    pub async fn post_ephemeral(
        &self,
        channel: &ChannelId,
        user: &UserId,
        thread_ts: Option<SlackTs>,
        markdown_text: &str,
    ) -> Result<(), ApiError> {
        let args = EphemeralArgs { channel, user, thread_ts, markdown_text };
        self.call(Method::CHAT_POST_EPHEMERAL, &args).await.map(drop)
    }
}
