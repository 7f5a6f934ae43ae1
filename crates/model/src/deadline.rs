//! One timer for a whole stream: moved at each token, but asked of the clock again only when it has to be.

use std::{future::Future, pin::pin, task::Poll, time::Duration};

use chathakase_session::time::{SharedClock, Sleep};

/// Whoever wakes so much later than asked did not wait: the process, or the whole machine, was stopped.
const STOOD_STILL: Duration = Duration::from_secs(1);
/// How long a reader that comes back late may still wait for what the connection holds for it.
const GRACE: Duration = Duration::from_secs(1);

/// A moment on the monotonic clock that work may not pass, and that moves as the work goes on.
pub(crate) struct Deadline {
    clock: SharedClock,
    at: Duration,
    /// The sleep that is under way, and when it ends: never after `at`.
    armed: Option<(Duration, Sleep)>,
}

/// The deadline passed before the work was done.
pub(crate) struct Passed;

impl Deadline {
    pub(crate) fn new(clock: SharedClock, at: Duration) -> Self {
        Self { clock, at, armed: None }
    }

    /// Moves the deadline. A later one costs nothing: the sleep under way finds out when it ends.
    pub(crate) fn set(&mut self, at: Duration) {
        self.at = at;
        if self.armed.as_ref().is_some_and(|(ends, _)| *ends > at) {
            self.armed = None;
        }
    }

    /// Moves a deadline that passed while nobody was waiting: what arrived meanwhile may still have to be read.
    pub(crate) fn excuse(&mut self) {
        let now = self.now();
        if now >= self.at {
            self.set(now + GRACE);
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Waits for `work` until the deadline. Work that is done counts, even when the deadline has passed meanwhile. Who finds
    /// out much too late that it has passed stood still: then what waits at the door is still let in.
    pub(crate) async fn guard<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Passed> {
        let mut work = pin!(work);
        let mut excused = false;
        std::future::poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            loop {
                let now = self.clock.monotonic();
                let late = now.checked_sub(self.at);
                if !excused && late.is_some_and(|late| late >= STOOD_STILL) {
                    excused = true;
                    self.at = now + GRACE;
                } else if late.is_some() {
                    return Poll::Ready(Err(Passed));
                }
                let (_, sleep) = self.armed.get_or_insert_with(|| (self.at, self.clock.sleep(self.at - now)));
                match sleep.as_mut().poll(cx) {
                    Poll::Ready(()) => self.armed = None,
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chathakase_sim::ManualClock;
    use futures_util::poll;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_came_while_the_process_stood_still_is_let_in() {
        let clock = ManualClock::new();
        let mut deadline = Deadline::new(Arc::new(clock.clone()), Duration::from_secs(30));
        let (comes, work) = oneshot::channel();
        let mut guarded = pin!(deadline.guard(work));
        assert!(poll!(&mut guarded).is_pending());
        clock.advance(Duration::from_secs(50));
        // The connection's own task runs after us, and hands over what it holds.
        assert!(poll!(&mut guarded).is_pending());
        comes.send(()).unwrap();
        assert!(guarded.await.is_ok());
    }

    #[tokio::test]
    async fn who_stood_still_and_finds_nothing_has_waited_long_enough() {
        let clock = ManualClock::new();
        let mut deadline = Deadline::new(Arc::new(clock.clone()), Duration::from_secs(30));
        let mut guarded = pin!(deadline.guard(std::future::pending::<()>()));
        assert!(poll!(&mut guarded).is_pending());
        clock.advance(Duration::from_secs(50));
        assert!(poll!(&mut guarded).is_pending());
        clock.advance(GRACE);
        assert!(matches!(poll!(&mut guarded), Poll::Ready(Err(Passed))));
    }
}
