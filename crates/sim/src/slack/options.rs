//! How a small Slack behaves.

use std::{collections::BTreeSet, sync::Arc};

use chathakase_session::time::SharedClock;

use crate::clock::ManualClock;

/// Which of Slack's rules are enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// All of them: rate tiers, lifetimes, sizes, memberships. Every call is kept for the test to look at.
    #[default]
    Real,
    /// None that cost time: no rate limits, nothing kept of a call. For load benches.
    Unlimited,
}

/// How events reach the app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Signed requests to the address given to [`SmallSlack::deliver_to`](super::SmallSlack::deliver_to).
    #[default]
    Http,
    /// Envelopes to whoever connected through `apps.connections.open`.
    Socket,
}

/// In which order the two events of a mention (`app_mention` and `message`) go out. Slack promises none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MentionOrder {
    /// From mention to mention: `app_mention` first, `message` first, both at once, and again.
    #[default]
    Varies,
    /// `app_mention`, and after its first attempt `message`.
    MentionFirst,
    /// `message`, and after its first attempt `app_mention`.
    MessageFirst,
    /// Both in the same moment, on two connections.
    AtOnce,
    /// Only `app_mention`, as for an app that did not subscribe to `message.channels`.
    MentionOnly,
}

/// What [`SmallSlack::start`](super::SmallSlack::start) is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which rules are enforced. Default: all.
    pub profile: Profile,
    /// How events reach the app. Default: signed HTTP.
    pub transport: Transport,
    /// Where the time comes from. Default: a [`ManualClock`] of its own.
    pub clock: SharedClock,
    /// Lets short sleeps (up to 1.1 s: pacing, flushes) pass by themselves while a test waits for something to be shown. It must be
    /// the clock of the app under test. Default: none.
    pub clock_driver: Option<ManualClock>,
    /// Slack's limit for apps that are sold outside its marketplace: `conversations.replies` and `.history` once a minute,
    /// 15 messages each. Default: off.
    pub strict_history: bool,
    /// What a page holds at most, of messages and of conversations: Slack may give fewer than it is asked for. Default: no other
    /// limit than the methods'.
    pub page_max: Option<usize>,
    /// The order of a mention's two events. Default: it varies.
    pub mention_order: MentionOrder,
    /// Whether the app's own posts come back to it as events. Default: in [`Profile::Real`] only.
    pub own_posts_come_back: Option<bool>,
    /// Whether `agents.sessions.*` exist in this workspace; without them they answer `feature_disabled`. Default: yes.
    pub agent_sessions: bool,
    /// Socket Mode: events that happen while nobody is connected are lost instead of waiting for the next connection. Default: off.
    pub lost_while_disconnected: bool,
    /// The port to listen on, on loopback. Default 0: any free one.
    pub port: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            profile: Profile::Real,
            transport: Transport::Http,
            clock: Arc::new(ManualClock::new()),
            clock_driver: None,
            strict_history: false,
            page_max: None,
            mention_order: MentionOrder::Varies,
            own_posts_come_back: None,
            agent_sessions: true,
            lost_while_disconnected: false,
            port: 0,
        }
    }
}

impl Options {
    /// All rules, on `clock`, whose short sleeps pass by themselves while a test waits.
    pub fn driven_by(clock: &ManualClock, transport: Transport) -> Self {
        Self { transport, clock: Arc::new(clock.clone()), clock_driver: Some(clock.clone()), ..Self::default() }
    }

    pub(crate) fn is_real(&self) -> bool {
        self.profile == Profile::Real
    }

    pub(crate) fn echoes(&self) -> bool {
        self.own_posts_come_back.unwrap_or(self.is_real())
    }
}

/// The scopes that the app is granted unless a test says otherwise.
pub(crate) const DEFAULT_SCOPES: &[&str] = &[
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "channels:join",
    "channels:read",
    "chat:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "mpim:write",
    "reactions:read",
    "reactions:write",
    "team:read",
    "users:read",
];

pub(crate) fn default_scopes() -> BTreeSet<String> {
    DEFAULT_SCOPES.iter().map(|scope| (*scope).to_owned()).collect()
}
