//! Slack spoken well: payloads parsed at the door, Web API, Socket Mode, signed HTTP, pacing, streamed replies.
//!
//! Knows nothing of sessions or models; it borrows the id types and the clock of `chathakase-session`.

pub mod api;
pub mod http;
pub mod pacing;
pub mod payload;
pub mod render;
pub mod reply;
pub mod signature;
pub mod socket;
pub mod text;
