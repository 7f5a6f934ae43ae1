//! A chat-completions API spoken well: to OpenAI, and to whatever else speaks its protocol (vLLM, Ollama, llama.cpp,
//! LiteLLM, Azure).
//!
//! [`Client::stream`] asks and returns when the first text is here; [`Stream::next`] gives the rest. An answer counts
//! as complete only when the server says so, an error is found wherever servers put it, and nothing is asked again once
//! text was given out.

mod answer;
mod chunk;
mod client;
mod config;
mod deadline;
mod error;
mod fault;
mod lenient;
mod piece;
mod request;
mod retry;
mod sse;
mod stream;
mod tokens;
mod veil;

pub use client::Client;
pub use config::{KeyHeader, ModelConfig};
pub use error::{ErrorKind, ModelError, Waiting};
pub use piece::{Finish, FinishReason, Piece, REASON_CHARS_MAX, Usage};
pub use request::{ChatMessage, Request};
pub use stream::Stream;
pub use tokens::{BytesEstimate, TiktokenCounter, counter_for};
