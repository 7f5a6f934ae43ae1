//! `chathakase demo`: a small Slack, a stand-in for the model and the real assistant, in a terminal and in a browser.
//!
//! `stage` starts the parts, `web` the page, whose buttons `faults` plays; `view` and `ink` turn what happens into text, purely; `screen` writes it. `script` and `chat` are
//! the two things to see.

mod chat;
mod faults;
mod ink;
mod input;
mod ledger;
mod life;
mod line;
mod lines;
mod look;
mod room;
mod screen;
mod script;
mod seat;
mod stage;
mod texts;
mod threads;
mod typed;
mod view;
mod web;

use std::{
    io::{self, IsTerminal},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use chathakase_session::time::{SharedClock, timeout};
use chathakase_sim::slack::SmallSlack;
use tokio::signal::unix::{SignalKind, signal};

use self::{
    look::Look,
    room::{CAST, Room},
    screen::Screen,
    stage::{Brain, Stage},
    web::Web,
};
use crate::{args, clock::SystemClock, config::LogFormat, logging};

/// How long the assistant may take to end when the demo is stopped in the middle.
const ENDS_WITHIN: Duration = Duration::from_secs(1);

/// Two Ctrl-C within this time end the demo, whatever is coming.
const SECOND_INTERRUPT: Duration = Duration::from_secs(2);

/// Runs the demo until its end or Ctrl-C.
pub async fn run(args: &args::Demo) -> anyhow::Result<()> {
    logging::start("warn", LogFormat::Human)?;
    let clock: SharedClock = Arc::new(SystemClock::new());
    let columns =
        rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col)).filter(|n| *n > 0);
    let look = Look::of(io::stdout().is_terminal(), columns, |name| std::env::var(name).ok());
    // The script knows what the stand-in answers.
    let brain = if args.script { Brain::StandIn } else { Brain::from_env(texts_of_env()) };
    let stage = Stage::set(&brain, Arc::clone(&clock)).await?;
    let mut room = Room::new(stage, Screen::new(look, Arc::clone(&clock)), Arc::clone(&clock));
    let (slack, is_chat) = (room.stage.slack.clone(), Arc::clone(&room.is_chat));
    let shown = tokio::select! {
        shown = show(&mut room, args) => shown,
        told = told_to_stop(&slack, &is_chat, &clock) => told.and_then(|()| {
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
    let web = Web::start(&room.stage, args.port.unwrap_or(0), Arc::clone(&room.clock)).await?;
    room.say(&texts::page(look, web.link())).await?;
    chat::chat(room, web, look.live && io::stdin().is_terminal()).await
}

/// The environment, without what is no text.
fn texts_of_env() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Ctrl-C, or the terminal or somebody else wants us gone: the folder with the database goes too. Where there is a chat, one
/// Ctrl-C stops the answers that are coming, if there are any.
async fn told_to_stop(slack: &SmallSlack, is_chat: &AtomicBool, clock: &SharedClock) -> anyhow::Result<()> {
    let listen = |kind| signal(kind).context("could not listen for signals");
    let (mut interrupt, mut terminate, mut hangup) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?);
    let mut last = None;
    loop {
        tokio::select! {
            _ = interrupt.recv() => {
                let now = clock.monotonic();
                let again = last.replace(now).is_some_and(|last| now - last < SECOND_INTERRUPT);
                let stops = !again && is_chat.load(SeqCst) && chat::stop_answers(slack, CAST[0]).await;
                if !stops {
                    return Ok(());
                }
            }
            _ = terminate.recv() => return Ok(()),
            _ = hangup.recv() => return Ok(()),
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error.downcast_ref::<io::Error>().is_some_and(broken)
}
