//! The stage and the screen together: things are said and done, and shown as they happen.

use std::{
    pin::pin,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::Context;
use chathakase_session::{
    SlackTs,
    time::{SharedClock, timeout},
};
use chathakase_sim::slack::{Feed, Happening, Post, Said, Thread};

use super::{
    screen::Screen,
    stage::Stage,
    texts,
    view::{ASSISTANT, View},
};

/// How often is looked whether an answer is whole.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(40);
/// How long after a post nothing may come, until it is taken for one that gets no answer. Commands take a post's pace: a second.
const NOTHING_COMES: Duration = Duration::from_millis(1500);

/// Who takes part from the beginning. The first is an admin, so that `all sessions` can be tried.
pub(crate) const CAST: &[&str] = &["ana", "ben", "cleo"];

/// The channels that are there from the beginning.
pub(crate) const CHANNELS: &[&str] = &["#general", "#random"];

/// Everything that a demo has.
pub(crate) struct Room {
    pub(crate) stage: Stage,
    pub(crate) view: View,
    pub(crate) screen: Screen,
    pub(crate) feed: Feed,
    pub(crate) clock: SharedClock,
    /// Somebody chats, so that Ctrl-C may be meant for an answer.
    pub(crate) is_chat: Arc<AtomicBool>,
}

/// Something said that may get an answer.
pub(crate) struct Asked {
    pub(crate) thread: Thread,
    ts: SlackTs,
    at: Duration,
}

impl Asked {
    /// The post's timestamp.
    pub(crate) fn ts(&self) -> SlackTs {
        self.ts
    }
}

impl Room {
    /// A room with the cast in it.
    pub(crate) fn new(stage: Stage, screen: Screen, clock: SharedClock) -> Self {
        let feed = stage.slack.feed();
        let view = View::new(screen.look());
        let mut room = Self { stage, view, screen, feed, clock, is_chat: Arc::default() };
        room.view.introduce(&room.stage.slack.bot_user(), ASSISTANT);
        CHANNELS.iter().for_each(|channel| drop(room.stage.slack.channel(channel)));
        room.stage.slack.admin(CAST[0]);
        CAST.iter().for_each(|name| room.introduce(name));
        room
    }

    /// Makes a person known.
    pub(crate) fn introduce(&mut self, name: &str) {
        let id = self.stage.slack.person(name);
        self.view.introduce(&id, name);
    }

    /// Begins a thread in a channel, with a mention unless there is one already.
    pub(crate) async fn begin(&self, who: &str, channel: &str, text: &str) -> Asked {
        let slack = &self.stage.slack;
        let thread = if text.contains(&format!("@{ASSISTANT}")) {
            slack.post(who, channel, text).await
        } else {
            slack.mention(who, channel, text).await
        };
        self.asked(&thread.first())
    }

    /// Begins a thread in direct messages with the assistant.
    pub(crate) async fn dm(&self, who: &str, text: &str) -> Asked {
        let thread = self.stage.slack.dm(who, text).await;
        self.asked(&thread.first())
    }

    /// Writes into a thread.
    pub(crate) async fn reply(&self, who: &str, thread: &Thread, text: &str) -> Asked {
        let said = thread.reply(who, text).await;
        self.asked(&said)
    }

    fn asked(&self, said: &Said) -> Asked {
        Asked { thread: said.thread(), ts: said.ts(), at: self.clock.monotonic() }
    }

    /// The assistant's posts since something was said.
    pub(crate) fn answers(asked: &Asked) -> Vec<Post> {
        asked.thread.posts().into_iter().filter(|post| post.ours && post.ts > asked.ts).collect()
    }

    /// Whether the answer is whole, or none is to be expected. The store knows: it is written before Slack is told that a post
    /// arrived, and again when the thread shows the answer.
    pub(crate) async fn is_answered(&self, asked: &Asked) -> anyhow::Result<bool> {
        if self.stage.is_at_work(&asked.thread).await? {
            return Ok(false);
        }
        let waited = self.clock.monotonic().saturating_sub(asked.at);
        Ok(!Self::answers(asked).is_empty() || waited >= NOTHING_COMES)
    }

    /// Shows what happens until the answer is whole, but no longer than `limit`.
    pub(crate) async fn until_answered(&mut self, asked: &Asked, limit: Duration) -> anyhow::Result<()> {
        let clock = SharedClock::clone(&self.clock);
        let answered = async {
            loop {
                tokio::select! {
                    biased;
                    happening = self.feed.next() => self.show(happening).await?,
                    () = clock.sleep(LOOK_EVERY) => if self.is_answered(asked).await? { return Ok(()) },
                }
            }
        };
        timeout(&*clock, limit, answered).await.context("the answer did not come")?
    }

    /// Shows what happened.
    pub(crate) async fn show(&mut self, happening: Option<Happening>) -> anyhow::Result<()> {
        let happening = happening.context("the small Slack is gone")?;
        Ok(self.screen.draw(self.view.show(&happening)).await?)
    }

    /// Writes lines that nobody in Slack said.
    pub(crate) async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.screen.draw(self.view.say(text)).await?)
    }

    /// Ends the assistant; what it still says is shown.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        let Self { stage, view, screen, feed, clock, .. } = self;
        let mut stopping = pin!(stage.stop());
        let mut stopped = false;
        loop {
            tokio::select! {
                biased;
                happening = feed.next() => {
                    let happening = happening.context("the small Slack is gone")?;
                    screen.draw(view.show(&happening)).await?;
                }
                () = &mut stopping, if !stopped => stopped = true,
                () = clock.sleep(LOOK_EVERY), if stopped => return Ok(()),
            }
        }
    }

    /// Ends the assistant in the middle of whatever it does, and starts it again.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        let look = self.screen.look();
        self.say(&texts::killed(look)).await?;
        self.stage.kill().await;
        self.stage.start().await?;
        self.say(&texts::starts(look)).await
    }

    /// Ends the assistant and starts it again on the same database.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<()> {
        let look = self.screen.look();
        self.say(&texts::stops(look)).await?;
        self.stop().await?;
        self.stage.start().await?;
        self.say(&texts::starts(look)).await
    }
}
