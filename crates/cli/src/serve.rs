//! `chathakase serve`: answers in Slack until told to stop.

use std::{
    convert::Infallible,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use anyhow::Context;
use chathakase_session::{store::SessionStore, time::SharedClock};
use chathakase_slack::pacing::Limits;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    args,
    clock::SystemClock,
    config::{Config, Transport},
    logging,
    wiring::{self, Running},
};

/// Runs until SIGTERM or Ctrl-C, then drains.
pub async fn run(args: &args::Listening) -> anyhow::Result<()> {
    let config = Config::load_here(args.settings.config.as_deref(), &args.flags())?;
    logging::start(&config.log_level, config.log_format)?;
    if config.model_api_key.is_none() && config.model_base_url.contains("://api.openai.com") {
        tracing::warn!(
            "there is no key for OpenAI, so no question can be answered: set OPENAI_API_KEY, or OPENAI_BASE_URL for another server"
        );
    }
    let clock: SharedClock = Arc::new(SystemClock::new());
    until_told_to_end(&config, || wiring::open_store(&config, clock.clone()), clock.clone()).await
}

/// The same with settings, a way to the store and a clock that are there already. The store is opened once Slack took our token: a
/// database that nobody will use is not left behind by a wrong one.
pub async fn until_told_to_end(
    config: &Config,
    open_store: impl FnOnce() -> anyhow::Result<Arc<dyn SessionStore>>,
    clock: SharedClock,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("could not listen for SIGTERM")?;
    let signed_in = tokio::select! {
        signed_in = wiring::sign_in(config, clock.clone()) => signed_in?,
        // A Slack that does not answer must not keep who asked us to end waiting.
        _ = terminate.recv() => {
            tracing::info!("ended before it was ready");
            return Ok(());
        }
    };
    let store = open_store()?;
    let mut running = wiring::start_signed_in(config, signed_in, Arc::clone(&store), clock, Limits::default()).await?;
    let was_ready = AtomicBool::new(false);
    let ready = say_when_ready(config, &running, &was_ready);
    let ended = tokio::select! {
        never = ready => match never {},
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.context("could not listen for Ctrl-C"),
        error = running.failed() => Err(error),
    };
    let drained = async {
        running.leave().await;
        // What never was ready ends with the error that says why, and with nothing beside it.
        if was_ready.load(Relaxed) || ended.is_ok() {
            tracing::info!("ending: running answers are finished first");
        }
        running.drain().await;
        store.shutdown().await;
    };
    let asked_twice = tokio::select! {
        () = drained => false,
        _ = terminate.recv() => true,
        _ = tokio::signal::ctrl_c() => true,
    };
    if asked_twice {
        tracing::warn!("ended at once, as asked twice; running answers go on after the next start");
        // To drop it is to wait for the disk or the database, which may be what keeps us.
        std::mem::forget(store);
    } else if was_ready.load(Relaxed) || ended.is_ok() {
        tracing::info!("ended");
    }
    ended
}

/// Says so once Slack can reach us. Does not end.
fn say_when_ready<'a>(
    config: &Config,
    running: &Running,
    was_ready: &'a AtomicBool,
) -> impl Future<Output = Infallible> + use<'a> {
    let transport = match config.slack_transport {
        Transport::Http => "signed HTTP at /slack/events",
        Transport::Socket => "Socket Mode",
    };
    let (reachable, address, me, model) =
        (running.reachable(), running.address(), running.me().clone(), config.model_name.clone());
    let (bot, workspace, store) =
        (me.user.unwrap_or_default(), me.team.unwrap_or_default(), running.store().to_owned());
    async move {
        reachable.await;
        was_ready.store(true, Relaxed);
        tracing::info!(%address, transport, workspace, team.id = %me.team_id, bot, model, store, "ready");
        std::future::pending().await
    }
}
