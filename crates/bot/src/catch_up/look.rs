//! One look under way: what it calls, what it takes in, and what it gives up.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use chathakase_metrics::{CATCH_UP_FOUND, CATCH_UP_GIVEN_UP};
use chathakase_session::{
    ChannelId, SlackTs, ThreadKey, Timestamp, WorkspaceId, fault_point,
    store::{Learned, Looked, StoreError},
};
use chathakase_slack::{
    api::{Api, ApiError, PageRequest},
    payload::Post,
    text,
};

use super::reach::{Reach, Spot};
use crate::{
    gaps::Gap,
    here::Here,
    intake::{EDIT_BRINGS_FOR, How, Intake, Taken, Tells, Undone},
    proof::Cause,
    reading::{self, as_context},
};

/// Calls and time that one look may take.
const CALLS_MAX: usize = 400;
const TIME_MAX: Duration = Duration::from_secs(20 * 60);
/// Calls that are made without a pause, and the pause before each of the others: 30 a minute of Slack's 50.
const BURST: usize = 10;
const PAUSE: Duration = Duration::from_secs(2);
/// How long one call waits for Slack to allow it: under its strictest limit that is a minute.
const RATE_LIMIT_WAIT_MAX: Duration = Duration::from_secs(60);
/// Kinds of places, those first where every message is for us. Each needs a scope of its own.
const KINDS: [&str; 4] = ["im", "mpim", "private_channel", "public_channel"];
/// Posts asked for in one page of a channel, and pages of it.
const PAGE: u32 = 200;
const PAGES_MAX: usize = 3;
/// From so many calls and so much time on, threads that were silent for long are left.
const OLDER_BELOW_CALLS: usize = CALLS_MAX / 4;
const OLDER_BELOW_TIME: Duration = Duration::from_secs(5 * 60);

/// One look under way.
pub(super) struct Look<'a> {
    intake: &'a Arc<Intake>,
    api: Api,
    here: Here,
    gap: Gap,
    workspace: &'a WorkspaceId,
    reach: Reach,
    began: Duration,
    calls: usize,
    /// Slack lets nothing more be asked, in a look that does not wait for it.
    is_limited: bool,
    /// It was said that something is too old to be looked for.
    is_too_old: bool,
    found: u64,
    read: HashSet<ThreadKey>,
    /// What is to be looked through: where no look came to, and where one did, with the time of that.
    first: VecDeque<Spot>,
    again: BTreeMap<(Timestamp, usize), Spot>,
    planned: usize,
}

impl<'a> Look<'a> {
    /// Begins one.
    pub(super) fn new(intake: &'a Arc<Intake>, workspace: &'a WorkspaceId, gap: Gap, reach: Reach) -> Self {
        let tools = &intake.runner.tools;
        // What one may ask of Slack is for whoever waits for an answer, and not for a mere silence.
        let patience = if gap.cause == Cause::Silence { Duration::ZERO } else { RATE_LIMIT_WAIT_MAX };
        let api = tools.api.waiting_up_to(patience);
        Self {
            intake,
            here: intake.read_back(workspace, api.clone()),
            api,
            gap,
            workspace,
            reach,
            began: tools.clock.monotonic(),
            calls: 0,
            is_limited: false,
            is_too_old: false,
            found: 0,
            read: HashSet::new(),
            first: VecDeque::new(),
            again: BTreeMap::new(),
            planned: 0,
        }
    }

    /// Reads the `threads`, and where we are otherwise. Says whether all is done: when another gap comes meanwhile, what was missed in it
    /// keeps people waiting too, and all is looked through once more.
    pub(super) async fn everything(&mut self, threads: &[ThreadKey]) -> Result<bool, StoreError> {
        threads.iter().for_each(|key| self.plan(key.into()));
        if !self.through(false).await? {
            return Ok(false);
        }
        let mut channels = Vec::new();
        for kind in KINDS {
            channels.extend(self.channels(kind).await?);
        }
        channels.extend(threads.iter().map(|key| key.channel.clone()));
        channels.sort_by_key(|channel| !channel.as_str().starts_with('D'));
        let mut seen = HashSet::new();
        channels.retain(|channel| seen.insert(channel.clone()));
        channels.iter().for_each(|channel| self.plan(channel.into()));
        self.through(true).await
    }

    /// A spot is to be looked through. Those that a look came to which did not come to its end are last, the longest ago first: so each
    /// has its turn, however many looks die.
    fn plan(&mut self, spot: Spot) {
        match self.reach.came_to(&spot) {
            None => self.first.push_back(spot),
            Some(at) => {
                self.planned += 1;
                self.again.insert((at, self.planned), spot);
            }
        }
    }

    /// Looks through what is planned, or only where no look came to; whoever waits for a thread comes first. Says whether all is done.
    async fn through(&mut self, again: bool) -> Result<bool, StoreError> {
        loop {
            let next = match self.first.pop_front() {
                None if again => self.again.pop_first().map(|(_, spot)| spot),
                next => next,
            };
            let Some(spot) = next else { return Ok(true) };
            if self.is_called_away() {
                return Ok(false);
            }
            self.called().await?;
            match spot.root {
                Some(root) => {
                    let key = self.thread_at(spot.channel, root);
                    self.listed(&key).await?;
                }
                None => self.channel(&spot.channel).await?,
            }
        }
    }

    fn thread_at(&self, channel: ChannelId, root: SlackTs) -> ThreadKey {
        ThreadKey { workspace: self.workspace.clone(), channel, root }
    }

    /// Whether another gap came, and is over, since the look began. While no link is up, one looks on.
    fn is_called_away(&self) -> bool {
        self.intake.gaps.is_past(self.gap.stretch)
    }

    /// Logs what came of it.
    pub(super) fn log_result(&self) {
        tracing::info!(
            cause = self.gap.cause.name(),
            found = self.found,
            calls = self.calls,
            threads = self.read.len(),
            seconds_back = self.gap.began.since(self.reach.since()).as_secs(),
            "what was missed was looked for"
        );
    }

    /// Reads threads of which nothing was heard for longer, as far as that goes. Says whether all is done.
    pub(super) async fn older(&mut self) -> Result<bool, StoreError> {
        let gaps = &self.intake.gaps;
        while let Some(key) = gaps.next_late() {
            if self.is_called_away() {
                return Ok(false);
            }
            let took = self.intake.runner.tools.clock.monotonic().saturating_sub(self.began);
            if self.calls >= OLDER_BELOW_CALLS || took >= OLDER_BELOW_TIME {
                gaps.list_nothing(self.gap.stretch);
                self.give_up("threads that were silent for long are not all read");
                break;
            }
            self.listed(&key).await?;
        }
        Ok(true)
    }

    /// Reads the threads that somebody waits for.
    async fn called(&mut self) -> Result<(), StoreError> {
        while let Some(key) = self.intake.gaps.next_called() {
            self.listed(&key).await?;
        }
        Ok(())
    }

    /// Reads a thread that posts may wait for.
    async fn listed(&mut self, key: &ThreadKey) -> Result<(), StoreError> {
        let done = self.thread_if_readable(key).await;
        self.intake.gaps.done_with(key);
        done
    }

    /// [`Look::thread`]; one whose rows cannot be read keeps nobody from the others.
    async fn thread_if_readable(&mut self, key: &ThreadKey) -> Result<(), StoreError> {
        if !self.read.insert(key.clone()) || !self.may_call().await {
            return Ok(());
        }
        match self.thread(key).await {
            Err(error @ StoreError::BadRow { .. }) => self.give_up_unreadable(&error),
            done => done?,
        }
        self.came_to(Spot::from(key)).await
    }

    /// Takes in what was missed in a thread, and what was edited or deleted there.
    async fn thread(&mut self, key: &ThreadKey) -> Result<(), StoreError> {
        self.say_what_is_too_old(&Spot::from(key));
        let tools = &self.intake.runner.tools;
        let now = tools.clock.now();
        // From the oldest message on that a window would show, now or of the turn that waits: those are the ones whose changes matter.
        let shown = tools.store.history(key, None, tools.settings.window.max_messages, now).await?.newest;
        let waiting = tools.store.mark(key, now).await?.waiting_from;
        let from = [shown.first().map(|first| first.ts), waiting]
            .into_iter()
            .flatten()
            .fold(self.reach.since_ts(), SlackTs::min);
        let began = tools.store.time(now).await?;
        let reading = reading::read(&self.api, key, Some(from), tools.settings.read_back_calls_max, began).await;
        if let Some(error) = &reading.failed {
            self.give_up_on(&format!("thread {key}"), error);
        } else if !reading.whole {
            self.give_up(&format!("thread {key} was too long to be read to its end"));
        }
        if reading.posts.first().is_some_and(|root| root.ts == key.root && root.is_tombstone()) {
            self.intake.erase(key, key.root).await?;
        }
        let posts = reading.posts.clone();
        let read = reading.until(SlackTs::MAX, key.root, usize::MAX, |post| {
            Some(as_context(key, post, &tools.me, None, tools.settings.message_chars_max))
        });
        // Before the questions: what answers them is made from the thread as it stands.
        let changed = match tools.store.reconcile(key, read, tools.clock.now()).await {
            Err(error @ StoreError::BadRow { .. }) => {
                self.give_up_unreadable(&error);
                Learned::default()
            }
            changed => changed?,
        };
        fault_point!("gap.reconciled");
        if changed.erased > 0 {
            self.intake.runner.heed_stops().await;
        }
        if changed.amended + changed.erased > 0 {
            tracing::info!(thread.key = %key, edited = changed.amended, deleted = changed.erased, "changes of a thread had been missed");
        }
        self.take(&posts).await
    }

    /// Takes in what was missed in a channel, and plans to read the threads there that had replies since.
    async fn channel(&mut self, channel: &ChannelId) -> Result<(), StoreError> {
        let since = self.reach.since_ts();
        self.say_what_is_too_old(&Spot::from(channel));
        let mut posts: Vec<Post> = Vec::new();
        let mut cursor: Option<String> = None;
        for page in 1..=PAGES_MAX {
            self.called().await?;
            if !self.may_call().await {
                if page == 1 {
                    return Ok(());
                }
                break;
            }
            let asked = PageRequest {
                oldest: Some(since),
                inclusive: Some(true),
                limit: Some(PAGE),
                cursor: cursor.as_deref(),
                ..PageRequest::default()
            };
            match self.api.conversations_history(channel, asked).await {
                Ok(found) => {
                    posts.extend(found.posts);
                    cursor = found.next_cursor;
                }
                Err(error) => {
                    self.give_up_on(&format!("channel {channel}"), &error);
                    break;
                }
            }
            match cursor {
                None => break,
                Some(_) if page == PAGES_MAX => {
                    self.give_up(&format!("channel {channel} has more posts than are read"))
                }
                Some(_) => {}
            }
        }
        posts.sort_by_key(|post| post.ts);
        self.take(&posts).await?;
        for root in posts.iter().filter(|post| post.latest_reply.is_some_and(|reply| reply >= since)) {
            self.plan(Spot { channel: channel.clone(), root: Some(root.ts) });
        }
        self.came_to(Spot::from(channel)).await
    }

    /// Says, once in a look, that what was missed may be too old.
    fn say_what_is_too_old(&mut self, spot: &Spot) {
        if self.reach.leaves_out(spot) && !self.is_too_old {
            self.is_too_old = true;
            self.give_up("what was written before that is too old to be answered (limits.catch_up)");
        }
    }

    /// Has whoever looks next, if this look comes to no end, begin elsewhere. What could not be read was said.
    async fn came_to(&self, spot: Spot) -> Result<(), StoreError> {
        let tools = &self.intake.runner.tools;
        let since = self.reach.found_since(&spot);
        let looked = Looked { channel: spot.channel, root: spot.root, since, at: self.gap.began };
        tools.store.note_looked(self.workspace, &looked, tools.clock.now()).await?;
        fault_point!("gap.noted");
        Ok(())
    }

    /// Takes posts in as if they came now, the oldest first. What is known already is left as it is.
    async fn take(&mut self, posts: &[Post]) -> Result<(), StoreError> {
        let tools = &self.intake.runner.tools;
        let (me, now, since) = (&tools.me.user, tools.clock.now(), self.reach.since_ts());
        for post in posts {
            // Slack does not show what a post said before. Of a young one it is known whether it was a question already; the mark that
            // says so of an older one may be forgotten.
            let asked_since = post.edited_ts.is_some_and(|edited| edited >= since)
                && now.since(post.ts.moment()) <= EDIT_BRINGS_FOR
                && text::mentions(&post.text, me);
            let how = match (post.ts >= since, asked_since) {
                (true, _) => How::Post,
                (false, true) => How::Edit,
                (false, false) => continue,
            };
            if !self.knows_place(post).await {
                continue;
            }
            let thread = format!("the thread of {}/{}", post.channel, post.ts);
            let taken = match self.intake.take(&self.here, post.clone(), how, Tells::Refusal).await {
                Err(Undone::Slack(error)) => {
                    self.give_up_on(&thread, &error);
                    continue;
                }
                Err(Undone::TooLong) => {
                    self.give_up(&format!("{thread} has more replies from before its mention than are read"));
                    continue;
                }
                Err(Undone::Store(error @ StoreError::BadRow { .. })) => {
                    self.give_up_unreadable(&error);
                    continue;
                }
                Err(Undone::Store(error)) => return Err(error),
                Ok(taken) => taken,
            };
            if taken == Taken::In {
                self.found += 1;
                CATCH_UP_FOUND.count([]);
                self.intake.gaps.note(|report| report.found += 1);
            }
        }
        Ok(())
    }

    /// Whether it is known if others than our own are where a post stands. Asking is one of the look's calls.
    async fn knows_place(&mut self, post: &Post) -> bool {
        let access = &self.intake.runner.tools.settings.access;
        if self.here.known(post, access).is_some() {
            return true;
        }
        if !self.may_call().await {
            return false;
        }
        match self.here.is_shared(post, access).await {
            Ok(_) => true,
            Err(error) => {
                self.give_up_on(&format!("whether channel {} is shared", post.channel), &error);
                false
            }
        }
    }

    /// Where we are. Which kinds of places may be listed depends on the app's scopes; the others are left out.
    async fn channels(&mut self, kind: &str) -> Result<Vec<ChannelId>, StoreError> {
        let mut channels = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            self.called().await?;
            if !self.may_call().await {
                break;
            }
            match self.api.own_conversations(&[kind], cursor.as_deref()).await {
                Ok(page) => {
                    channels.extend(page.conversations.into_iter().map(|channel| channel.id));
                    cursor = page.next_cursor;
                }
                Err(error) => {
                    self.give_up_on(kind, &error);
                    break;
                }
            }
            if cursor.is_none() {
                break;
            }
        }
        Ok(channels)
    }

    /// Whether one more call may be made; waits for its turn.
    async fn may_call(&mut self) -> bool {
        if self.is_limited {
            return false;
        }
        let clock = &self.intake.runner.tools.clock;
        if self.calls >= CALLS_MAX || clock.monotonic().saturating_sub(self.began) >= TIME_MAX {
            match self.gap.cause {
                // Through a mere silence one looks as far as that goes.
                Cause::Silence => tracing::info!("a silence was looked through in part only"),
                Cause::Gap | Cause::Retry => self.give_up("it takes more calls or time than one look may"),
            }
            return false;
        }
        if self.calls >= BURST {
            // Who waits for a thread has no time for it.
            tokio::select! {
                () = clock.sleep(PAUSE) => {}
                () = self.intake.gaps.somebody_waits() => {}
            }
        }
        self.calls += 1;
        true
    }

    fn give_up_on(&mut self, what: &str, error: &ApiError) {
        if self.gap.cause == Cause::Silence {
            self.is_limited |= error.retry_after().is_some();
            // What Slack refuses for good was said after the start: it is nothing new in each silence.
            if self.is_limited || !error.is_transient() {
                return;
            }
        }
        self.give_up(&format!("{what} could not be read: {error}"));
    }

    fn give_up_unreadable(&self, error: &StoreError) {
        self.give_up(&format!("what the database holds of a thread is damaged: {error}"));
    }

    pub(super) fn give_up(&self, what: &str) {
        tracing::warn!(what, "something that may have been missed is not looked for");
        CATCH_UP_GIVEN_UP.count([]);
        let now: Timestamp = self.intake.runner.tools.clock.now();
        self.intake.gaps.note(|report| {
            report.given_up += 1;
            report.last_given_up = Some((now, what.to_owned()));
        });
    }
}
