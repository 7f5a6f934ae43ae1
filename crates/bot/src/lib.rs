//! The assistant: what happens with each post, how a turn is run, the commands, and every word it says.
//!
//! [`Assistant`] is the whole of it: an [`Inbox`](chathakase_slack::payload::Inbox) that Slack's doors deliver to, and the
//! tasks that run turns, adopt those of dead processes, renew leases and sweep what has expired.
//!
//! The way of a post: [`route::route`] decides what it is to us, purely; `intake` stores it in one step of the
//! [`SessionStore`](chathakase_session::store::SessionStore) and returns, so that Slack can be answered; `runner` starts the
//! turn that this step opened; `turn` asks the model, shows the answer and writes down how far it is. A command is one file
//! of [`commands`] and one line of its list. Every word that a person reads is in [`texts`].
//!
//! Everything that must survive is in the store. What is in memory may be lost at any moment: who is who, who was told
//! what, and which leases are held.

mod assistant;
mod catch_up;
pub mod commands;
mod gaps;
mod here;
mod intake;
mod people;
mod prompt;
mod proof;
mod reading;
pub mod route;
mod runner;
mod settings;
pub mod texts;
mod told;
mod turn;

pub use assistant::{Assistant, Parts};
pub use gaps::{CatchUpReport, Stretch};
pub use settings::{Access, DEFAULT_SYSTEM_PROMPT, Settings};
