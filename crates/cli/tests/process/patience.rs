//! The net under every wait.

use std::{future::Future, time::Duration};

use chathakase::clock::SystemClock;
use chathakase_session::time::timeout;

/// After this long (30 s) a wait has failed. Never a part of what is tested.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What `work` comes to, if it does within [`PATIENCE`].
pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> Option<T> {
    timeout(&SystemClock::new(), PATIENCE, work).await.ok()
}
