//! Waiting for something to be shown: woken by changes, never by a timer that polls.

use std::{future::Future, pin::pin, time::Duration};

use futures_util::poll;

use crate::{
    clock::ManualClock,
    slack::{SmallSlack, world::World},
};

/// A net under every wait, in real time: past it the story fails with the transcript.
const REAL_WAIT_MAX: Duration = Duration::from_secs(30);
/// Sleeps that pass by themselves while a test waits: pacing and flushes, no timeouts.
const PASSING_SLEEP_MAX: Duration = Duration::from_millis(1100);
/// How long, in real time, nothing must have happened before a sleep passes: requests between the app and others are on their way.
/// It doubles with every sleep that changed nothing, so that an idle ticker does not let hours pass while a model is slow.
const CALM: Duration = Duration::from_millis(3);
const CALM_MAX: Duration = Duration::from_millis(100);
/// Work that takes longer than this is held by the test itself.
const BUSY_MAX: Duration = Duration::from_millis(300);

impl SmallSlack {
    /// Waits until `look` finds what it looks for.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl FnMut(&mut World) -> Option<T>) -> T {
        let mut watch = self.shared.watch();
        let waited = real::within(REAL_WAIT_MAX, async {
            let mut calm = CALM;
            loop {
                watch.mark_unchanged();
                // Not through `change`: looking is no change, and must not wake the others who look.
                if let Some(found) = self.shared.examine(&mut look) {
                    return found;
                }
                tokio::select! {
                    _ = watch.changed() => calm = CALM,
                    () = self.time_passes(calm) => calm = (calm * 2).min(CALM_MAX),
                }
            }
        });
        match waited.await {
            Some(found) => found,
            None => panic!("waited {REAL_WAIT_MAX:?} in vain: {what}\n{}", self.transcript()),
        }
    }

    /// Lets the app do what it is about to do: ends when no call and no delivery is under way and nobody sleeps a short sleep.
    pub(crate) async fn quiet(&self) {
        let settled = async {
            let mut watch = self.shared.watch();
            loop {
                watch.mark_unchanged();
                let calm = real::within(CALM * 4, watch.changed()).await.is_none();
                let slept = self.driver().and_then(pass_one).is_some();
                if calm && !slept && !self.shared.is_busy() {
                    return;
                }
            }
        };
        assert!(real::within(REAL_WAIT_MAX, settled).await.is_some(), "never quiet\n{}", self.transcript());
    }

    /// Waits for `work`, under the net; short sleeps pass meanwhile.
    pub(crate) async fn give_time(&self, work: impl Future<Output = ()>) {
        let mut work = pin!(work);
        let mut calm = CALM;
        let ended = real::within(REAL_WAIT_MAX, async {
            loop {
                tokio::select! {
                    () = &mut work => return,
                    () = self.time_passes(calm) => calm = (calm * 2).min(CALM_MAX),
                }
            }
        })
        .await;
        assert!(ended.is_some(), "a delivery is not over after {REAL_WAIT_MAX:?}\n{}", self.transcript());
    }

    /// Lets one short sleep pass as soon as things are calm; never ends without a driven clock.
    async fn time_passes(&self, calm: Duration) {
        let Some(clock) = self.driver() else { return std::future::pending().await };
        loop {
            let mut began = pin!(clock.sleep_began());
            let has_begun = poll!(&mut began).is_ready();
            let wait = if self.shared.is_busy() { BUSY_MAX } else { calm };
            real::pause(wait).await;
            if pass_one(clock).is_some() {
                return;
            }
            if !has_begun {
                began.await;
            }
        }
    }

    fn driver(&self) -> Option<&ManualClock> {
        self.shared.options.clock_driver.as_ref()
    }
}

fn pass_one(clock: &ManualClock) -> Option<Duration> {
    clock.pass_sleep_now(..=PASSING_SLEEP_MAX)
}

/// The one place where a small Slack takes real time: nets, and the calm before a sleep passes.
#[expect(clippy::disallowed_methods, reason = "a test's net must work when its own clock stands still")]
mod real {
    use std::{future::Future, time::Duration};

    pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(limit, work).await.ok()
    }

    pub(super) async fn pause(time: Duration) {
        tokio::time::sleep(time).await;
    }
}
