//! One timer for a whole stream: moved at each token, but asked of the clock again only when it has to be.

use std::{future::Future, pin::pin, task::Poll, time::Duration};

use chathakase_session::time::{SharedClock, Sleep};

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

    /// Moves a deadline that passed while nobody was waiting to `grace` from now: what arrived meanwhile may still have
    /// to be read.
    pub(crate) fn excuse(&mut self, grace: Duration) {
        let now = self.now();
        if now >= self.at {
            self.set(now + grace);
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Waits for `work` until the deadline. Work that is done counts, even when the deadline has passed meanwhile.
    pub(crate) async fn guard<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Passed> {
        let mut work = pin!(work);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            loop {
                let now = self.clock.monotonic();
                if now >= self.at {
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
