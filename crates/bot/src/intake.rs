//! From Slack's delivery to the store: routes, stores durably, and only then lets Slack be told that it arrived.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use chathakase_metrics::ROUTES;
use chathakase_session::{
    AppId, Kind, Role, SlackTs, ThreadKey, Timestamp, UserId, WorkspaceId,
    store::{NewPost, Receipt, StoreError, ThreadMark},
};
use chathakase_slack::{
    api::PageRequest,
    payload::{Change, Deletion, Delivery, Event, Inbox, NotStored, Place, Post, post_from_history},
    text,
};

use crate::{
    catch::{Passed, Told},
    route::{Arrival, Identity, Route, depends_on_bots, route},
    runner::Runner,
    texts,
};

/// Where Slack's doors deliver to.
pub(crate) struct Intake {
    pub(crate) runner: Arc<Runner>,
    pub(crate) passed: Passed,
    pub(crate) told: Told,
}

/// The intake as the doors know it.
pub(crate) struct Mailbox(pub(crate) Arc<Intake>);

#[async_trait]
impl Inbox for Mailbox {
    async fn deliver(&self, delivery: Delivery) -> Result<(), NotStored> {
        let intake = &self.0;
        // A process that is about to end takes nothing new: Slack sends it again, to whoever is there then.
        if intake.runner.is_closing() {
            return Err(NotStored::because("the process is ending"));
        }
        let Delivery { workspace, app_id, bot_user, ext_shared: shared, event, .. } = delivery;
        let here = Here { me: intake.me(bot_user, app_id), workspace, shared };
        let done = match event {
            Event::Mention(post) => intake.take(&here, post, true).await,
            Event::Message(post) => intake.take(&here, post, false).await,
            Event::Changed(change) => intake.change(&here, change).await,
            Event::Deleted(deletion) => intake.delete(&here.workspace, &deletion).await,
            Event::Stopped { channel, thread_ts: root } => {
                intake.runner.stop(&ThreadKey { workspace: here.workspace, channel, root }).await
            }
            Event::RateLimited { minute } => {
                tracing::warn!(
                    minute,
                    "Slack holds events back: more than 30,000 came within an hour; some messages will not be answered"
                );
                Ok(())
            }
            Event::Other { kind } => {
                tracing::debug!(kind, "an event that is not for us");
                Ok(())
            }
        };
        done.map_err(NotStored::because)
    }
}

/// Where a delivery comes from.
struct Here {
    /// The installation that we see it through.
    workspace: WorkspaceId,
    /// Who we are there.
    me: Identity,
    /// Whether the channel is shared with another company.
    shared: bool,
}

impl Intake {
    /// Who we are where a delivery comes from: Slack says it with each one, because we are another user in each workspace.
    fn me(&self, user: Option<UserId>, app: Option<AppId>) -> Identity {
        let me = &self.runner.tools.me;
        Identity {
            user: user.unwrap_or_else(|| me.user.clone()),
            bot: me.bot.clone(),
            app: app.or_else(|| me.app.clone()),
        }
    }

    async fn take(self: &Arc<Self>, here: &Here, post: Post, mention_event: bool) -> Result<(), StoreError> {
        let tools = &self.runner.tools;
        let Here { workspace, me, shared } = here;
        let key = ThreadKey { workspace: workspace.clone(), channel: post.channel.clone(), root: post.root() };
        let arrival = Arrival { post: &post, mention_event, workspace, shared: *shared };
        let bots_in_row = if depends_on_bots(&post, &tools.settings.access) {
            tools.store.mark(&key, tools.clock.now()).await?.bots_in_row
        } else {
            0
        };
        // Whether its thread is joined is asked of the store in the same step that takes it in.
        let mark = ThreadMark { joined: true, bots_in_row, ..ThreadMark::default() };
        let route = route(arrival, me, &mark, &tools.settings.access);
        ROUTES.count([route.name()]);
        let (kind, words, joined_only) = match route {
            Route::Ignore(why) => {
                tracing::debug!(thread.key = %key, ts = %post.ts, why, "a post is passed over");
                return Ok(());
            }
            Route::NotJoined => return Ok(()),
            Route::Context => (Kind::Context, post.text.clone(), true),
            Route::Accept { words, uninvited } => (Kind::Accepted, words, uninvited),
            Route::Command { words, uninvited } => (Kind::Command, words, uninvited),
        };
        let new = self.new_post(key, &post, kind, &words, joined_only);
        self.receive(new).await
    }

    async fn receive(self: &Arc<Self>, post: NewPost) -> Result<(), StoreError> {
        let runner = &self.runner;
        let tools = &runner.tools;
        let (key, ts, author, kind) = (post.key.clone(), post.ts, post.author.clone(), post.kind);
        let room = if kind == Kind::Accepted { runner.room() } else { None };
        let claimant = (room.is_some() || kind == Kind::Command).then_some(&runner.claimant);
        let (asked_at, now) = (tools.clock.monotonic(), tools.clock.now());
        let joined_only = post.joined_only;
        // Before the store is asked: the mention that makes the thread ours may be taken in at the same moment.
        if joined_only {
            self.passed.remember(key.clone(), ts, now);
        }
        let received = tools.store.receive(post, claimant, now).await?;
        tracing::debug!(thread.key = %key, %ts, receipt = receipt_name(&received.receipt), "a post was received");
        if joined_only && received.receipt != Receipt::NotJoined {
            self.passed.forget(&key, ts);
        }
        match received.receipt {
            Receipt::Run(claimed) => {
                runner.run(*claimed, room, asked_at);
                self.look_for_passed(&key, ts, now);
            }
            Receipt::Waiting(_) => {
                if room.is_none() {
                    runner.something_waits();
                }
                self.look_for_passed(&key, ts, now);
            }
            Receipt::Kept | Receipt::Known | Receipt::Gone => {}
            Receipt::NotJoined => {}
            Receipt::Full => {
                if let Some(author) = author.filter(|author| self.told.is_news(&key, author, now)) {
                    tracing::warn!(thread.key = %key, "too many messages wait in this thread; one was not taken");
                    self.say_full(key, ts, author);
                }
            }
        }
        if received.created {
            let runner = Arc::clone(runner);
            runner.clone().spawn(async move { runner.sweep(runner.tools.settings.cleanup_threshold).await });
        }
        Ok(())
    }

    fn new_post(&self, key: ThreadKey, post: &Post, kind: Kind, words: &str, joined_only: bool) -> NewPost {
        let tools = &self.runner.tools;
        let author = post.author.user.clone();
        let name = author.as_ref().and_then(|id| tools.people.known_name(id)).or_else(|| post.author.name.clone());
        NewPost {
            key,
            ts: post.ts,
            role: Role::User,
            kind,
            name,
            author,
            author_team: post.author.team.clone(),
            by_bot: post.author.is_bot,
            text: self::words(post, words, tools.settings.message_chars_max),
            edited_ts: post.edited_ts,
            joined_only,
        }
    }

    async fn change(self: &Arc<Self>, here: &Here, change: Change) -> Result<(), StoreError> {
        use chathakase_session::store::Amended;
        let tools = &self.runner.tools;
        // Link previews, streaming and reply counts change a message too; only words that changed concern us.
        let Some(edited_ts) = change.post.edited_ts else { return Ok(()) };
        if change.previous_text.as_ref() == Some(&change.post.text) {
            return Ok(());
        }
        let said = text::without_mention(&change.post.text, &here.me.user);
        let said = words(&change.post, &said, tools.settings.message_chars_max);
        let (channel, ts) = (&change.channel, change.post.ts);
        let amended = tools.store.amend(&here.workspace, channel, ts, &said, edited_ts, tools.clock.now()).await?;
        if amended == Amended::Unknown && text::mentions(&change.post.text, &here.me.user) {
            return self.take(here, change.post, false).await;
        }
        Ok(())
    }

    async fn delete(&self, workspace: &WorkspaceId, deletion: &Deletion) -> Result<(), StoreError> {
        let tools = &self.runner.tools;
        let now = tools.clock.now();
        let root = deletion.thread_ts.unwrap_or(deletion.deleted_ts);
        let key = ThreadKey { workspace: workspace.clone(), channel: deletion.channel.clone(), root };
        // Where we take no part there is nothing of it to erase, and no reason to keep a mark of it.
        // If Slack does not say where it was, it may have been in a thread of ours.
        if deletion.place == Place::Direct || !deletion.described || tools.store.mark(&key, now).await?.joined {
            tools.store.erase(workspace, &deletion.channel, deletion.deleted_ts, now).await?;
        }
        Ok(())
    }

    /// Fetches replies of `key` that were written after the post at `mention`, which made the thread ours, but arrived before
    /// it, and takes them in as if they came now. What was written before it is for the reading of the thread.
    fn look_for_passed(self: &Arc<Self>, key: &ThreadKey, mention: SlackTs, now: Timestamp) {
        let mut passed = self.passed.take(key, now);
        passed.retain(|ts| *ts > mention);
        if passed.is_empty() {
            return;
        }
        let (intake, key) = (Arc::clone(self), key.clone());
        self.runner.spawn(async move {
            if let Err(error) = intake.fetch_passed(&key, &passed).await {
                tracing::warn!(error = &*error, thread.key = %key, "replies that came before their mention could not be fetched");
            }
        });
    }

    async fn fetch_passed(
        self: &Arc<Self>,
        key: &ThreadKey,
        passed: &[SlackTs],
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let page =
            PageRequest { oldest: passed.iter().min().copied(), inclusive: Some(true), ..PageRequest::default() };
        let page = self.runner.tools.api.conversations_replies(&key.channel, key.root, page).await?;
        let here = Here { workspace: key.workspace.clone(), me: self.me(None, None), shared: false };
        for message in &page.messages {
            let post = post_from_history(message.get(), &key.channel, Place::Unknown);
            if let Some(post) = post.filter(|post| passed.contains(&post.ts)) {
                self.take(&here, post, false).await?;
            }
        }
        Ok(())
    }

    fn say_full(self: &Arc<Self>, key: ThreadKey, ts: SlackTs, author: UserId) {
        let tools_of = Arc::clone(&self.runner);
        self.runner.spawn(async move {
            let tools = &tools_of.tools;
            let text = texts::queue_full(tools.settings.waiting_max);
            let thread = (ts != key.root).then_some(key.root);
            if let Err(error) = tools.api.post_ephemeral(&key.channel, &author, thread, &text).await {
                tracing::warn!(error = &error as &dyn Error, thread.key = %key, "the author of a message that was not taken could not be told");
            }
        });
    }
}

/// What the model is to read of a post whose words, without a mention of us, are `said`: as plain text, no longer than
/// `chars_max`, with its files named. Mentions of people keep their ids; names are put in when a request is made.
pub(crate) fn words(post: &Post, said: &str, chars_max: usize) -> String {
    let mut words = text::plain(said, &text::NoNames);
    if let Some((cut, _)) = words.char_indices().nth(chars_max) {
        words.truncate(cut);
        words += "\n";
        words += &texts::message_too_long(chars_max);
    }
    for file in &post.files {
        if !words.is_empty() {
            words += "\n";
        }
        words += &texts::file_not_read(&text::one_line_name(&file.name));
    }
    words
}

fn receipt_name(receipt: &Receipt) -> &'static str {
    match receipt {
        Receipt::Known => "known",
        Receipt::Gone => "gone",
        Receipt::Kept => "kept",
        Receipt::Waiting(_) => "waiting",
        Receipt::Run(_) => "run",
        Receipt::Full => "full",
        Receipt::NotJoined => "not joined",
    }
}
