//! Socket Mode: events over a WebSocket that we open, for machines without a public address (Slack: Using Socket Mode).
//!
//! [`SocketMode::run`] keeps one link up. When Slack announces that it will close it, the next one is opened first and
//! the two overlap; when it breaks, the next is opened at once and then ever later, with a random part. Each link
//! (`link.rs`) reads, hands to the [`Inbox`] and acknowledges as the inbox finishes, in whatever order that is.

use std::{sync::Arc, time::Duration};

use chathakase_session::time::SharedClock;
use secrecy::SecretString;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    api::{Api, ApiConfig},
    payload::Inbox,
};

mod backoff;
mod error;
mod greet;
mod health;
mod link;
mod open;
mod proxy;
mod pulse;
mod stage;
#[cfg(test)]
mod tests;

use backoff::Backoff;
pub use error::SocketError;
pub use greet::{NoHello, greet};
pub use health::{LinkHealth, LinkReport};
use link::Link;
use open::Failure;
use stage::{End, Stage};

/// A link that stayed up this long was a good one: after it the next is opened at once again.
pub const STABLE_AFTER: Duration = Duration::from_secs(30);

/// How to reach Slack.
#[derive(Clone, Debug)]
pub struct SocketConfig {
    /// The app-level token (`xapp-…`, scope `connections:write`).
    pub app_token: SecretString,
    /// Where the Web API is, with or without a trailing slash (default [`crate::api::BASE_URL`]; `SLACK_API_URL`).
    pub api_base: String,
    /// Gives the random part of the waits between links, 0 to 1 (default [`rand::random`]).
    pub random: fn() -> f64,
}

impl SocketConfig {
    /// The defaults with this token.
    pub fn new(app_token: SecretString) -> Self {
        Self { app_token, api_base: crate::api::BASE_URL.to_owned(), random: rand::random }
    }
}

/// The Socket Mode client; nothing happens before [`SocketMode::run`].
pub struct SocketMode {
    config: SocketConfig,
    clock: SharedClock,
    inbox: Arc<dyn Inbox>,
    health: LinkHealth,
}

impl std::fmt::Debug for SocketMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SocketMode").field("config", &self.config).finish_non_exhaustive()
    }
}

impl SocketMode {
    /// A client that brings every event to `inbox`. A rustls provider must be installed before it runs.
    pub fn new(config: SocketConfig, clock: SharedClock, inbox: Arc<dyn Inbox>) -> Self {
        Self { config, clock, inbox, health: LinkHealth::default() }
    }

    /// How the link is; stays good after [`SocketMode::run`] took the client.
    pub fn health(&self) -> LinkHealth {
        self.health.clone()
    }

    /// Keeps a link up until `stop`, then returns `Ok` when the deliveries under way are finished and acknowledged.
    /// Trouble that may pass is waited out and logged, without end; an error is something only a person can put right.
    pub async fn run(self, stop: CancellationToken) -> Result<(), SocketError> {
        let api = ApiConfig { base_url: self.config.api_base.clone(), ..ApiConfig::new(self.config.app_token.clone()) };
        // Waiting and retrying is decided here, where the old link is known to be still good or not.
        let api = Api::new(api, self.clock.clone()).map_err(SocketError::Setup)?.once();
        let links = Links { stop: CancellationToken::new(), tasks: TaskTracker::new() };
        // Also when this future is dropped: links without a keeper must not go on.
        let _stop_links = links.stop.clone().drop_guard();
        let ended = tokio::select! {
            ended = self.keep_linked(&api, &links) => ended,
            () = stop.cancelled() => Ok(()),
        };
        links.stop.cancel();
        links.tasks.close();
        links.tasks.wait().await;
        // Whoever runs us may go on without Slack for a while; its pages say why.
        ended.inspect_err(|error| self.health.trouble(error.to_string()))
    }

    /// Ends only with what a person must put right.
    async fn keep_linked(&self, api: &Api, links: &Links) -> Result<(), SocketError> {
        let mut backoff = Backoff::default();
        let mut current: Option<Running> = None;
        loop {
            let retry_after = match self.link_up(api, links).await {
                Ok(next) => {
                    if let Some(old) = current.take() {
                        old.retire.cancel();
                    }
                    let up_at = self.clock.monotonic();
                    let leaving = next.stage_past(&Stage::Up).await;
                    if self.clock.monotonic().saturating_sub(up_at) >= STABLE_AFTER {
                        backoff.reset();
                    }
                    match &leaving {
                        Stage::Ended(End::Disabled) => return Err(SocketError::Disabled),
                        // Nothing comes until the next one is up.
                        Stage::Ended(end) => self.health.trouble(end.to_string()),
                        _ => {}
                    }
                    info!(why = %leaving, "opening the next Socket Mode link");
                    current = Some(next);
                    Duration::ZERO
                }
                Err(Failure::Fatal(error)) => return Err(error),
                Err(Failure::Later { why, retry_after }) => {
                    warn!(why, "no Socket Mode link");
                    self.health.trouble(why);
                    retry_after
                }
            };
            let wait = backoff.next((self.config.random)()).max(retry_after);
            self.clock.sleep(wait).await;
        }
    }

    /// Opens a link and waits for Slack's hello on it.
    async fn link_up(&self, api: &Api, links: &Links) -> Result<Running, Failure> {
        let socket = open::open(api, &self.config.api_base, &*self.clock).await?;
        let retire = CancellationToken::new();
        let (link, stage) = Link::new(socket, self, retire.clone(), links.stop.clone());
        links.tasks.spawn(link.run());
        let running = Running { stage, retire };
        match running.stage_past(&Stage::Waiting).await {
            Stage::Ended(End::Disabled) => Err(Failure::Fatal(SocketError::Disabled)),
            Stage::Ended(end) => Err(Failure::Later { why: end.to_string(), retry_after: Duration::ZERO }),
            _ => Ok(running),
        }
    }
}

/// All links of one run.
struct Links {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// A link as its keeper sees it.
struct Running {
    stage: tokio::sync::watch::Receiver<Stage>,
    /// Tells it that the next one is up.
    retire: CancellationToken,
}

impl Running {
    /// Waits until the link is further than `stage`.
    async fn stage_past(&self, stage: &Stage) -> Stage {
        let mut watched = self.stage.clone();
        let reached = watched.wait_for(|now| now.rank() > stage.rank()).await.map(|now| now.clone());
        // The sender is gone without a last word: the link's task was ended from outside.
        reached.unwrap_or_else(|gone| Stage::Ended(End::Broken(gone.to_string())))
    }
}
