//! One process of the assistant in a story: in a runtime of its own, so that it can be killed.

use std::{sync::Arc, time::Duration};

use chathakase::{
    config::Config,
    mortal::MortalStore,
    wiring::{self, Running},
};
use chathakase_session::store::SessionStore;
use chathakase_sim::ManualClock;
use chathakase_slack::pacing::Limits;
use tokio::runtime::Runtime;

use crate::harness::over_in;

/// From its start to its end.
pub(crate) struct Process {
    runtime: Runtime,
    pub(crate) running: Running,
    pub(crate) life: Arc<MortalStore>,
}

impl Process {
    pub(crate) async fn start(config: Config, store: Arc<dyn SessionStore>, clock: &ManualClock) -> Self {
        let life = MortalStore::new(store);
        let runtime = Runtime::new().unwrap();
        let starting = {
            let (store, clock) = (Arc::clone(&life), Arc::new(clock.clone()));
            async move { wiring::start(&config, store, clock, Limits::default()).await }
        };
        let running = runtime.spawn(starting).await.unwrap().unwrap();
        Self { runtime, running, life }
    }

    /// Where Slack finds it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.running.address())
    }

    /// Waits until it is known until when nothing was missed.
    pub(crate) async fn caught_up(&self) {
        let known = async {
            while self.running.catch_up().looks == 0 || self.running.catch_up().looking_from.is_some() {
                tokio::task::yield_now().await;
            }
        };
        over_in(Duration::from_secs(10), known).await.expect("it goes on looking for what it missed");
    }

    /// Ends it in good order.
    pub(crate) async fn end(self) {
        self.runtime.spawn(self.running.drain()).await.unwrap();
        self.runtime.shutdown_background();
    }

    /// Ends it in the middle of whatever it does: no task runs another step, nothing is given back.
    pub(crate) async fn kill(self) {
        let Self { runtime, running, life } = self;
        life.die();
        drop(running);
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10))).await.unwrap();
    }

    /// Leaves it to itself: a runtime must not be dropped, and so waited for, in the middle of another.
    pub(crate) fn abandon(self) {
        self.runtime.shutdown_background();
    }
}
