//! A thread as the people in it see it.

use chathakase_session::{ChannelId, SlackTs, ThreadKey, UserId};

use super::{Install, Saying};
use crate::slack::{
    SmallSlack,
    world::{Channel, Ephemeral, Home, Message, World},
};

/// One thread. Clones are the same.
#[derive(Clone, Debug)]
pub struct Thread {
    slack: SmallSlack,
    home: Home,
    channel: ChannelId,
    root: SlackTs,
}

/// A post that a test made.
#[derive(Clone, Debug)]
pub struct Said {
    thread: Thread,
    ts: SlackTs,
    user: UserId,
}

/// A post as it stands in a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Its timestamp.
    pub ts: SlackTs,
    /// The author's name; the app is `assistant`.
    pub who: String,
    /// As the author wrote it.
    pub text: String,
    /// Words still come.
    pub streaming: bool,
    /// The app wrote it.
    pub ours: bool,
    /// What the app put into `metadata`.
    pub metadata: Option<serde_json::Value>,
    /// What the app put into `blocks`.
    pub blocks: Option<serde_json::Value>,
}

impl Said {
    pub(crate) fn new(thread: Thread, ts: SlackTs, user: UserId) -> Self {
        Self { thread, ts, user }
    }
    pub(crate) fn place(&self) -> (ChannelId, SlackTs) {
        (self.thread.channel.clone(), self.ts)
    }
    /// The post's timestamp.
    pub fn ts(&self) -> SlackTs {
        self.ts
    }
    /// The author.
    pub fn user(&self) -> &UserId {
        &self.user
    }
    /// The thread that it is in, or opened.
    pub fn thread(&self) -> Thread {
        self.thread.clone()
    }
}

impl Thread {
    pub(crate) fn new(slack: &SmallSlack, home: Home, channel: ChannelId, root: SlackTs) -> Self {
        Self { slack: slack.clone(), home, channel, root }
    }

    /// The first post's timestamp.
    pub fn root(&self) -> SlackTs {
        self.root
    }
    /// The channel.
    pub fn channel(&self) -> &ChannelId {
        &self.channel
    }
    /// The thread's name everywhere.
    pub fn key(&self) -> ThreadKey {
        let workspace = self.install().id();
        ThreadKey { workspace, channel: self.channel.clone(), root: self.root }
    }
    /// The first post.
    pub fn first(&self) -> Said {
        let user = self.place(|_, place| place.messages.get(&self.root).map(|message| message.user.clone()));
        Said::new(self.clone(), self.root, user.unwrap_or_else(|| self.slack.bot_user()))
    }

    /// Writes into the thread; returns when the first try to tell the app is over.
    pub async fn reply(&self, who: &str, text: impl Into<Saying>) -> Said {
        self.install().say(&self.channel, Some(self.root), who, text.into()).await
    }
    /// Writes `<@BOT> text` into the thread.
    pub async fn mention(&self, who: &str, text: impl Into<Saying>) -> Said {
        let install = self.install();
        let saying = text.into().mentioning(&install.bot_user());
        install.say(&self.channel, Some(self.root), who, saying).await
    }
    /// The author changes a post.
    pub async fn edit(&self, said: &Said, text: impl Into<Saying>) {
        self.edit_ts(&said.user, said.ts, text).await;
    }
    /// This person changes the post with this timestamp, which should be theirs.
    pub async fn edit_ts(&self, by: &UserId, ts: SlackTs, text: impl Into<Saying>) {
        let now = self.slack.shared.options.clock.now();
        let (_, first_tries) = self.slack.shared.change(|world| {
            let who = world.name_of(by).to_owned();
            let draft = text.into().draft(world, self.home, &who, None);
            world.change_message(&self.channel, ts, Some(by), now, |message| {
                message.text = draft.text;
                message.blocks = None;
            })
        });
        self.slack.give_time(first_tries.over()).await;
    }
    /// Slack adds something of its own to a post, such as the preview of a link: it tells of a change that leaves the words alone.
    pub async fn preview(&self, said: &Said) {
        let now = self.slack.shared.options.clock.now();
        let change = |world: &mut World| world.change_message(&self.channel, said.ts, None, now, |_| {});
        let (_, first_tries) = self.slack.shared.change(change);
        self.slack.give_time(first_tries.over()).await;
    }
    /// The author takes a post away.
    pub async fn delete(&self, said: &Said) {
        self.delete_ts(said.ts).await;
    }
    /// Somebody takes away the post with this timestamp, such as one of the app's.
    pub async fn delete_ts(&self, ts: SlackTs) {
        let now = self.slack.shared.options.clock.now();
        let (_, first_tries) = self.slack.shared.change(|world| world.delete_message(&self.channel, ts, now));
        self.slack.give_time(first_tries.over()).await;
    }
    /// Somebody presses the stop button: the app's streams here end, and it is told.
    pub async fn press_stop(&self, who: &str) {
        let now = self.slack.shared.options.clock.now();
        let (_, first_tries) = self.slack.shared.change(|world| {
            let user = world.person(self.home, who);
            world.stop_pressed(&self.channel, self.root, &user, now);
        });
        self.slack.give_time(first_tries.over()).await;
    }

    /// Waits until a post of the app here has exactly this text, streaming or not.
    ///
    /// # Panics
    /// With the transcript, when it has not come after 30 s of real time.
    pub async fn shows(&self, text: &str) {
        self.wait(&format!("shows {text:?}"), |message| message.text == text).await;
    }
    /// The same, and nothing is added to it any more.
    pub async fn finishes(&self, text: &str) {
        self.wait(&format!("finishes {text:?}"), |message| message.text == text && !message.is_streaming()).await;
    }
    /// Waits until a post of the app here contains this text.
    pub async fn shows_part(&self, text: &str) {
        self.wait(&format!("shows something with {text:?}"), |message| message.text.contains(text)).await;
    }
    /// Waits until this person sees exactly this text here that nobody else sees.
    pub async fn shows_only_to(&self, who: &str, text: &str) {
        self.whispers(who, &format!("only {who} sees {text:?}"), |seen| seen == text).await;
    }
    /// Waits until this person sees something here with this text in it that nobody else sees.
    pub async fn shows_part_only_to(&self, who: &str, part: &str) {
        self.whispers(who, &format!("only {who} sees something with {part:?}"), |seen| seen.contains(part)).await;
    }
    /// Says that the test has looked at everything the app wrote here, when all is quiet.
    pub async fn shows_nothing_more(&self) {
        self.slack.quiet().await;
        let more: Vec<String> = self.ours(|message| !message.looked_at).into_iter().map(|post| post.text).collect();
        assert!(more.is_empty(), "the app also wrote {more:?}\n{}", self.slack.transcript());
    }

    /// The app's posts that stand here, in order; looking at them counts as expecting them.
    pub fn answers(&self) -> Vec<String> {
        let answers = self.ours(|_| true);
        self.slack.world(|world| {
            for message in
                world.channels.get_mut(&self.channel).into_iter().flat_map(|place| place.messages.values_mut())
            {
                message.looked_at |= answers.iter().any(|answer| answer.ts == message.ts);
            }
        });
        answers.into_iter().map(|post| post.text).collect()
    }
    /// Every post that stands here, in order.
    pub fn posts(&self) -> Vec<Post> {
        self.place(|world, place| place.thread_messages(self.root).map(|message| post(world, place, message)).collect())
    }
    /// What the line says that tells what the assistant is doing; none when it is gone.
    pub fn status(&self) -> Option<String> {
        let now = self.slack.shared.options.clock.monotonic();
        self.place(|_, place| {
            let status = place.threads.get(&self.root)?.status.as_ref()?;
            (status.until > now).then(|| status.text.clone())
        })
    }
    /// The title that the app gave the thread.
    pub fn title(&self) -> Option<String> {
        self.place(|_, place| place.threads.get(&self.root)?.title.clone())
    }
    /// The state of the agent session: `processing`, `active`, ..
    pub fn session_state(&self) -> Option<String> {
        self.place(|_, place| place.threads.get(&self.root)?.session.map(str::to_owned))
    }

    async fn wait(&self, what: &str, fits: impl Fn(&Message) -> bool) {
        self.slack
            .until(what, |world| {
                let bot = world.bot_user(self.home).clone();
                let place = world.channels.get_mut(&self.channel)?;
                let fitting =
                    |message: &&mut Message| message.root() == self.root && message.user == bot && fits(message);
                let found = place.messages.values_mut().find(fitting)?;
                found.looked_at = true;
                Some(())
            })
            .await;
    }

    async fn whispers(&self, who: &str, what: &str, fits: impl Fn(&str) -> bool) {
        self.slack
            .until(what, |world| {
                let user = world.named(self.home, who)?.clone();
                let seen = world.channels.get_mut(&self.channel)?.ephemerals.iter_mut();
                let here = |seen: &&mut Ephemeral| seen.thread.is_none_or(|root| root == self.root);
                seen.filter(here)
                    .filter(|seen| seen.to == user && fits(&seen.text))
                    .map(|seen| seen.looked_at = true)
                    .next()
            })
            .await;
    }

    fn ours(&self, which: impl Fn(&Message) -> bool) -> Vec<Post> {
        self.place(|world, place| {
            let bot = world.bot_user(self.home);
            let ours = place.thread_messages(self.root).filter(|message| message.user == *bot && which(message));
            ours.map(|message| post(world, place, message)).collect()
        })
    }

    fn place<R>(&self, look: impl FnOnce(&World, &Channel) -> R) -> R {
        self.slack.shared.look(|world| look(world, &world.channels[&self.channel]))
    }

    fn install(&self) -> Install {
        Install::of(&self.slack, self.home)
    }
}

fn post(world: &World, place: &Channel, message: &Message) -> Post {
    Post {
        ts: message.ts,
        who: world.name_of(&message.user).to_owned(),
        text: message.text.clone(),
        streaming: message.is_streaming(),
        ours: message.user == *world.bot_user(place.home),
        metadata: message.metadata.clone(),
        blocks: message.blocks.clone(),
    }
}
