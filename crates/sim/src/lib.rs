//! A small Slack, a scripted model and a clock moved by hand, all on loopback.
//!
//! Every end-to-end test and `chathakase demo` stand on these. They hold state and enforce the real services' rules, so
//! a client that breaks one is told so here and not in production.
//!
//! - [`slack::SmallSlack`]: people who write, threads that show, Slack's Web API, events over signed HTTP or Socket Mode, faults
//!   on demand.
//! - [`model::ScriptedModel`]: a chat-completions server that answers as planned, with gates that hold it in mid-sentence;
//!   [`model::demo`] answers from the history it was sent.
//! - [`ManualClock`]: time that passes when the test says so.
//!
//! They are real servers on 127.0.0.1 and share no code with what is tested against them but the id types and the clock.
//! `cargo run -p chathakase-sim --example small_slack` runs them as a process, for clients in any language.

pub mod clock;
pub mod model;
pub mod page;
pub mod relay;
pub mod slack;

pub use clock::ManualClock;
