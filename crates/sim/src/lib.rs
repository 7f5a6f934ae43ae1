//! A small Slack, a scripted model and a clock moved by hand, all on loopback.
//!
//! Every end-to-end test and `chathakase demo` stand on these. They hold state and enforce the real services' rules, so
//! a client that breaks one is told so here and not in production.

pub mod clock;
pub mod model;
pub mod slack;

pub use clock::ManualClock;
