//! What a reply is given, and what it gives back.

use async_trait::async_trait;
use chathakase_session::{ChannelId, SlackTs, UserId, WorkspaceId};
use sha2::{Digest, Sha256};

use super::Mode;
use crate::api::ApiError;

/// Where an answer goes, and whose it is.
#[derive(Clone, Debug)]
pub struct Target {
    /// The installation: budgets are counted by it.
    pub workspace: WorkspaceId,
    /// The channel.
    pub channel: ChannelId,
    /// The thread's first message.
    pub thread_ts: SlackTs,
    /// Who is answered. Slack requires it for streams in channels.
    pub recipient_user: Option<UserId>,
    /// The workspace of the one who is answered. Slack requires it for streams in channels.
    pub recipient_team: Option<WorkspaceId>,
    /// The turn's id: every post carries it in its metadata.
    pub turn: String,
    /// What kind of answer it is; in the metadata too.
    pub kind: &'static str,
    /// Sentences of our own at the answer's beginning or end, each as a paragraph; in the metadata too, so that whoever reads
    /// the thread can tell them from the answer ([`super::without_notes`]).
    pub notes: Vec<String>,
}

/// The turn is not ours any more: another process may be speaking for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the turn is not ours any more")]
pub struct Silenced;

/// Where a reply writes down what it does, so that another process could carry on. After [`Silenced`] the reply makes no
/// further call.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Part `part` may exist from now on. Not called for part 0, which the turn's claim covers; may be called twice for one part,
    /// when another mode is tried.
    async fn part_intended(&self, part: u32, mode: Mode) -> Result<(), Silenced>;
    /// The fate of the call that makes part `part` is unknown: it may exist, and whatever is found in the thread, come to stand there
    /// later. Of a call that surely was not done nothing is said.
    async fn part_unknown(&self, part: u32, mode: Mode) -> Result<(), Silenced>;
    /// Part `part` stands in the thread as `ts`.
    async fn part_open(&self, part: u32, mode: Mode, ts: SlackTs) -> Result<(), Silenced>;
    /// Part `part` stands there whole. Not called for the last one: [`Delivered`] says it.
    async fn part_done(&self, part: u32, hash: u64) -> Result<(), Silenced>;
    /// Whether the right to speak lasts for one more call. Asked before each.
    fn may_speak(&self) -> bool;
}

/// Whether the right to speak lasts for one more call, for what is said beside an answer: that of [`Journal::may_speak`], or always
/// where no turn speaks.
pub type MaySpeak<'a> = &'a (dyn Fn() -> bool + Sync);

/// A post of this turn that was found in the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnPost {
    /// Its timestamp.
    pub ts: SlackTs,
    /// Whether it may still be streaming.
    pub streaming: bool,
}

/// One part as the thread shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartShown {
    /// Its place in the answer, from 0.
    pub index: u32,
    /// Its timestamp.
    pub ts: SlackTs,
    /// [`part_hash`] of its text.
    pub hash: u64,
}

/// An answer that the thread shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Its parts in order; none for an answer without words. A part that a person deleted meanwhile is missing.
    pub parts: Vec<PartShown>,
    /// How the first part was brought.
    pub mode: Mode,
}

/// The hash of a part's text that is stored with it: the first eight bytes of its SHA-256.
pub fn part_hash(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

/// Why the thread does not show the whole answer.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// The turn is another process's now; or the reply was abandoned. Say nothing more about it.
    #[error("the turn is not ours any more; its new owner carries on")]
    Silenced,
    /// A person pressed Stop in Slack, or [`super::Reply::stop`] was called: what was shown until then stays.
    #[error("a person stopped the answer")]
    Stopped {
        /// What stands in the thread.
        shown: Delivered,
        /// What it says: the parts' texts, each on a line of its own. `None` where the fate of a call is unknown.
        said: Option<String>,
    },
    /// Nothing can be posted in this place, now or later. The author may be told by direct message.
    #[error("Slack lets nothing be posted there: {code}; invite the assistant to the channel, or ask an admin")]
    CannotPost {
        /// Slack's error code.
        code: String,
    },
    /// A part may have been posted, or not. Read the thread back, then [`super::Replies::mend`].
    #[error("it is not known whether part {part} was posted; read the thread back")]
    Unknown {
        /// Which part.
        part: u32,
        /// What went wrong.
        #[source]
        cause: ApiError,
    },
    /// Slack failed again and again, or in a way that no retry helps. [`super::Replies::mend`] may do better later.
    #[error("the answer could not be brought to the thread")]
    Slack(
        /// The last failure.
        #[source]
        ApiError,
    ),
    /// The reply's own task died: a mistake in this program. Read the thread back, then [`super::Replies::mend`].
    #[error("the reply broke down; read the thread back")]
    Broken,
}

impl ReplyError {
    /// What Slack, or the way to it, said last; `None` when that was not the reason.
    pub const fn cause(&self) -> Option<&ApiError> {
        match self {
            Self::Unknown { cause, .. } | Self::Slack(cause) => Some(cause),
            Self::Silenced | Self::Stopped { .. } | Self::CannotPost { .. } | Self::Broken => None,
        }
    }
    /// Whether reading the thread back and mending it now may still bring the answer there. Where only our token or a scope of
    /// it is in the way, it will once somebody has seen to that.
    pub fn is_mendable(&self) -> bool {
        match self {
            Self::Unknown { .. } | Self::Broken => true,
            Self::Slack(cause) => !cause.is_token_fatal() && cause.code() != Some("missing_scope"),
            Self::Silenced | Self::Stopped { .. } | Self::CannotPost { .. } => false,
        }
    }
}
