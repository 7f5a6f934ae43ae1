//! What Slack delivers, parsed at the door into types that are right.
//!
//! Lenient on purpose: an odd part of a payload that we do not need never costs the text beside it, unknown fields and
//! kinds are passed over, and only what cannot be told from nothing at all is refused ([`BadPayload`]).

mod error;
mod event;
mod frame;
mod inbox;
mod object;
mod post;
#[cfg(test)]
mod tests;

pub use error::BadPayload;
pub use event::{Change, Deletion, Delivery, Event, RETRY_REASON_CHARS_MAX, Retry};
pub use frame::{DisconnectReason, EnvelopePayload, Frame, Hello, parse_envelope};
pub use inbox::{Hindrance, Inbox, NotStored};
pub(crate) use object::Object;
pub use post::{Author, FILES_MAX, FileName, Metadata, Place, Post, Subtype, post_from_history};

/// What a person is shown who tries a slash command, which an app of ours has none of.
pub const COMMAND_HINT: &str = "I do not use slash commands. Mention me in a channel, or write to me directly.";

/// What came to the events address.
#[derive(Debug)]
pub enum Inbound {
    /// Slack asks whether the address is ours: the answer is `challenge`, as it is (Slack: `url_verification`).
    UrlVerification {
        /// What to answer.
        challenge: String,
    },
    /// Something happened.
    Delivery(Box<Delivery>),
}

/// Reads the body of a request to the events address. Whether Slack sent it is [`crate::signature`]'s to say.
pub fn parse_http(body: &[u8]) -> Result<Inbound, BadPayload> {
    let body = read_object(body)?;
    if body.text("type").as_deref() == Some("url_verification") {
        let challenge = body.text("challenge").ok_or(BadPayload::Missing("`challenge`"))?.into_owned();
        return Ok(Inbound::UrlVerification { challenge });
    }
    Delivery::read(&body, None).map(Box::new).map(Inbound::Delivery)
}

fn read_object(json: &[u8]) -> Result<Object<'_>, BadPayload> {
    Object::read(std::str::from_utf8(json).map_err(BadPayload::NotUtf8)?).map_err(BadPayload::from_json)
}
