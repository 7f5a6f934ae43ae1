//! Getting a connection: ask for an address, dial it.

use std::time::Duration;

use chathakase_session::time::{Clock, timeout};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async_tls_with_config, connect_async_with_config,
    tungstenite::{self, protocol::WebSocketConfig},
};

use super::{SocketError, proxy};
use crate::api::{Api, ApiError, Method};

/// Longest wait for name lookup, TCP, TLS and the WebSocket handshake together.
pub(super) const DIAL_WAIT_MAX: Duration = Duration::from_secs(10);

/// Largest frame that is taken. An edit of the longest message carries its text four times over, as escapes of up to
/// twelve bytes a character.
pub(super) const FRAME_BYTES_MAX: usize = 8 << 20;

/// Bytes of acknowledgements that wait for the network, at most.
const UNSENT_BYTES_MAX: usize = 1 << 20;

/// Longest wait that a 429 on the handshake may ask for.
const RETRY_AFTER_MAX: u64 = 3600;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why there is no link.
#[derive(Debug)]
pub(super) enum Failure {
    /// Only a person can put it right.
    Fatal(SocketError),
    /// It may work later, but not before `retry_after`.
    Later { why: String, retry_after: Duration },
}

impl Failure {
    fn later(why: impl Into<String>) -> Self {
        Self::Later { why: why.into(), retry_after: Duration::ZERO }
    }
}

#[derive(Deserialize)]
struct Opened {
    url: String,
}

/// One try. The address that Slack gives is good for one connection only, so each try asks for a new one.
pub(super) async fn open(api: &Api, api_base: &str, clock: &dyn Clock) -> Result<Socket, Failure> {
    let answer = api.call(Method::APPS_CONNECTIONS_OPEN, &()).await?;
    let Opened { url } = answer.read_as()?;
    // The address holds a ticket: it stays out of every message.
    let plain_allowed = api_base.trim_start().starts_with("http://");
    if !(url.starts_with("wss://") || plain_allowed && url.starts_with("ws://")) {
        return Err(Failure::later("the address that Slack gave is not a wss:// one"));
    }
    let limits = WebSocketConfig::default()
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX))
        .max_write_buffer_size(UNSENT_BYTES_MAX);
    match timeout(clock, DIAL_WAIT_MAX, dial(url, limits)).await {
        Ok(Ok(socket)) => Ok(socket),
        Ok(Err(error)) => Err(Failure::Later { why: told(&error), retry_after: retry_after(&error) }),
        Err(late) => Err(Failure::later(format!("could not connect to Slack's gateway: {late}"))),
    }
}

async fn dial(url: String, limits: WebSocketConfig) -> Result<Socket, tungstenite::Error> {
    let connected = match proxy::through(&url).await? {
        Some(line) => client_async_tls_with_config(url, line, Some(limits), None).await,
        None => connect_async_with_config(url, Some(limits), true).await,
    };
    connected.map(|(socket, _)| socket)
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        match error.code().and_then(SocketError::of) {
            Some(fatal) => Self::Fatal(fatal),
            None => Self::Later { retry_after: error.retry_after().unwrap_or_default(), why: error.to_string() },
        }
    }
}

/// What went wrong with a connection, without the address.
pub(super) fn told(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Url(_) => "the address that Slack gave cannot be used".to_owned(),
        tungstenite::Error::Http(response) => format!("Slack's gateway answered HTTP {}", response.status()),
        other => other.to_string(),
    }
}

fn retry_after(error: &tungstenite::Error) -> Duration {
    let seconds = match error {
        tungstenite::Error::Http(response) => response.headers().get(http::header::RETRY_AFTER),
        _ => None,
    };
    let seconds: Option<u64> = seconds.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or_default().min(RETRY_AFTER_MAX))
}
