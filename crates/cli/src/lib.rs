//! The `chathakase` program as a library: configuration, wiring and subcommands. The binary only starts it.
//!
//! [`config::Config::load`] reads and checks all settings before anything starts; [`wiring::start`] makes a running assistant of
//! them, and is the one way in for [`serve`], [`demo`] and the end-to-end tests, so that what is tested is what is run.
//! [`clock::SystemClock`] is the only code that reads the clock.

pub mod args;
pub mod check;
pub mod clock;
pub mod config;
pub mod demo;
#[cfg(test)]
mod generated;
pub mod init;
pub mod logging;
pub mod manifest;
pub mod mortal;
pub mod serve;
mod server;
pub mod sessions;
pub mod store;
pub mod watch;
pub mod wiring;
