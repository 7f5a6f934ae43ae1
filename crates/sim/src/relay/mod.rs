//! A pass-through between a client and a model: what is sent can be looked at, and an answer can be cut in its middle.
//!
//! Requests and answers go through as they are, to the built-in model or to a real one. Headers are not kept, so no key is.

mod pass;
mod scan;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    fmt, io,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use chathakase_session::time::SharedClock;
use reqwest::Url;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use scan::Tokens;

use crate::{model::RequestSeen, slack::Changes};

/// Exchanges that are kept; the oldest are forgotten first.
const KEPT_MAX: usize = 20;

/// Why there is no pass-through.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The model's address is none.
    #[error("the model's address is no URL with a host")]
    Address,
    /// No port, or no TLS.
    #[error("the pass-through to the model could not be started")]
    Start(#[source] io::Error),
}

/// A running pass-through. Clones are the same one; it stops when the last is dropped.
#[derive(Clone)]
pub struct Relay {
    base_url: String,
    shared: Arc<Shared>,
    _stop: Arc<DropGuard>,
}

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Counts from 1.
    pub number: u64,
    /// What was sent, without headers.
    pub request: RequestSeen,
    /// How long it was, in bytes.
    pub request_bytes: usize,
    /// The status of the answer; none while there is none.
    pub status: Option<u16>,
    /// How much of the answer came, in bytes.
    pub answer_bytes: usize,
    /// The model's own count, if it told.
    pub tokens: Option<Tokens>,
    /// How it ended; none while it goes on.
    pub end: Option<End>,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All came.
    Whole,
    /// We cut it, as asked.
    Cut,
    /// The model was not reached, or broke off.
    Broken,
    /// The client went away.
    Abandoned,
}

pub(crate) struct Shared {
    /// Scheme, host and port of the model; user and password if it has some.
    origin: Url,
    client: reqwest::Client,
    clock: SharedClock,
    cuts_next: AtomicBool,
    kept: Mutex<VecDeque<Exchange>>,
    version: watch::Sender<u64>,
}

impl Relay {
    /// Starts one on a free port of 127.0.0.1, to the model at `base_url`.
    ///
    /// # Errors
    /// When `base_url` is none, or when there is no port.
    pub async fn start(base_url: &str, clock: SharedClock) -> Result<Self, RelayError> {
        let mut origin = Url::parse(base_url.trim()).map_err(|_| RelayError::Address)?;
        if !matches!(origin.scheme(), "http" | "https") || origin.host_str().is_none() {
            return Err(RelayError::Address);
        }
        let query = origin.query().map(|query| format!("?{query}")).unwrap_or_default();
        let path = format!("{}{query}", origin.path());
        origin.set_path("/");
        origin.set_query(None);
        let client = client(&origin).map_err(|error| RelayError::Start(io::Error::other(error)))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(RelayError::Start)?;
        let port = listener.local_addr().map_err(RelayError::Start)?.port();
        let shared = Arc::new(Shared {
            origin,
            client,
            clock,
            cuts_next: AtomicBool::new(false),
            kept: Mutex::default(),
            version: watch::Sender::new(0),
        });
        let stop = CancellationToken::new();
        tokio::spawn(pass::serve(listener, Arc::clone(&shared), stop.clone()));
        Ok(Self { base_url: format!("http://127.0.0.1:{port}{path}"), shared, _stop: Arc::new(stop.drop_guard()) })
    }

    /// What the client takes as the model's address: ours, with the model's path and query.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The newest exchange.
    pub fn last(&self) -> Option<Exchange> {
        self.shared.lock().back().cloned()
    }

    /// The newest exchange that fits.
    pub fn newest(&self, fits: impl Fn(&Exchange) -> bool) -> Option<Exchange> {
        self.shared.lock().iter().rev().find(|exchange| fits(exchange)).cloned()
    }

    /// The exchanges with a higher number than this, oldest first.
    pub fn after(&self, number: u64) -> Vec<Exchange> {
        self.shared.lock().iter().filter(|exchange| exchange.number > number).cloned().collect()
    }

    /// The newest exchanges, oldest first.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.lock().iter().cloned().collect()
    }

    /// Cuts the next answer after its first words.
    pub fn cut_next(&self) {
        self.shared.cuts_next.store(true, SeqCst);
    }

    /// Wakes when an exchange begins, grows or ends.
    pub fn changes(&self) -> Changes {
        Changes::new(self.shared.version.subscribe())
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Exchange>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Files a request; its number.
    fn keep(&self, request: RequestSeen, request_bytes: usize) -> u64 {
        let mut kept = self.lock();
        let number = kept.back().map_or(1, |last| last.number + 1);
        kept.push_back(Exchange {
            number,
            request,
            request_bytes,
            status: None,
            answer_bytes: 0,
            tokens: None,
            end: None,
        });
        while kept.len() > KEPT_MAX {
            kept.pop_front();
        }
        drop(kept);
        self.changed();
        number
    }

    /// Writes down how an exchange goes on.
    fn note(&self, number: u64, note: impl FnOnce(&mut Exchange)) {
        if let Some(exchange) = self.lock().iter_mut().find(|exchange| exchange.number == number) {
            note(exchange);
        }
        self.changed();
    }

    fn changed(&self) {
        self.version.send_modify(|version| *version += 1);
    }
}

/// As the model's own client is made: no redirects, no compression, no proxy for a loopback address.
fn client(origin: &Url) -> reqwest::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_gzip();
    let host = origin.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()) {
        builder = builder.no_proxy();
    }
    if origin.scheme() == "http" {
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}
