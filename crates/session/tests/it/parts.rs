//! Keys, moments and counters that the tests are written with.

use chathakase_session::{ChannelId, SlackTs, ThreadKey, Timestamp, TokenCounter, UserId, WorkspaceId};

/// The thread `root` seconds in, in a channel of a workspace.
pub(crate) fn thread(workspace: &str, channel: &str, root: u32) -> ThreadKey {
    let workspace = WorkspaceId::parse(workspace).unwrap();
    ThreadKey { workspace, channel: ChannelId::parse(channel).unwrap(), root: ts(root) }
}

/// The thread of tests that need only one.
pub(crate) fn a_thread() -> ThreadKey {
    thread("T1", "C1", 1)
}

/// Slack's timestamp `secs` seconds in.
pub(crate) fn ts(secs: u32) -> SlackTs {
    SlackTs::from_micros(i64::from(secs) * 1_000_000).unwrap()
}

/// The moment `secs` seconds in.
pub(crate) fn at(secs: u32) -> Timestamp {
    Timestamp::from_secs(secs.into())
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

/// Four bytes to the token, as English text has about.
pub(crate) struct Quarter;

impl TokenCounter for Quarter {
    fn count(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }
}

/// For windows that must do without counting.
pub(crate) struct NotAsked;

impl TokenCounter for NotAsked {
    fn count(&self, text: &str) -> usize {
        panic!("asked to count {} bytes where bytes decide", text.len())
    }
}
