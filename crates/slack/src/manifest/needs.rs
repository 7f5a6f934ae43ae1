//! What the app needs from Slack, and why: the one table behind the manifest and `check`.
//!
//! What a call needs stands with the call, in [`Method::ALL`]; what an event needs stands here. A scope is in the manifest because
//! one of them needs it, and for no other reason.

use std::collections::BTreeSet;

use crate::api::Method;

/// An event that the app subscribes to.
#[derive(Clone, Copy, Debug)]
pub struct EventNeed {
    /// Its name in the manifest.
    pub name: &'static str,
    /// Without this scope Slack sends none.
    pub scope: &'static str,
    /// What it is for.
    pub why: &'static str,
    /// Whether only an app with the agent view is sent it.
    pub agent: bool,
}

/// A scope of the bot token.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub why: &'static str,
}

/// The scope that comes with the agent view; no call of ours needs it.
pub const AGENT_SCOPE: &str = "assistant:write";
/// The scope of the app-level token. Such tokens are made in the app's settings: their scopes are in no manifest.
pub const APP_LEVEL_SCOPE: &str = "connections:write";

const fn event(name: &'static str, scope: &'static str, why: &'static str) -> EventNeed {
    EventNeed { name, scope, why, agent: false }
}

/// Every event that the app hears (Slack: each event's page names its scope).
pub const EVENTS: &[EventNeed] = &[
    event("app_mention", "app_mentions:read", "somebody mentions the assistant"),
    event("message.channels", "channels:history", "replies without a mention in threads of public channels"),
    event("message.groups", "groups:history", "replies without a mention in threads of private channels"),
    event("message.im", "im:history", "direct messages"),
    event("message.mpim", "mpim:history", "replies without a mention in group conversations"),
    EventNeed { agent: true, ..event("agent_session_stopped", "chat:write", "somebody presses Stop") },
];

const fn scope(name: &'static str, why: &'static str) -> Scope {
    Scope { name, why }
}

/// Every scope with its reason, in the order in which people read them.
pub const SCOPES: &[Scope] = &[
    scope("app_mentions:read", "to hear a mention"),
    scope("chat:write", "to answer: post, stream, edit, show the status line"),
    scope(AGENT_SCOPE, "comes with the agent view"),
    scope("channels:history", "to hear replies in its threads, and to read threads that it joins, in public channels"),
    scope("groups:history", "to hear replies and to read threads in private channels"),
    scope("im:history", "to hear direct messages"),
    scope("mpim:history", "to hear replies and to read threads in group conversations"),
    scope("im:write", "to tell somebody directly what cannot be said in a channel"),
    scope("channels:read", "to know what kind of place a channel is, and in which it is"),
    scope("groups:read", "to know in which private channels it is"),
    scope("im:read", "to know a direct message from a channel"),
    scope("mpim:read", "to know a group conversation from a channel"),
    scope("users:read", "to call people by their names, and to know who is an admin"),
];

/// The scopes that the bot token needs: those of each call and each event, and of the agent view.
pub fn scopes(agent_view: bool) -> BTreeSet<&'static str> {
    let calls = Method::ALL.iter().flat_map(|method| method.scopes).copied();
    let events = EVENTS.iter().filter(|event| agent_view || !event.agent).map(|event| event.scope);
    let agent = agent_view.then_some(AGENT_SCOPE);
    calls.chain(events).chain(agent).filter(|scope| *scope != APP_LEVEL_SCOPE).collect()
}

/// What a scope is for, and the events and calls that need it: for a person who has to grant it.
pub fn why(scope: &str) -> Option<&'static str> {
    SCOPES.iter().find(|known| known.name == scope).map(|known| known.why)
}
