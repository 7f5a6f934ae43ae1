//! What was asked a moment ago is not asked again.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chathakase_session::time::Clock;
use tokio::sync::Semaphore;

/// How long an answer serves other requests.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// The last answer to a question, whose cost so does not depend on how often it is asked.
pub(super) struct Fresh<T> {
    /// With its moment (monotonic).
    said: Mutex<Option<(Duration, T)>>,
    /// Held by whoever asks.
    asking: Semaphore,
}

impl<T: Clone> Fresh<T> {
    pub(super) fn new() -> Self {
        Self { said: Mutex::default(), asking: Semaphore::new(1) }
    }

    /// The answer and its age. `ask` is done only if there is none of the last second; who comes meanwhile waits for it.
    pub(super) async fn get(&self, clock: &dyn Clock, ask: impl Future<Output = T>) -> (T, Duration) {
        if let Some(said) = self.said(clock) {
            return said;
        }
        let _asking = self.asking.acquire().await;
        if let Some(said) = self.said(clock) {
            return said;
        }
        let said = ask.await;
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = Some((clock.monotonic(), said.clone()));
        (said, Duration::ZERO)
    }

    fn said(&self, clock: &dyn Clock) -> Option<(T, Duration)> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, said) = said.as_ref()?;
        let age = clock.monotonic().saturating_sub(*at);
        (age < FRESH_FOR).then(|| (said.clone(), age))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use chathakase_sim::ManualClock;

    use super::*;

    #[tokio::test]
    async fn however_many_ask_it_is_asked_once_a_second() {
        let (clock, fresh, asked) = (ManualClock::new(), Fresh::new(), AtomicU32::new(0));
        let get = || fresh.get(&clock, async { asked.fetch_add(1, SeqCst) + 1 });
        let (first, second) = tokio::join!(get(), get());
        assert_eq!((first.0, second.0), (1, 1));
        clock.advance(Duration::from_millis(999));
        assert_eq!(get().await, (1, Duration::from_millis(999)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(get().await, (2, Duration::ZERO));
    }
}
