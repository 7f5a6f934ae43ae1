//! The status line that says we are at work, from the start of a turn until the thread shows something.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering::SeqCst},
};

use chathakase_session::ThreadKey;
use chathakase_slack::api::Api;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::texts;

const ASKED: u8 = 0;
const SET: u8 = 1;
/// The answer began before Slack had confirmed the status: it may be set after the answer, and then stays.
const OVERTAKEN: u8 = 2;
const OVER: u8 = 3;

/// A status line. Slack removes it when our answer comes; where none comes, or it came too early, we do. It is set and
/// removed beside the answer, which never waits for it.
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
pub(crate) async fn take_away(api: &Api, key: &ThreadKey) {
    Line { api: api.clone(), key: key.clone(), state: Arc::default() }.say("").await;
}

impl Thinking {
    pub(crate) fn begin(api: &Api, key: &ThreadKey, tasks: &TaskTracker) -> Self {
        let line = Line { api: api.clone(), key: key.clone(), state: Arc::new(AtomicU8::new(ASKED)) };
        let set = line.clone();
        let setting = tasks.spawn(async move {
            set.say(texts::THINKING).await;
            // Whoever ended the turn meanwhile left the clearing to us.
            if set.state.compare_exchange(ASKED, SET, SeqCst, SeqCst).is_err() && set.state.load(SeqCst) == OVER {
                set.say("").await;
            }
        });
        Self { line, tasks: tasks.clone(), setting }
    }

    /// The answer begins to show.
    pub(crate) fn overtaken(&self) {
        let _ = self.line.state.compare_exchange(ASKED, OVERTAKEN, SeqCst, SeqCst);
    }

    fn end(&self, shown: bool) {
        let before = self.line.state.swap(OVER, SeqCst);
        let clear = match before {
            ASKED | OVER => false,
            SET => !shown,
            _ => true,
        };
        if clear {
            let line = self.line.clone();
            self.tasks.spawn(async move { line.say("").await });
        }
    }

    /// Ends when the line is taken away, for whoever shows an answer by nothing that takes it away.
    pub(crate) async fn taken_away(mut self) {
        let _ = (&mut self.setting).await;
        if self.line.state.swap(OVER, SeqCst) != OVER {
            self.line.say("").await;
        }
    }

    /// The turn is over, and the thread shows what it had to say.
    pub(crate) fn shown(self) {
        self.end(true);
    }
}

impl Drop for Thinking {
    /// Whatever way a turn ends, nobody is left to wait.
    fn drop(&mut self) {
        self.end(false);
    }
}

impl Line {
    async fn say(&self, status: &str) {
        if let Err(error) = self.api.set_status(&self.key.channel, self.key.root, status).await {
            tracing::debug!(error = &error as &dyn std::error::Error, thread.key = %self.key, "the status line could not be changed");
        }
    }
}
