//! The one table of methods: how often, with which scope, in which form, and how much of it a small Slack does.

use super::{Handler, agents, apps, chat, conversations, limits::Tier, reactions, streams, users};

/// What a method's arguments may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// A query or a form; JSON is ignored as if nothing had been sent.
    FormOnly,
    JsonOrForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Bot,
    App,
    Any,
}

/// How much of a method exists here.
#[derive(Clone, Copy)]
pub(crate) enum Cover {
    Full(Handler),
    /// With what is not there.
    Partial(Handler, &'static str),
    /// With why.
    Missing(&'static str),
}

pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) tier: Tier,
    pub(crate) scopes: &'static [&'static str],
    pub(crate) body: Body,
    pub(crate) token: Token,
    pub(crate) cover: Cover,
}

impl Method {
    pub(crate) fn handler(&self) -> Option<Handler> {
        match self.cover {
            Cover::Full(handler) | Cover::Partial(handler, _) => Some(handler),
            Cover::Missing(_) => None,
        }
    }
}

/// Every method with how much of it exists: `full`, `partial, without ..` or `missing: ..`.
pub(crate) fn coverage() -> impl Iterator<Item = (&'static str, String)> {
    METHODS.iter().map(|method| match method.cover {
        Cover::Full(_) => (method.name, "full".to_owned()),
        Cover::Partial(_, without) => (method.name, format!("partial, without {without}")),
        Cover::Missing(why) => (method.name, format!("missing: {why}")),
    })
}

/// The method of this name, if there is something behind it.
pub(crate) fn find(name: &str) -> Option<&'static Method> {
    let at = METHODS.binary_search_by(|method| method.name.cmp(name)).ok()?;
    Some(&METHODS[at]).filter(|method| method.handler().is_some())
}

const fn reads(name: &'static str, tier: Tier, scopes: &'static [&'static str], cover: Cover) -> Method {
    Method { name, tier, scopes, body: Body::FormOnly, token: Token::Bot, cover }
}

const fn writes(name: &'static str, tier: Tier, scopes: &'static [&'static str], cover: Cover) -> Method {
    Method { name, tier, scopes, body: Body::JsonOrForm, token: Token::Bot, cover }
}

const HISTORY: &[&str] = &["channels:history", "groups:history", "im:history", "mpim:history"];
const READ: &[&str] = &["channels:read", "groups:read", "im:read", "mpim:read"];
const OPEN: &[&str] = &["im:write", "mpim:write"];
/// Slack calls these limits "special" and gives no number: hundreds a minute.
const GENEROUS: Tier = Tier::PerMinute(600);

/// Sorted by name. Tiers and scopes: Slack, each method's page.
pub(crate) static METHODS: &[Method] = &[
    writes("agents.sessions.rename", Tier::Three, &["chat:write"], Cover::Full(agents::rename)),
    writes(
        "agents.sessions.setStatus",
        Tier::Three,
        &["chat:write"],
        Cover::Partial(agents::set_session_status, "session channels"),
    ),
    Method { token: Token::Any, ..writes("api.test", GENEROUS, &[], Cover::Full(apps::api_test)) },
    Method {
        token: Token::App,
        ..writes("apps.connections.open", Tier::Three, &["connections:write"], Cover::Full(apps::open_connection))
    },
    writes(
        "assistant.threads.setStatus",
        GENEROUS,
        &["chat:write", "assistant:write"],
        Cover::Partial(agents::set_status, "custom names and icons"),
    ),
    writes(
        "assistant.threads.setSuggestedPrompts",
        Tier::Four,
        &["assistant:write"],
        Cover::Partial(agents::set_prompts, "keeping the prompts"),
    ),
    writes("assistant.threads.setTitle", Tier::Four, &["assistant:write"], Cover::Full(agents::set_title)),
    Method { token: Token::Any, ..writes("auth.test", GENEROUS, &[], Cover::Full(users::auth_test)) },
    reads("bots.info", Tier::Three, &["users:read"], Cover::Full(users::bot_info)),
    writes("chat.appendStream", Tier::Four, &["chat:write"], Cover::Full(streams::append)),
    writes("chat.delete", Tier::Three, &["chat:write"], Cover::Full(chat::delete)),
    reads("chat.getPermalink", GENEROUS, &[], Cover::Full(chat::permalink)),
    writes("chat.postEphemeral", Tier::Four, &["chat:write"], Cover::Full(chat::post_ephemeral)),
    writes(
        "chat.postMessage",
        Tier::Posting,
        &["chat:write"],
        Cover::Partial(chat::post_message, "attachments, other names and icons"),
    ),
    writes("chat.scheduleMessage", Tier::Three, &["chat:write"], Cover::Missing("nothing here is sent later")),
    writes("chat.startStream", Tier::Two, &["chat:write"], Cover::Full(streams::start)),
    writes("chat.stopStream", Tier::Two, &["chat:write"], Cover::Full(streams::stop)),
    writes("chat.update", Tier::Three, &["chat:write"], Cover::Partial(chat::update, "attachments, files")),
    reads("conversations.history", Tier::Three, HISTORY, Cover::Full(conversations::history)),
    reads("conversations.info", Tier::Three, READ, Cover::Full(conversations::info)),
    writes("conversations.join", Tier::Three, &["channels:join"], Cover::Full(conversations::join)),
    reads("conversations.list", Tier::Two, READ, Cover::Full(conversations::list)),
    reads("conversations.members", Tier::Four, READ, Cover::Full(conversations::members)),
    writes("conversations.open", Tier::Three, OPEN, Cover::Full(conversations::open)),
    reads("conversations.replies", Tier::Three, HISTORY, Cover::Full(conversations::replies)),
    reads("files.getUploadURLExternal", Tier::Four, &["files:write"], Cover::Missing("the app sends no files yet")),
    reads("files.info", Tier::Four, &["files:read"], Cover::Missing("the app reads no files yet")),
    writes("reactions.add", Tier::Three, &["reactions:write"], Cover::Full(reactions::add)),
    writes("reactions.remove", Tier::Two, &["reactions:write"], Cover::Full(reactions::remove)),
    reads("team.info", Tier::Three, &["team:read"], Cover::Full(users::team_info)),
    reads("users.conversations", Tier::Three, READ, Cover::Full(conversations::of_user)),
    reads("users.info", Tier::Four, &["users:read"], Cover::Full(users::info)),
    reads("users.list", Tier::Two, &["users:read"], Cover::Full(users::list)),
    writes("views.open", Tier::Four, &[], Cover::Missing("no modals")),
    writes("views.publish", Tier::Four, &[], Cover::Full(apps::publish_view)),
];
