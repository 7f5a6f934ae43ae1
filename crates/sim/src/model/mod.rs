//! A model that plays a script: a chat-completions server on loopback.
//!
//! Each request takes the next scripted turn; a request that nobody planned gets status 500 and is remembered. Requests are
//! kept, and each is checked against the rules that every request must obey. A gate holds a stream in mid-sentence, so that a
//! test can look at half an answer, then let it go on or cut it.
//!
//! ```
//! # use chathakase_sim::{ManualClock, model::ScriptedModel};
//! # async fn example() {
//! let model = ScriptedModel::start(std::sync::Arc::new(ManualClock::new())).await;
//! model.answers("Hello Ana.");
//! let turn = model.turn().text("Par").gate("half").text("is.");
//! // .. a client asks `model.base_url()` twice; the second answer stands at "Par" until:
//! turn.open("half");
//! # }
//! ```

mod book;
pub mod demo;
mod patience;
mod player;
mod request;
mod script;
mod server;
#[cfg(test)]
mod tests;
mod wire;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use chathakase_session::time::SharedClock;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::server::Shared;
pub use self::{
    request::{MessageSeen, RequestSeen},
    script::{Progress, TurnScript},
};

/// The server. Clones share it; when the last one goes, it stops and its connections close.
#[derive(Clone, Debug)]
pub struct ScriptedModel {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: Arc<DropGuard>,
}

impl ScriptedModel {
    /// Starts it on a free port of 127.0.0.1. Panics if there is none: a test could not go on.
    pub async fn start(clock: SharedClock) -> Self {
        Self::bind(clock, SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port on 127.0.0.1")
    }

    /// Starts it at `address`.
    pub async fn bind(clock: SharedClock, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (shared, stop) = (Arc::new(Shared::new(clock)), CancellationToken::new());
        tokio::spawn(server::serve(listener, Arc::clone(&shared), stop.clone()));
        Ok(Self { address, shared, _stop: Arc::new(stop.drop_guard()) })
    }

    /// What a client takes as its base URL: `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Queues a whole answer: one delta per word, finish reason `stop`, usage if asked for, `[DONE]`.
    pub fn answers(&self, text: &str) -> &Self {
        self.turn().words(text);
        self
    }

    /// Queues a turn; what it does is said by the methods of [`TurnScript`].
    pub fn turn(&self) -> TurnScript {
        let turn = TurnScript::new();
        self.shared.book().queue(turn.clone());
        turn
    }

    /// Answers every request for which no turn waits by what `answer` returns.
    pub fn answers_by(&self, answer: impl Fn(&RequestSeen) -> String + Send + Sync + 'static) -> &Self {
        self.shared.book().answer = Some(Arc::new(answer));
        self
    }

    /// Plays to every request for which no turn waits what `turn` returns.
    pub fn plays_by(&self, turn: impl Fn(&RequestSeen) -> TurnScript + Send + Sync + 'static) -> &Self {
        self.shared.book().turn = Some(Arc::new(turn));
        self
    }

    /// How long computed answers pause after each word, on the clock (default 0: the whole stream in one write).
    pub fn paced(&self, pause: Duration) -> &Self {
        self.shared.book().pace = pause;
        self
    }

    /// How many requests are kept to be looked at (default 10,000; the oldest are forgotten first). A load test keeps none.
    pub fn keeps_requests(&self, requests_max: usize) -> &Self {
        self.shared.book().requests_kept_max = requests_max;
        self
    }

    /// From now on a request that holds `secret`, in its body or a header other than `authorization`, breaks a rule.
    pub fn forbids(&self, secret: &str) -> &Self {
        self.shared.book().secrets.push(secret.to_owned());
        self
    }

    /// The requests for an answer, oldest first.
    pub fn requests(&self) -> Vec<RequestSeen> {
        self.shared.book().requests()
    }

    /// The newest request. Panics when there was none.
    #[track_caller]
    pub fn last_request(&self) -> RequestSeen {
        self.shared.book().last_request().expect("the model was asked nothing yet")
    }

    /// How many requests for an answer came, kept or not.
    pub fn requests_seen(&self) -> u64 {
        self.shared.book().requests_seen()
    }

    /// The requests that nobody planned, each as a sentence.
    pub fn unexpected(&self) -> Vec<String> {
        self.shared.book().unexpected_requests()
    }

    /// What [`ScriptedModel::assert_clean`] would complain about.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.book().complaints()
    }

    /// Fails if a request was unexpected or broke a rule.
    #[track_caller]
    pub fn assert_clean(&self) {
        let complaints = self.complaints();
        assert!(complaints.is_empty(), "the model complains:\n  {}", complaints.join("\n  "));
    }

    /// Fails if a queued turn was never asked for.
    #[track_caller]
    pub fn assert_all_played(&self) {
        let waiting = self.shared.book().waiting();
        assert!(waiting.is_empty(), "turns that nobody asked for:\n  {}", waiting.join("\n  "));
    }
}
