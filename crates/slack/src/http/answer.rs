//! What the door answers.

use std::borrow::Cow;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    payload::{BadPayload, COMMAND_HINT, Hindrance},
    signature::Refusal,
};

/// Tells Slack that sending the same again is of no use (Slack: Events API, "Turning retries off").
const NO_RETRY_HEADER: HeaderName = HeaderName::from_static("x-slack-no-retry");

#[derive(Debug)]
pub(super) enum Answer {
    /// It arrived and is kept.
    Ack,
    /// Echoes what Slack asked for.
    Challenge(String),
    /// Tells one who typed a slash command what to do instead.
    CommandHint,
    TooLong {
        limit_bytes: usize,
    },
    /// The body stopped coming.
    Slow,
    /// The sender hung up within the body.
    Cut(axum::Error),
    Refused(Refusal),
    Bad(BadPayload),
    WrongMethod,
    NotStored(Hindrance),
    Busy,
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Ack | Self::Challenge(_) | Self::CommandHint => StatusCode::OK,
            Self::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Cut(_) | Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::Refused(_) => StatusCode::UNAUTHORIZED,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotStored(_) | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What became of the request in one word: also the value of a metric's label.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ack | Self::Challenge(_) | Self::CommandHint => "accepted",
            Self::TooLong { .. } => "too_long",
            Self::Slow | Self::Cut(_) => "broke_off",
            Self::Refused(_) => "refused",
            Self::Bad(_) => "bad",
            Self::WrongMethod => "wrong_method",
            Self::NotStored(why) => why.name(),
            Self::Busy => "busy",
        }
    }

    /// Why not, for the sender and for the log; `None` when all is well.
    pub(super) fn reason(&self) -> Option<String> {
        Some(match self {
            Self::Ack | Self::Challenge(_) | Self::CommandHint => return None,
            Self::TooLong { limit_bytes } => format!("the body is longer than the {limit_bytes} bytes allowed"),
            Self::Slow => "the body did not arrive in time".to_owned(),
            Self::Cut(cause) => format!("the body broke off: {cause}"),
            Self::Refused(refusal) => refusal.to_string(),
            Self::Bad(bad) => bad.to_string(),
            Self::WrongMethod => "this address takes POST requests from Slack only".to_owned(),
            Self::NotStored(Hindrance::Store) => "the event could not be stored just now; send it again".to_owned(),
            Self::NotStored(Hindrance::LookUp) => {
                "the event waits for what Slack does not show now; send it again".to_owned()
            }
            Self::NotStored(Hindrance::Ending) => "this process is ending; send it again".to_owned(),
            Self::Busy => "too many events at once; send it again".to_owned(),
        })
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = self.status();
        // The same bytes will be no better next time. A wrong clock or secret of ours may be: those may be sent again.
        let no_retry = matches!(self, Self::Bad(_) | Self::TooLong { .. });
        let (content_type, body): (_, Cow<'_, str>) = match self {
            Self::CommandHint => {
                let hint = serde_json::json!({ "response_type": "ephemeral", "text": COMMAND_HINT });
                ("application/json; charset=utf-8", hint.to_string().into())
            }
            Self::Challenge(challenge) => ("text/plain; charset=utf-8", challenge.into()),
            other => ("text/plain; charset=utf-8", other.reason().map(|why| why + "\n").unwrap_or_default().into()),
        };
        let headers = [(header::CONTENT_TYPE, content_type), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
        let mut response = (status, headers, body.into_owned()).into_response();
        if no_retry {
            response.headers_mut().insert(NO_RETRY_HEADER, HeaderValue::from_static("1"));
        }
        response
    }
}
