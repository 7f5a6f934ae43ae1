//! Stories: people, threads, restarts and troubles, told against the small Slack and a scripted model, over the whole program.

mod harness;

mod commands;
mod conversations;
mod routing;
mod troubles;
