//! From Slack's delivery to the store: routes, stores durably, and only then lets Slack be told that it arrived.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chathakase_metrics::ROUTES;
use chathakase_session::{
    AppId, Kind, Role, SlackTs, ThreadKey, UserId, WorkspaceId, chain, fault_point,
    store::{Amended, Edit, Erased, NewPost, Press, Receipt, StoreError, ThreadMark},
};
use chathakase_slack::{
    api::{Api, ApiError, PageRequest},
    payload::{Change, Deletion, Delivery, Event, Inbox, NotStored, Place, Post, Retry},
    text,
};

use crate::{
    commands,
    gaps::Gaps,
    here::Here,
    reading::{self, PAGE},
    route::{Arrival, Identity, Route, is_allowed_bot, route},
    runner::Runner,
    told::Teller,
    turn::Tools,
};

/// Where Slack's doors deliver to.
pub(crate) struct Intake {
    pub(crate) runner: Arc<Runner>,
    pub(crate) gaps: Gaps,
    pub(crate) teller: Teller,
}

/// How old a post that we do not know may be for its edit to be taken as its arrival. Posts that we had are known for longer.
pub(crate) const EDIT_BRINGS_FOR: Duration = Duration::from_secs(24 * 3600);

/// How long a look at a thread waits for Slack to allow it: Slack itself waits three seconds for an acknowledgement.
const RATE_LIMIT_WAIT_MAX: Duration = Duration::from_secs(1);

/// The intake as the doors know it.
pub(crate) struct Mailbox(pub(crate) Arc<Intake>);

#[async_trait]
impl Inbox for Mailbox {
    async fn deliver(&self, delivery: Delivery) -> Result<(), NotStored> {
        let intake = &self.0;
        // A process that is about to end takes nothing new: Slack sends it again, to whoever is there then.
        if intake.runner.is_closing() {
            return Err(NotStored::at_the_end());
        }
        let clock = &intake.runner.tools.clock;
        let began = clock.monotonic();
        intake.gaps.heard(delivery.retry.as_ref(), clock.now());
        let Delivery { workspace, app_id, bot_user, ext_shared: shared, event, retry, .. } = delivery;
        let tells = Tells::at(retry.as_ref());
        let api = intake.runner.tools.api.waiting_up_to(RATE_LIMIT_WAIT_MAX);
        let here = Here::new(intake.me(bot_user, app_id), api, workspace, Some(shared));
        let done = match event {
            Event::Mention(post) => intake.arrives(&here, post, How::Mention, tells).await,
            Event::Message(post) => intake.arrives(&here, post, How::Post, tells).await,
            Event::Changed(change) => intake.change(&here, change, tells).await,
            Event::Deleted(deletion) => intake.delete(&here.workspace, &deletion).await.map_err(Undone::from),
            Event::Stopped { channel, thread_ts: root, pressed, over } => {
                let at = pressed.unwrap_or_else(|| SlackTs::at(intake.runner.tools.api.slack_now()));
                let key = ThreadKey { workspace: here.workspace, channel, root };
                intake.runner.stop(&key, &Press { at, over }).await.map_err(Undone::from)
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
        intake.gaps.took(clock.monotonic().saturating_sub(began), clock.now());
        done.map_err(|error| {
            intake.gaps.refused(clock.now());
            // Where only a person can put it right, looking for it again and again finds it no better.
            if !matches!(error, Undone::Store(StoreError::BadRow { .. })) {
                intake.gaps.missed();
            }
            error.into()
        })
    }
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

/// What the author of a post that cannot be taken in is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tells {
    /// Whatever is in the way.
    All,
    /// That it is refused for good. That it waits was said when Slack tried first, or is not worth saying any more.
    Refusal,
    /// Nothing: somebody else does.
    Nothing,
}

impl Tells {
    /// What is told at this try of Slack's.
    fn at(retry: Option<&Retry>) -> Self {
        if retry.is_none_or(Retry::is_first_to_arrive) { Self::All } else { Self::Refusal }
    }
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
    /// It was refused before this.
    Refused,
    /// It was edited, at this moment, before it came: it is to be taken in as it stands now.
    Outdated(SlackTs),
}

/// Why a delivery is not done, and so not acknowledged: Slack sends it again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undone {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("what Slack tells out of order could not be looked up in its thread")]
    Slack(#[from] ApiError),
    #[error("the replies that came before their mention are more than one delivery reads; it goes on with the next")]
    TooLong,
}

impl From<Undone> for NotStored {
    fn from(undone: Undone) -> Self {
        match undone {
            Undone::Store(_) => Self::because(undone),
            Undone::Slack(_) | Undone::TooLong => Self::until_looked_up(undone),
        }
    }
}

impl Intake {
    /// Who we are where a delivery comes from: Slack says it with each one, because we are another user in each workspace.
    fn me(&self, user: Option<UserId>, app: Option<AppId>) -> Identity {
        let me = &self.runner.tools.me;
        Identity {
            user: user.unwrap_or_else(|| me.user.clone()),
            bot: me.bot.clone(),
            app: app.or_else(|| me.app.clone()),
            enterprise: me.enterprise.clone(),
        }
    }

    /// What was read back from Slack, as if it had been delivered. Slack does not say there whether a channel is shared.
    pub(crate) fn read_back(&self, workspace: &WorkspaceId, api: Api) -> Here {
        Here::new(self.me(None, None), api, workspace.clone(), None)
    }

    /// A post was delivered. Those of its thread that were missed before it come first, if they are found soon.
    /// A mention is two events, perhaps for two processes: the one that says that it is one speaks for both.
    async fn arrives(self: &Arc<Self>, here: &Here, post: Post, how: How, tells: Tells) -> Result<(), Undone> {
        let key = ThreadKey { workspace: here.workspace.clone(), channel: post.channel.clone(), root: post.root() };
        self.gaps.in_order(&key, &*self.runner.tools.clock).await;
        let comes_as_mention = post.place != Place::Direct && text::mentions(&post.text, &here.me.user);
        let tells = if how == How::Post && comes_as_mention { Tells::Nothing } else { tells };
        self.take_delivered(here, &key, post, how, tells).await
    }

    /// Takes a post in that was delivered. Whoever refused it before may have died before its author was told.
    async fn take_delivered(
        self: &Arc<Self>,
        here: &Here,
        key: &ThreadKey,
        post: Post,
        how: How,
        tells: Tells,
    ) -> Result<(), Undone> {
        let (ts, author) = (post.ts, post.author.user.clone());
        if self.take(here, post, how, tells).await? == Taken::Refused && tells != Tells::Nothing {
            self.teller.say_full(key, ts, author).await;
        }
        Ok(())
    }

    /// Takes a post in if it is for us; if it is and cannot be, `tells` its author.
    pub(crate) async fn take(
        self: &Arc<Self>,
        here: &Here,
        mut post: Post,
        how: How,
        tells: Tells,
    ) -> Result<Taken, Undone> {
        let tools = &self.runner.tools;
        let Here { workspace, me, .. } = here;
        let shared = here.is_shared(&post, &tools.settings.access).await?;
        let key = ThreadKey { workspace: workspace.clone(), channel: post.channel.clone(), root: post.root() };
        let arrival = Arrival { post: &post, mention_event: how == How::Mention, workspace, shared };
        // Whether its thread is joined is asked of the store in the same step that takes it in.
        let mark = ThreadMark { joined: true, ..ThreadMark::default() };
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
        let taken = self.receive(here, new, tells).await?;
        let Taken::Outdated(edited_ts) = taken else { return Ok(taken) };
        // Whether it asks is what it said first; its words, and so whether it is a command, are those of today.
        let said = match as_it_stands(here, &key, post.ts).await {
            Ok(Some(now)) => {
                post = now;
                text::without_mention(&post.text, &me.user)
            }
            Ok(None) => return self.erase(&key, post.ts).await.map(|()| Taken::No).map_err(Undone::from),
            Err(error) if error.is_transient() => return Err(error.into()),
            Err(error) => {
                tracing::warn!(error = %chain(&error), thread.key = %key, "a post that was edited before it came is taken in as it came");
                words
            }
        };
        let kind = match kind {
            Kind::Accepted | Kind::Command if commands::find(&said).is_some() => Kind::Command,
            Kind::Command if !said.is_empty() => Kind::Accepted,
            kind => kind,
        };
        post.edited_ts = post.edited_ts.max(Some(edited_ts));
        self.receive(here, self.new_post(key, &post, kind, &said, how, joined_only), tells).await
    }

    async fn receive(self: &Arc<Self>, here: &Here, post: NewPost, tells: Tells) -> Result<Taken, Undone> {
        let runner = &self.runner;
        let tools = &runner.tools;
        let (key, ts, author, kind) = (post.key.clone(), post.ts, post.author.clone(), post.kind);
        let joined_only = post.joined_only;
        let asker = author.clone().filter(|_| tells == Tells::All && kind != Kind::Context && !post.by_bot);
        let room = if kind == Kind::Accepted { runner.room() } else { None };
        let claimant = (room.is_some() || kind == Kind::Command).then(|| runner.claimant_now());
        let (began, now) = (tools.clock.monotonic(), tools.clock.now());
        let received = match tools.store.receive(post, claimant.as_ref(), now).await {
            Ok(received) => received,
            Err(error) => {
                drop(room);
                if let Some(asker) = asker {
                    self.teller.say_not_stored(&error, key, ts, asker, joined_only).await;
                }
                return Err(error.into());
            }
        };
        fault_point!("receive.stored");
        tracing::debug!(thread.key = %key, %ts, receipt = received.receipt.name(), "a post was received");
        if received.created {
            let runner = Arc::clone(runner);
            runner.clone().spawn(async move { runner.sweep(runner.tools.settings.cleanup_threshold).await });
        }
        let taken = match received.receipt {
            Receipt::Run(claimed) => {
                runner.run(*claimed, room, began);
                Taken::In
            }
            Receipt::Waiting(_) => {
                if room.is_none() {
                    runner.something_waits();
                }
                Taken::In
            }
            Receipt::Kept => Taken::In,
            Receipt::Known | Receipt::Gone => Taken::Before,
            Receipt::NotJoined => Taken::No,
            Receipt::TooManyBots => {
                tracing::debug!(thread.key = %key, %ts, "a post is passed over: too many of bots in a row");
                Taken::No
            }
            Receipt::Outdated(edited_ts) => Taken::Outdated(edited_ts),
            Receipt::Refused => Taken::Refused,
            Receipt::Full => {
                if tells != Tells::Nothing {
                    self.teller.say_full(&key, ts, author).await;
                }
                Taken::No
            }
        };
        if !received.passed.is_empty() {
            self.fetch_passed(here, &key, &received.passed).await?;
        }
        Ok(taken)
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
            text: reading::words(post, words, tools.settings.message_chars_max),
            edited_ts: post.edited_ts,
            asked_by_edit,
            joined_only,
        }
    }

    /// An edit gives a known message its new words. One that names us is a question, if it was none before. And one of a post
    /// that we should have and do not is the post itself, that was missed or is still on its way.
    async fn change(self: &Arc<Self>, here: &Here, change: Change, tells: Tells) -> Result<(), Undone> {
        let tools = &self.runner.tools;
        // Link previews, streaming and reply counts change a message too; only words that changed concern us.
        let Some(edited_ts) = change.post.edited_ts else { return Ok(()) };
        let post = change.post;
        if change.previous_text.as_ref() == Some(&post.text) || here.me.wrote(&post.author) {
            return Ok(());
        }
        let (root, now) = (post.root(), tools.clock.now());
        let key = ThreadKey { workspace: here.workspace.clone(), channel: change.channel, root };
        let is_young = now.since(post.ts.moment()) <= EDIT_BRINGS_FOR;
        let amended = tools.store.amend(self.edit(key.clone(), &here.me, &post, edited_ts), now).await?;
        fault_point!("edit.stored");
        let missed = matches!(amended, Amended::Unknown | Amended::Entered) && is_young;
        let asks_now = text::mentions(&post.text, &here.me.user);
        let asked_before = change.previous_text.as_ref().is_none_or(|text| text::mentions(text, &here.me.user));
        let how = if asks_now && !asked_before { How::Edit } else { How::Post };
        // A question that was one before was asked then, even where the mark that says so is forgotten.
        if missed || (asks_now && !asked_before) {
            self.take_delivered(here, &key, post, how, tells).await?;
        }
        Ok(())
    }

    /// An edit as the store is told of it: whoever wrote the post and however old it is, it is what a reading under way may have
    /// seen as it was.
    fn edit(&self, key: ThreadKey, me: &Identity, post: &Post, edited_ts: SlackTs) -> Edit {
        let Tools { settings, people, .. } = &self.runner.tools;
        let name = post.author.user.as_ref().and_then(|id| people.known_name(id));
        let is_talk = reading::is_words(post) && commands::find(&text::without_mention(&post.text, &me.user)).is_none();
        // A bot that we do not listen to may edit all the time.
        let leaves_mark = !post.author.is_bot || is_allowed_bot(&post.author, &settings.access);
        let post = reading::as_context(&key, post.clone(), me, name, settings.message_chars_max);
        let enters = settings.reread && is_talk && !post.text.is_empty();
        Edit { post, edited_ts, leaves_mark, enters }
    }

    /// Erases what was deleted. Of a post that we do not have a mark is kept: it may still arrive.
    async fn delete(self: &Arc<Self>, workspace: &WorkspaceId, deletion: &Deletion) -> Result<(), StoreError> {
        let ts = deletion.deleted_ts;
        let root = deletion.thread_ts.unwrap_or(ts);
        self.erase(&ThreadKey { workspace: workspace.clone(), channel: deletion.channel.clone(), root }, ts).await
    }

    /// Erases a post that is gone from Slack: a message, or the answer of ours that it is a part of.
    pub(crate) async fn erase(&self, key: &ThreadKey, ts: SlackTs) -> Result<(), StoreError> {
        let tools = &self.runner.tools;
        let now = tools.clock.now();
        let erased = tools.store.erase(&key.workspace, &key.channel, ts, now).await?;
        fault_point!("erase.stored");
        match erased {
            // Who takes the question away does not want to read on.
            Erased::Done { stops: Some(turn) } => self.runner.stop_turn(turn),
            // Also when it is marked already: whoever did that may have died before this.
            Erased::Marked | Erased::Gone if ts != key.root => {
                let retracted = tools.store.retract(key, ts, now).await?;
                fault_point!("retract.stored");
                if retracted {
                    tracing::info!(thread.key = %key, "an answer was deleted in Slack, and is forgotten");
                }
            }
            Erased::Done { stops: None } | Erased::Marked | Erased::Gone => {}
        }
        Ok(())
    }

    /// Takes in replies that came before the post that opens their thread to us. Until they are, that post is not acknowledged:
    /// whoever gets it again is told of them again. Where Slack does not show them, now or ever, they are lost.
    async fn fetch_passed(self: &Arc<Self>, here: &Here, key: &ThreadKey, passed: &[SlackTs]) -> Result<(), Undone> {
        let mut unseen = passed;
        for _ in 0..self.runner.tools.settings.read_back_calls_max {
            let Some(oldest) = unseen.first().copied() else { return Ok(()) };
            // From the next one on, and not by the cursor: what lies between two of them need not be read.
            let page = PageRequest {
                oldest: Some(oldest),
                inclusive: Some(true),
                limit: Some(PAGE),
                ..PageRequest::default()
            };
            let (posts, more) = match posts_of(here, key, page).await {
                Err(error) if !error.is_transient() => {
                    tracing::warn!(error = %chain(&error), thread.key = %key, "replies that came before their mention cannot be fetched");
                    return Ok(());
                }
                posts => posts?,
            };
            let newest = posts.iter().map(|post| post.ts).max().filter(|_| more).unwrap_or(SlackTs::MAX);
            for post in posts.into_iter().filter(|post| unseen.contains(&post.ts)) {
                // Boxed: taking a post in may lead here.
                Box::pin(self.take(here, post, How::Post, Tells::Refusal)).await?;
            }
            unseen = unseen.get(unseen.partition_point(|ts| *ts <= newest)..).unwrap_or_default();
        }
        if unseen.is_empty() { Ok(()) } else { Err(Undone::TooLong) }
    }
}

/// A post as its thread shows it now; `None` when it is gone.
async fn as_it_stands(here: &Here, key: &ThreadKey, ts: SlackTs) -> Result<Option<Post>, ApiError> {
    let page = PageRequest { oldest: Some(ts), latest: Some(ts), inclusive: Some(true), ..PageRequest::default() };
    let posts = match posts_of(here, key, page).await {
        // Nothing of the thread is left.
        Err(error) if error.code() == Some("thread_not_found") => return Ok(None),
        posts => posts?.0,
    };
    Ok(posts.into_iter().find(|post| post.ts == ts && !post.is_tombstone()))
}

/// A page of a thread, and whether there are more.
async fn posts_of(here: &Here, key: &ThreadKey, page: PageRequest<'_>) -> Result<(Vec<Post>, bool), ApiError> {
    let page = here.api.conversations_replies(&key.channel, key.root, page).await?;
    Ok((page.posts, page.next_cursor.is_some()))
}
