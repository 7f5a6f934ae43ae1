//! The one real wait: how long a test may wait for something that should have happened long ago.

use std::{future::Future, time::Duration};

/// After this long a wait has failed. A net for tests that would hang, never a part of what they test.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for `happened`; panics and names `what` when it does not happen.
#[expect(clippy::disallowed_methods, reason = "a test's clock stands still, and a hanging test must still end")]
pub(crate) async fn wait(what: &str, happened: impl Future<Output = ()>) {
    if tokio::time::timeout(PATIENCE, happened).await.is_err() {
        panic!("waited {PATIENCE:?} for {what}");
    }
}
