//! How far a link has come.

use std::fmt;

use crate::payload::DisconnectReason;

/// The life of a link, as its keeper follows it; it only goes forward.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Connected, and Slack has not said hello yet.
    Waiting,
    /// Events come.
    Up,
    /// Slack will close it; events still come.
    Leaving(DisconnectReason),
    /// Nothing comes any more.
    Ended(End),
}

impl Stage {
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Waiting => 0,
            Self::Up => 1,
            Self::Leaving(_) => 2,
            Self::Ended(_) => 3,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("waiting for hello"),
            Self::Up => f.write_str("up"),
            Self::Leaving(reason) => write!(f, "Slack closes the link soon ({reason:?})"),
            Self::Ended(end) => end.fmt(f),
        }
    }
}

/// Why a link ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Slack closed it.
    Closed,
    /// The connection broke, or what came over it was no WebSocket.
    Broken(String),
    /// Nothing was heard, not even answers to our pings.
    Silent,
    /// Connected, but Slack never said hello.
    NoHello,
    /// Slack would not have the link: another word came in place of hello.
    TurnedAway(DisconnectReason),
    /// Socket Mode was switched off.
    Disabled,
    /// We left: the next link is up, or the program stops.
    Left,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("Slack closed the link"),
            Self::Broken(why) => write!(f, "the link broke: {why}"),
            Self::Silent => f.write_str("the link is dead: nothing heard for too long"),
            Self::NoHello => f.write_str("Slack did not say hello on the new link"),
            Self::TurnedAway(reason) => write!(f, "Slack turned the new link away ({reason:?})"),
            Self::Disabled => f.write_str("Socket Mode is switched off"),
            Self::Left => f.write_str("we left the link"),
        }
    }
}
