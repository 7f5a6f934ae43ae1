//! Deliveries and the events in them.

use std::fmt;

use chathakase_session::{AppId, ChannelId, EventId, SlackTs, UserId, WorkspaceId};

use super::{BadPayload, Place, Post, object::Object};

/// One event as Slack delivered it, by whichever door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Names this delivery; retries of it repeat it. One post can come under two of them, so it does not say what is
    /// new.
    pub event_id: Option<EventId>,
    /// The installation through which we see the event: of `authorizations[0]` the team, or the enterprise when it
    /// installed the app for all of its own; the payload's team where Slack sent no authorization.
    pub workspace: WorkspaceId,
    /// Our app.
    pub app_id: Option<AppId>,
    /// Our own user in that installation.
    pub bot_user: Option<UserId>,
    /// Whether the channel is shared with other organisations.
    pub ext_shared: bool,
    /// Set when Slack had sent it before and was not answered in time.
    pub retry: Option<Retry>,
    /// What happened.
    pub event: Event,
}

/// Why Slack sends something again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Counts from 1.
    pub attempt: u32,
    /// Slack's word, such as `http_timeout`; cut to [`RETRY_REASON_CHARS_MAX`] characters.
    pub reason: String,
}

/// Longest reason of a retry that is kept, in characters. Slack's longest is 18.
pub const RETRY_REASON_CHARS_MAX: usize = 64;

/// Slack's word for a try that found no door, or for which the link ended.
const REACHED_NOBODY: &str = "connection_failed";

impl Retry {
    /// `None` for attempt 0, which is the first delivery.
    pub(crate) fn new(attempt: i64, reason: &str) -> Option<Self> {
        let attempt = u32::try_from(attempt).ok().filter(|attempt| *attempt > 0)?;
        Some(Self { attempt, reason: reason.chars().take(RETRY_REASON_CHARS_MAX).collect() })
    }

    /// Whether Slack's last try reached nobody, so that this one is as good as the first.
    pub fn is_first_to_arrive(&self) -> bool {
        self.reason == REACHED_NOBODY
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `app_mention`: somebody named us, perhaps in a channel that we are not in.
    Mention(Post),
    /// `message`: somebody wrote in a conversation that we are in. The same post may come as a mention too.
    Message(Post),
    /// `message_changed`: an edit, or only a link preview or a reply count.
    Changed(Change),
    /// `message_deleted`, or a thread's first message that was deleted and left a tombstone.
    Deleted(Deletion),
    /// `agent_session_stopped`: a person pressed Stop. Slack ends no work of ours by itself.
    Stopped {
        /// The channel of the thread.
        channel: ChannelId,
        /// The thread's first message.
        thread_ts: SlackTs,
        /// When.
        pressed: Option<SlackTs>,
        /// Our posts that were growing then. What began later was not meant, however late the event comes.
        over: Vec<SlackTs>,
    },
    /// Anything else: to be acknowledged and passed over.
    Other {
        /// Slack's word for it.
        kind: String,
    },
    /// Slack held events back: more than 30,000 came within the hour (Slack: Events API, "Rate limiting").
    RateLimited {
        /// The minute in which it did, in seconds since the epoch.
        minute: i64,
    },
}

/// A message that is not what it was.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// The conversation it is in.
    pub channel: ChannelId,
    /// What kind of conversation that is.
    pub place: Place,
    /// The message as it is now.
    pub post: Post,
    /// Its text before, where Slack says so.
    pub previous_text: Option<String>,
    /// When the change happened.
    pub event_ts: Option<SlackTs>,
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("post", &self.post)
            .field("previous_text_bytes", &self.previous_text.as_ref().map(String::len))
            .field("event_ts", &self.event_ts)
            .finish_non_exhaustive()
    }
}

/// A message that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The conversation it was in.
    pub channel: ChannelId,
    /// What kind of conversation that is.
    pub place: Place,
    /// Which message.
    pub deleted_ts: SlackTs,
    /// The thread it was in, where Slack says so.
    pub thread_ts: Option<SlackTs>,
    /// When it was deleted.
    pub event_ts: Option<SlackTs>,
}

impl Delivery {
    /// Reads an `event_callback`, an `app_rate_limited`, or whatever else comes in their place.
    pub(crate) fn read(body: &Object<'_>, retry: Option<Retry>) -> Result<Self, BadPayload> {
        let authorization = body.objects("authorizations", 1).pop().flatten();
        let event = match body.text("type").as_deref() {
            Some("event_callback") => Event::read(&body.object("event").ok_or(BadPayload::Missing("`event`"))?)?,
            Some("app_rate_limited") => {
                Event::RateLimited { minute: body.number("minute_rate_limited").unwrap_or_default() }
            }
            Some(other) => Event::Other { kind: other.to_owned() },
            None => return Err(BadPayload::Missing("`type`")),
        };
        Ok(Self {
            event_id: body.parsed("event_id"),
            workspace: installation(authorization.as_ref(), body)
                .ok_or(BadPayload::Missing("team id (`authorizations[0].team_id` or `team_id`)"))?,
            app_id: body.parsed("api_app_id"),
            bot_user: authorization.filter(|of| of.is_true("is_bot")).and_then(|of| of.parsed("user_id")),
            ext_shared: body.is_true("is_ext_shared_channel"),
            retry,
            event,
        })
    }
}

/// In a shared channel the payload's own `team_id` may be a stranger's; only where there is no authorization is it all
/// we have.
fn installation(authorization: Option<&Object<'_>>, body: &Object<'_>) -> Option<WorkspaceId> {
    let of = |object: &Object<'_>| {
        let team = object.parsed("team_id");
        let enterprise = || object.parsed("enterprise_id");
        if object.is_true("is_enterprise_install") { enterprise().or(team) } else { team.or_else(enterprise) }
    };
    authorization.and_then(of).or_else(|| of(body))
}

impl Event {
    fn read(event: &Object<'_>) -> Result<Self, BadPayload> {
        let kind = event.filled("type").ok_or(BadPayload::Missing("`event.type`"))?;
        match kind.as_ref() {
            "app_mention" => post_of(event).map(Self::Mention),
            "message" => match event.filled("subtype").as_deref() {
                Some("message_changed") => Ok(changed(event).unwrap_or_else(|| other("message_changed"))),
                Some("message_deleted") => Ok(deleted(event).unwrap_or_else(|| other("message_deleted"))),
                subtype => post_of(event).map(Self::Message).or_else(|bad| match subtype {
                    None | Some("file_share" | "thread_broadcast" | "me_message" | "bot_message") => Err(bad),
                    // A notice in a form of its own holds nothing that anybody wrote to us.
                    Some(notice) => Ok(other(notice)),
                }),
            },
            "agent_session_stopped" => Ok(stopped(event).unwrap_or_else(|| other("agent_session_stopped"))),
            unknown => Ok(other(unknown)),
        }
    }
}

/// Streams of a stopped answer that are looked at. It has one, and two for a moment.
const STREAMS_READ_MAX: usize = 16;

fn stopped(event: &Object<'_>) -> Option<Event> {
    Some(Event::Stopped {
        channel: event.parsed("channel")?,
        thread_ts: event.ts("thread_ts")?,
        pressed: event.moment("event_ts"),
        over: event.times("streaming_message_ts", STREAMS_READ_MAX),
    })
}

fn other(kind: &str) -> Event {
    Event::Other { kind: kind.to_owned() }
}

fn place_of(event: &Object<'_>, channel: &ChannelId) -> Place {
    Place::of(event.text("channel_type").as_deref(), channel)
}

fn post_of(event: &Object<'_>) -> Result<Post, BadPayload> {
    let channel: ChannelId = event.parsed("channel").ok_or(BadPayload::Missing("`event.channel`"))?;
    let place = place_of(event, &channel);
    Post::read(event, channel, place).ok_or(BadPayload::Missing("`event.ts`"))
}

fn changed(event: &Object<'_>) -> Option<Event> {
    let channel: ChannelId = event.parsed("channel")?;
    let place = place_of(event, &channel);
    let post = Post::read(&event.object("message")?, channel.clone(), place)?;
    let event_ts = event.moment("event_ts").or_else(|| event.ts("ts"));
    // A deleted message that has replies is not said to be deleted: it changes into a tombstone.
    if post.is_tombstone() {
        return Some(Event::Deleted(Deletion {
            channel,
            place,
            deleted_ts: post.ts,
            thread_ts: post.thread_ts,
            event_ts,
        }));
    }
    let previous_text = event.object("previous_message").and_then(|before| Some(before.text("text")?.into_owned()));
    Some(Event::Changed(Change { channel, place, post, previous_text, event_ts }))
}

fn deleted(event: &Object<'_>) -> Option<Event> {
    let channel: ChannelId = event.parsed("channel")?;
    let place = place_of(event, &channel);
    let before = event.object("previous_message");
    let deleted_ts = event.ts("deleted_ts").or_else(|| before.as_ref()?.ts("ts"))?;
    Some(Event::Deleted(Deletion {
        channel,
        place,
        deleted_ts,
        thread_ts: before.and_then(|before| before.ts("thread_ts")),
        event_ts: event.moment("event_ts").or_else(|| event.ts("ts")),
    }))
}
