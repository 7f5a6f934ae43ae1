//! Who is there, where they are, and what they say first.

use std::collections::BTreeSet;

use chathakase_session::{ChannelId, SlackTs, UserId, WorkspaceId};

use super::{Said, Saying, Thread};
use crate::slack::{
    SmallSlack,
    world::{ChannelKind, Home, Rank, World},
};

impl SmallSlack {
    /// The person of this name; there from the first use on.
    pub fn person(&self, name: &str) -> UserId {
        self.home().person(name)
    }
    /// The same, as an admin of the workspace.
    pub fn admin(&self, name: &str) -> UserId {
        self.ranked(name, Rank::Admin)
    }
    /// The same, as an owner of the workspace.
    pub fn owner(&self, name: &str) -> UserId {
        self.ranked(name, Rank::Owner)
    }
    /// Somebody from another company, met in a shared channel.
    pub fn stranger(&self, name: &str) -> UserId {
        self.world(|world| world.stranger(0, name))
    }
    /// Somebody from another workspace of the same enterprise, met in a channel that is the enterprise's own.
    pub fn colleague(&self, name: &str) -> UserId {
        self.world(|world| world.colleague(0, name))
    }
    /// Another app's bot.
    pub fn bot(&self, name: &str) -> UserId {
        self.world(|world| world.bot(0, name))
    }

    /// A private channel; the app is in it.
    pub fn private_channel(&self, name: &str) -> ChannelId {
        self.world(|world| world.channel_of_kind(0, name, ChannelKind::Private))
    }
    /// A channel shared with another company.
    pub fn shared_channel(&self, name: &str) -> ChannelId {
        self.in_channel(name, |world, channel| {
            if let Some(place) = world.channels.get_mut(channel) {
                place.shared = true;
            }
        })
    }
    /// Archives a channel: nothing can be posted there any more.
    pub fn archive(&self, name: &str) -> ChannelId {
        self.in_channel(name, |world, channel| {
            if let Some(place) = world.channels.get_mut(channel) {
                place.archived = true;
            }
        })
    }
    /// Takes the app out of a channel, without telling it.
    pub fn kick_bot(&self, name: &str) -> ChannelId {
        self.in_channel(name, |world, channel| {
            let bot = world.bot_user(0).clone();
            if let Some(place) = world.channels.get_mut(channel) {
                place.members.remove(&bot);
            }
        })
    }
    /// Brings the app into a channel; it is told (`member_joined_channel`).
    pub fn invite_bot(&self, who: &str, name: &str) -> ChannelId {
        let now = self.shared.options.clock.now();
        self.in_channel(name, |world, channel| {
            let (bot, by, at) = (world.bot_user(0).clone(), world.person(0, who), world.next_ts(now));
            if let Some(place) = world.channels.get_mut(channel) {
                place.members.insert(bot);
            }
            world.tell_membership(channel, true, &by, at);
        })
    }

    /// Posts `<@BOT> text` at the top of a channel, made on first use. `app_mention` and `message` are sent; returns when
    /// their first tries are over.
    pub async fn mention(&self, who: &str, channel: &str, text: impl Into<Saying>) -> Thread {
        self.home().mention(who, channel, text).await
    }
    /// Posts at the top of a channel, without a mention.
    pub async fn post(&self, who: &str, channel: &str, text: impl Into<Saying>) -> Thread {
        self.home().post(who, channel, text).await
    }
    /// Writes to the app directly.
    pub async fn dm(&self, who: &str, text: impl Into<Saying>) -> Thread {
        self.home().dm(who, text).await
    }
    /// Writes, with a mention, into a group's direct messages; `who` is the first of the group.
    pub async fn group_dm(&self, group: &[&str], text: impl Into<Saying>) -> Thread {
        let bot = self.bot_user();
        let channel = self.world(|world| {
            let users: BTreeSet<UserId> = group.iter().map(|name| world.person(0, name)).collect();
            world.mpim(0, &users)
        });
        let who = group.first().copied().unwrap_or("somebody");
        self.home().say(&channel, None, who, text.into().mentioning(&bot)).await.thread()
    }

    /// The thread with this root in a channel.
    pub fn thread(&self, channel: &str, root: SlackTs) -> Thread {
        Thread::new(self, 0, self.channel_id(channel), root)
    }
    /// The threads in which the app is at work, as people see it: an answer grows, or a status stands.
    pub fn busy_threads(&self) -> Vec<Thread> {
        let now = self.shared.options.clock.monotonic();
        let busy = self.shared.look(|world| world.busy_threads(now));
        busy.into_iter().map(|(home, channel, root)| Thread::new(self, home, channel, root)).collect()
    }
    /// The direct messages between a person and the app.
    pub fn dm_channel(&self, who: &str) -> ChannelId {
        self.world(|world| {
            let user = world.person(0, who);
            world.im(0, &user)
        })
    }
    /// The channel of this name; made on first use.
    pub fn channel(&self, name: &str) -> ChannelId {
        self.channel_id(name)
    }

    /// Installs the app in a second workspace, with a bot user and a token of its own. The first workspace's token acts in it too,
    /// as an organisation's does, so that an app that knows one token can be tested with two.
    pub fn add_workspace(&self, name: &str) -> Install {
        let home = self.world(|world| world.install(name));
        Install { slack: self.clone(), home }
    }

    fn home(&self) -> Install {
        Install::of(self, 0)
    }

    pub(crate) fn world<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        self.shared.change(change).0
    }

    fn ranked(&self, name: &str, rank: Rank) -> UserId {
        self.world(|world| {
            let id = world.person(0, name);
            if let Some(person) = world.people.get_mut(&id) {
                person.rank = rank;
            }
            id
        })
    }

    fn in_channel(&self, name: &str, change: impl FnOnce(&mut World, &ChannelId)) -> ChannelId {
        self.world(|world| {
            let channel = world.channel(0, name);
            change(world, &channel);
            channel
        })
    }
}

/// The app in one workspace.
#[derive(Clone, Debug)]
pub struct Install {
    slack: SmallSlack,
    home: Home,
}

impl Install {
    pub(crate) fn of(slack: &SmallSlack, home: Home) -> Self {
        Self { slack: slack.clone(), home }
    }
    /// The workspace.
    pub fn id(&self) -> WorkspaceId {
        self.slack.shared.look(|world| world.workspaces[self.home].id.clone())
    }
    /// The app's user there.
    pub fn bot_user(&self) -> UserId {
        self.slack.shared.look(|world| world.bot_user(self.home).clone())
    }
    /// The app's token there.
    pub fn bot_token(&self) -> String {
        self.slack.shared.look(|world| world.workspaces[self.home].bot_token.clone())
    }
    /// The person of this name there.
    pub fn person(&self, name: &str) -> UserId {
        self.slack.world(|world| world.person(self.home, name))
    }
    /// Posts `<@BOT> text` at the top of a channel.
    pub async fn mention(&self, who: &str, channel: &str, text: impl Into<Saying>) -> Thread {
        let bot = self.bot_user();
        self.post(who, channel, text.into().mentioning(&bot)).await
    }
    /// Posts at the top of a channel.
    pub async fn post(&self, who: &str, channel: &str, text: impl Into<Saying>) -> Thread {
        let channel = self.slack.world(|world| world.channel(self.home, channel));
        self.say(&channel, None, who, text.into()).await.thread()
    }
    /// Writes to the app directly.
    pub async fn dm(&self, who: &str, text: impl Into<Saying>) -> Thread {
        let channel = self.slack.world(|world| {
            let user = world.person(self.home, who);
            world.im(self.home, &user)
        });
        self.say(&channel, None, who, text.into()).await.thread()
    }

    pub(crate) async fn say(&self, channel: &ChannelId, thread: Option<SlackTs>, who: &str, saying: Saying) -> Said {
        let now = self.slack.shared.options.clock.now();
        let ((ts, user), first_tries) = self.slack.shared.change(|world| {
            let draft = saying.draft(world, self.home, who, thread);
            let user = draft.user.clone();
            (world.post(channel, draft, now), user)
        });
        self.slack.give_time(first_tries.over()).await;
        Said::new(Thread::new(&self.slack, self.home, channel.clone(), thread.unwrap_or(ts)), ts, user)
    }
}
