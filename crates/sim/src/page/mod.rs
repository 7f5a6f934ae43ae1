//! The small Slack as a page: what people see of it, in a browser, and what goes on behind.
//!
//! Everything is drawn here on the server (`draw`); a page is whole without its script. With it, changes come as pieces of the same
//! drawing over server-sent events (`live`), and what is typed goes out without leaving the page. Only this machine can reach it,
//! and only who has the link (`door`).

#[cfg(test)]
mod contrast;
mod deeds;
mod door;
mod draw;
mod live;
mod notes;
mod requests;
mod routes;
#[cfg(test)]
mod tests;
mod view;

use std::{
    collections::HashMap,
    fmt, io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chathakase_session::{ChannelId, SlackTs, Timestamp};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use notes::{Notes, Tone};

use self::{door::Door, requests::Requests};
use crate::{relay::Relay, slack::SmallSlack};

/// Something that can be broken: a button of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What a press is called: one word.
    pub id: &'static str,
    /// The button's words.
    pub label: &'static str,
    /// What it does.
    pub does: &'static str,
    /// What is to be seen then.
    pub then: &'static str,
}

/// How a moment is written for people: `14:05`.
pub type LocalTime = Arc<dyn Fn(Timestamp) -> String + Send + Sync>;

/// What a page is made of.
pub struct Options {
    /// The port on 127.0.0.1; 0 for any free one.
    pub port: u16,
    /// What it shows.
    pub slack: SmallSlack,
    /// Where the model's requests come through; without it nothing of them is shown.
    pub relay: Option<Relay>,
    /// What the model is called.
    pub model: String,
    /// What to try, for who has no idea. `{you}` in one stands for the name of who is offered it.
    pub ideas: Vec<String>,
    /// What can be broken.
    pub faults: Vec<Fault>,
    /// Where presses of their buttons go; whoever listens does them, and says in `notes` what happened.
    pub presses: mpsc::Sender<&'static str>,
    /// What happened.
    pub notes: Notes,
    /// How times are written.
    pub local_time: LocalTime,
}

/// A running page. It stops when it is dropped.
pub struct Page {
    link: String,
    _stop: DropGuard,
}

/// What the handlers share.
pub(crate) struct Shared {
    pub(crate) slack: SmallSlack,
    pub(crate) requests: Option<Requests>,
    pub(crate) model: String,
    pub(crate) ideas: Vec<String>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) presses: mpsc::Sender<&'static str>,
    pub(crate) notes: Notes,
    pub(crate) local_time: LocalTime,
    pub(crate) door: Door,
    pub(crate) stop: CancellationToken,
    /// The newest post that each person has seen in each channel.
    seen: Mutex<HashMap<(String, ChannelId), SlackTs>>,
}

impl Page {
    /// Starts to serve it.
    ///
    /// # Errors
    /// When the port is in use.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let door = Door::new(listener.local_addr()?.port());
        let link = door.link();
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            requests: options.relay.map(|relay| Requests::new(relay, options.slack.clone())),
            slack: options.slack,
            model: options.model,
            ideas: options.ideas,
            faults: options.faults,
            presses: options.presses,
            notes: options.notes,
            local_time: options.local_time,
            door,
            stop: stop.clone(),
            seen: Mutex::default(),
        });
        let server = axum::serve(listener, routes::router(Arc::clone(&shared)));
        let stopped = stop.clone();
        tokio::spawn(async move {
            let watching = async {
                match &shared.requests {
                    Some(requests) => requests.watch().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = server.into_future() => {}
                () = watching => {}
                () = stopped.cancelled() => {}
            }
        });
        Ok(Self { link, _stop: stop.drop_guard() })
    }

    /// What to open. It holds the key to the page.
    pub fn link(&self) -> &str {
        &self.link
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").finish_non_exhaustive()
    }
}

impl Shared {
    /// Somebody has seen all posts of a channel up to this one.
    pub(crate) fn saw(&self, who: &str, channel: &ChannelId, newest: SlackTs) {
        self.seen().insert((who.to_owned(), channel.clone()), newest);
    }

    /// How many of these posts somebody has not seen.
    pub(crate) fn unseen(&self, who: &str, channel: &ChannelId, posts: &[SlackTs]) -> usize {
        let seen = self.seen().get(&(who.to_owned(), channel.clone())).copied();
        posts.len() - seen.map_or(0, |seen| posts.partition_point(|ts| *ts <= seen))
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<(String, ChannelId), SlackTs>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
