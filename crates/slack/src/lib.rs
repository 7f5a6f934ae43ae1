//! Slack spoken well: payloads parsed at the door, Web API, Socket Mode, signed HTTP, pacing, streamed replies.
//!
//! Knows nothing of sessions or models; it borrows the id types and the clock of `chathakase-session`.
//!
//! - **In:** [`http`] checks [`signature`]s, [`socket`] keeps a link up; both parse into a [`payload::Delivery`] and hand it to a
//!   [`payload::Inbox`]. Slack gets its acknowledgement when the inbox returns, and not before.
//! - **Between:** [`text`] reads what people wrote, [`render`] makes what a model wrote harmless and cuts it into parts.
//! - **Out:** [`api`] makes single calls, [`pacing`] says which are allowed when, [`reply`] brings a whole answer into a
//!   thread, or mends one that another process left there.
//! - **Beside:** [`manifest`] says what the app needs from Slack, and why.
//!
//! Nothing here waits on a clock of its own, and no error, `Debug` or log line shows a token or the words of a message.

pub mod api;
pub mod http;
pub mod manifest;
pub mod pacing;
pub mod payload;
pub mod render;
pub mod reply;
pub mod signature;
pub mod socket;
pub mod text;
