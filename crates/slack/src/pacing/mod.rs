//! What Slack lets us say, and how often: the budgets of each workspace and channel, and which way an answer takes.
//!
//! [`Pacer`] is pure: it is told what time it is and answers at once. [`Pacing`] shares one between all replies of the
//! process and gives it the clock. Nobody waits in here: who is refused is told when to ask again.
//!
//! Slack counts calls per method and workspace, and posts per channel (Slack: Rate limits). So an answer takes the best way
//! that the budgets allow at the moment it has something to show: a native stream; or a post that is updated; or, while
//! neither is possible, it waits and gathers text, in the end for one post. Each call counts against a window of one minute,
//! and each stream in the window keeps back the call that ends it, so that no answer hangs for want of its last call.

mod flow;
mod limits;
mod pacer;
mod window;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chathakase_session::{ChannelId, WorkspaceId, time::SharedClock};

pub use limits::Limits;
pub use pacer::{Ask, Lane, Mode, Pacer};

/// One [`Pacer`] for the whole process. A clone is the same one.
#[derive(Clone, Debug)]
pub struct Pacing {
    pacer: Arc<Mutex<Pacer>>,
    clock: SharedClock,
}

/// The right to have a part open: it keeps back the call that ends the part until it is dropped.
#[derive(Debug)]
pub struct Slot {
    pacing: Pacing,
    workspace: WorkspaceId,
    mode: Mode,
}

impl Pacing {
    /// Full budgets.
    pub fn new(limits: Limits, clock: SharedClock) -> Self {
        Self { pacer: Arc::new(Mutex::new(Pacer::new(limits))), clock }
    }

    /// Asks to open a part in a channel. Refused, it says after how long to ask again.
    pub fn open(&self, workspace: &WorkspaceId, channel: &ChannelId, ask: Ask) -> Result<Slot, Duration> {
        let mode = self.lock().open(workspace, channel, ask, self.clock.monotonic())?;
        Ok(Slot { pacing: self.clone(), workspace: workspace.clone(), mode })
    }

    /// Asks for one append to a stream whose last call was `since` ago.
    pub fn append(&self, workspace: &WorkspaceId, since: Duration) -> Result<(), Duration> {
        self.lock().append(workspace, since, self.clock.monotonic())
    }

    /// Asks for one update on the way, of a post whose last call was `since` ago.
    pub fn update_on_the_way(&self, workspace: &WorkspaceId, since: Duration) -> Result<(), Duration> {
        self.lock().update_on_the_way(workspace, since, self.clock.monotonic())
    }

    /// Asks for one update or stop that has to be, at the end of a part or to mend it.
    pub fn closing(&self, workspace: &WorkspaceId, lane: Lane) -> Result<(), Duration> {
        self.lock().closing(workspace, lane, self.clock.monotonic())
    }

    /// Asks for one post that is whole.
    pub fn post(&self, workspace: &WorkspaceId, channel: &ChannelId) -> Result<(), Duration> {
        self.lock().post(workspace, channel, self.clock.monotonic())
    }

    /// Slack answered 429: nothing more of that kind for a while.
    pub fn limited(&self, workspace: &WorkspaceId, channel: &ChannelId, lane: Lane, retry_after: Duration) {
        self.lock().limited(workspace, channel, lane, retry_after, self.clock.monotonic());
    }

    /// This workspace (or only this channel) takes no streams. Remembered for [`Limits::no_streams_for`].
    pub fn no_streams(&self, workspace: &WorkspaceId, channel: Option<&ChannelId>) {
        self.lock().no_streams(workspace, channel, self.clock.monotonic());
    }

    /// So many processes, this one among them, share the budgets: each takes an even part. At first there is one.
    pub fn shared_by(&self, processes: u32) {
        self.lock().shared_by(processes, self.clock.monotonic());
    }

    fn lock(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// The way that was chosen.
    pub fn mode(&self) -> Mode {
        self.mode
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.pacing.lock().close(&self.workspace, self.mode);
    }
}

#[cfg(test)]
mod tests;
