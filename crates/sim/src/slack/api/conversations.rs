//! `conversations.*` and `users.conversations`: what is where, page by page.

use std::collections::BTreeSet;

use chathakase_session::{ChannelId, SlackTs, UserId};
use serde_json::{Value, json};

use super::{Answer, Ctx, Refusal, missing_scope};
use crate::slack::world::{Channel, ChannelKind, Fetched, Message, channel_json, message_json};

/// Slack: messages a page of `conversations.replies` holds at most, and of `.history`, and without a limit.
const REPLIES_MAX: usize = 1000;
const HISTORY_MAX: usize = 999;
const HISTORY_DEFAULT: usize = 100;
/// Slack: the same for apps under the strict limit.
const STRICT_MAX: usize = 15;

pub(super) fn replies(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let channel = ctx.readable("channel")?;
    ctx.args.needed("ts")?;
    let missing = || Refusal::code("thread_not_found");
    let ts = ctx.args.ts("ts", "thread_not_found")?.ok_or_else(missing)?;
    let span = Span::read(ctx)?;
    let limit = ctx.history_limit(REPLIES_MAX, REPLIES_MAX);
    let place = ctx.place(&channel);
    let known = place.messages.contains_key(&ts) || place.threads.get(&ts).is_some_and(|t| !t.replies.is_empty());
    if !known {
        return Err(missing());
    }
    let after = cursor(ctx)?;
    // The root stands at the head of the first page, whatever the span.
    let of_page = |message: &&Message| match after {
        Some(after) => message.ts > after && message.ts != ts && span.holds(message.ts),
        None => message.ts == ts || span.holds(message.ts),
    };
    let found: Vec<&Message> = place.thread_messages(ts).filter(of_page).take(limit + 1).collect();
    Ok(page(ctx, place, &found, limit))
}

/// Newest first, without the replies.
pub(super) fn history(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let channel = ctx.readable("channel")?;
    let span = Span::read(ctx)?;
    let limit = ctx.history_limit(HISTORY_DEFAULT, HISTORY_MAX);
    let before = cursor(ctx)?;
    let place = ctx.place(&channel);
    let of_page = |message: &&Message| {
        let top = message.thread.is_none() || message.subtype.as_deref() == Some("thread_broadcast");
        top && span.holds(message.ts) && before.is_none_or(|before| message.ts < before)
    };
    let found: Vec<&Message> = place.messages.values().rev().filter(of_page).take(limit + 1).collect();
    Ok(page(ctx, place, &found, limit))
}

fn page(ctx: &Ctx, place: &Channel, found: &[&Message], limit: usize) -> Answer {
    let metadata = ctx.args.flag("include_all_metadata") == Some(true);
    let more = found.len() > limit;
    let shown = &found[..found.len().min(limit)];
    let messages: Vec<Value> =
        shown.iter().map(|message| message_json(ctx.world, place, message, Fetched::Yes { metadata })).collect();
    let next = shown.last().filter(|_| more).map(|last| format!("after-{}", last.ts)).unwrap_or_default();
    let answer = Answer::ok().json("messages", messages).with("has_more", more);
    answer.with("response_metadata", json!({"next_cursor": next}))
}

pub(super) fn info(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let channel = ctx.visible("channel")?;
    let place = ctx.place(&channel);
    let mut json = channel_json(place, &ctx.bot_in(&channel));
    if ctx.args.flag("include_num_members") == Some(true) {
        json["num_members"] = json!(place.members.len());
    }
    Ok(Answer::ok().with("channel", json))
}

pub(super) fn members(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let channel = ctx.visible("channel")?;
    let limit = ctx.page_limit(100, 1000);
    let from = ctx.args.text("cursor").map(|cursor| UserId::parse(&cursor)).transpose();
    let from = from.map_err(|_| Refusal::code("invalid_cursor"))?;
    let members = ctx.place(&channel).members.iter();
    let rest: Vec<&UserId> = members.filter(|id| from.as_ref().is_none_or(|from| *id >= from)).collect();
    let next = rest.get(limit).map(ToString::to_string).unwrap_or_default();
    let shown = &rest[..rest.len().min(limit)];
    Ok(Answer::ok().json("members", shown).with("response_metadata", json!({"next_cursor": next})))
}

pub(super) fn open(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let channel = if ctx.args.has("channel") {
        ctx.visible("channel")?
    } else {
        let list = ctx.args.text("users").ok_or_else(|| Refusal::code("users_list_not_supplied"))?;
        let users: Result<BTreeSet<UserId>, _> = list.split(',').map(|user| UserId::parse(user.trim())).collect();
        let users = users.map_err(|_| Refusal::code("user_not_found"))?;
        if users.iter().any(|user| !ctx.world.people.contains_key(user)) {
            return Err(Refusal::code("user_not_found"));
        }
        match (users.first(), users.len()) {
            (Some(user), 1) => ctx.world.im(ctx.caller.home, user),
            (_, 2..=8) => ctx.world.mpim(ctx.caller.home, &users),
            _ => return Err(Refusal::code("too_many_users")),
        }
    };
    Ok(Answer::ok().with("channel", json!({"id": channel})))
}

pub(super) fn join(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let channel = ctx.visible("channel")?;
    if ctx.place(&channel).kind != ChannelKind::Public {
        return Err(Refusal::code("method_not_supported_for_channel_type"));
    }
    let bot = ctx.bot_in(&channel);
    if let Some(place) = ctx.world.channels.get_mut(&channel) {
        place.members.insert(bot.clone());
    }
    Ok(Answer::ok().with("channel", channel_json(ctx.place(&channel), &bot)))
}

pub(super) fn list(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    channels(ctx, None)
}

pub(super) fn of_user(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let user = if ctx.args.has("user") { ctx.args.user("user")? } else { ctx.bot().clone() };
    channels(ctx, Some(user))
}

/// Slack: each kind that is asked for needs its own scope.
const TYPE_SCOPES: [(&str, &str); 4] =
    [("public_channel", "channels:read"), ("private_channel", "groups:read"), ("im", "im:read"), ("mpim", "mpim:read")];

fn channels(ctx: &Ctx, of: Option<UserId>) -> Result<Answer, Refusal> {
    let types = ctx.args.text("types").unwrap_or("public_channel".into());
    for (_, scope) in TYPE_SCOPES.iter().filter(|(kind, _)| types.split(',').any(|wanted| wanted.trim() == *kind)) {
        if !ctx.world.workspaces[ctx.caller.home].scopes.contains(*scope) {
            return Err(missing_scope(ctx.world, ctx.caller.home, scope));
        }
    }
    let type_of = |place: &Channel| match place.kind {
        ChannelKind::Public => "public_channel",
        ChannelKind::Private => "private_channel",
        ChannelKind::Im { .. } => "im",
        ChannelKind::Mpim => "mpim",
    };
    let from = ctx.args.text("cursor").map(|cursor| ChannelId::parse(&cursor)).transpose();
    let from = from.map_err(|_| Refusal::code("invalid_cursor"))?;
    let limit = ctx.page_limit(100, 999);
    let wanted = |place: &&Channel| {
        place.home == ctx.caller.home
            && types.split(',').any(|wanted| wanted.trim() == type_of(place))
            && (place.kind == ChannelKind::Public || place.members.contains(ctx.bot()))
            && of.as_ref().is_none_or(|user| place.members.contains(user))
            && !(place.archived && ctx.args.flag("exclude_archived") == Some(true))
            && from.as_ref().is_none_or(|from| place.id >= *from)
    };
    let mut found: Vec<&Channel> = ctx.world.channels.values().filter(wanted).collect();
    found.sort_by(|one, other| one.id.cmp(&other.id));
    let next = found.get(limit).map(|place| place.id.to_string()).unwrap_or_default();
    found.truncate(limit);
    let shown: Vec<Value> = found.into_iter().map(|place| channel_json(place, ctx.bot())).collect();
    Ok(Answer::ok().json("channels", shown).with("response_metadata", json!({"next_cursor": next})))
}

/// From when to when a call asks for messages.
struct Span {
    oldest: Option<SlackTs>,
    latest: Option<SlackTs>,
    inclusive: bool,
}

impl Span {
    fn read(ctx: &Ctx) -> Result<Self, Refusal> {
        let read = |name, wrong| match ctx.args.text(name) {
            Some(zero) if zero == "0" => Ok(None),
            _ => ctx.args.ts(name, wrong),
        };
        Ok(Self {
            oldest: read("oldest", "invalid_ts_oldest")?,
            latest: read("latest", "invalid_ts_latest")?,
            inclusive: ctx.args.flag("inclusive") == Some(true),
        })
    }

    fn holds(&self, ts: SlackTs) -> bool {
        let edge = self.inclusive && (self.oldest == Some(ts) || self.latest == Some(ts));
        edge || (self.oldest.is_none_or(|oldest| ts > oldest) && self.latest.is_none_or(|latest| ts < latest))
    }
}

fn cursor(ctx: &Ctx) -> Result<Option<SlackTs>, Refusal> {
    let Some(cursor) = ctx.args.text("cursor") else { return Ok(None) };
    let ts = cursor.strip_prefix("after-").and_then(|ts| SlackTs::parse(ts).ok());
    ts.map(Some).ok_or_else(|| Refusal::code("invalid_cursor"))
}

impl Ctx<'_> {
    fn page_limit(&self, default: usize, max: usize) -> usize {
        let asked = self.args.number("limit").filter(|limit| *limit > 0).unwrap_or(default);
        asked.min(max).min(self.shared.options.page_max.unwrap_or(max))
    }

    fn history_limit(&self, default: usize, max: usize) -> usize {
        if self.shared.options.strict_history {
            self.page_limit(STRICT_MAX, STRICT_MAX)
        } else {
            self.page_limit(default, max)
        }
    }
}
