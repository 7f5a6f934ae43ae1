//! `chat.*` without the streams.

use chathakase_session::{ChannelId, SlackTs};
use serde_json::Value;

use super::{Answer, Ctx, Refusal, blocks::Content};
use crate::slack::world::{Draft, Ephemeral, Fetched, StreamState, What, has_link, message_json, pings_in};

/// Slack: longest `text` of `chat.update`.
const UPDATE_CHARS_MAX: usize = 4_000;

pub(super) fn post_message(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let channel = ctx.channel_to_post()?;
    let thread = ctx.thread(&channel, "thread_not_found")?;
    let content = Content::read(ctx)?;
    ctx.count_post(&channel)?;
    ctx.note_marks(&content.text, content.markdown);
    ctx.note_unfurl(&content.text);
    let mut draft = Draft::new(ctx.bot_in(&channel), thread, content.text);
    (draft.markdown, draft.blocks, draft.metadata) = (content.markdown, content.blocks, content.metadata);
    if thread.is_some() && ctx.args.flag("reply_broadcast") == Some(true) {
        draft.subtype = Some("thread_broadcast".to_owned());
    }
    let ts = ctx.world.post(&channel, draft, ctx.now);
    ctx.end_status(&channel, thread);
    Ok(Answer::ok()
        .json("channel", &channel)
        .json("ts", ts)
        .with("message", ctx.shown(&channel, ts))
        .warn(content.warning))
}

pub(super) fn update(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let channel = ctx.visible("channel")?;
    let message = ctx.message(&channel, "ts")?;
    let (ts, streamed) = (message.ts, message.stream.is_some());
    if message.user != ctx.bot_in(&channel) {
        return Err(Refusal::code("cant_update_message"));
    }
    if ctx.place(&channel).archived {
        return Err(Refusal::code("is_inactive"));
    }
    if ctx.live_stream(&channel, ts) {
        return Err(Refusal::code("streaming_state_conflict"));
    }
    let content = Content::read(ctx)?;
    if !content.markdown && content.text.chars().count() > UPDATE_CHARS_MAX {
        return Err(Refusal::code("msg_too_long"));
    }
    ctx.note_marks(&content.text, content.markdown);
    let bot = ctx.bot_in(&channel);
    let text = content.text.clone();
    ctx.world.change_message(&channel, ts, Some(&bot), ctx.now, |message| {
        message.text = content.text;
        message.markdown = content.markdown;
        message.blocks = content.blocks;
        if content.metadata.is_some() {
            message.metadata = content.metadata;
        }
        // What died in mid-stream is whole again.
        if let Some(stream) = message.stream.as_mut().filter(|_| streamed) {
            stream.state = StreamState::Completed;
        }
    });
    let answer = Answer::ok().json("channel", &channel).json("ts", ts).with("text", text);
    Ok(answer.with("message", ctx.shown(&channel, ts)).warn(content.warning))
}

pub(super) fn delete(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let channel = ctx.visible("channel")?;
    let message = ctx.message(&channel, "ts")?;
    let ts = message.ts;
    if message.user != ctx.bot_in(&channel) {
        return Err(Refusal::code("cant_delete_message"));
    }
    ctx.world.delete_message(&channel, ts, ctx.now);
    Ok(Answer::ok().json("channel", &channel).json("ts", ts))
}

/// Shown to one person, kept nowhere else: no call can change it or read it back.
pub(super) fn post_ephemeral(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let channel = ctx.writable("channel")?;
    let to = ctx.args.user("user")?;
    if !ctx.place(&channel).members.contains(&to) {
        return Err(Refusal::code("user_not_in_channel"));
    }
    let thread = ctx.args.ts("thread_ts", "invalid_thread_ts")?;
    let content = Content::read(ctx)?;
    ctx.note_marks(&content.text, content.markdown);
    let ts = ctx.world.next_ts(ctx.now);
    let bot = ctx.bot_in(&channel);
    let whispered = What::Whispered { to: ctx.world.name_of(&to).to_owned(), text: content.text.clone() };
    ctx.world.happened(&channel, thread.unwrap_or(ts), ts, &bot, whispered);
    if let Some(place) = ctx.world.channels.get_mut(&channel) {
        // In a thread that nobody answered yet, Slack shows it to nobody.
        let seen = thread.is_none_or(|root| place.threads.get(&root).is_some_and(|thread| !thread.replies.is_empty()));
        if seen {
            place.ephemerals.push(Ephemeral {
                ts,
                to,
                thread,
                text: content.text,
                markdown: content.markdown,
                looked_at: false,
            });
        }
    }
    Ok(Answer::ok().json("message_ts", ts).warn(content.warning))
}

pub(super) fn permalink(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let channel = ctx.visible("channel")?;
    let message = ctx.message(&channel, "message_ts")?;
    let digits = message.ts.to_string().replace('.', "");
    let workspace = &ctx.world.workspaces[ctx.place(&channel).home].name;
    let link = format!("https://{workspace}.slack.com/archives/{channel}/p{digits}");
    Ok(Answer::ok().json("channel", &channel).with("permalink", link))
}

impl Ctx<'_> {
    /// The channel of a post; a person's id stands for the direct messages with them.
    fn channel_to_post(&mut self) -> Result<ChannelId, Refusal> {
        let name = self.args.needed("channel")?;
        if name.starts_with('U') {
            let user = self.args.user("channel").map_err(|_| Refusal::code("channel_not_found"))?;
            if !self.world.people.contains_key(&user) {
                return Err(Refusal::code("channel_not_found"));
            }
            return Ok(self.world.im(self.caller.home, &user));
        }
        self.writable("channel")
    }

    /// One post a second per channel (Slack: Rate limits).
    pub(super) fn count_post(&self, channel: &ChannelId) -> Result<(), Refusal> {
        if !self.is_real() {
            return Ok(());
        }
        self.shared.limits.post(channel, self.shared.options.clock.monotonic()).map_err(Refusal::rate_limited)
    }

    /// Keeps who would have been pinged, for stories that say nobody was.
    pub(super) fn note_marks(&mut self, text: &str, markdown: bool) {
        if self.is_real() {
            self.world.pings.extend(pings_in(text, markdown));
        }
    }

    fn note_unfurl(&mut self, text: &str) {
        let off = self.args.flag("unfurl_links") == Some(false) && self.args.flag("unfurl_media") == Some(false);
        if self.is_real() && !off && has_link(text) {
            self.world.unfurled.push(text.to_owned());
        }
    }

    /// The app's reply ends its status (Slack: assistant.threads.setStatus).
    pub(super) fn end_status(&mut self, channel: &ChannelId, thread: Option<SlackTs>) {
        if let Some(root) = thread {
            self.world.set_status(channel, root, None);
        }
    }

    pub(super) fn shown(&self, channel: &ChannelId, ts: SlackTs) -> Value {
        let place = self.place(channel);
        let fetched = Fetched::Yes { metadata: true };
        place.messages.get(&ts).map_or(Value::Null, |message| message_json(self.world, place, message, fetched))
    }
}
