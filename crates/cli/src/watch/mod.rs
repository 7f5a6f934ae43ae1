//! What an operator sees of a running assistant: `/healthz`, `/readyz` and `/metrics`, with both transports.
//!
//! Nothing that is watched knows of it: the store and the inbox are wrapped (`store`, `inbox`), and clients say how their
//! calls went lately. All pages together ask the store each question no more than once a second, however often they are asked for.

mod exposition;
mod fresh;
mod health;
mod inbox;
mod process;
mod store;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, SERVER as SERVER_HEADER},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use chathakase_bot::CatchUpReport;
use chathakase_metrics::{
    Lately, MESSAGES_WAITING, PART_READY, SESSIONS, SLACK_LAST_EVENT, START_TIME, TURNS_RUNNING, TURNS_WAITING,
};
use chathakase_session::{
    store::{Load, SessionStore},
    time::{SharedClock, timeout},
};
use chathakase_slack::{payload::Inbox, socket::LinkHealth};
use tokio_util::sync::CancellationToken;

pub use exposition::begin;
pub(crate) use exposition::tidy;
use fresh::Fresh;
use health::{Health, Part};
pub use inbox::Arrivals;
use inbox::Watched;
pub use store::Measured;

/// The longest that a page waits for the store.
const STORE_WITHIN: Duration = Duration::from_secs(2);

/// Tells what was looked for after gaps.
pub type CatchUp = Arc<dyn Fn() -> CatchUpReport + Send + Sync>;

/// All that the pages are made of. A clone watches the same.
#[derive(Clone)]
pub struct Watch {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn SessionStore>,
    clock: SharedClock,
    slack_api: Lately,
    model: Lately,
    /// `None` where Slack calls us.
    link: Option<LinkHealth>,
    catch_up: CatchUp,
    arrivals: Arrivals,
    ending: CancellationToken,
    /// Whether the store can write.
    writes: Fresh<Part>,
    /// What the store holds; `None` when it did not say in time.
    load: Fresh<Option<Load>>,
}

/// What is watched.
pub struct Parts {
    /// Where sessions are kept.
    pub store: Arc<dyn SessionStore>,
    /// Where the time comes from.
    pub clock: SharedClock,
    /// How calls to Slack went.
    pub slack_api: Lately,
    /// How requests to the model went.
    pub model: Lately,
    /// The Socket Mode link; `None` where Slack calls us.
    pub link: Option<LinkHealth>,
    /// What was looked for after gaps.
    pub catch_up: CatchUp,
    /// Cancelled when the process begins to end.
    pub ending: CancellationToken,
}

/// How `/healthz` says whose it is.
pub(crate) const SERVER: &str = "chathakase";

impl Watch {
    /// Watches these.
    pub fn new(parts: Parts, arrivals: Arrivals) -> Self {
        let Parts { store, clock, slack_api, model, link, catch_up, ending } = parts;
        let (writes, load) = (Fresh::new(), Fresh::new());
        START_TIME.is(u64::try_from(clock.now().as_secs()).unwrap_or_default(), []);
        let shared = Shared { store, clock, slack_api, model, link, catch_up, arrivals, ending, writes, load };
        Self { shared: Arc::new(shared) }
    }

    /// The three pages.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/healthz", get(async || ([(SERVER_HEADER, SERVER)], "ok\n")))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(self.clone())
    }

    /// Whether each part is ready, with what is known of it.
    pub(crate) async fn health(&self) -> Health {
        let shared = &self.shared;
        let now = shared.clock.now();
        let last_event = shared.arrivals.last_event();
        let link = match &shared.link {
            Some(link) => health::socket(&link.report(), last_event, now),
            None => health::http(last_event, shared.arrivals.refused(), now),
        };
        Health::of(vec![
            ("process", health::process(shared.ending.is_cancelled())),
            ("store", self.store_lately().await),
            ("slack_link", link),
            ("slack_api", health::others(&shared.slack_api.report(), "Slack's Web API", now)),
            ("model", health::others(&shared.model.report(), "the model", now)),
            ("catch_up", health::catch_up(&(shared.catch_up)(), now)),
        ])
    }

    /// Whether the store could write a moment ago.
    async fn store_lately(&self) -> Part {
        let shared = &self.shared;
        let ask = async {
            let began = shared.clock.monotonic();
            let checked = timeout(&*shared.clock, STORE_WITHIN, shared.store.check()).await;
            health::store(checked, shared.clock.monotonic().saturating_sub(began))
        };
        let (part, age) = shared.writes.get(&*shared.clock, ask).await;
        part.aged(age)
    }

    /// What the store held a moment ago.
    async fn load_lately(&self) -> Option<Load> {
        let shared = &self.shared;
        let ask = async {
            let load = timeout(&*shared.clock, STORE_WITHIN, shared.store.load(shared.clock.now())).await;
            load.ok()?.ok()
        };
        shared.load.get(&*shared.clock, ask).await.0
    }

    /// Sets what is not counted as it happens. What cannot be had in time keeps its last value.
    async fn refresh(&self) {
        let shared = &self.shared;
        if let Some(load) = self.load_lately().await {
            SESSIONS.is(load.active_sessions, []);
            TURNS_RUNNING.is(load.turns_running, []);
            TURNS_WAITING.is(load.turns_waiting, []);
            MESSAGES_WAITING.is(load.messages_waiting, []);
        }
        for (name, part) in self.health().await.parts() {
            PART_READY.is(part.is_well().into(), [name]);
        }
        if let Some(at) = shared.arrivals.last_event() {
            SLACK_LAST_EVENT.is(u64::try_from(at.as_secs()).unwrap_or_default(), []);
        }
        process::measure();
    }
}

/// An inbox whose deliveries are counted, and what came to the doors lately.
pub fn inbox(inbox: Arc<dyn Inbox>, clock: SharedClock) -> (Arc<dyn Inbox>, Arrivals) {
    let arrivals = Arrivals::default();
    (Arc::new(Watched { inbox, clock, arrivals: arrivals.clone() }), arrivals)
}

async fn readyz(State(watch): State<Watch>) -> Response {
    let health = watch.health().await;
    let status = if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health)).into_response()
}

async fn metrics(State(watch): State<Watch>) -> Response {
    watch.refresh().await;
    match exposition::page() {
        Some(page) => ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response(),
        None => (StatusCode::NOT_FOUND, "this program counts nothing\n").into_response(),
    }
}
