//! The status line that says we are at work, from the start of a turn until the thread shows something.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering::SeqCst},
};

use chathakase_session::{ThreadKey, chain};
use chathakase_slack::api::Api;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::texts;

const ASKED: u8 = 0;
const SET: u8 = 1;
/// Nobody wants it any more. If Slack had not confirmed it before, it may be set after the answer, and would stay: whoever
/// still sets it takes it away.
const OVER: u8 = 2;

/// A status line, and with it Slack's agent session, which it sets to `processing`. Slack removes the line when our answer comes,
/// and ends the session with the answer's stream; where none streams, or it came too early, we end both. The line is set and
/// removed beside the answer, which never waits for it, nor does what follows an answer that streamed.
pub(crate) struct Thinking {
    line: Line,
    tasks: TaskTracker,
    setting: JoinHandle<()>,
}

#[derive(Clone)]
struct Line {
    api: Api,
    key: ThreadKey,
    state: Arc<AtomicU8>,
}

/// Takes away the status line that a dead process may have left.
pub(crate) fn take_away(api: &Api, key: &ThreadKey) -> impl Future<Output = ()> + Send + use<> {
    let line = Line { api: api.clone(), key: key.clone(), state: Arc::default() };
    async move { line.say("").await }
}

impl Thinking {
    pub(crate) fn begin(api: &Api, key: &ThreadKey, tasks: &TaskTracker) -> Self {
        let line = Line { api: api.clone(), key: key.clone(), state: Arc::new(AtomicU8::new(ASKED)) };
        let set = line.clone();
        let setting = tasks.spawn(async move {
            set.say(texts::THINKING).await;
            if set.state.compare_exchange(ASKED, SET, SeqCst, SeqCst).is_err() {
                set.say("").await;
            }
        });
        Self { line, tasks: tasks.clone(), setting }
    }

    /// The answer begins to show.
    pub(crate) fn overtaken(&self) {
        let _ = self.line.state.compare_exchange(ASKED, OVER, SeqCst, SeqCst);
    }

    /// The turn has said what it had to say. Ends when the line is gone; at once where the end of a stream, which `streamed` says
    /// there was, took it away, or came so early that whoever still sets it takes it away.
    pub(crate) async fn over(mut self, streamed: bool) {
        match self.line.state.swap(OVER, SeqCst) {
            _ if streamed => {}
            SET => self.line.say("").await,
            _ => drop((&mut self.setting).await),
        }
    }
}

impl Drop for Thinking {
    /// The turn is not ours any more, and nobody is left to wait.
    fn drop(&mut self) {
        if self.line.state.swap(OVER, SeqCst) == SET {
            let line = self.line.clone();
            self.tasks.spawn(async move { line.say("").await });
        }
    }
}

impl Line {
    async fn say(&self, status: &str) {
        if let Err(error) = self.api.set_status(&self.key.channel, self.key.root, status).await {
            tracing::debug!(error = %chain(&error), thread.key = %self.key, "the status line could not be changed");
        }
    }
}
