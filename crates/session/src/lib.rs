//! What a conversation is: ids, messages, sessions, turns, windows, and the contract that every session store keeps.
//!
//! A **thread** is named by a [`ThreadKey`]: workspace, channel and the timestamp of its first message. A **session** is what
//! is remembered of it. A **window** is what one request sends to a model. There are two ways to keep sessions:
//!
//! - [`SessionManager`]: in memory, synchronous, by itself. For a program that wants conversations and has its own way to talk.
//! - [`store::SessionStore`]: the contract of a durable store, with turns, leases and exactly-once steps, which the
//!   assistant stands on. [`Session`] and [`window()`] are common to both.
//!
//! ```
//! use chathakase_session::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut manager = SessionManager::new(ManagerConfig::default());
//! let key = ThreadKey {
//!     workspace: "T0123ABCD".parse()?,
//!     channel: "C0123ABCD".parse()?,
//!     root: "1700000000.000100".parse()?,
//! };
//! let (ana, asked_at, now) = ("U0123ABCD".parse()?, key.root, Timestamp::from_secs(1_700_000_000));
//!
//! manager.add_user_message(&key, &ana, Some("Ana"), "What are decorators?", asked_at, now)?;
//! let session = manager.session(&key, now).ok_or("expired")?;
//! let request = serde_json::json!({ "model": "gpt-4o", "messages": session.openai_messages(true, 20) });
//! assert_eq!(request["messages"][1]["content"], "What are decorators?");
//!
//! manager.add_assistant_message(&key, "Functions that wrap functions.", asked_at, now)?;
//! assert_eq!(manager.session_stats(now).messages, 2);
//! # Ok(())
//! # }
//! ```
//!
//! What holds everywhere:
//!
//! - Messages stand in Slack's order, an answer directly behind the last message it answers, whatever order they arrive in;
//!   the same message is kept once.
//! - With two or more participants, each message of a person is told to the model as `Name: …`.
//! - A session expires an hour (or what is configured) after its last message. From that moment on it is in no answer.
//! - Nothing here knows a network, SQL or the time: `now` is an argument of what decides, and a [`Clock`] of what runs.
//!
//! `cargo run --example sessions` tells a whole story; `cargo bench -p chathakase-session` measures it.

// `cargo bolero` builds every target of a package with its engine, which comes with this library.
#[cfg(test)]
use bolero as _;

mod chain;
pub mod fault;
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

pub use chain::{Chain, chain};
pub use ids::{AppId, BadId, BotId, ChannelId, EventId, SessionId, SlackTs, ThreadKey, UserId, WorkspaceId};
pub use manager::{ManagerConfig, SessionManager};
pub use message::{Kind, Message, Role};
pub use session::Session;
pub use time::{Clock, Timestamp};
pub use tokens::TokenCounter;
pub use window::{Window, WindowLimits, window};
