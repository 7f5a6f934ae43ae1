//! The real binary as a child process, killed, starved and lied to: what an operator reads and what people in a thread see.
//!
//! These tests are a target of this package, not a package of their own, because only here Cargo itself builds the binary first and
//! says where it is (`CARGO_BIN_EXE_chathakase`): never an old one, and no Cargo inside a Cargo.
//!
//! Time is the system's. Nothing waits for time to pass: tests wait for what is said in a thread or in the log, or for the process
//! to end, with [`patience::PATIENCE`] as the net.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on says where and why")]

mod knock;
mod patience;
mod program;
mod sessions;
mod stage;

mod commits;
mod deaths;
mod disk;
mod drains;
#[cfg(feature = "fault-points")]
mod kill_points;
mod logs;
mod memory;
mod models;
mod packaging;
mod pages;
mod people;
mod setup;
mod starts;
mod store;
mod strangers;
mod terminal;
