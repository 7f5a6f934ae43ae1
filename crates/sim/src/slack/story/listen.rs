//! Listening to what happens.

use tokio::sync::{broadcast, watch};

use crate::slack::Happening;

/// Wakes for changes; one that comes while nobody waits is not missed.
#[derive(Debug)]
pub struct Changes(watch::Receiver<u64>);

impl Changes {
    pub(crate) fn new(receiver: watch::Receiver<u64>) -> Self {
        Self(receiver)
    }
    /// Ends when something has changed since the last call, or since this was made.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

/// Tells what happens, in order.
#[derive(Debug)]
pub struct Feed(broadcast::Receiver<Happening>);

impl Feed {
    pub(crate) fn new(receiver: broadcast::Receiver<Happening>) -> Self {
        Self(receiver)
    }
    /// What happens next; none when the small Slack is gone. Who falls 4,096 happenings behind misses the oldest.
    pub async fn next(&mut self) -> Option<Happening> {
        loop {
            match self.0.recv().await {
                Ok(happening) => return Some(happening),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
