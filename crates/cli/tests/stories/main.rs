//! Stories: people, threads, restarts and troubles, told against the small Slack and a scripted model, over the whole program.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a story that cannot go on says where and why")]

mod harness;
mod process;
mod stops;
mod time;

mod adoption;
mod changes;
mod check;
mod coming_back;
mod commands;
mod conversations;
mod damage;
mod expiry;
mod gaps;
mod init;
mod interleavings;
mod joining;
mod late;
mod look_bounds;
mod looking;
mod not_shown;
mod notices;
mod pages;
mod races;
mod refusals;
mod replicas;
mod review;
mod routing;
mod troubles;
