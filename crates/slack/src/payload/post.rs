//! One message of a conversation in one form, whether it came as an event or was read back.

use std::fmt;

use chathakase_session::{AppId, BotId, ChannelId, SlackTs, UserId, WorkspaceId};

use super::object::Object;

/// Files of one message that are named, at most. Slack itself takes 10 in one upload.
pub const FILES_MAX: usize = 32;

/// A message somebody wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct Post {
    /// The conversation it is in.
    pub channel: ChannelId,
    /// What kind of conversation that is, where Slack says so.
    pub place: Place,
    /// Its name within the channel.
    pub ts: SlackTs,
    /// The thread it is in. On the first message of a thread: absent, or its own `ts`.
    pub thread_ts: Option<SlackTs>,
    /// Who wrote it.
    pub author: Author,
    /// What was written, as Slack sent it: mrkdwn with `&amp;`, `&lt;`, `&gt;` and `<@U…>` still in it. Empty when
    /// Slack sent none.
    pub text: String,
    /// What is special about it; `None` for an ordinary message.
    pub subtype: Option<Subtype>,
    /// What was uploaded with it, at most [`FILES_MAX`].
    pub files: Vec<FileName>,
    /// When its text was last edited.
    pub edited_ts: Option<SlackTs>,
    /// What an app attached for apps to read; only where Slack was asked to include it.
    pub metadata: Option<Metadata>,
    /// How far a streamed message is: `in_progress`, `completed` or `errored`; `None` for all others.
    pub streaming_state: Option<String>,
    /// How many replies its thread has; only of a thread's first message, and only where it was read back.
    pub reply_count: Option<u64>,
    /// The newest of them.
    pub latest_reply: Option<SlackTs>,
}

impl Post {
    /// The first message of its thread: itself, unless it is a reply.
    pub fn root(&self) -> SlackTs {
        self.thread_ts.unwrap_or(self.ts)
    }

    /// Whether it is in a thread that another message began.
    pub fn is_reply(&self) -> bool {
        self.thread_ts.is_some_and(|root| root != self.ts)
    }

    /// Whether it stands for one that was deleted and has replies still.
    pub fn is_tombstone(&self) -> bool {
        matches!(&self.subtype, Some(Subtype::Other(word)) if word == "tombstone")
    }

    /// Reads a message object. `ts` is what it cannot be without.
    pub(crate) fn read(message: &Object<'_>, channel: ChannelId, place: Place) -> Option<Self> {
        let ts = message.ts("ts").or_else(|| message.ts("event_ts"))?;
        let subtype = message.filled("subtype").map(|word| Subtype::of(&word));
        Some(Self {
            channel,
            place,
            ts,
            thread_ts: message.ts("thread_ts"),
            author: Author::read(message, subtype.as_ref()),
            text: message.text("text").unwrap_or_default().into_owned(),
            subtype,
            files: message.objects("files", FILES_MAX).iter().map(FileName::read).collect(),
            edited_ts: message.object("edited").and_then(|edited| edited.moment("ts")),
            metadata: message.object("metadata").and_then(|metadata| Metadata::read(&metadata)),
            streaming_state: message.filled("streaming_state").map(|state| state.into_owned()),
            reply_count: message.number("reply_count").and_then(|count| count.try_into().ok()),
            latest_reply: message.ts("latest_reply"),
        })
    }
}

/// Never shows the text: it is what a person wrote, and `Debug` ends up in logs.
impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post")
            .field("channel", &self.channel)
            .field("place", &self.place)
            .field("ts", &self.ts)
            .field("thread_ts", &self.thread_ts)
            .field("author", &self.author)
            .field("text_bytes", &self.text.len())
            .field("subtype", &self.subtype)
            .field("files", &self.files.len())
            .field("edited_ts", &self.edited_ts)
            .finish_non_exhaustive()
    }
}

/// The kind of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A public channel.
    Channel,
    /// A private channel.
    Private,
    /// A person and us.
    Direct,
    /// Several people without a channel.
    Group,
    /// Slack did not say; an `app_mention` never does.
    Unknown,
}

impl Place {
    /// From `channel_type`, or, without one, from what the channel's id gives away: only direct messages begin with
    /// `D`.
    pub(crate) fn of(channel_type: Option<&str>, channel: &ChannelId) -> Self {
        match channel_type {
            Some("channel") => Self::Channel,
            Some("group") => Self::Private,
            Some("im" | "app_home") => Self::Direct,
            Some("mpim") => Self::Group,
            _ if channel.as_str().starts_with('D') => Self::Direct,
            _ => Self::Unknown,
        }
    }
}

/// Who wrote a message, as far as Slack says. Whether that is us is for the caller to compare.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Author {
    /// The user; also bots have one, but not always on their messages.
    pub user: Option<UserId>,
    /// The bot that wrote it.
    pub bot: Option<BotId>,
    /// The app that the bot belongs to.
    pub app: Option<AppId>,
    /// The author's own workspace, which in a shared channel may be another than ours.
    pub team: Option<WorkspaceId>,
    /// Whether a program wrote it.
    pub is_bot: bool,
    /// A name to call the author by, where the message carries one. Chosen by its bearer: not to be trusted as an
    /// identity.
    pub name: Option<String>,
}

/// Slack's own bot. Its messages carry no bot id.
const SLACKBOT: &str = "USLACKBOT";

impl Author {
    fn read(message: &Object<'_>, subtype: Option<&Subtype>) -> Self {
        let profile = message.object("bot_profile");
        let of_profile = profile.as_ref();
        let person = message.object("user_profile");
        let called = |of: Option<&Object<'_>>, names: &[&str]| {
            let of = of?;
            names.iter().find_map(|name| of.filled(name)).map(|name| name.into_owned())
        };
        let user: Option<UserId> = message.parsed("user");
        // An id we cannot read still says that a bot wrote this.
        let is_bot = message.filled("bot_id").is_some()
            || profile.is_some()
            || subtype == Some(&Subtype::BotMessage)
            || user.as_ref().is_some_and(|user| user.as_str() == SLACKBOT);
        Self {
            bot: message.parsed("bot_id").or_else(|| of_profile.and_then(|of| of.parsed("id"))),
            app: message.parsed("app_id").or_else(|| of_profile.and_then(|of| of.parsed("app_id"))),
            team: ["team", "user_team", "source_team"].iter().find_map(|name| message.parsed(name)),
            name: called(Some(message), &["username"])
                .or_else(|| called(person.as_ref(), &["display_name", "real_name", "name"]))
                .or_else(|| called(of_profile, &["name"])),
            user,
            is_bot,
        }
    }
}

impl fmt::Debug for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Author")
            .field("user", &self.user)
            .field("bot", &self.bot)
            .field("app", &self.app)
            .field("team", &self.team)
            .field("is_bot", &self.is_bot)
            .finish_non_exhaustive()
    }
}

/// What is special about a message (Slack: message event, "Message subtypes").
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subtype {
    /// Something was uploaded with it.
    FileShare,
    /// A reply that was also sent to the channel.
    ThreadBroadcast,
    /// `/me …`.
    Me,
    /// Written by an integration under a name of its own.
    BotMessage,
    /// Any other: joins, topics, pins, reminders, and what Slack may invent.
    Other(String),
}

impl Subtype {
    fn of(word: &str) -> Self {
        match word {
            "file_share" => Self::FileShare,
            "thread_broadcast" => Self::ThreadBroadcast,
            "me_message" => Self::Me,
            "bot_message" => Self::BotMessage,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// A file that came with a message. We name it; we do not read it.
#[derive(Clone, PartialEq, Eq)]
pub struct FileName {
    /// What the uploader called it; `file` where Slack does not say. Untrusted text.
    pub name: String,
    /// Slack's name for its kind, such as `image/png`.
    pub mimetype: Option<String>,
    /// Its size.
    pub size_bytes: Option<u64>,
}

impl FileName {
    fn read(file: &Option<Object<'_>>) -> Self {
        let text = |name| file.as_ref().and_then(|file: &Object<'_>| file.filled(name)).map(|text| text.into_owned());
        Self {
            name: text("name").or_else(|| text("title")).unwrap_or_else(|| "file".to_owned()),
            mimetype: text("mimetype"),
            size_bytes: file.as_ref().and_then(|file| file.number("size")?.try_into().ok()),
        }
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileName")
            .field("mimetype", &self.mimetype)
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

/// What an app attached to its message (Slack: Message metadata).
#[derive(Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The app's word for what it is.
    pub event_type: String,
    /// The JSON text of `event_payload`; `{}` when there is none.
    pub event_payload: String,
}

impl Metadata {
    fn read(metadata: &Object<'_>) -> Option<Self> {
        Some(Self {
            event_type: metadata.filled("event_type")?.into_owned(),
            event_payload: metadata.raw("event_payload").unwrap_or("{}").to_owned(),
        })
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata").field("event_type", &self.event_type).finish_non_exhaustive()
    }
}

/// Reads one message object of `conversations.replies` or `conversations.history`, which does not say what `channel` it is in.
///
/// `None` for what is no message: other JSON, or a message without a usable `ts`.
pub fn post_from_history(message_json: &str, channel: &ChannelId) -> Option<Post> {
    let message = Object::read(message_json).ok()?;
    if message.text("type").is_some_and(|kind| kind != "message") {
        return None;
    }
    Post::read(&message, channel.clone(), Place::of(None, channel))
}
