//! The app manifest: what Slack's settings page wants to be told, derived from what this program calls and hears (Slack: App
//! manifest reference).
//!
//! [`needs`] is the one table of events, scopes and reasons. [`Manifest`] lays it out for a transport, and prints it as YAML with
//! each reason as a comment, or as JSON.

pub mod needs;
mod node;
#[cfg(test)]
mod tests;

use std::fmt;

use needs::{EVENTS, SCOPES};
use node::{Node, flag, list, map, text};

/// Slack: longest `display_information.name`, in characters.
pub const NAME_CHARS_MAX: usize = 35;
/// What the app is called unless somebody wants another name.
pub const NAME: &str = "ChatHakase";

/// What an app is to be.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Its name in Slack, 1 to [`NAME_CHARS_MAX`] characters (default [`NAME`]).
    pub name: String,
    /// How Slack reaches it.
    pub door: Door,
    /// Whether it is an agent: status line, Stop button, suggested prompts. Slack lets no guest use an agent (default on).
    pub agent_view: bool,
}

/// How Slack reaches the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// Socket Mode: the manifest names no address.
    Socket,
    /// Signed requests to this address.
    Http(PublicUrl),
}

/// Where Slack reaches us over HTTP, such as `https://bot.example.com`: no path of ours, no slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

/// A value that no app can have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadShape {
    /// The name is empty or too long.
    #[error("an app's name has 1 to {NAME_CHARS_MAX} characters, and no line ends")]
    Name,
    /// The address is not one that Slack calls.
    #[error(
        "Slack calls an address that begins with https:// and ends with the host or a path, such as https://bot.example.com"
    )]
    Url,
}

impl PublicUrl {
    /// Takes the address with or without a slash or `/slack/events` at its end.
    ///
    /// # Errors
    /// When it is not `https`, has no host, or has a user name, a query or a fragment.
    pub fn parse(given: &str) -> Result<Self, BadShape> {
        let url = reqwest::Url::parse(given.trim()).map_err(|_| BadShape::Url)?;
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if url.scheme() != "https" || !url.has_host() || !plain || url.fragment().is_some() {
            return Err(BadShape::Url);
        }
        let whole = url.as_str().trim_end_matches('/');
        Ok(Self(whole.strip_suffix("/slack/events").unwrap_or(whole).to_owned()))
    }

    /// Where Slack sends events.
    pub fn events(&self) -> String {
        format!("{}/slack/events", self.0)
    }
}

impl Shape {
    /// An agent of the usual name behind this door.
    pub fn new(door: Door) -> Self {
        Self { name: NAME.to_owned(), door, agent_view: true }
    }
}

/// What to paste on <https://api.slack.com/apps>, "From a manifest".
#[derive(Debug)]
pub struct Manifest(Node);

impl Manifest {
    /// The manifest of such an app.
    ///
    /// # Errors
    /// When the name is not one that Slack takes.
    pub fn new(shape: &Shape) -> Result<Self, BadShape> {
        let name = shape.name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.contains(char::is_control) {
            return Err(BadShape::Name);
        }
        let root = [
            ("_metadata", map([("major_version", Node::Number(2))])),
            ("display_information", map([("name", text(name)), ("description", text(DESCRIPTION))])),
            ("features", features(shape, name)),
            ("oauth_config", map([("scopes", map([("bot", scopes(shape))]))])),
            ("settings", settings(shape)),
        ];
        Ok(Self(map(root)))
    }

    /// As JSON, which has no room for reasons.
    pub fn json(&self) -> String {
        format!("{:#}\n", self.0.json())
    }

    /// As YAML, with the reason of each event and scope as a comment.
    pub fn yaml(&self) -> String {
        self.0.yaml()
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.yaml())
    }
}

const DESCRIPTION: &str = "An assistant that remembers every thread";
const AGENT_DESCRIPTION: &str =
    "Answers questions in threads and direct messages, and remembers what was said in each.";
/// What stands above an empty conversation: title, and the message that a click sends.
const PROMPTS: &[(&str, &str)] = &[("What can you do?", "help"), ("Draft a message", "Help me to write a message: ")];

fn features(shape: &Shape, name: &str) -> Node {
    let prompts = PROMPTS.iter().map(|(title, message)| map([("title", text(*title)), ("message", text(*message))]));
    let agent = map([("agent_description", text(AGENT_DESCRIPTION)), ("suggested_prompts", list(prompts))]);
    let home = map([
        ("home_tab_enabled", flag(false)),
        ("messages_tab_enabled", flag(true).because("without it nobody can write to the assistant directly")),
        ("messages_tab_read_only_enabled", flag(false)),
    ]);
    let bot = map([("display_name", text(name)), ("always_online", flag(true))]);
    let agent = agent.because("status line, Stop button, prompts; Slack lets no guest use an app that has it");
    let agent = shape.agent_view.then_some(("agent_view", agent));
    map([("app_home", home), ("bot_user", bot)].into_iter().chain(agent))
}

fn scopes(shape: &Shape) -> Node {
    let needed = needs::scopes(shape.agent_view);
    list(SCOPES.iter().filter(|scope| needed.contains(scope.name)).map(|scope| text(scope.name).because(scope.why)))
}

fn settings(shape: &Shape) -> Node {
    let heard = EVENTS.iter().filter(|event| shape.agent_view || !event.agent);
    let events = ("bot_events", list(heard.map(|event| text(event.name).because(event.why))));
    let address = match &shape.door {
        Door::Socket => None,
        Door::Http(url) => Some(("request_url", text(url.events()))),
    };
    map([
        ("event_subscriptions", map(address.into_iter().chain([events]))),
        ("interactivity", map([("is_enabled", flag(false))])),
        ("org_deploy_enabled", flag(false)),
        ("socket_mode_enabled", flag(shape.door == Door::Socket)),
        ("token_rotation_enabled", flag(false)),
    ])
}
