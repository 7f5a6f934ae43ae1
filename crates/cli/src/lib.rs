//! The `chathakase` program as a library: configuration, wiring and subcommands. The binary only starts it.

pub mod args;
pub mod clock;
pub mod config;
pub mod demo;
pub mod logging;
pub mod serve;
pub mod wiring;
