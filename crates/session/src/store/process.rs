//! What the processes on a store tell each other.

use std::time::Duration;

use crate::{ChannelId, SlackTs, Timestamp};

/// What the other processes on a store are to one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Others {
    /// Some live no more, and left what they missed to be looked for.
    pub left_some: bool,
    /// How long ago one of those that live had missed nothing, the least of all; `None` when none ever said so.
    pub good_ago: Option<Duration>,
    /// Whether the one who asks is the first of those that live: does what one of them is to do for all.
    pub asker_is_first: bool,
}

/// A spot that a look for what was missed came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The channel, or the direct message.
    pub channel: ChannelId,
    /// A thread of the channel; `None` for what stands in the channel itself.
    pub root: Option<SlackTs>,
    /// From when on the look was to find what was missed.
    pub since: Timestamp,
    /// When the look began.
    pub at: Timestamp,
}
