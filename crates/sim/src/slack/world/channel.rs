//! Channels and what is in them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use chathakase_session::{ChannelId, SlackTs, UserId};
use serde_json::Value;

use super::Home;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChannelKind {
    Public,
    Private,
    Im { with: UserId },
    Mpim,
}

impl ChannelKind {
    /// What an event's `channel_type` says.
    pub(crate) fn event_type(&self) -> &'static str {
        match self {
            Self::Public => "channel",
            Self::Private => "group",
            Self::Im { .. } => "im",
            Self::Mpim => "mpim",
        }
    }

    /// The word that scopes about this kind begin with (`channels:read`).
    pub(crate) fn scope_word(&self) -> &'static str {
        match self {
            Self::Public => "channels",
            Self::Private => "groups",
            Self::Im { .. } => "im",
            Self::Mpim => "mpim",
        }
    }

    pub(crate) fn is_direct(&self) -> bool {
        matches!(self, Self::Im { .. } | Self::Mpim)
    }
}

#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    pub(crate) home: Home,
    pub(crate) name: String,
    pub(crate) kind: ChannelKind,
    pub(crate) members: BTreeSet<UserId>,
    pub(crate) archived: bool,
    /// Shared with another company (Slack Connect).
    pub(crate) shared: bool,
    pub(crate) messages: BTreeMap<SlackTs, Message>,
    pub(crate) threads: HashMap<SlackTs, Thread>,
    pub(crate) ephemerals: Vec<Ephemeral>,
}

impl Channel {
    pub(crate) fn new(id: ChannelId, home: Home, name: &str, kind: ChannelKind) -> Self {
        Self {
            id,
            home,
            name: name.to_owned(),
            kind,
            members: BTreeSet::new(),
            archived: false,
            shared: false,
            messages: BTreeMap::new(),
            threads: HashMap::new(),
            ephemerals: Vec::new(),
        }
    }

    /// A thread's messages, the root first, then the replies as they came.
    pub(crate) fn thread_messages(&self, root: SlackTs) -> impl Iterator<Item = &Message> {
        let replies = self.threads.get(&root).map_or(&[][..], |thread| &thread.replies);
        std::iter::once(root).chain(replies.iter().copied()).filter_map(|ts| self.messages.get(&ts))
    }
}

/// What a thread has beside its messages.
#[derive(Debug, Default)]
pub(crate) struct Thread {
    /// The replies that stand, in order.
    pub(crate) replies: Vec<SlackTs>,
    /// The line under the composer: "is thinking...".
    pub(crate) status: Option<Status>,
    /// The agent session's state: `processing`, `active`, ..; none until the app made one.
    pub(crate) session: Option<&'static str>,
    pub(crate) title: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) text: String,
    /// On the monotonic clock.
    pub(crate) until: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamState {
    Open,
    /// The app stopped it, or repaired it after its death.
    Completed,
    /// It lived too long.
    Errored,
    /// A person pressed the stop button.
    StoppedByUser,
}

#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// On the monotonic clock.
    pub(crate) began: Duration,
    pub(crate) state: StreamState,
    /// What Slack counts against the size of the whole: text, and task texts twice.
    pub(crate) bytes: usize,
}

/// The subtype of what is left of a deleted root.
pub(crate) const TOMBSTONE: &str = "tombstone";

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) ts: SlackTs,
    /// The root of the thread that this is a reply in.
    pub(crate) thread: Option<SlackTs>,
    pub(crate) user: UserId,
    /// As the author wrote it.
    pub(crate) text: String,
    /// Written as standard Markdown (`markdown_text`), not as mrkdwn.
    pub(crate) markdown: bool,
    pub(crate) subtype: Option<String>,
    pub(crate) blocks: Option<Value>,
    pub(crate) metadata: Option<Value>,
    pub(crate) files: Vec<Value>,
    pub(crate) edited: Option<(UserId, SlackTs)>,
    pub(crate) stream: Option<Stream>,
    pub(crate) reactions: BTreeMap<String, BTreeSet<UserId>>,
    /// A test looked at this text (`shows`).
    pub(crate) looked_at: bool,
}

impl Message {
    pub(crate) fn root(&self) -> SlackTs {
        self.thread.unwrap_or(self.ts)
    }

    pub(crate) fn is_tombstone(&self) -> bool {
        self.subtype.as_deref() == Some(TOMBSTONE)
    }

    pub(crate) fn is_streaming(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.state == StreamState::Open)
    }
}

/// What a post is made of.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) user: UserId,
    pub(crate) thread: Option<SlackTs>,
    pub(crate) text: String,
    pub(crate) markdown: bool,
    pub(crate) subtype: Option<String>,
    pub(crate) blocks: Option<Value>,
    pub(crate) metadata: Option<Value>,
    pub(crate) files: Vec<Value>,
    pub(crate) stream: Option<Stream>,
}

impl Draft {
    pub(crate) fn new(user: UserId, thread: Option<SlackTs>, text: impl Into<String>) -> Self {
        Self {
            user,
            thread,
            text: text.into(),
            markdown: false,
            subtype: None,
            blocks: None,
            metadata: None,
            files: Vec::new(),
            stream: None,
        }
    }
}

/// A message that one person sees, until they reload.
#[derive(Clone, Debug)]
pub(crate) struct Ephemeral {
    pub(crate) ts: SlackTs,
    pub(crate) to: UserId,
    pub(crate) thread: Option<SlackTs>,
    pub(crate) text: String,
    pub(crate) markdown: bool,
    pub(crate) looked_at: bool,
}
