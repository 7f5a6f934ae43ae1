//! The client against a small gateway: real HTTP and WebSockets, and a clock moved by hand.

mod fake;
mod links;
mod trouble;
