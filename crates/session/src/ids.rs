//! The ids that Slack gives and the keys made of them. Each is parsed once, at the door; inside, a wrong one cannot be made.

use std::{fmt, str::FromStr};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// The text was not an id of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {wanted}")]
pub struct BadId {
    /// What the text should have been, in words.
    pub wanted: &'static str,
    /// The text, cut to 64 characters.
    pub found: String,
}

impl BadId {
    fn new(wanted: &'static str, found: &str) -> Self {
        Self { wanted, found: found.chars().take(64).collect() }
    }
}

/// Longest id that is accepted, in bytes. Slack's are 9 to 13 characters today; what it documents has no limit.
pub const ID_BYTES_MAX: usize = 64;

macro_rules! slack_id {
    ($(#[$doc:meta])* $name:ident, $wanted:literal, [$($first:literal),*]) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "CompactString", into = "CompactString")]
        pub struct $name(CompactString);

        impl $name {
            /// Takes 1 to [`ID_BYTES_MAX`] ASCII letters and digits, the first of which says the kind.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                let first: &[char] = &[$($first),*];
                let kind = first.is_empty() || text.starts_with(first);
                if kind && !text.is_empty() && text.len() <= ID_BYTES_MAX && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
                    Ok(Self(text.into()))
                } else {
                    Err(BadId::new($wanted, text))
                }
            }
            /// The id as Slack writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl_text!($name);
    };
}

macro_rules! impl_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::parse(text)
            }
        }
        impl TryFrom<CompactString> for $name {
            type Error = BadId;
            fn try_from(text: CompactString) -> Result<Self, BadId> {
                Self::parse(&text)
            }
        }
        impl From<$name> for CompactString {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

slack_id!(/// One installation: a workspace (`T…`), or an enterprise (`E…`) that installed the app for all of its own.
    WorkspaceId, "a workspace id such as T0123ABCD", ['T', 'E']);
slack_id!(/// A conversation: channel (`C…`), private channel (`G…`) or direct message (`D…`).
    ChannelId, "a channel id such as C0123ABCD", ['C', 'G', 'D']);
slack_id!(/// A person or a bot's user (`U…`, or `W…` on an enterprise).
    UserId, "a user id such as U0123ABCD", ['U', 'W']);
slack_id!(/// A bot as an author (`B…`); its user has a [`UserId`] beside it.
    BotId, "a bot id such as B0123ABCD", ['B']);
slack_id!(/// A Slack app (`A…`).
    AppId, "an app id such as A0123ABCD", ['A']);
slack_id!(/// One delivery of an event. Two deliveries of one post may differ in it, so it never decides what is new.
    EventId, "an event id such as Ev0123ABCD", []);

/// Slack's name for a message within its channel: seconds, a dot, six digits (`1700000000.000100`).
///
/// Kept as a whole number of microseconds, so that it orders and prints exactly; a float would lose digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "CompactString", into = "CompactString")]
pub struct SlackTs(i64);

impl SlackTs {
    const WANTED: &'static str = "a Slack timestamp such as 1700000000.000100";
    /// Later than all others.
    pub const MAX: Self = Self(1_000_000_000_000_000_000 - 1);

    /// Takes Slack's form only: 1 to 12 digits without a leading zero, a dot, six digits.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let bad = || BadId::new(Self::WANTED, text);
        let (secs, micros) = text.split_once('.').ok_or_else(bad)?;
        let digits = |part: &str, len: std::ops::RangeInclusive<usize>| {
            len.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        };
        // One way to write each value: what is printed again must be the very text that Slack sent.
        if !digits(secs, 1..=12) || !digits(micros, 6..=6) || (secs.len() > 1 && secs.starts_with('0')) {
            return Err(bad());
        }
        let secs: i64 = secs.parse().map_err(|_| bad())?;
        let micros: i64 = micros.parse().map_err(|_| bad())?;
        Ok(Self(secs * 1_000_000 + micros))
    }
    /// From stored microseconds; the inverse of [`SlackTs::as_micros`]. Negative values and more than 12 digits of seconds are refused.
    pub fn from_micros(micros: i64) -> Result<Self, BadId> {
        if (0..=Self::MAX.0).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(BadId::new(Self::WANTED, &micros.to_string()))
        }
    }
    /// Microseconds since the epoch: the value to store and to order by.
    pub const fn as_micros(self) -> i64 {
        self.0
    }
    /// The moment it names, to the millisecond.
    pub const fn moment(self) -> crate::Timestamp {
        crate::Timestamp::from_millis(self.0 / 1000)
    }
    /// The first that can name a post of `moment`; what has no name there is taken to the nearest that has.
    pub fn at(moment: crate::Timestamp) -> Self {
        Self(moment.as_millis().saturating_mul(1000).clamp(0, Self::MAX.0))
    }
}

impl fmt::Display for SlackTs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}
impl fmt::Debug for SlackTs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
impl FromStr for SlackTs {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::parse(text)
    }
}
impl TryFrom<CompactString> for SlackTs {
    type Error = BadId;
    fn try_from(text: CompactString) -> Result<Self, BadId> {
        Self::parse(&text)
    }
}
impl From<SlackTs> for CompactString {
    fn from(ts: SlackTs) -> Self {
        compact_str::format_compact!("{ts}")
    }
}

/// Which conversation this is. A timestamp alone is not enough: two channels can hold the same one, and so can two workspaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadKey {
    /// The installation through which we see the thread.
    pub workspace: WorkspaceId,
    /// The channel that the thread is in.
    pub channel: ChannelId,
    /// The timestamp of the thread's first message.
    pub root: SlackTs,
}

impl ThreadKey {
    /// The id under which people know the session: it leaves the workspace out.
    pub fn session_id(&self) -> SessionId {
        SessionId { channel: self.channel.clone(), root: self.root }
    }
}

impl fmt::Display for ThreadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}_{}", self.workspace, self.channel, self.root)
    }
}

/// The name of a session as people see it: `<channel_id>_<thread_ts>`. Unique within a workspace only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    /// The channel that the thread is in.
    pub channel: ChannelId,
    /// The timestamp of the thread's first message.
    pub root: SlackTs,
}

impl SessionId {
    /// The thread of this name in `workspace`.
    pub fn in_workspace(self, workspace: WorkspaceId) -> ThreadKey {
        ThreadKey { workspace, channel: self.channel, root: self.root }
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.channel, self.root)
    }
}
impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
impl FromStr for SessionId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let (channel, root) =
            text.split_once('_').ok_or_else(|| BadId::new("a session id such as C0123ABCD_1700000000.000100", text))?;
        Ok(Self { channel: ChannelId::parse(channel)?, root: SlackTs::parse(root)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_prints_as_it_was_written_or_is_refused() {
        for good in ["1700000000.000100", "0.000000", "999999999999.999999", "1.000001"] {
            assert_eq!(SlackTs::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "",
            ".",
            "1700000000",
            "1700000000.1",
            "01.000000",
            "1.0000001",
            "-1.000000",
            "1.00000a",
            "１.000000",
            "1e3.000000",
            "9999999999999.000000",
        ] {
            assert!(SlackTs::parse(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn an_id_of_another_kind_is_refused_and_said() {
        let error = ChannelId::parse("U1").unwrap_err();
        assert_eq!(error.to_string(), "`U1` is not a channel id such as C0123ABCD");
        for bad in ["", "C", "C1 ", "C\u{e9}", "C1_2"] {
            assert_eq!(ChannelId::parse(bad).is_ok(), bad == "C", "{bad:?}");
        }
    }

    #[test]
    fn a_session_id_is_channel_and_root() {
        let id: SessionId = "C1_1700000000.000100".parse().unwrap();
        assert_eq!((id.channel.as_str(), id.root.to_string().as_str()), ("C1", "1700000000.000100"));
        assert_eq!(id.to_string(), "C1_1700000000.000100");
        assert!("C1-1700000000.000100".parse::<SessionId>().is_err());
    }
}
