//! A clock that a test moves by hand, so that hours pass at once and nothing waits.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use chathakase_session::time::{Clock, Sleep, Timestamp};
use tokio::sync::Notify;

/// Where every manual clock starts: 2026-01-01 00:00:00 UTC.
pub const STARTS_AT: Timestamp = Timestamp::from_secs(1_767_225_600);

/// A [`Clock`] whose time passes only by [`ManualClock::advance`]. Clones share one time.
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    asleep: Notify,
    awake: Notify,
}

#[derive(Debug, Default)]
struct State {
    passed: Duration,
    wall_shift_ms: i64,
    next_id: u64,
    sleepers: Vec<Sleeper>,
}

#[derive(Debug)]
struct Sleeper {
    id: u64,
    asked: Duration,
    until: Duration,
    waker: Option<Waker>,
}

impl ManualClock {
    /// A clock that stands at [`STARTS_AT`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets `by` pass and wakes whoever slept until then.
    pub fn advance(&self, by: Duration) {
        let mut state = self.lock();
        state.passed += by;
        let now = state.passed;
        let due: Vec<Waker> =
            state.sleepers.iter_mut().filter(|s| s.until <= now).filter_map(|s| s.waker.take()).collect();
        drop(state);
        due.into_iter().for_each(Waker::wake);
    }

    /// Moves the wall clock alone, as a wrong or corrected system time does; no sleeper notices.
    pub fn shift_wall(&self, ms: i64) {
        self.lock().wall_shift_ms += ms;
    }

    /// Waits until somebody sleeps for a time in `asked`, then lets time pass until that sleep is over. Returns how long was asked for.
    ///
    /// This is how a test lets a retry or a pause happen: it does not race with the code that is about to sleep.
    pub async fn pass_sleep(&self, asked: impl std::ops::RangeBounds<Duration>) -> Duration {
        loop {
            let sleep_began = self.shared.asleep.notified();
            if let Some((wait, asked)) = self.soonest(&asked) {
                self.advance(wait);
                // Who calls this in a loop must not keep those from running who were woken.
                tokio::task::yield_now().await;
                return asked;
            }
            sleep_began.await;
        }
    }

    /// Like [`ManualClock::pass_sleep`], but only if somebody sleeps so right now.
    pub fn pass_sleep_now(&self, asked: impl std::ops::RangeBounds<Duration>) -> Option<Duration> {
        let (wait, asked) = self.soonest(&asked)?;
        self.advance(wait);
        Some(asked)
    }

    /// Ends when nobody sleeps for a time in `asked` any more, and time could pass without ending such a sleep. The limit of a
    /// call is such a sleep: this is how a test lets calls come home before it jumps over their limits.
    pub async fn nobody_sleeps(&self, asked: impl std::ops::RangeBounds<Duration>) {
        loop {
            let woke_up = self.shared.awake.notified();
            if self.soonest(&asked).is_none() {
                return;
            }
            woke_up.await;
        }
    }

    /// How many sleep for `asked` right now.
    pub fn sleepers(&self, asked: Duration) -> usize {
        let state = self.lock();
        state.sleepers.iter().filter(|s| s.until > state.passed && s.asked == asked).count()
    }

    /// Ends when somebody begins to sleep after this call.
    pub async fn sleep_began(&self) {
        self.shared.asleep.notified().await;
    }

    fn soonest(&self, asked: &impl std::ops::RangeBounds<Duration>) -> Option<(Duration, Duration)> {
        let state = self.lock();
        let fits = state.sleepers.iter().filter(|s| s.until > state.passed && asked.contains(&s.asked));
        fits.map(|s| (s.until - state.passed, s.asked)).min()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let state = self.lock();
        Timestamp::from_millis((STARTS_AT + state.passed).as_millis() + state.wall_shift_ms)
    }
    fn monotonic(&self) -> Duration {
        self.lock().passed
    }
    fn sleep(&self, wait: Duration) -> Sleep {
        let mut state = self.lock();
        let id = state.next_id;
        state.next_id += 1;
        let until = state.passed + wait;
        state.sleepers.push(Sleeper { id, asked: wait, until, waker: None });
        drop(state);
        self.shared.asleep.notify_waiters();
        Box::pin(Sleeping { clock: self.clone(), id, until })
    }
}

struct Sleeping {
    clock: ManualClock,
    id: u64,
    until: Duration,
}

impl Future for Sleeping {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.lock();
        if state.passed >= self.until {
            return Poll::Ready(());
        }
        if let Some(sleeper) = state.sleepers.iter_mut().find(|s| s.id == self.id) {
            sleeper.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        let id = self.id;
        self.clock.lock().sleepers.retain(|s| s.id != id);
        self.clock.shared.awake.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_ends_when_its_time_has_passed_and_not_before() {
        let clock = ManualClock::new();
        let mut nap = clock.sleep(Duration::from_secs(5));
        clock.advance(Duration::from_secs(4));
        assert!(futures_util::poll!(&mut nap).is_pending());
        clock.advance(Duration::from_secs(1));
        assert!(futures_util::poll!(&mut nap).is_ready());
    }

    #[tokio::test]
    async fn who_waits_for_sleepers_goes_on_when_the_last_has_gone() {
        let clock = ManualClock::new();
        let (one, other) = (clock.sleep(Duration::from_secs(8)), clock.sleep(Duration::from_secs(8)));
        let _longer = clock.sleep(Duration::from_secs(9));
        let mut nobody = Box::pin(clock.nobody_sleeps(Duration::from_secs(8)..=Duration::from_secs(8)));
        assert!(futures_util::poll!(&mut nobody).is_pending());
        drop(one);
        assert!(futures_util::poll!(&mut nobody).is_pending());
        drop(other);
        assert!(futures_util::poll!(&mut nobody).is_ready());
    }

    #[tokio::test]
    async fn pass_sleep_waits_for_the_sleep_that_is_meant() {
        let clock = ManualClock::new();
        let sleeper = {
            let clock = clock.clone();
            tokio::spawn(async move {
                let _watchdog = clock.sleep(Duration::from_secs(60));
                clock.sleep(Duration::from_secs(7)).await;
            })
        };
        assert_eq!(clock.pass_sleep(Duration::from_secs(1)..Duration::from_secs(10)).await, Duration::from_secs(7));
        sleeper.await.unwrap();
        assert_eq!(clock.monotonic(), Duration::from_secs(7));
    }
}
