//! `chathakase demo`: a small Slack, a stand-in for the model and the real assistant, in a terminal.
//!
//! `stage` starts the parts; `view` and `ink` turn what happens into text, purely; `screen` writes it. `script` and `chat` are
//! the two things to see.

mod chat;
mod ink;
mod lines;
mod look;
mod room;
mod screen;
mod script;
mod seat;
mod slack_text;
mod stage;
mod texts;
mod threads;
mod typed;
mod view;

use std::{
    io::{self, IsTerminal},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, ensure};
use chathakase_session::time::{SharedClock, timeout};
use tokio::signal::unix::{SignalKind, signal};

use self::{
    look::Look,
    room::Room,
    screen::Screen,
    stage::{Brain, Stage},
};
use crate::{args, clock::SystemClock, config::LogFormat, logging};

/// How long the assistant may take to end when the demo is stopped in the middle.
const ENDS_WITHIN: Duration = Duration::from_secs(1);

/// Runs the demo until its end or Ctrl-C.
pub async fn run(args: &args::Demo) -> anyhow::Result<()> {
    logging::start("warn", LogFormat::Human)?;
    let clock: SharedClock = Arc::new(SystemClock::new());
    let look = Look::of(io::stdout().is_terminal(), |name| std::env::var(name).ok());
    // The script knows what the stand-in answers.
    let brain = if args.script { Brain::StandIn } else { Brain::from_env(texts_of_env()) };
    let stage = Stage::set(&brain, Arc::clone(&clock)).await?;
    let mut room = Room::new(stage, Screen::new(look, Arc::clone(&clock)), Arc::clone(&clock));
    let shown = tokio::select! {
        shown = show(&mut room, args) => shown,
        told = told_to_stop() => told.and_then(|()| {
            screen::end_line()?;
            ensure!(!args.script, "stopped before its end");
            Ok(())
        }),
    };
    // Before the small Slack goes, which the assistant would complain about.
    let _ = timeout(&*clock, ENDS_WITHIN, room.stage.stop()).await;
    match shown {
        // Whoever read our output has seen enough.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        other => other,
    }
}

async fn show(room: &mut Room, args: &args::Demo) -> anyhow::Result<()> {
    let look = room.screen.look();
    let model = room.stage.real_model();
    room.say(&texts::title(look, model.as_deref())).await?;
    room.stage.start().await?;
    if args.script {
        return script::play(room).await;
    }
    chat::chat(room, look.live && io::stdin().is_terminal()).await
}

/// The environment, without what is no text.
fn texts_of_env() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Ctrl-C, or the terminal or somebody else wants us gone: the folder with the database goes too.
async fn told_to_stop() -> anyhow::Result<()> {
    let listen = |kind| signal(kind).context("could not listen for signals");
    let (mut interrupt, mut terminate, mut hangup) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error.downcast_ref::<io::Error>().is_some_and(broken)
}
