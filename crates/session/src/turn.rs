//! One run of the model, or of a command, for one session: its states, its lease, and the parts of its answer.
//!
//! A turn goes `queued → running → closed`. Closed says that what will be said is decided and stored; a second mark,
//! [`Delivery`], says whether the thread shows it. Until both are so, the turn holds its thread: the next one waits.

use std::{fmt, time::Duration};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::{SlackTs, ThreadKey, Timestamp, UserId, WorkspaceId};

/// Names a turn within its store; counts up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TurnId(pub u64);

impl fmt::Display for TurnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a turn runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnKind {
    /// The model. At most one of a thread runs at a time.
    Answer,
    /// A command. Does not wait for the thread's other turns, nor they for it.
    Command,
}

/// How far a turn is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// Waits behind another turn of its thread, or for a process with room. Messages may still join it.
    Queued,
    /// A process holds its lease and works on it.
    Running,
    /// What will be said is stored.
    Closed,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With an answer.
    Answered,
    /// For good, with a plain notice.
    Failed,
    /// Because a person stopped it, cleared the session, or deleted all it was to answer.
    Stopped,
}

/// Whether the thread shows what a closed turn had to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Not yet, or not surely.
    Pending,
    /// Yes.
    Done,
}

/// The name of one running process. Made anew at each start, so that a lease of an earlier boot is never taken for ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnerId(CompactString);

impl OwnerId {
    /// The name `text`; whoever makes it sees to it that no two processes share one.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who wants turns, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// The process.
    pub owner: OwnerId,
    /// How long a lease lasts without being renewed (default 30 s).
    pub lease: Duration,
    /// How many messages of history it wants with a turn of the model; 0 for none.
    pub history_max: usize,
    /// How many commands it wants of one claim at most: they wait for no room of the model's.
    pub commands_max: usize,
    /// The time by Slack's clock, as near as the process knows: when a turn begins that it gets now. `None`: the step's.
    pub slack_now: Option<Timestamp>,
}

/// A process's right to work on one turn until a moment. Every write of a turn names its lease, and is refused with
/// [`LeaseLost`](crate::store::StoreError::LeaseLost) once another process has taken the turn over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The turn.
    pub turn: TurnId,
    /// Its thread.
    pub key: ThreadKey,
    /// Who holds it.
    pub owner: OwnerId,
    /// Only grows within a session: of two who believe they hold a turn, the one with the greater number does.
    pub fence: u64,
    /// When others may take the turn over.
    pub until: Timestamp,
}

/// A turn as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its name.
    pub id: TurnId,
    /// Its thread.
    pub key: ThreadKey,
    /// What it runs.
    pub kind: TurnKind,
    /// How far it is.
    pub state: TurnState,
    /// How it ended; `None` until it is closed.
    pub outcome: Option<Outcome>,
    /// Whether the thread shows it.
    pub delivery: Delivery,
    /// How many owners died, or lost their lease, while it ran.
    pub deaths: u32,
    /// Who wrote the first of its messages.
    pub asker: Option<UserId>,
    /// That person's own workspace, which Slack wants to know for a streamed answer.
    pub asker_team: Option<WorkspaceId>,
    /// The first message it answers.
    pub first_ts: SlackTs,
    /// The last message it answers.
    pub last_ts: SlackTs,
    /// When it was first set running, by Slack's clock as near as its owner knew: its posts' and its questions'.
    pub started_at: Option<Timestamp>,
    /// Whether a person wants no more of it: the model is not asked (again), and what stands in the thread stays.
    pub stop_requested: bool,
    /// Whether the answer was posted once more although it may have stood in the thread already: that is right once.
    pub repeated: bool,
}

/// How a part of an answer is brought into the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartMode {
    /// Slack's own text streaming.
    Stream,
    /// Posted early and updated as text comes.
    Update,
    /// Posted once, whole.
    Single,
}

/// How far a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// The call that makes it may have been made; whether it stands in the thread is not known.
    Intended,
    /// It stands in the thread and may still grow.
    Open,
    /// It stands there whole.
    Done,
}

/// One Slack message of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its place in the answer, from 0.
    pub index: u32,
    /// How it is brought.
    pub mode: PartMode,
    /// How far it is.
    pub state: PartState,
    /// Slack's name for it, once known.
    pub ts: Option<SlackTs>,
    /// What it says, as a hash; 0 until it is done.
    pub hash: u64,
}
