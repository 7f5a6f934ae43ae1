//! The door for Slack's HTTP requests: `/slack/events`, `/slack/interactivity` and `/slack/commands`.
//!
//! A request passes three checks in this order: its size, its signature, its form. Only then does it count as Slack's,
//! and only after [`Inbox::deliver`] has kept it is it acknowledged.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{MethodRouter, post},
};
use bytes::Bytes;
use chathakase_metrics::HTTP_REQUESTS;
use chathakase_session::{chain, time::SharedClock};
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tracing::{Instrument, debug, error, warn};

use crate::{
    payload::{BadPayload, Delivery, Hindrance, Inbound, Inbox, Retry, parse_http},
    signature::{self, Refusal},
};

mod answer;
mod body;
#[cfg(test)]
mod tests;

use answer::Answer;

/// Longest body that is read by default (1 MiB); past it the answer is 413.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Deliveries that may be on their way into the inbox at once; past it the answer is 503 and Slack sends again.
pub const DELIVERIES_MAX: usize = 1024;

/// Carries the number of a retry, 1 to 3 (Slack: Events API, "Retries").
pub const RETRY_NUM_HEADER: HeaderName = HeaderName::from_static("x-slack-retry-num");

/// Carries why Slack sends again.
pub const RETRY_REASON_HEADER: HeaderName = HeaderName::from_static("x-slack-retry-reason");

/// What the door needs to know.
#[derive(Clone, Debug)]
pub struct EventsConfig {
    /// The app's signing secret. With an empty one every request is refused.
    pub signing_secret: SecretString,
    /// Longest body that is read, in bytes (default [`BODY_BYTES_MAX`]).
    pub body_bytes_max: usize,
    /// Says how old a request is, and how long its body takes.
    pub clock: SharedClock,
}

impl EventsConfig {
    /// The defaults with this secret.
    pub fn new(signing_secret: SecretString, clock: SharedClock) -> Self {
        Self { signing_secret, body_bytes_max: BODY_BYTES_MAX, clock }
    }
}

/// The three addresses, to be merged into the server's router. Other paths are left to that router, which answers 404.
pub fn router(config: EventsConfig, inbox: Arc<dyn Inbox>) -> Router {
    let room = Arc::new(Semaphore::new(DELIVERIES_MAX));
    let door = Arc::new(Door { config, inbox, room });
    let only = |route: MethodRouter<Arc<Door>>| route.fallback(async || Answer::WrongMethod);
    Router::new()
        .route("/slack/events", only(post(events)))
        .route("/slack/interactivity", only(post(interactivity)))
        .route("/slack/commands", only(post(commands)))
        .with_state(door)
}

struct Door {
    config: EventsConfig,
    inbox: Arc<dyn Inbox>,
    room: Arc<Semaphore>,
}

async fn events(State(door): State<Arc<Door>>, request: Request) -> Response {
    let answered = async {
        let (headers, body) = door.let_in(request).await?;
        match parse_http(&body)? {
            Inbound::UrlVerification { challenge } => Ok(Answer::Challenge(challenge)),
            Inbound::Delivery(mut delivery) => {
                delivery.retry = retry_of(&headers);
                Ok(door.deliver(*delivery).await)
            }
        }
    };
    said(answered.await)
}

/// We have no buttons or dialogs yet; an app that sends them all the same must not show its users a warning sign.
async fn interactivity(State(door): State<Arc<Door>>, request: Request) -> Response {
    said(door.let_in(request).await.map(|_| Answer::Ack))
}

async fn commands(State(door): State<Arc<Door>>, request: Request) -> Response {
    said(door.let_in(request).await.map(|_| Answer::CommandHint))
}

fn said(answered: Result<Answer, Answer>) -> Response {
    let answer = answered.unwrap_or_else(|answer| answer);
    HTTP_REQUESTS.count([answer.name()]);
    if let Some(reason) = answer.reason() {
        warn!(status = answer.status().as_u16(), reason, "request to a Slack address refused");
    }
    answer.into_response()
}

impl Door {
    /// The request's headers and body, if Slack signed it.
    async fn let_in(&self, request: Request) -> Result<(HeaderMap, Bytes), Answer> {
        let (parts, body) = request.into_parts();
        let body = body::read(body, self.config.body_bytes_max, &*self.config.clock).await?;
        if is_certificate_check(&parts.headers, &body) {
            return Err(Answer::Ack);
        }
        let now = self.config.clock.now();
        signature::verify_request(&self.config.signing_secret, &parts.headers, &body, now)?;
        Ok((parts.headers, body))
    }

    async fn deliver(&self, delivery: Delivery) -> Answer {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            return Answer::Busy;
        };
        debug!(event_id = ?delivery.event_id, retry = ?delivery.retry, "delivery");
        let (inbox, event_id) = (Arc::clone(&self.inbox), delivery.event_id.clone());
        // A task of its own: when Slack hangs up, this handler is dropped, and what the inbox has begun must still end.
        let stored = tokio::spawn(
            async move {
                let stored = inbox.deliver(delivery).await;
                drop(permit);
                stored
            }
            .in_current_span(),
        );
        match stored.await {
            Ok(Ok(())) => Answer::Ack,
            Ok(Err(not_stored)) => {
                not_stored.log(event_id.as_ref());
                Answer::NotStored(not_stored.why())
            }
            Err(panicked) => {
                error!(error = %chain(&panicked), "a delivery was given up");
                Answer::NotStored(Hindrance::Store)
            }
        }
    }
}

/// Slack probes certificates with unsigned forms that hold nothing to act on. Only a form may be one: in JSON the same
/// letters are somebody's words.
fn is_certificate_check(headers: &HeaderMap, body: &[u8]) -> bool {
    let form =
        headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    form && body.split(|byte| *byte == b'&').any(|pair| pair == b"ssl_check=1")
}

fn retry_of(headers: &HeaderMap) -> Option<Retry> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let attempt = text(RETRY_NUM_HEADER)?.trim().parse().ok()?;
    Retry::new(attempt, text(RETRY_REASON_HEADER).unwrap_or_default())
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<BadPayload> for Answer {
    fn from(bad: BadPayload) -> Self {
        Self::Bad(bad)
    }
}
