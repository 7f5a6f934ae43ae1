//! The assistant: what happens with each post, how a turn is run, the commands, and every word it says.
//!
//! [`Assistant`] is the whole of it: an [`Inbox`](chathakase_slack::payload::Inbox) that Slack's doors deliver to, and the
//! tasks that run turns, adopt those of dead processes, renew leases and sweep what has expired.

mod assistant;
mod catch;
pub mod commands;
mod intake;
mod people;
mod prompt;
pub mod route;
mod runner;
mod settings;
pub mod texts;
mod turn;

pub use assistant::{Assistant, Parts};
pub use settings::{DEFAULT_SYSTEM_PROMPT, Settings};
