//! An answer on its way into a thread: streamed where Slack allows it, posted and updated, or posted once.
//!
//! [`Reply`] takes the model's words as they come and never makes the model wait. A pure machine decides what to call
//! next; a driver, one task per reply, asks the budgets ([`crate::pacing`]) and makes the calls, one at a time.
//! What the thread shows in the end are the parts of [`crate::render::render`]: where a call's fate is unknown, or Slack
//! ended a stream, the whole part is written again by `chat.update` instead of guessing. A part that the clock cut
//! (a stream lives about five minutes) ends elsewhere than `render` would end it; taking the seams out still gives the
//! same text.

mod driver;
mod machine;
mod mend;
mod note;
mod speaker;
#[cfg(test)]
mod tests;
mod trouble;
mod types;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chathakase_session::time::SharedClock;
use tokio::{sync::Notify, task::JoinHandle};

use crate::{api::Api, pacing::Pacing, render::PartLimits};

use machine::Machine;
use speaker::Speaker;

pub use crate::pacing::Mode;
pub use note::{with_note, without_notes};
pub use types::{Delivered, Journal, MaySpeak, OwnPost, PartShown, ReplyError, Silenced, Target, part_hash};

/// The limits of one reply.
#[derive(Clone, Copy, Debug)]
pub struct ReplyLimits {
    /// The size of a part.
    pub part: PartLimits,
    /// How long one streamed message is kept open, default 240 s: after that it ends at the next good place and a new
    /// one begins. Slack ends a stream after about 300 s (measured, not documented) and marks it as failed.
    pub part_time: Duration,
    /// How much longer a stream waits for such a place, default 30 s; then it is stopped where it is, and the part goes on
    /// as a post that is updated.
    pub part_time_grace: Duration,
    /// How long one call may be held up by rate limits before the reply gives up, default 10 min.
    pub rate_limit_patience: Duration,
}

impl Default for ReplyLimits {
    fn default() -> Self {
        Self {
            part: PartLimits::default(),
            part_time: Duration::from_secs(240),
            part_time_grace: Duration::from_secs(30),
            rate_limit_patience: Duration::from_secs(600),
        }
    }
}

/// What all replies through one installation share. A clone is the same one.
#[derive(Clone, Debug)]
pub struct Replies {
    /// Each call is made once: what a 429 or an unknown fate means is decided here, not in the client.
    api: Api,
    pacing: Pacing,
    limits: ReplyLimits,
    clock: SharedClock,
}

impl Replies {
    /// Replies through this installation. `pacing` is shared with every other one of the process.
    pub fn new(api: &Api, pacing: Pacing, limits: ReplyLimits, clock: SharedClock) -> Self {
        Self { api: api.once(), pacing, limits, clock }
    }

    /// So many processes make calls of this installation: see [`Pacing::shared_by`].
    pub fn shared_by(&self, processes: u32) {
        self.pacing.shared_by(processes);
    }

    /// Begins an answer. Nothing is posted before its first text. Must be called within a tokio runtime.
    pub fn start(&self, target: Target, journal: Arc<dyn Journal>) -> Reply {
        let shared = Arc::new(Shared {
            machine: Mutex::new(Machine::new(self.limits)),
            wake: Notify::new(),
            over: Notify::new(),
        });
        let driver = driver::run(self.speaker(target, journal), shared.clone());
        Reply { shared, driver: Some(tokio::spawn(driver)) }
    }

    fn speaker(&self, target: Target, journal: Arc<dyn Journal>) -> Speaker {
        let Self { api, pacing, limits, clock } = self.clone();
        Speaker { api, pacing, clock, patience: limits.rate_limit_patience, target, journal }
    }
}

/// What a reply and its driver share.
#[derive(Debug)]
struct Shared {
    machine: Mutex<Machine>,
    /// There is something new for the driver.
    wake: Notify,
    /// The driver has ended.
    over: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One answer on its way. Dropping it is [`Reply::abandon`] without waiting.
#[derive(Debug)]
pub struct Reply {
    shared: Arc<Shared>,
    driver: Option<JoinHandle<Result<Delivered, ReplyError>>>,
}

impl Reply {
    /// Takes the next piece of the answer. Never waits; pieces that come faster than Slack takes them are put together.
    pub fn push(&mut self, delta: &str) {
        let news = self.shared.lock().push(delta);
        if news {
            self.shared.wake.notify_one();
        }
    }

    /// The answer is complete, apart from `note`: our own sentence that follows it, as [`with_note`] puts it there. Waits until
    /// the thread shows all of it, or it is certain that it cannot. May be given up half-way, for [`Reply::stop`].
    pub async fn finish(&mut self, note: Option<&str>) -> Result<Delivered, ReplyError> {
        self.shared.lock().finish(note);
        self.shared.wake.notify_one();
        self.ended().await
    }

    /// A person wants no more of it: what is not shown by now is not shown any more. Waits for a call that was made, and ends a stream.
    /// [`ReplyError::Stopped`] says what stands there, unless the whole answer did already.
    pub async fn stop(&mut self) -> Result<Delivered, ReplyError> {
        self.say_no_more();
        self.ended().await
    }

    /// The first half of [`Reply::stop`]: does not wait.
    pub fn say_no_more(&self) {
        self.shared.lock().stop();
        self.shared.wake.notify_one();
    }

    /// Falls silent: no further call is made. Waits for the one under way, so that its outcome is in the journal.
    pub async fn abandon(mut self) {
        self.give_up();
        let _ = self.ended().await;
    }

    /// Ends when the reply cannot go on, long before [`Reply::finish`] would say why: a person stopped it, the lease is
    /// lost, Slack refuses. Then there is no use in more words from the model. Never ends while all is well.
    pub async fn broken(&self) {
        loop {
            let over = self.shared.over.notified();
            let mut over = std::pin::pin!(over);
            over.as_mut().enable();
            if self.shared.lock().is_over() {
                return;
            }
            over.await;
        }
    }

    async fn ended(&mut self) -> Result<Delivered, ReplyError> {
        let Some(driver) = self.driver.as_mut() else { return Err(ReplyError::Silenced) };
        let ended = driver.await;
        self.driver = None;
        ended.unwrap_or(Err(ReplyError::Broken))
    }

    fn give_up(&self) {
        self.shared.lock().abandon();
        self.shared.wake.notify_one();
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if self.driver.is_some() {
            self.give_up();
        }
    }
}
