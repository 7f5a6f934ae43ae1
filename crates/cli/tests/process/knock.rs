//! Requests to the program's HTTP door, byte by byte as a test wants them: no client library would send most of them.

use std::net::SocketAddr;

use chathakase::clock::SystemClock;
use chathakase_session::time::Clock;
use chathakase_slack::signature;
use secrecy::SecretString;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::patience::in_time;

/// Where Slack's events go.
pub(crate) const EVENTS: &str = "/slack/events";

/// A program's HTTP door.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    secret: String,
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Headers as bytes: names and values.
pub(crate) type Headers = Vec<(Vec<u8>, Vec<u8>)>;

impl Door {
    pub(crate) fn new(address: SocketAddr, secret: &str) -> Self {
        Self { address, secret: secret.to_owned() }
    }

    /// The second it is now.
    pub(crate) fn now() -> i64 {
        SystemClock::new().now().as_secs()
    }

    /// The headers that Slack sends with `body`, signed at second `at`.
    pub(crate) fn headers(&self, at: &str, body: &[u8]) -> Headers {
        let signature = signature::sign(&SecretString::from(self.secret.as_str()), at, body);
        vec![
            (b"content-type".to_vec(), b"application/json".to_vec()),
            (b"x-slack-request-timestamp".to_vec(), at.as_bytes().to_vec()),
            (b"x-slack-signature".to_vec(), signature.into_bytes()),
        ]
    }

    /// Posts `body` to Slack's address, signed as Slack does now.
    pub(crate) async fn signed(&self, body: &[u8]) -> Answer {
        self.post(EVENTS, &self.headers(&Self::now().to_string(), body), body).await
    }

    /// Posts `body` with exactly these headers.
    pub(crate) async fn post(&self, path: &str, headers: &Headers, body: &[u8]) -> Answer {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.address,
            body.len()
        )
        .into_bytes();
        for (name, value) in headers {
            request.extend([name, &b": "[..], value, b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        request.extend(body);
        self.send(&request).await
    }

    /// Asks whether it is well.
    pub(crate) async fn healthz(&self) -> Answer {
        self.get("/healthz").await
    }

    /// Asks for one of its pages.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        self.send(request.as_bytes()).await
    }

    /// Asks whether it is ready: the status, and what the page says.
    pub(crate) async fn readyz(&self) -> (u16, Value) {
        let answer = self.get("/readyz").await;
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }

    async fn send(&self, request: &[u8]) -> Answer {
        in_time(self.exchange(request)).await.expect("an answer")
    }

    async fn exchange(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // An answer may come, and the connection end, before all is sent.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
        Answer { status: status.unwrap_or_else(|| panic!("no HTTP answer: {answer:?}")), body }
    }
}
