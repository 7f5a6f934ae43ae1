//! The decisions: which way an answer takes, and who may call now.

use std::{collections::HashMap, time::Duration};

use chathakase_session::{ChannelId, WorkspaceId};

use super::{flow::Flow, limits::Limits, window::Window};

/// The longest that anybody is told to wait before asking again: budgets may come free for reasons that cannot be foreseen.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Idle workspaces and channels are forgotten when there are this many, and again whenever that number has doubled.
const SWEEP_FROM: usize = 256;

/// The part of the updates that may be made before an answer is complete; the others are for its end, and for mending.
const ON_THE_WAY: f64 = 0.5;

/// How an answer, or a part of it, is brought into the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Slack's own text streaming.
    Stream,
    /// Posted early and updated as text comes.
    PostAndUpdate,
    /// Posted once, whole.
    SinglePost,
}

/// What a part needs that is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// All of its text is there: one post says it all.
    pub whole: bool,
    /// It may be a stream.
    pub stream: bool,
}

/// What Slack counts separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// `chat.startStream`.
    Start,
    /// `chat.appendStream`.
    Append,
    /// `chat.stopStream`.
    Stop,
    /// `chat.update`.
    Update,
    /// `chat.postMessage`, by channel.
    Post,
}

impl Lane {
    /// What a call of it does, as a metric's label names it.
    pub(crate) const fn does(self) -> &'static str {
        match self {
            Self::Start | Self::Post => "open",
            Self::Append => "append",
            Self::Stop => "stop",
            Self::Update => "update",
        }
    }
}

/// The budgets of all workspaces and channels. Pure: time is an argument (of one monotonic clock).
#[derive(Debug)]
pub struct Pacer {
    limits: Limits,
    workspaces: HashMap<WorkspaceId, Workspace>,
    channels: HashMap<(WorkspaceId, ChannelId), Channel>,
    sweep_at: usize,
}

#[derive(Debug)]
struct Workspace {
    starts: Window,
    appends: Window,
    stops: Window,
    updates: Window,
    append_flow: Flow,
    update_flow: Flow,
    /// Streams that are open: each will need a stop.
    streams: u32,
    /// Posts that are being updated: each will need a last update.
    posts: u32,
    no_streams_until: Duration,
}

#[derive(Debug, Default)]
struct Channel {
    post_at: Duration,
    no_streams_until: Duration,
}

impl Workspace {
    fn new(limits: &Limits) -> Self {
        let window = |per_minute| match limits.unlimited {
            true => Window::unlimited(),
            false => Window::new(per_minute, limits.sane_share()),
        };
        Self {
            starts: window(limits.starts_per_minute),
            appends: window(limits.appends_per_minute),
            stops: window(limits.stops_per_minute),
            updates: window(limits.updates_per_minute),
            append_flow: Flow::new(),
            update_flow: Flow::new(),
            streams: 0,
            posts: 0,
            no_streams_until: Duration::ZERO,
        }
    }

    /// Our share of the limits is another.
    fn resize(&mut self, limits: &Limits, now: Duration) {
        let share = limits.sane_share();
        self.starts.resize(limits.starts_per_minute, share, now);
        self.appends.resize(limits.appends_per_minute, share, now);
        self.stops.resize(limits.stops_per_minute, share, now);
        self.updates.resize(limits.updates_per_minute, share, now);
    }

    /// Every open stream must be able to stop within the minute.
    fn can_stream(&mut self, now: Duration) -> bool {
        let stops_left = self.stops.free(now);
        self.no_streams_until <= now && self.starts.free(now) > 0 && self.streams < stops_left
    }

    /// Every post that is being updated must be able to have its last update.
    fn can_update(&mut self, now: Duration) -> bool {
        self.posts < self.updates.free(now)
    }

    fn is_idle(&mut self, now: Duration) -> bool {
        let windows = [&mut self.starts, &mut self.appends, &mut self.stops, &mut self.updates];
        windows.into_iter().all(|w| w.is_idle(now))
            && self.streams == 0
            && self.posts == 0
            && self.no_streams_until <= now
    }
}

impl Pacer {
    /// Full budgets.
    pub fn new(limits: Limits) -> Self {
        Self { limits, workspaces: HashMap::new(), channels: HashMap::new(), sweep_at: SWEEP_FROM }
    }

    /// See [`super::Pacing::open`]. Every part that was opened must be [closed](Pacer::close).
    pub fn open(
        &mut self,
        workspace: &WorkspaceId,
        channel: &ChannelId,
        ask: Ask,
        now: Duration,
    ) -> Result<Mode, Duration> {
        self.sweep(now);
        let post_every = self.limits.post_spacing();
        let (workspace, channel) = self.place(workspace, channel);
        let streams_here = ask.stream && channel.no_streams_until <= now && workspace.no_streams_until <= now;
        let can_post = channel.post_at <= now;
        let mode = if ask.whole && can_post {
            Mode::SinglePost
        } else if streams_here && workspace.can_stream(now) {
            Mode::Stream
        } else if can_post && workspace.can_update(now) {
            Mode::PostAndUpdate
        } else {
            let post = channel.post_at.saturating_sub(now);
            let start = if streams_here { workspace.starts.wait(now) } else { ASK_AGAIN };
            return Err(post.min(start).clamp(Duration::from_millis(50), ASK_AGAIN));
        };
        match mode {
            Mode::Stream => {
                // Not refused: it was just seen to be free.
                workspace.starts.take(now)?;
                workspace.streams += 1;
            }
            Mode::PostAndUpdate => {
                workspace.posts += 1;
                channel.post_at = now + post_every;
            }
            Mode::SinglePost => channel.post_at = now + post_every,
        }
        Ok(mode)
    }

    /// A part that was opened needs no call any more.
    pub fn close(&mut self, workspace: &WorkspaceId, mode: Mode) {
        let Some(workspace) = self.workspaces.get_mut(workspace) else { return };
        match mode {
            Mode::Stream => workspace.streams = workspace.streams.saturating_sub(1),
            Mode::PostAndUpdate => workspace.posts = workspace.posts.saturating_sub(1),
            Mode::SinglePost => {}
        }
    }

    /// See [`super::Pacing::append`].
    pub fn append(&mut self, workspace: &WorkspaceId, since: Duration, now: Duration) -> Result<(), Duration> {
        let least = self.limits.append_every;
        let Workspace { appends, append_flow, streams, .. } = self.workspace(workspace);
        share_out(appends, append_flow, 1.0, *streams, since, least, now)
    }

    /// See [`super::Pacing::update_on_the_way`].
    pub fn update_on_the_way(
        &mut self,
        workspace: &WorkspaceId,
        since: Duration,
        now: Duration,
    ) -> Result<(), Duration> {
        let least = self.limits.update_every;
        let of = self.workspace(workspace);
        // The last update of each post that is open is spoken for.
        if of.updates.free(now) <= of.posts {
            return Err(ASK_AGAIN);
        }
        share_out(&mut of.updates, &mut of.update_flow, ON_THE_WAY, of.posts, since, least, now)
    }

    /// See [`super::Pacing::closing`].
    pub fn closing(&mut self, workspace: &WorkspaceId, lane: Lane, now: Duration) -> Result<(), Duration> {
        match self.workspace(workspace).lane(lane) {
            Some(window) => window.take(now),
            None => Ok(()),
        }
    }

    /// See [`super::Pacing::post`].
    pub fn post(&mut self, workspace: &WorkspaceId, channel: &ChannelId, now: Duration) -> Result<(), Duration> {
        let ask = Ask { whole: true, stream: false };
        match self.open(workspace, channel, ask, now)? {
            Mode::SinglePost => Ok(()),
            // Not chosen for what is whole and may not stream.
            mode => {
                self.close(workspace, mode);
                Err(ASK_AGAIN)
            }
        }
    }

    /// See [`super::Pacing::limited`].
    pub fn limited(
        &mut self,
        workspace: &WorkspaceId,
        channel: &ChannelId,
        lane: Lane,
        retry_after: Duration,
        now: Duration,
    ) {
        let (workspace, channel) = self.place(workspace, channel);
        match workspace.lane(lane) {
            Some(window) => window.limited(retry_after, now),
            None => channel.post_at = channel.post_at.max(now + retry_after),
        }
    }

    /// See [`super::Pacing::shared_by`].
    pub fn shared_by(&mut self, processes: u32, now: Duration) {
        self.limits.share = 1.0 / f64::from(processes.max(1));
        for workspace in self.workspaces.values_mut() {
            workspace.resize(&self.limits, now);
        }
    }

    /// See [`super::Pacing::no_streams`].
    pub fn no_streams(&mut self, workspace: &WorkspaceId, channel: Option<&ChannelId>, now: Duration) {
        let until = now + self.limits.no_streams_for;
        match channel {
            Some(channel) => self.place(workspace, channel).1.no_streams_until = until,
            None => self.workspace(workspace).no_streams_until = until,
        }
    }

    fn workspace(&mut self, id: &WorkspaceId) -> &mut Workspace {
        let limits = &self.limits;
        self.workspaces.entry(id.clone()).or_insert_with(|| Workspace::new(limits))
    }

    fn place(&mut self, workspace: &WorkspaceId, channel: &ChannelId) -> (&mut Workspace, &mut Channel) {
        let limits = &self.limits;
        let of = self.workspaces.entry(workspace.clone()).or_insert_with(|| Workspace::new(limits));
        let at = self.channels.entry((workspace.clone(), channel.clone())).or_default();
        (of, at)
    }

    /// Forgets who has nothing to be remembered. Done once per doubling, so that it costs nothing per call.
    fn sweep(&mut self, now: Duration) {
        if self.workspaces.len() + self.channels.len() < self.sweep_at {
            return;
        }
        self.channels.retain(|_, channel| channel.post_at > now || channel.no_streams_until > now);
        self.workspaces.retain(|_, workspace| !workspace.is_idle(now));
        self.sweep_at = ((self.workspaces.len() + self.channels.len()) * 2).max(SWEEP_FROM);
    }
}

/// One of `sharers`, whose last call was `since` ago, may have a call of this budget, if it is its turn.
fn share_out(
    window: &mut Window,
    flow: &mut Flow,
    part: f64,
    sharers: u32,
    since: Duration,
    least: Duration,
    now: Duration,
) -> Result<(), Duration> {
    let per_minute = window.per_minute().map(|per_minute| per_minute * part);
    let spacing = per_minute.map_or(least, |per_minute| flow.spacing(sharers, per_minute, now).max(least));
    let flows_in = per_minute.map_or(Duration::ZERO, |per_minute| flow.wait(per_minute, now));
    match spacing.saturating_sub(since).max(flows_in) {
        Duration::ZERO => {
            window.take(now).map_err(|wait| wait.min(ASK_AGAIN))?;
            flow.take();
            Ok(())
        }
        // The flow quickens when others stop.
        wait => Err(wait.min(ASK_AGAIN)),
    }
}

#[cfg(test)]
impl Pacer {
    /// How many workspaces and channels are remembered.
    pub(super) fn remembered(&self) -> (usize, usize) {
        (self.workspaces.len(), self.channels.len())
    }
}

impl Workspace {
    fn lane(&mut self, lane: Lane) -> Option<&mut Window> {
        match lane {
            Lane::Start => Some(&mut self.starts),
            Lane::Append => Some(&mut self.appends),
            Lane::Stop => Some(&mut self.stops),
            Lane::Update => Some(&mut self.updates),
            Lane::Post => None,
        }
    }
}
