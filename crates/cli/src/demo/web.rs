//! The demo in a browser: starts the page, and does what its buttons ask for.

use std::sync::Arc;

use anyhow::Context;
use chathakase_sim::page::{LocalTime, Notes, Options, Page, Tone};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    faults::{Armed, FAULTS, Faults, KILL, RESTART},
    room::Room,
    stage::Stage,
    texts,
};

/// Presses that wait to be done.
const PRESSES_MAX: usize = 16;

/// The page of a demo.
pub(crate) struct Web {
    page: Page,
    presses: mpsc::Receiver<&'static str>,
    faults: Faults,
    /// What was broken and is not well again; ends with the demo.
    under_way: JoinSet<()>,
}

impl Web {
    /// Starts it on this port of 127.0.0.1; 0 is any free one.
    pub(crate) async fn start(
        stage: &Stage,
        port: u16,
        clock: chathakase_session::time::SharedClock,
    ) -> anyhow::Result<Self> {
        let (presses, pressed) = mpsc::channel(PRESSES_MAX);
        let notes = Notes::new(Arc::clone(&clock));
        let options = Options {
            port,
            slack: stage.slack.clone(),
            relay: stage.relay.clone(),
            model: stage.real_model().unwrap_or_else(texts::stand_in),
            ideas: texts::ideas(stage.has_stand_in()),
            faults: FAULTS.to_vec(),
            presses,
            notes: notes.clone(),
            local_time: local_time(),
        };
        let page = Page::start(options).await.with_context(|| texts::no_port(port))?;
        let (slack, relay, ledger) = (stage.slack.clone(), stage.relay.clone(), stage.ledger.clone());
        let faults = Faults { slack, relay, ledger, notes, clock, armed: Armed::default() };
        Ok(Self { page, presses: pressed, faults, under_way: JoinSet::new() })
    }

    /// What to open.
    pub(crate) fn link(&self) -> &str {
        self.page.link()
    }

    /// The next button that is pressed.
    pub(crate) async fn pressed(&mut self) -> &'static str {
        match self.presses.recv().await {
            Some(id) => id,
            None => std::future::pending().await,
        }
    }

    /// Does what a button asks for. Watching it recover goes on meanwhile.
    pub(crate) async fn does(&mut self, id: &'static str, room: &mut Room) -> anyhow::Result<()> {
        while self.under_way.try_join_next().is_some() {}
        let faults = self.faults.clone();
        let then = match id {
            KILL => {
                faults.notes.add(Tone::Broke, "The assistant was killed.");
                room.kill().await?;
                faults.notes.add(
                    Tone::Asked,
                    "It is started again. An answer that was cut off is asked for anew, and shown when it is whole.",
                );
                "It is running again, and every message has its whole answer."
            }
            RESTART => {
                faults.notes.add(Tone::Asked, "The assistant is stopped: it finishes what it is saying.");
                room.restart().await?;
                "It is running again, on the same database."
            }
            id => {
                self.under_way.spawn(faults.play(id));
                return Ok(());
            }
        };
        self.under_way.spawn(async move { faults.until_well(then).await });
        Ok(())
    }
}

/// Hours and minutes as the clock on the wall shows them.
fn local_time() -> LocalTime {
    let zone = jiff::tz::TimeZone::system();
    Arc::new(move |at| {
        let moment = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        moment.to_zoned(zone.clone()).strftime("%H:%M").to_string()
    })
}
