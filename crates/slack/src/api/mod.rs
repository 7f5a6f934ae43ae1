//! Slack's Web API, spoken thinly and leniently: one generic [`Api::call`], and small typed wrappers around it.
//!
//! There is one place for time limits, rate limits, errors and logging. An answer is read only as far as it is needed, so
//! that a field of an odd type cannot turn a post that was made into an error (and a second post).

mod answer;
mod chat;
mod client;
mod conversations;
mod error;
mod method;
mod people;
mod slack_clock;
mod status;
mod stream;

pub use answer::{Answer, Headed};
pub(crate) use chat::NOTICE;
pub use chat::{METADATA_EVENT_TYPE, Mark, Metadata, Post, Posted};
pub use client::{ANSWER_BYTES_MAX, Api, ApiConfig, BASE_URL, SetupError};
pub use conversations::{Conversation, ConversationsPage, HistoryPage, PageRequest};
pub use error::{ApiError, Fate, Problem};
pub use method::{Method, Style};
pub use people::{Identity, Person};
pub use stream::StreamStart;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
