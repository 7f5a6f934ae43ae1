//! What exists in a small Slack, in plain structs. Only these functions change it; nothing here knows HTTP.

mod channel;
mod feed;
mod leftovers;
mod marks;
mod posting;
mod telling;
mod text;
mod wire;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chathakase_session::{AppId, BotId, ChannelId, SlackTs, Timestamp, UserId, WorkspaceId};
use serde_json::Value;

pub(crate) use channel::{Channel, ChannelKind, Draft, Ephemeral, Message, Status, Stream, StreamState, TOMBSTONE};
pub use feed::{Happening, What};

pub(crate) use marks::{has_link, pings_in};
pub(crate) use telling::Outgoing;
pub(crate) use text::{as_slack_shows, as_typed};
pub(crate) use wire::{Fetched, channel_json, message_json, user_json};

use super::options::default_scopes;

/// The app under test is the same one in every workspace.
pub(crate) const APP_ID: &str = "A0000001";

/// One installation of the app.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) id: WorkspaceId,
    pub(crate) name: String,
    /// The enterprise that it is a workspace of.
    pub(crate) enterprise: Option<WorkspaceId>,
    pub(crate) bot_user: UserId,
    pub(crate) bot_id: BotId,
    pub(crate) bot_token: String,
    pub(crate) scopes: BTreeSet<String>,
    /// The events that the app subscribed to, by their names in the manifest; `None` for all.
    pub(crate) events: Option<BTreeSet<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    Member,
    Admin,
    Owner,
}

#[derive(Clone, Debug)]
pub(crate) struct BotIdentity {
    pub(crate) bot_id: BotId,
    pub(crate) app_id: AppId,
}

#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) team: WorkspaceId,
    pub(crate) rank: Rank,
    pub(crate) bot: Option<BotIdentity>,
    pub(crate) stranger: bool,
}

/// Index of an installation in [`World::workspaces`]; 0 is the one every test starts with.
pub(crate) type Home = usize;

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) workspaces: Vec<Workspace>,
    pub(crate) people: HashMap<UserId, Person>,
    pub(crate) channels: HashMap<ChannelId, Channel>,
    /// What happened and has not been handed to the courier yet.
    pub(crate) outbox: Vec<Outgoing>,
    /// What happened and has not been told to listeners yet.
    pub(crate) happenings: Vec<Happening>,
    pub(crate) listened_to: bool,
    pub(crate) pings: Vec<String>,
    pub(crate) unfurled: Vec<String>,
    pub(crate) views: BTreeMap<UserId, Value>,
    /// The app's own posts come back to it as events.
    pub(crate) echoes: bool,
    /// What the app-level token may do.
    pub(crate) app_scopes: BTreeSet<String>,
    names: HashMap<(Home, String), UserId>,
    channel_names: HashMap<(Home, String), ChannelId>,
    ids: u64,
    last_ts: i64,
    forced_ts: Option<SlackTs>,
}

impl World {
    /// A Slack with one workspace, in which the app is installed.
    pub(crate) fn new() -> Self {
        let app_scopes = BTreeSet::from(["connections:write".to_owned()]);
        let mut world = Self { ids: 1, app_scopes, ..Self::default() };
        world.install("acme");
        world
    }

    pub(crate) fn install(&mut self, name: &str) -> Home {
        let id = made(WorkspaceId::parse(&self.id("T")));
        let bot = BotIdentity { bot_id: made(BotId::parse(&self.id("B"))), app_id: app_id() };
        let home = self.workspaces.len();
        let bot_user = self.add_person(home, id.clone(), "assistant", Some(bot.clone()));
        let bot_token = format!("xoxb-{}-not-a-secret", id.as_str());
        let scopes = default_scopes();
        self.workspaces.push(Workspace {
            id,
            name: name.to_owned(),
            enterprise: None,
            bot_user,
            bot_id: bot.bot_id,
            bot_token,
            scopes,
            events: None,
        });
        home
    }

    /// The person of this name in a workspace; made on first use.
    pub(crate) fn person(&mut self, home: Home, name: &str) -> UserId {
        let team = self.workspaces[home].id.clone();
        self.person_of(home, name, team, false)
    }

    /// Somebody from another company, met in a shared channel; made on first use.
    pub(crate) fn stranger(&mut self, home: Home, name: &str) -> UserId {
        let team = made(WorkspaceId::parse(&self.id("T")));
        self.person_of(home, name, team, true)
    }

    /// Somebody from another workspace of the same enterprise; made on first use, the enterprise too.
    pub(crate) fn colleague(&mut self, home: Home, name: &str) -> UserId {
        if self.workspaces[home].enterprise.is_none() {
            self.workspaces[home].enterprise = Some(made(WorkspaceId::parse(&self.id("E"))));
        }
        let team = made(WorkspaceId::parse(&self.id("T")));
        self.person_of(home, name, team, false)
    }

    /// The enterprise that a person is of, as the app in `home` sees it.
    pub(crate) fn enterprise_of(&self, home: Home, person: &Person) -> Option<&WorkspaceId> {
        self.workspaces[home].enterprise.as_ref().filter(|_| !person.stranger)
    }

    /// Whether somebody from another company shares no channel with the app in `home`.
    pub(crate) fn is_met_nowhere(&self, home: Home, person: &Person) -> bool {
        let bot = self.bot_user(home);
        let meet = |channel: &Channel| {
            let is_im = matches!(channel.kind, ChannelKind::Im { .. });
            !is_im && channel.members.contains(bot) && channel.members.contains(&person.id)
        };
        person.stranger && !self.channels.values().any(meet)
    }

    /// Another app's bot; made on first use.
    pub(crate) fn bot(&mut self, home: Home, name: &str) -> UserId {
        if let Some(known) = self.names.get(&(home, name.to_owned())) {
            return known.clone();
        }
        let bot = BotIdentity { bot_id: made(BotId::parse(&self.id("B"))), app_id: made(AppId::parse(&self.id("A"))) };
        let team = self.workspaces[home].id.clone();
        self.add_person(home, team, name, Some(bot))
    }

    fn person_of(&mut self, home: Home, name: &str, team: WorkspaceId, stranger: bool) -> UserId {
        if let Some(known) = self.names.get(&(home, name.to_owned())) {
            return known.clone();
        }
        let id = self.add_person(home, team, name, None);
        if let Some(person) = self.people.get_mut(&id) {
            person.stranger = stranger;
        }
        id
    }

    fn add_person(&mut self, home: Home, team: WorkspaceId, name: &str, bot: Option<BotIdentity>) -> UserId {
        let id = made(UserId::parse(&self.id("U")));
        let person = Person { id: id.clone(), name: name.to_owned(), team, rank: Rank::Member, bot, stranger: false };
        self.people.insert(id.clone(), person);
        self.names.insert((home, name.to_owned()), id.clone());
        id
    }

    pub(crate) fn named(&self, home: Home, name: &str) -> Option<&UserId> {
        self.names.get(&(home, name.to_owned()))
    }

    pub(crate) fn name_of(&self, user: &UserId) -> &str {
        self.people.get(user).map_or("somebody", |person| person.name.as_str())
    }

    /// The channel `#name` (or the one with that id); made on first use as a public one that the app is in.
    pub(crate) fn channel(&mut self, home: Home, name: &str) -> ChannelId {
        self.channel_of_kind(home, name, ChannelKind::Public)
    }

    pub(crate) fn channel_of_kind(&mut self, home: Home, name: &str, kind: ChannelKind) -> ChannelId {
        if let Some(known) = self.channel_named(home, name) {
            return known;
        }
        let prefix = if matches!(kind, ChannelKind::Im { .. }) { "D" } else { "C" };
        let id = made(ChannelId::parse(&self.id(prefix)));
        let mut channel = Channel::new(id.clone(), home, name.trim_start_matches('#'), kind);
        channel.members.insert(self.workspaces[home].bot_user.clone());
        self.channels.insert(id.clone(), channel);
        self.channel_names.insert((home, name.trim_start_matches('#').to_owned()), id.clone());
        id
    }

    pub(crate) fn channel_named(&self, home: Home, name: &str) -> Option<ChannelId> {
        let by_id = ChannelId::parse(name).ok().filter(|id| self.channels.contains_key(id));
        by_id.or_else(|| self.channel_names.get(&(home, name.trim_start_matches('#').to_owned())).cloned())
    }

    /// The direct messages between a person and the app.
    pub(crate) fn im(&mut self, home: Home, user: &UserId) -> ChannelId {
        let id = self.channel_of_kind(home, &format!("dm:{user}"), ChannelKind::Im { with: user.clone() });
        let shared = self.people.get(user).is_some_and(|person| person.stranger);
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.members.insert(user.clone());
            channel.shared = shared;
        }
        id
    }

    /// The group's direct messages, with the app among them.
    pub(crate) fn mpim(&mut self, home: Home, users: &BTreeSet<UserId>) -> ChannelId {
        let names: Vec<&str> = users.iter().map(UserId::as_str).collect();
        let id = self.channel_of_kind(home, &format!("mpdm-{}", names.join("-")), ChannelKind::Mpim);
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.members.extend(users.iter().cloned());
        }
        id
    }

    /// The next post gets exactly this timestamp, so that two channels can hold the same one.
    pub(crate) fn force_next_ts(&mut self, ts: SlackTs) {
        self.forced_ts = Some(ts);
    }

    /// A timestamp that nothing in this Slack has, later than all before it.
    pub(crate) fn next_ts(&mut self, now: Timestamp) -> SlackTs {
        if let Some(forced) = self.forced_ts.take() {
            self.last_ts = self.last_ts.max(forced.as_micros());
            return forced;
        }
        self.last_ts = now.as_millis().saturating_mul(1000).max(self.last_ts + 100);
        made(SlackTs::from_micros(self.last_ts))
    }

    pub(crate) fn next_number(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}{:07}", self.next_number())
    }

    pub(crate) fn bot_user(&self, home: Home) -> &UserId {
        &self.workspaces[home].bot_user
    }
}

pub(crate) fn app_id() -> AppId {
    made(AppId::parse(APP_ID))
}

/// An id that we put together from a letter and digits.
fn made<T>(id: Result<T, chathakase_session::BadId>) -> T {
    id.expect("an id made of a letter and digits is one")
}
