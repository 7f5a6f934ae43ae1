//! What a store says of a post that it was given.

use super::Claimed;
use crate::{SlackTs, turn::TurnId};

/// What became of a post that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// This post is known already: nothing was done.
    Known,
    /// This post was erased before, or is older than its session's `cleared_before`: nothing was done.
    Gone,
    /// Kept as context; nobody answers it.
    Kept,
    /// It waits, with others perhaps, behind the running turn of its thread, or for a process with room.
    Waiting(TurnId),
    /// It opened a turn, and the caller holds its lease.
    Run(Box<Claimed>),
    /// The thread's queue was full: the post was *not* kept, and never will be, unless as the context that it was before. Its author
    /// must be told. A mark without words is left.
    Full,
    /// It was refused before, because the thread's queue was full: nothing was done. Whoever refused it may have died before its author
    /// was told.
    Refused,
    /// It was for a thread that we take part in, and we do not, or did not yet when it was written: it was not kept. A mark is
    /// left, so that whoever opens the thread to us with an older post is told of it ([`Received::passed`]).
    NotJoined,
    /// It was edited, at this moment by Slack's clock, before it arrived: nothing was done. It is to be taken in as it stands now.
    Outdated(SlackTs),
    /// A bot wrote it, and as many questions of bots as [`Rules::bots_in_row_max`](crate::store::Rules) came in a row. Not
    /// kept, now or later; a mark is left.
    TooManyBots,
}

impl Receipt {
    /// What became of it in one word; stable: also the value of a metric's label.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Waiting(_) => "waiting",
            Self::Kept => "kept",
            Self::Known => "known",
            Self::Gone => "gone",
            Self::Full => "full",
            Self::Refused => "refused",
            Self::NotJoined => "not_joined",
            Self::Outdated(_) => "outdated",
            Self::TooManyBots => "too_many_bots",
        }
    }
}

/// What [`SessionStore::receive`](crate::store::SessionStore::receive) did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What became of the post.
    pub receipt: Receipt,
    /// Whether a session began with it: new, or anew after expiry.
    pub created: bool,
    /// Younger posts of the thread that were not taken in ([`Receipt::NotJoined`]), if this one opens the thread to them: it came
    /// late. At most [`PASSED_MAX`], oldest first. Told until they are taken in, however often this post comes.
    pub passed: Vec<SlackTs>,
}

/// How many posts [`Received::passed`] names at most.
pub const PASSED_MAX: usize = 200;
