//! One life of the assistant, in a runtime of its own: it can end in good order, or be killed.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use chathakase_session::{store::SessionStore, time::SharedClock};
use chathakase_slack::pacing::Limits;
use tokio::runtime::Runtime;

use crate::{
    config::Config,
    mortal::MortalStore,
    wiring::{self, Running},
};

/// Longest wait for the threads of a killed assistant to notice it.
const DIES_WITHIN: Duration = Duration::from_secs(5);

/// A running assistant.
pub(crate) struct Life {
    pub(crate) store: Arc<dyn SessionStore>,
    mortal: Arc<MortalStore>,
    /// None only while it ends. A runtime must not be dropped within another, so it is always taken out.
    body: Option<(Runtime, Running)>,
}

impl Life {
    /// Starts the assistant as `serve` would.
    pub(crate) async fn begin(config: Config, clock: SharedClock) -> anyhow::Result<Self> {
        let store = wiring::open_store(&config, Arc::clone(&clock))?;
        let mortal = MortalStore::new(Arc::clone(&store));
        let runtime = Runtime::new().context("the assistant needs threads")?;
        let starting = {
            let store = Arc::clone(&mortal);
            runtime.spawn(async move { wiring::start(&config, store, clock, Limits::default()).await })
        };
        let mut life = Self { store, mortal, body: None };
        match starting.await.map_err(anyhow::Error::new).and_then(|started| started) {
            Ok(running) => {
                life.body = Some((runtime, running));
                Ok(life)
            }
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// Ends it as SIGTERM does: running answers are finished first.
    pub(crate) async fn end(mut self) {
        if let Some((runtime, running)) = self.body.take() {
            let _ = runtime.spawn(running.drain()).await;
            runtime.shutdown_background();
        }
        self.store.shutdown().await;
    }

    /// Ends it as SIGKILL does: in the middle of whatever it does, and nothing is written or said any more.
    pub(crate) async fn kill(mut self) {
        self.mortal.die();
        if let Some((runtime, running)) = self.body.take() {
            drop(running);
            let _ = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(DIES_WITHIN)).await;
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if let Some((runtime, _)) = self.body.take() {
            runtime.shutdown_background();
        }
    }
}
