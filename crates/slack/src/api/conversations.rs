//! Channels, threads and direct messages: what is there.

use chathakase_session::{ChannelId, SlackTs, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Api, ApiError, Method, answer::lenient};
use crate::payload::{Post, post_from_history};

/// Which part of a thread or channel to read.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct PageRequest<'a> {
    /// Only posts from this moment on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<SlackTs>,
    /// Only posts up to this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<SlackTs>,
    /// Whether posts at exactly `oldest` and `latest` count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inclusive: Option<bool>,
    /// Posts a page: up to 999. Apps under Slack's special limit get 15 whatever is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<&'a str>,
    /// Whether posts come with their metadata (ours say which turn they belong to).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_all_metadata: Option<bool>,
}

/// One page of posts.
#[derive(Debug)]
pub struct HistoryPage {
    /// The posts, in Slack's order: a thread's oldest first with its root in front, a channel's newest first. What cannot be read
    /// as one is left out.
    pub posts: Vec<Post>,
    /// Where the next page begins; `None` on the last one.
    pub next_cursor: Option<String>,
}

/// One page of conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationsPage {
    /// At most 200; there may be fewer on any page.
    pub conversations: Vec<Conversation>,
    /// Where the next page begins; `None` on the last one.
    pub next_cursor: Option<String>,
}

/// What `conversations.info` says, as far as we need it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Conversation {
    /// The conversation.
    pub id: ChannelId,
    /// Its name; direct messages have none.
    #[serde(default, deserialize_with = "lenient")]
    pub name: Option<String>,
    /// A direct message with one person.
    #[serde(default, deserialize_with = "lenient")]
    pub is_im: Option<bool>,
    /// A direct message with several people.
    #[serde(default, deserialize_with = "lenient")]
    pub is_mpim: Option<bool>,
    /// Only for those who were invited.
    #[serde(default, deserialize_with = "lenient")]
    pub is_private: Option<bool>,
    /// Closed: nobody can post.
    #[serde(default, deserialize_with = "lenient")]
    pub is_archived: Option<bool>,
    /// Whether we are in it.
    #[serde(default, deserialize_with = "lenient")]
    pub is_member: Option<bool>,
    /// Shared with another company.
    #[serde(default, deserialize_with = "lenient")]
    pub is_ext_shared: Option<bool>,
}

#[derive(Serialize)]
struct RepliesArgs<'a> {
    channel: &'a ChannelId,
    ts: SlackTs,
    #[serde(flatten)]
    page: PageRequest<'a>,
}

#[derive(Serialize)]
struct HistoryArgs<'a> {
    channel: &'a ChannelId,
    #[serde(flatten)]
    page: PageRequest<'a>,
}

#[derive(Serialize)]
struct OpenArgs<'a> {
    users: &'a UserId,
}

#[derive(Serialize)]
struct OwnArgs<'a> {
    types: String,
    exclude_archived: bool,
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
}

#[derive(Deserialize)]
struct Own {
    channels: Vec<Conversation>,
}

#[derive(Serialize)]
struct InfoArgs<'a> {
    channel: &'a ChannelId,
}

#[derive(Deserialize)]
struct Messages {
    messages: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Opened {
    channel: OpenedChannel,
}

#[derive(Deserialize)]
struct OpenedChannel {
    id: ChannelId,
}

#[derive(Deserialize)]
struct Info {
    channel: Conversation,
}

impl Api {
    /// `conversations.replies`: one page of the thread that begins at `root`.
    pub async fn conversations_replies(
        &self,
        channel: &ChannelId,
        root: SlackTs,
        page: PageRequest<'_>,
    ) -> Result<HistoryPage, ApiError> {
        self.page(Method::CONVERSATIONS_REPLIES, channel, &RepliesArgs { channel, ts: root, page }).await
    }

    /// `conversations.history`: one page of the channel's top-level posts.
    pub async fn conversations_history(
        &self,
        channel: &ChannelId,
        page: PageRequest<'_>,
    ) -> Result<HistoryPage, ApiError> {
        self.page(Method::CONVERSATIONS_HISTORY, channel, &HistoryArgs { channel, page }).await
    }

    async fn page<A: Serialize + Sync>(
        &self,
        method: Method,
        channel: &ChannelId,
        args: &A,
    ) -> Result<HistoryPage, ApiError> {
        let answer = self.call(method, args).await?;
        let page: Messages = answer.read_as()?;
        let posts = page.messages.iter().filter_map(|message| post_from_history(message.get(), channel)).collect();
        Ok(HistoryPage { posts, next_cursor: answer.next_cursor().map(str::to_owned) })
    }

    /// `conversations.open`: the direct message with `user`, made if there was none.
    pub async fn conversations_open(&self, user: &UserId) -> Result<ChannelId, ApiError> {
        let opened: Opened = self.call(Method::CONVERSATIONS_OPEN, &OpenArgs { users: user }).await?.read_as()?;
        Ok(opened.channel.id)
    }

    /// `users.conversations`: one page of the channels of these kinds (`public_channel`, `private_channel`, `im`, `mpim`) that we are
    /// in, without archived ones: the first, or that at `cursor`.
    pub async fn own_conversations(&self, kinds: &[&str], cursor: Option<&str>) -> Result<ConversationsPage, ApiError> {
        let args = OwnArgs { types: kinds.join(","), exclude_archived: true, limit: 200, cursor };
        let answer = self.call(Method::USERS_CONVERSATIONS, &args).await?;
        let page: Own = answer.read_as()?;
        Ok(ConversationsPage { conversations: page.channels, next_cursor: answer.next_cursor().map(str::to_owned) })
    }

    /// `conversations.info`.
    pub async fn conversations_info(&self, channel: &ChannelId) -> Result<Conversation, ApiError> {
        let info: Info = self.call(Method::CONVERSATIONS_INFO, &InfoArgs { channel }).await?.read_as()?;
        Ok(info.channel)
    }
}
