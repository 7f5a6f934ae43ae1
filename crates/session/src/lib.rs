//! What a conversation is: ids, messages, sessions, turns, windows, and the contract that every session store keeps.
//!
//! This crate knows no network, no SQL and has no clock of its own: time is an argument of what decides, and a
//! [`Clock`](time::Clock) of what runs. It can be used without Slack; `cargo run --example sessions` shows how.

pub mod ids;
mod json;
pub mod manager;
pub mod message;
pub mod names;
pub mod session;
pub mod store;
pub mod time;
pub mod tokens;
pub mod turn;
pub mod window;

pub use ids::{AppId, BadId, BotId, ChannelId, EventId, SessionId, SlackTs, ThreadKey, UserId, WorkspaceId};
pub use manager::{ManagerConfig, SessionManager};
pub use message::{Kind, Message, Role};
pub use session::Session;
pub use time::{Clock, Timestamp};
pub use tokens::TokenCounter;
pub use window::{Window, WindowLimits, window};
