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
            // Whoever gave the turn up meanwhile left the clearing to us.
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

    /// The turn has said what it had to say. Ends when the line is gone, so that it is before the turn counts as delivered:
    /// after that nobody looks at it again. A new post, which `posted` says there was, took it away unless it came later.
    pub(crate) async fn over(mut self, posted: bool) {
        let gone = posted && self.line.state.compare_exchange(SET, OVER, SeqCst, SeqCst).is_ok();
        if !gone {
            let _ = (&mut self.setting).await;
            self.line.state.store(OVER, SeqCst);
            self.line.say("").await;
        }
    }
}

impl Drop for Thinking {
    /// The turn is not ours any more, and nobody is left to wait.
    fn drop(&mut self) {
        if matches!(self.line.state.swap(OVER, SeqCst), SET | OVERTAKEN) {
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
