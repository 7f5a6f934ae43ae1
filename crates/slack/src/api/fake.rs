//! A server that answers each method with what a test told it to, and keeps what it was sent. It knows no rules of Slack:
//! those are the small Slack's.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use chathakase_sim::ManualClock;

use super::{Api, ApiConfig};

/// What the fake does with one call.
#[derive(Clone, Debug)]
pub(crate) enum Canned {
    /// HTTP 200 with this body.
    Body(String),
    /// Any status, any body, perhaps a `Retry-After`.
    Status(u16, &'static str, Option<&'static str>),
    /// Never answers.
    Hangs,
    /// Sends half a body, then cuts the connection.
    Cut,
}

impl Canned {
    pub(crate) fn error(code: &str) -> Self {
        Self::Body(format!(r#"{{"ok":false,"error":"{code}"}}"#))
    }
    pub(crate) fn limited(secs: &'static str) -> Self {
        Self::Status(429, r#"{"ok":false,"error":"ratelimited"}"#, Some(secs))
    }
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

#[derive(Clone, Default)]
pub(crate) struct Fake {
    state: Arc<Mutex<FakeState>>,
}

#[derive(Default)]
struct FakeState {
    url: String,
    script: HashMap<String, VecDeque<Canned>>,
    calls: Vec<Call>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let fake = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        fake.state.lock().unwrap().url = format!("http://{}/api", listener.local_addr().unwrap());
        let router = Router::new().route("/api/{method}", post(answer)).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    /// A client of this server; `clock` is its clock.
    pub(crate) fn api(&self, clock: &ManualClock) -> Api {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = ApiConfig::new("xoxb-secret".to_owned().into());
        config.base_url = self.state.lock().unwrap().url.clone();
        Api::new(config, Arc::new(clock.clone())).unwrap()
    }

    /// The next call of `method` gets this; calls nobody planned get `{"ok":true}`.
    pub(crate) fn next(&self, method: &str, canned: Canned) -> &Self {
        self.state.lock().unwrap().script.entry(method.to_owned()).or_default().push_back(canned);
        self
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.lock().unwrap().calls.clone()
    }
}

async fn answer(State(fake): State<Fake>, Path(method): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let canned = {
        let mut state = fake.state.lock().unwrap();
        let body = String::from_utf8_lossy(&body).into_owned();
        state.calls.push(Call { headers, body });
        state.script.get_mut(&method).and_then(VecDeque::pop_front)
    };
    match canned {
        None => r#"{"ok":true}"#.into_response(),
        Some(Canned::Body(body)) => body.into_response(),
        Some(Canned::Status(status, body, retry_after)) => {
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            if let Some(secs) = retry_after {
                response.headers_mut().insert("retry-after", secs.parse().unwrap());
            }
            response
        }
        Some(Canned::Hangs) => std::future::pending().await,
        Some(Canned::Cut) => {
            let pieces = [Ok(Bytes::from(r#"{"ok":tr"#)), Err(std::io::Error::other("cut on purpose"))];
            Body::from_stream(futures_util::stream::iter(pieces)).into_response()
        }
    }
}
