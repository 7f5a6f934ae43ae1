//! One voice in one thread: makes single calls, each only while we may speak.

use std::{sync::Arc, time::Duration};

use chathakase_session::{SlackTs, chain, fault_point, time::SharedClock};

use super::{
    Mode,
    trouble::{Failure, Scope, Trouble},
    types::{Journal, Silenced, Target},
};
use crate::{
    api::{Api, ApiError, Fate, Metadata, Post, StreamStart},
    pacing::{Lane, Pacing},
};

/// A call to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Opens a part.
    Open {
        part: u32,
        mode: Mode,
        text: String,
    },
    Append {
        ts: SlackTs,
        text: String,
    },
    Stop {
        part: u32,
        ts: SlackTs,
        text: Option<String>,
    },
    Update {
        part: u32,
        ts: SlackTs,
        text: String,
    },
    Delete {
        ts: SlackTs,
    },
}

impl Call {
    /// Which budget it counts against. Deleting is too rare to have one.
    pub(super) fn lane(&self) -> Option<Lane> {
        match self {
            Self::Open { mode: Mode::Stream, .. } => Some(Lane::Start),
            Self::Open { .. } => Some(Lane::Post),
            Self::Append { .. } => Some(Lane::Append),
            Self::Stop { .. } => Some(Lane::Stop),
            Self::Update { .. } => Some(Lane::Update),
            Self::Delete { .. } => None,
        }
    }
}

#[derive(Clone)]
pub(super) struct Speaker {
    pub(super) api: Api,
    pub(super) pacing: Pacing,
    pub(super) clock: SharedClock,
    pub(super) patience: Duration,
    pub(super) target: Target,
    pub(super) journal: Arc<dyn Journal>,
}

impl Speaker {
    /// Writes into the journal that a part is to be opened, if `call` does that; of the first the journal knows.
    pub(super) async fn intend(&self, call: &Call) -> Result<(), Failure> {
        let Call::Open { part: part @ 1.., mode, .. } = call else { return Ok(()) };
        self.journal.part_intended(*part, *mode).await.map_err(silenced)
    }

    /// Makes one call that was [intended](Self::intend), once, and tells the budgets what came of it. What was opened is written into
    /// the journal. Gives its timestamp.
    pub(super) async fn say(&self, call: &Call) -> Result<Option<SlackTs>, Failure> {
        if !self.journal.may_speak() {
            return Err(silenced(Silenced));
        }
        let said = match self.call(call).await {
            Ok(ts) => ts,
            Err(error) => {
                if let Call::Open { part, mode, .. } = call
                    && error.fate() == Fate::Unknown
                {
                    self.journal.part_unknown(*part, *mode).await.map_err(silenced)?;
                }
                return Err(self.failed(call, error));
            }
        };
        match call {
            Call::Open { part, mode, .. } => {
                if let Some(ts) = said {
                    self.journal.part_open(*part, *mode, ts).await.map_err(silenced)?;
                }
            }
            Call::Append { .. } => {
                fault_point!("part.appended");
            }
            Call::Stop { .. } => {
                fault_point!("part.stopped");
            }
            Call::Update { .. } => {
                fault_point!("part.updated");
            }
            Call::Delete { .. } => {
                fault_point!("part.deleted");
            }
        }
        Ok(said)
    }

    async fn call(&self, call: &Call) -> Result<Option<SlackTs>, ApiError> {
        let Target { channel, thread_ts, recipient_user, recipient_team, .. } = &self.target;
        match call {
            Call::Open { mode: Mode::Stream, text, .. } => {
                let start = StreamStart {
                    channel,
                    thread_ts: *thread_ts,
                    markdown_text: text,
                    recipient_user_id: recipient_user.as_ref(),
                    recipient_team_id: recipient_team.as_ref(),
                };
                self.api.start_stream(start).await.map(|posted| Some(posted.ts))
            }
            Call::Open { part, text, .. } => {
                let metadata = Some(self.metadata(*part));
                let post = Post { channel, thread_ts: Some(*thread_ts), markdown_text: text, metadata };
                self.api.post_message(post).await.map(|posted| Some(posted.ts))
            }
            Call::Append { ts, text } => self.api.append_stream(channel, *ts, text).await.map(|()| None),
            Call::Stop { part, ts, text } => {
                let metadata = Some(self.metadata(*part));
                self.api.stop_stream(channel, *ts, text.as_deref(), metadata).await.map(|()| None)
            }
            Call::Update { part, ts, text } => {
                self.api.update(channel, *ts, text, Some(self.metadata(*part))).await.map(|()| None)
            }
            Call::Delete { ts } => self.api.delete(channel, *ts).await.map(|()| None),
        }
    }

    fn metadata(&self, part: u32) -> Metadata<'_> {
        let Target { turn, kind, notes, .. } = &self.target;
        Metadata { turn, kind, part, notes }
    }

    fn failed(&self, call: &Call, error: ApiError) -> Failure {
        let Target { workspace, channel, .. } = &self.target;
        let lane = call.lane();
        let trouble = Trouble::of(&error, lane);
        match (trouble, lane) {
            (Trouble::Limited(wait), Some(lane)) => self.pacing.limited(workspace, channel, lane, wait),
            (Trouble::NoStreams(Scope::Workspace), _) => self.pacing.no_streams(workspace, None),
            (Trouble::NoStreams(Scope::Channel), _) => self.pacing.no_streams(workspace, Some(channel)),
            _ => {}
        }
        tracing::debug!(%workspace, %channel, ?trouble, error = %chain(&error), "a reply met trouble");
        Failure { trouble, error: Some(error) }
    }
}

fn silenced(_: Silenced) -> Failure {
    Failure { trouble: Trouble::Silenced, error: None }
}
