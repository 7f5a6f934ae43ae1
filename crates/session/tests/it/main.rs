//! What the crate promises, checked through what it exports.
#![allow(clippy::unwrap_used, reason = "a test may end at the first thing that is not as it should be")]

mod example;
mod ids;
mod isolation;
mod manager;
mod parts;
mod session;
mod window;
mod window_limits;
