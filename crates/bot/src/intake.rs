//! From Slack's delivery to the store: routes, stores durably, and only then lets Slack be told that it arrived.

use std::{error::Error, sync::Arc, time::Duration};

use async_trait::async_trait;
use chathakase_metrics::ROUTES;
use chathakase_session::{
    AppId, Kind, Role, SlackTs, ThreadKey, Timestamp, UserId, WorkspaceId, chain, fault_point,
    store::{Amended, Erased, NewPost, Receipt, StoreError, ThreadMark},
};
use chathakase_slack::{
    api::PageRequest,
    payload::{Change, Deletion, Delivery, Event, Inbox, NotStored, Place, Post, post_from_history},
    text,
};

use crate::{
    catch::{self, Early, Passed, Told},
    gaps::Gaps,
    route::{Arrival, Identity, Route, depends_on_bots, route},
    runner::Runner,
    texts,
};

/// Where Slack's doors deliver to.
pub(crate) struct Intake {
    pub(crate) runner: Arc<Runner>,
    pub(crate) passed: Passed,
    pub(crate) early: Early,
    pub(crate) gaps: Gaps,
    pub(crate) told: Told,
}

/// How old a post that we do not know may be for its edit to be taken as its arrival. Posts that we had are known for longer.
const EDIT_BRINGS_FOR: Duration = Duration::from_secs(24 * 3600);

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
            Event::Mention(post) => intake.arrives(&here, post, How::Mention).await,
            Event::Message(post) => intake.arrives(&here, post, How::Post).await,
            Event::Changed(change) => intake.change(&here, change).await,
            Event::Deleted(deletion) => intake.delete(&here.workspace, &deletion).await,
            Event::Stopped { channel, thread_ts: root, pressed } => {
                let pressed = pressed.unwrap_or_else(|| SlackTs::at(intake.runner.tools.clock.now()));
                intake.runner.stop(&ThreadKey { workspace: here.workspace, channel, root }, pressed).await
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
        done.map_err(|error| {
            intake.gaps.missed();
            NotStored::because(error)
        })
    }
}

/// Where a delivery comes from.
pub(crate) struct Here {
    /// The installation that we see it through.
    workspace: WorkspaceId,
    /// Who we are there.
    me: Identity,
    /// Whether the channel is shared with another company.
    shared: bool,
}

/// How a post came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// By itself, or read back.
    Post,
    /// As an event that says that it names us.
    Mention,
    /// With an edit that made it name us.
    Edit,
}

/// Whether a post is in the store now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It came in with this.
    In,
    /// It was there before, or is kept out for good.
    Before,
    /// It was passed over.
    No,
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

    /// What was read back from Slack, as if it had been delivered. Slack does not say there whether a channel is shared, so
    /// people of other workspaces are taken for strangers; within one enterprise they are not.
    pub(crate) fn read_back(&self, workspace: &WorkspaceId) -> Here {
        Here { me: self.me(None, None), shared: !workspace.as_str().starts_with('E'), workspace: workspace.clone() }
    }

    /// A post was delivered. Those of its thread that were missed before it come first, if they are found soon.
    async fn arrives(self: &Arc<Self>, here: &Here, post: Post, how: How) -> Result<(), StoreError> {
        let key = ThreadKey { workspace: here.workspace.clone(), channel: post.channel.clone(), root: post.root() };
        self.gaps.in_order(&key, &*self.runner.tools.clock).await;
        self.take(here, post, how).await.map(drop)
    }

    pub(crate) async fn take(self: &Arc<Self>, here: &Here, post: Post, how: How) -> Result<Taken, StoreError> {
        let tools = &self.runner.tools;
        let Here { workspace, me, shared } = here;
        let key = ThreadKey { workspace: workspace.clone(), channel: post.channel.clone(), root: post.root() };
        let early = self.early.of(workspace, &post.channel, post.ts, tools.clock.now());
        if early == Some(catch::Change::Deleted) {
            tracing::debug!(thread.key = %key, ts = %post.ts, "a post was deleted before it arrived");
            return Ok(Taken::No);
        }
        let arrival = Arrival { post: &post, mention_event: how == How::Mention, workspace, shared: *shared };
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
                return Ok(Taken::No);
            }
            Route::NotJoined => return Ok(Taken::No),
            Route::Context => (Kind::Context, post.text.clone(), true),
            Route::Accept { words, uninvited } => (Kind::Accepted, words, uninvited),
            Route::Command { words, uninvited } => (Kind::Command, words, uninvited),
        };
        let new = self.new_post(key.clone(), &post, kind, &words, how, joined_only);
        let taken = self.receive(new).await?;
        if taken != Taken::No {
            self.heed_early(key, &post).await?;
        }
        Ok(taken)
    }

    /// Does to a post that is stored now what happened to it before; also what came while it was on its way in.
    async fn heed_early(self: &Arc<Self>, key: ThreadKey, post: &Post) -> Result<(), StoreError> {
        match self.early.of(&key.workspace, &key.channel, post.ts, self.runner.tools.clock.now()) {
            Some(catch::Change::Deleted) => self.erase(&key, post.ts).await?,
            Some(catch::Change::Edited) => self.look_again(key, post.ts),
            None => {}
        }
        Ok(())
    }

    async fn receive(self: &Arc<Self>, post: NewPost) -> Result<Taken, StoreError> {
        let runner = &self.runner;
        let tools = &runner.tools;
        let asked_at = post.asked_by_edit.unwrap_or(post.ts);
        let (key, ts, author, kind) = (post.key.clone(), post.ts, post.author.clone(), post.kind);
        let room = if kind == Kind::Accepted { runner.room() } else { None };
        let claimant = (room.is_some() || kind == Kind::Command).then_some(&runner.claimant);
        let (began, now) = (tools.clock.monotonic(), tools.clock.now());
        let joined_only = post.joined_only;
        // Before the store is asked: the mention that makes the thread ours may be taken in at the same moment.
        if joined_only {
            self.passed.remember(key.clone(), ts, now);
        }
        let received = tools.store.receive(post, claimant, now).await?;
        fault_point!("receive.stored");
        tracing::debug!(thread.key = %key, %ts, receipt = received.receipt.name(), "a post was received");
        if joined_only && received.receipt != Receipt::NotJoined {
            self.passed.forget(&key, ts);
        }
        if received.created {
            let runner = Arc::clone(runner);
            runner.clone().spawn(async move { runner.sweep(runner.tools.settings.cleanup_threshold).await });
        }
        Ok(match received.receipt {
            Receipt::Run(claimed) => {
                runner.run(*claimed, room, began);
                self.look_for_passed(&key, asked_at, now);
                Taken::In
            }
            Receipt::Waiting(_) => {
                if room.is_none() {
                    runner.something_waits();
                }
                self.look_for_passed(&key, asked_at, now);
                Taken::In
            }
            Receipt::Kept => Taken::In,
            Receipt::Known | Receipt::Gone => Taken::Before,
            Receipt::NotJoined => Taken::No,
            Receipt::Full => {
                if let Some(author) = author.filter(|author| self.told.is_news(&key, author, now)) {
                    tracing::warn!(thread.key = %key, "too many messages wait in this thread; one was not taken");
                    self.say_full(key, ts, author);
                }
                Taken::No
            }
        })
    }

    fn new_post(&self, key: ThreadKey, post: &Post, kind: Kind, words: &str, how: How, joined_only: bool) -> NewPost {
        let asked_by_edit = if how == How::Edit { post.edited_ts } else { None };
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
            asked_by_edit,
            joined_only,
        }
    }

    /// An edit gives a known message its new words. One that names us is a question, if it was none before. And one of a post
    /// that we should have and do not is the post itself, that was missed or is still on its way.
    async fn change(self: &Arc<Self>, here: &Here, change: Change) -> Result<(), StoreError> {
        let tools = &self.runner.tools;
        // Link previews, streaming and reply counts change a message too; only words that changed concern us.
        let Some(edited_ts) = change.post.edited_ts else { return Ok(()) };
        if change.previous_text.as_ref() == Some(&change.post.text) {
            return Ok(());
        }
        let (workspace, now) = (&here.workspace, tools.clock.now());
        let said = text::without_mention(&change.post.text, &here.me.user);
        let said = words(&change.post, &said, tools.settings.message_chars_max);
        let ts = change.post.ts;
        let amended = tools.store.amend(workspace, &change.channel, ts, &said, edited_ts, now).await?;
        let asks_now = text::mentions(&change.post.text, &here.me.user);
        let missed = amended == Amended::Unknown && now.since(ts.moment()) <= EDIT_BRINGS_FOR;
        let asked_before = change.previous_text.as_ref().is_none_or(|text| text::mentions(text, &here.me.user));
        let how = if asks_now && !asked_before { How::Edit } else { How::Post };
        // A question that was one before was asked then, even where the mark that says so is forgotten.
        if !missed && (asked_before || !asks_now) {
            return Ok(());
        }
        let taken = self.take(here, change.post, how).await?;
        if amended == Amended::Unknown && taken != Taken::In {
            if missed && taken == Taken::No {
                self.early.remember(workspace, &change.channel, ts, catch::Change::Edited, now);
            }
            // It may have come in by itself meanwhile, as it was before.
            tools.store.amend(workspace, &change.channel, ts, &said, edited_ts, now).await?;
        }
        Ok(())
    }

    async fn delete(self: &Arc<Self>, workspace: &WorkspaceId, deletion: &Deletion) -> Result<(), StoreError> {
        let tools = &self.runner.tools;
        let (now, ts) = (tools.clock.now(), deletion.deleted_ts);
        let root = deletion.thread_ts.unwrap_or(ts);
        let key = ThreadKey { workspace: workspace.clone(), channel: deletion.channel.clone(), root };
        // Where we take no part there is nothing of it to erase, and no reason to keep a mark of it for long.
        // If Slack does not say where it was, it may have been in a thread of ours.
        if deletion.place != Place::Direct && deletion.described {
            // Before the store is asked: the post may be taken in at the same moment.
            self.early.remember(workspace, &deletion.channel, ts, catch::Change::Deleted, now);
            if !tools.store.mark(&key, now).await?.joined {
                return Ok(());
            }
        }
        self.erase(&key, ts).await
    }

    /// Erases a post that is gone from Slack: a message, or the answer of ours that it is a part of.
    pub(crate) async fn erase(&self, key: &ThreadKey, ts: SlackTs) -> Result<(), StoreError> {
        let tools = &self.runner.tools;
        let now = tools.clock.now();
        match tools.store.erase(&key.workspace, &key.channel, ts, now).await? {
            // Who takes the question away does not want to read on.
            Erased::Done { stops: Some(turn) } => self.runner.stop_turn(turn),
            // Also when it is marked already: whoever did that may have died before this.
            Erased::Marked | Erased::Gone if ts != key.root => {
                if tools.store.retract(key, ts, now).await? {
                    tracing::info!(thread.key = %key, "an answer was deleted in Slack, and is forgotten");
                }
            }
            Erased::Done { stops: None } | Erased::Marked | Erased::Gone => {}
        }
        Ok(())
    }

    /// Gives a post that was edited before it arrived the words it has now.
    fn look_again(self: &Arc<Self>, key: ThreadKey, ts: SlackTs) {
        let intake = Arc::clone(self);
        self.runner.spawn(async move {
            if let Err(error) = intake.amend_from_slack(&key, ts).await {
                tracing::warn!(error = %chain(&*error), thread.key = %key, "an edit that came before its post could not be looked up");
            }
        });
    }

    async fn amend_from_slack(&self, key: &ThreadKey, ts: SlackTs) -> Result<(), Box<dyn Error + Send + Sync>> {
        let tools = &self.runner.tools;
        let page = PageRequest { oldest: Some(ts), latest: Some(ts), inclusive: Some(true), ..PageRequest::default() };
        let page = tools.api.conversations_replies(&key.channel, key.root, page).await?;
        let posts = page.messages.iter().filter_map(|m| post_from_history(m.get(), &key.channel, Place::Unknown));
        for post in posts.filter(|post| post.ts == ts) {
            let Some(edited_ts) = post.edited_ts else { continue };
            let said = text::without_mention(&post.text, &tools.me.user);
            let said = words(&post, &said, tools.settings.message_chars_max);
            tools.store.amend(&key.workspace, &key.channel, ts, &said, edited_ts, tools.clock.now()).await?;
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
                tracing::warn!(error = %chain(&*error), thread.key = %key, "replies that came before their mention could not be fetched");
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
        let here = self.read_back(&key.workspace);
        for message in &page.messages {
            let post = post_from_history(message.get(), &key.channel, Place::Unknown);
            if let Some(post) = post.filter(|post| passed.contains(&post.ts)) {
                self.take(&here, post, How::Post).await?;
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
                tracing::warn!(error = %chain(&error), thread.key = %key, "the author of a message that was not taken could not be told");
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
