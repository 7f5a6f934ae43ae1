//! Each rule that a small Slack enforces, with a client that breaks it.

mod app;
mod talking;
