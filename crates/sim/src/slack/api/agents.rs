//! The line that says what the assistant is doing: `assistant.threads.*` and `agents.sessions.*`.

use std::time::Duration;

use chathakase_session::{ChannelId, SlackTs};
use serde_json::Value;

use super::{Answer, Ctx, Refusal};
use crate::slack::world::Status;

/// Slack: a status ends at the app's reply, or after two minutes.
const STATUS_LIFE: Duration = Duration::from_mins(2);
const LOADING_MESSAGES_MAX: usize = 10;
const LOADING_CHARS_MAX: usize = 50;
const PROMPTS_MAX: usize = 4;
/// Who does not subscribe to this is warned.
const STOPPED: &str = "agent_session_stopped";
const TITLE_CHARS_MAX: usize = 200;

pub(super) fn set_status(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let (channel, root) = ctx.agent_thread()?;
    if !ctx.args.has("status") {
        return Err(Refusal::missing("status"));
    }
    let loading = ctx.args.json("loading_messages", "invalid_arguments")?.unwrap_or_default();
    let too_long = |line: &Value| line.as_str().is_none_or(|line| line.chars().count() > LOADING_CHARS_MAX);
    if let Some(lines) =
        loading.as_array().filter(|lines| lines.len() > LOADING_MESSAGES_MAX || lines.iter().any(too_long))
    {
        let found = format!("[ERROR] {} loading_messages; at most 10 of 50 characters", lines.len());
        return Err(Refusal::explained("invalid_arguments", &found));
    }
    let text = ctx.args.text("status").unwrap_or_default().into_owned();
    let until = ctx.shared.options.clock.monotonic() + STATUS_LIFE;
    ctx.set_session(&channel, root, if text.is_empty() { "active" } else { "processing" });
    ctx.world.set_status(&channel, root, (!text.is_empty()).then_some(Status { text, until }));
    Ok(Answer::ok())
}

pub(super) fn set_title(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let (channel, root) = ctx.agent_thread()?;
    let title = ctx.args.needed("title")?.into_owned();
    ctx.entitle(&channel, root, title);
    Ok(Answer::ok())
}

pub(super) fn set_prompts(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    ctx.visible("channel_id")?;
    let prompts = ctx.args.json("prompts", "invalid_arguments")?.ok_or_else(|| Refusal::missing("prompts"))?;
    let good = |prompt: &Value| prompt["title"].is_string() && prompt["message"].is_string();
    match prompts.as_array() {
        Some(list) if list.len() <= PROMPTS_MAX && list.iter().all(good) => Ok(Answer::ok()),
        _ => Err(Refusal::explained("invalid_arguments", "[ERROR] up to 4 prompts, each with a title and a message")),
    }
}

pub(super) fn set_session_status(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let (channel, root) = ctx.session_thread()?;
    let status = match ctx.args.needed("status")?.as_ref() {
        "active" => "active",
        "processing" => "processing",
        "suspended" => "suspended",
        "closed" => "closed",
        _ => return Err(Refusal::code("invalid_status")),
    };
    ctx.set_session(&channel, root, status);
    if let Some(title) = ctx.args.text("title") {
        ctx.entitle(&channel, root, title.into_owned());
    }
    let title = ctx.place(&channel).threads.get(&root).and_then(|thread| thread.title.clone());
    let hears_stop = ctx.world.workspaces[ctx.caller.home].events.as_ref().is_none_or(|e| e.contains(STOPPED));
    let warning = (!hears_stop).then_some("missing_agent_session_stopped_event_subscription");
    Ok(Answer::ok().with("status", status).with("agent_status", status).json("title", title).warn(warning))
}

pub(super) fn rename(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let (channel, root) = ctx.session_thread()?;
    let title = ctx.args.needed("title")?.into_owned();
    if title.chars().count() > TITLE_CHARS_MAX {
        return Err(Refusal::code("invalid_name"));
    }
    if ctx.place(&channel).threads.get(&root).is_none_or(|thread| thread.session.is_none()) {
        return Err(Refusal::code("session_not_found"));
    }
    ctx.entitle(&channel, root, title.clone());
    Ok(Answer::ok().with("title", title))
}

impl Ctx<'_> {
    /// The thread that a status belongs to; it must have a first message.
    fn agent_thread(&self) -> Result<(ChannelId, SlackTs), Refusal> {
        let channel = self.visible("channel_id")?;
        if !self.place(&channel).members.contains(&self.bot_in(&channel)) {
            return Err(Refusal::code("channel_not_found"));
        }
        self.args.needed("thread_ts")?;
        let root = self.thread(&channel, "invalid_thread_ts")?;
        root.map(|root| (channel, root)).ok_or_else(|| Refusal::code("invalid_thread_ts"))
    }

    fn session_thread(&self) -> Result<(ChannelId, SlackTs), Refusal> {
        if !self.shared.options.agent_sessions {
            return Err(Refusal::code("feature_disabled"));
        }
        if !self.args.has("thread_ts") {
            return Err(Refusal::code("thread_ts_required"));
        }
        self.agent_thread()
    }

    pub(super) fn set_session(&mut self, channel: &ChannelId, root: SlackTs, status: &'static str) {
        if let Some(place) = self.world.channels.get_mut(channel) {
            place.threads.entry(root).or_default().session = Some(status);
        }
    }

    fn entitle(&mut self, channel: &ChannelId, root: SlackTs, title: String) {
        if let Some(place) = self.world.channels.get_mut(channel) {
            place.threads.entry(root).or_default().title = Some(title);
        }
    }
}
