//! Each rule that a small Slack enforces, with a client that breaks it.

mod app;
mod delivery;
mod door;
mod faults;
mod heard;
mod people;
mod posts;
mod rates;
mod reading;
mod sockets;
mod status;
mod streams;
mod talking;
mod watching;
mod words;
