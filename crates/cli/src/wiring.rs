//! From a configuration to a running assistant with its doors open. `serve`, the demo and the end-to-end tests all come through here.

mod given;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use chathakase_bot::{Assistant, CatchUpReport, Parts, route};
use chathakase_model as model;
use chathakase_session::{WorkspaceId, store::SessionStore, time::SharedClock, turn::OwnerId};
use chathakase_slack::{
    api::{Api, ApiConfig, Identity},
    http,
    pacing::{Limits, Pacing},
    payload::Inbox,
    reply::Replies,
    socket::{LinkHealth, SocketConfig, SocketError, SocketMode},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::given::{events_config, reply_limits, settings};
use crate::{
    config::{Config, Transport},
    server,
    watch::{self, Arrivals, Measured, Watch},
};

pub(crate) use self::given::model_config;
pub use self::given::rules;

/// A running assistant with its doors open.
pub struct Running {
    assistant: Assistant,
    me: Identity,
    store: String,
    address: SocketAddr,
    clock: SharedClock,
    /// How long we stay where Slack finds us after saying that we leave.
    linger: Duration,
    /// It is said that we end.
    leaving: CancellationToken,
    /// Nothing new is taken in.
    ending: CancellationToken,
    /// Nobody is answered any more.
    ended: CancellationToken,
    http: JoinHandle<std::io::Result<()>>,
    socket: Option<Socket>,
}

/// The link to Slack, where we open it.
struct Socket {
    health: LinkHealth,
    runs: JoinHandle<Result<(), SocketError>>,
}

/// Opens the store that a configuration names.
pub fn open_store(config: &Config, clock: SharedClock) -> anyhow::Result<Arc<dyn SessionStore>> {
    Ok(chathakase_store::open(&config.store_url, rules(config), clock)?)
}

/// Starts everything. `pacing` is given by whoever knows better than Slack's limits, such as a benchmark.
pub async fn start(
    config: &Config,
    store: Arc<dyn SessionStore>,
    clock: SharedClock,
    pacing: Limits,
) -> anyhow::Result<Running> {
    let signed_in = sign_in(config, clock.clone()).await?;
    start_signed_in(config, signed_in, store, clock, pacing).await
}

/// A Slack that took our token.
pub struct SignedIn {
    api: Api,
    me: Identity,
}

/// Signs in to Slack. Nothing is opened, and no file made, before this has worked.
pub async fn sign_in(config: &Config, clock: SharedClock) -> anyhow::Result<SignedIn> {
    watch::begin();
    let api = Api::new(
        ApiConfig { base_url: config.slack_api_url.clone(), ..ApiConfig::new(config.slack_bot_token.clone()) },
        clock,
    )?;
    let me = api.auth_test().await.map_err(|error| {
        let refused = error.code().is_some();
        let what = if refused { "Slack did not accept the bot token" } else { "Slack could not be reached" };
        anyhow::Error::new(error).context(what)
    })?;
    tracing::info!(workspace = %me.team_id, user = %me.user_id, "signed in to Slack");
    Ok(SignedIn { api, me })
}

/// The rest of [`start`].
pub async fn start_signed_in(
    config: &Config,
    SignedIn { api, me }: SignedIn,
    store: Arc<dyn SessionStore>,
    clock: SharedClock,
    pacing: Limits,
) -> anyhow::Result<Running> {
    let store: Arc<dyn SessionStore> = Arc::new(Measured::new(store, clock.clone(), &config.model_name));
    // Bound before anything is started, so that a port in use ends the start and nothing else.
    let listener = TcpListener::bind(config.http_listen).await.map_err(|cause| {
        let (why, next) = server::cannot_listen(&cause);
        anyhow::Error::new(cause).context(format!("could not listen on {}: {why}; {next}", config.http_listen))
    })?;
    let address = listener.local_addr().context("the listening socket has no address")?;
    let model = model::Client::new(model_config(config), clock.clone())?;
    let parts = Parts {
        store: Arc::clone(&store),
        replies: Replies::new(&api, Pacing::new(pacing, clock.clone()), reply_limits(config), clock.clone()),
        api: api.clone(),
        model: model.clone(),
        counter: model::counter_for(&config.model_name),
        clock: clock.clone(),
        me: route::Identity {
            user: me.user_id.clone(),
            bot: me.bot_id.clone(),
            app: None,
            enterprise: me.enterprise_id.clone(),
        },
        owner: OwnerId::new(&uuid::Uuid::new_v4().to_string()),
        settings: settings(config),
    };
    let assistant = Assistant::start(parts);
    let (leaving, ended) = (CancellationToken::new(), CancellationToken::new());
    let ending = CancellationToken::new();
    let (inbox, arrivals) = watch::inbox(assistant.inbox(), clock.clone());
    let (doors, socket) = open_doors(config, &clock, inbox, &arrivals, &ending)?;
    let stretch = match &socket {
        Some(socket) => socket.health.stretch(),
        // Where Slack calls us, only a start begins a new stretch.
        None => tokio::sync::watch::channel(Some(1)).1,
    };
    assistant.watch(workspace_of(&me), stretch);
    let watched = watch::Parts {
        store,
        clock: clock.clone(),
        slack_api: api.lately(),
        model: model.lately(),
        link: socket.as_ref().map(|socket| socket.health.clone()),
        catch_up: assistant.catch_up(),
        ending: leaving.clone(),
    };
    let routes = doors.merge(Watch::new(watched, arrivals).routes());
    let (stopped, time) = (ended.clone(), clock.clone());
    let http = tokio::spawn(async move {
        tokio::select! {
            served = server::serve(listener, routes, server::HEAD_WITHIN, time.clone(), stopped) => served,
            () = watch::tidy(time.clone()) => Ok(()),
        }
    });
    // Where we open the link, Slack sees at once that it is gone.
    let linger = if socket.is_some() { Duration::ZERO } else { config.http_linger };
    let store = chathakase_store::RedactedUrl::new(&config.store_url).to_string();
    Ok(Running { assistant, me, store, address, clock, linger, leaving, ending, ended, http, socket })
}

/// The installation that the token is for.
fn workspace_of(me: &Identity) -> WorkspaceId {
    let enterprise = me.enterprise_id.clone().filter(|_| me.is_enterprise_install == Some(true));
    enterprise.unwrap_or_else(|| me.team_id.clone())
}

/// The way in that the configuration names: addresses that Slack calls, or a link that we open. Closed by `ending`.
fn open_doors(
    config: &Config,
    clock: &SharedClock,
    inbox: Arc<dyn Inbox>,
    arrivals: &Arrivals,
    ending: &CancellationToken,
) -> anyhow::Result<(Router, Option<Socket>)> {
    match config.slack_transport {
        Transport::Http => {
            let secret = config.slack_signing_secret.clone().context("`slack.signing_secret` is not set")?;
            let door = events_config(config, secret, clock.clone());
            let closing = middleware::from_fn_with_state(ending.clone(), unless_ending);
            Ok((arrivals.noted(http::router(door, inbox), clock).layer(closing), None))
        }
        Transport::Socket => {
            let token = config.slack_app_token.clone().context("`slack.app_token` is not set")?;
            let door = SocketConfig { api_base: config.slack_api_url.clone(), ..SocketConfig::new(token) };
            let mode = SocketMode::new(door, clock.clone(), inbox);
            let socket = Socket { health: mode.health(), runs: tokio::spawn(mode.run(ending.clone())) };
            Ok((Router::new(), Some(socket)))
        }
    }
}

/// Slack's events find the door closed when the process ends; the pages that say so stay open.
async fn unless_ending(State(ending): State<CancellationToken>, request: Request, door: Next) -> Response {
    match ending.is_cancelled() {
        true => (StatusCode::SERVICE_UNAVAILABLE, "the process is ending; send it again\n").into_response(),
        false => door.run(request).await,
    }
}

impl Running {
    /// Who we are in the workspace.
    pub fn me(&self) -> &Identity {
        &self.me
    }

    /// What was looked for after gaps.
    pub fn catch_up(&self) -> CatchUpReport {
        (self.assistant.catch_up())()
    }

    /// Ends when Slack can reach us: with Socket Mode, when a link is up. Where Slack calls us, at once.
    pub fn reachable(&self) -> impl Future<Output = ()> + use<> {
        let link = self.socket.as_ref().map(|socket| socket.health.clone());
        async move {
            if let Some(link) = link {
                link.connected().await;
            }
        }
    }

    /// Where sessions are kept, without secrets.
    pub fn store(&self) -> &str {
        &self.store
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends when a door cannot be kept open, which only a person can mend.
    pub async fn failed(&mut self) -> anyhow::Error {
        let socket = async {
            match &mut self.socket {
                Some(socket) => (&mut socket.runs).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = &mut self.http => match ended {
                Ok(Err(cause)) => anyhow::Error::new(cause).context("the HTTP server stopped"),
                Ok(Ok(())) => anyhow::anyhow!("the HTTP server stopped"),
                Err(cause) => anyhow::Error::new(cause).context("the HTTP server stopped"),
            },
            ended = socket => match ended {
                Ok(Err(cause)) => anyhow::Error::new(cause).context("Socket Mode stopped"),
                Ok(Ok(())) => anyhow::anyhow!("Socket Mode stopped"),
                Err(cause) => anyhow::Error::new(cause).context("Socket Mode stopped"),
            },
        }
    }

    /// Says that we leave, and takes in what still comes until whoever sends it has seen that: an event that meets a closed door
    /// comes again after a minute.
    pub async fn leave(&self) {
        self.leaving.cancel();
        if !self.linger.is_zero() {
            tracing::info!(
                seconds = self.linger.as_secs_f64(),
                "leaving: not ready any more, and Slack is heard for a moment yet"
            );
            self.clock.sleep(self.linger).await;
        }
    }

    /// Ends in good order: doors first, so that Slack sends elsewhere or later what comes now; then running answers. The store is
    /// the caller's to shut down.
    pub async fn drain(self) {
        self.leaving.cancel();
        self.ending.cancel();
        self.assistant.drain().await;
        // A door that has failed was heard out already, and must not be asked twice.
        if let Some(socket) = self.socket.filter(|socket| !socket.runs.is_finished()) {
            let _ = socket.runs.await;
        }
        self.ended.cancel();
        // A client that keeps its connection open must not keep the process alive.
        self.http.abort();
        if !self.http.is_finished() {
            let _ = self.http.await;
        }
    }
}
