//! Sessions in memory, in bytes: `cargo bench -p chathakase-session`.
//!
//! What the allocator was asked for and not yet given back, divided by what is held.
#![allow(clippy::print_stdout, reason = "its output is what a bench is for")]
#![allow(clippy::unwrap_used, reason = "the ids are our own")]

mod figures;

use std::alloc::System;

use chathakase_session::{
    ChannelId, ManagerConfig, SessionManager, SlackTs, ThreadKey, Timestamp, UserId, WorkspaceId,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn ts(n: u32) -> SlackTs {
    SlackTs::from_micros(1_700_000_000_000_000 + i64::from(n) * 1_000).unwrap()
}

/// Bytes that a manager of so many sessions of so many 200-byte messages holds.
fn held(sessions: u32, messages: u32) -> f64 {
    let (user, text, now) = (UserId::parse("U0123ABCD").unwrap(), "x".repeat(200), Timestamp::from_secs(0));
    let (workspace, channel) = (WorkspaceId::parse("T0123ABCD").unwrap(), ChannelId::parse("C0123ABCD").unwrap());
    let region = Region::new(ALLOCATOR);
    let mut manager = SessionManager::new(ManagerConfig::default());
    for root in (0..sessions).map(ts) {
        let key = ThreadKey { workspace: workspace.clone(), channel: channel.clone(), root };
        manager.get_or_create_session(&key, now);
        for n in 0..messages {
            manager.add_user_message(&key, &user, Some("Ana"), &text, ts(n), now).unwrap();
        }
    }
    let change = region.change();
    assert_eq!(manager.held(), sessions as usize);
    // Growing and shrinking in place are part of both.
    change.bytes_allocated as f64 - change.bytes_deallocated as f64
}

fn main() {
    if !figures::asked_for() {
        return;
    }
    figures::title("sessions in memory, bytes held");
    let empty = held(10_000, 0) / 1e4;
    figures::line("an empty session", empty, "bytes", None);
    for messages in [20, 200, 1000] {
        let figure = held(1000, messages) / (1000.0 * f64::from(messages));
        let what = format!("a 200-byte message, in sessions of {messages}, all included");
        figures::line(&what, figure, "bytes", Some(450.0));
    }
}
