//! Frames of a Socket Mode connection.

use std::time::Duration;

use super::{BadPayload, Delivery, event::Retry, object::Object, read_object};

/// One text frame from Slack (Slack: Using Socket Mode).
#[derive(Debug)]
pub enum Frame {
    /// The connection is up.
    Hello(Hello),
    /// The connection is about to end.
    Disconnect {
        /// Why.
        reason: DisconnectReason,
    },
    /// Something that wants an acknowledgement.
    Envelope {
        /// What the acknowledgement must name.
        envelope_id: String,
        /// Whether the acknowledgement may carry an answer.
        accepts_response: bool,
        /// What is in it.
        payload: EnvelopePayload,
    },
    /// A frame of a kind we do not know; acknowledged if it has an id.
    Unknown {
        /// Its id, if it wants an acknowledgement.
        envelope_id: Option<String>,
    },
}

/// What Slack says of a new connection. All of it may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// Connections that the app has open now, on all machines. Slack allows 10.
    pub num_connections: Option<u32>,
    /// About how long the connection will be kept.
    pub lasts: Option<Duration>,
}

/// Why a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// It ends in about ten seconds.
    Warning,
    /// Connections are recycled every few hours.
    RefreshRequested,
    /// Socket Mode was switched off in the app's settings.
    LinkDisabled,
    /// Any other word, or none.
    Other(String),
}

/// What is in an envelope.
#[derive(Debug)]
pub enum EnvelopePayload {
    /// An event; or why it is of no use. In both cases it wants an acknowledgement: Slack would only send it again.
    Event(Result<Box<Delivery>, BadPayload>),
    /// A button, a menu, a dialog.
    Interactive,
    /// A slash command.
    Command,
}

/// Reads one frame. Fails only on what is no JSON object.
pub fn parse_envelope(frame: &[u8]) -> Result<Frame, BadPayload> {
    let frame = read_object(frame)?;
    let envelope_id = frame.filled("envelope_id").map(|id| id.into_owned());
    let kind = frame.text("type").unwrap_or_default();
    Ok(match (kind.as_ref(), envelope_id) {
        ("hello", None) => Frame::Hello(Hello {
            num_connections: frame.number("num_connections").and_then(|n| n.try_into().ok()),
            lasts: frame
                .object("debug_info")
                .and_then(|info| info.number("approximate_connection_time")?.try_into().ok())
                .map(Duration::from_secs),
        }),
        ("disconnect", None) => Frame::Disconnect {
            reason: match frame.text("reason").unwrap_or_default().as_ref() {
                "warning" => DisconnectReason::Warning,
                "refresh_requested" => DisconnectReason::RefreshRequested,
                "link_disabled" => DisconnectReason::LinkDisabled,
                other => DisconnectReason::Other(other.to_owned()),
            },
        },
        ("events_api" | "interactive" | "slash_commands", Some(envelope_id)) => Frame::Envelope {
            envelope_id,
            accepts_response: frame.is_true("accepts_response_payload"),
            payload: match kind.as_ref() {
                "events_api" => EnvelopePayload::Event(event_in(&frame)),
                "interactive" => EnvelopePayload::Interactive,
                _ => EnvelopePayload::Command,
            },
        },
        (_, envelope_id) => Frame::Unknown { envelope_id },
    })
}

fn event_in(frame: &Object<'_>) -> Result<Box<Delivery>, BadPayload> {
    let body = frame.object("payload").ok_or(BadPayload::Missing("`payload`"))?;
    let reason = frame.text("retry_reason").unwrap_or_default();
    let retry = Retry::new(frame.number("retry_attempt").unwrap_or_default(), &reason);
    Delivery::read(&body, retry).map(Box::new)
}
