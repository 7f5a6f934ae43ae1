//! A gateway that does what each test says, and an inbox whose every delivery waits for the test.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use chathakase_session::EventId;
use chathakase_sim::ManualClock;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};
use tokio_util::sync::CancellationToken;

use crate::{
    payload::{Delivery, Inbox, NotStored},
    socket::{LinkHealth, SocketConfig, SocketError, SocketMode},
};

/// How `apps.connections.open` answers: status, `Retry-After`, body.
pub(super) type Opening = (u16, Option<&'static str>, String);

/// A client that runs, with everything around it.
pub(super) struct Rig {
    pub(super) clock: ManualClock,
    pub(super) stop: CancellationToken,
    pub(super) health: LinkHealth,
    connections: mpsc::Receiver<Connection>,
    deliveries: mpsc::UnboundedReceiver<Held>,
    run: JoinHandle<Result<(), SocketError>>,
}

impl Rig {
    pub(super) async fn new() -> Self {
        Self::answering([]).await
    }

    /// The first openings get these answers; all later ones are good.
    pub(super) async fn answering(openings: impl IntoIterator<Item = Opening>) -> Self {
        Self::with_chance(rand::random, openings).await
    }

    /// The same, where chance is this.
    pub(super) async fn with_chance(random: fn() -> f64, openings: impl IntoIterator<Item = Opening>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (accepted, connections) = mpsc::channel(16);
        let gateway = gateway(accepted).await;
        let script = Arc::new(Script { openings: Mutex::new(openings.into_iter().collect()), gateway });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api_base = format!("http://{}/api", listener.local_addr().unwrap());
        let routes = Router::new().route("/api/apps.connections.open", post(open)).with_state(script);
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });

        let (inbox, deliveries) = mpsc::unbounded_channel();
        let (clock, stop) = (ManualClock::new(), CancellationToken::new());
        let config = SocketConfig { api_base, random, ..SocketConfig::new("xapp-1".into()) };
        let client = SocketMode::new(config, Arc::new(clock.clone()), Arc::new(Waiting(inbox)));
        let health = client.health();
        let run = tokio::spawn(client.run(stop.clone()));
        Self { clock, stop, health, connections, deliveries, run }
    }

    /// The next connection that the client makes.
    pub(super) async fn connection(&mut self) -> Connection {
        self.connections.recv().await.unwrap()
    }

    /// A connection on which Slack has said hello.
    pub(super) async fn linked(&mut self) -> Connection {
        let mut connection = self.connection().await;
        connection.hello().await;
        connection
    }

    /// Whether the client has made another connection by now.
    pub(super) fn has_connection(&mut self) -> bool {
        !self.connections.is_empty()
    }

    /// The next delivery that reached the inbox.
    pub(super) async fn delivery(&mut self) -> Held {
        self.deliveries.recv().await.unwrap()
    }

    pub(super) fn has_delivery(&mut self) -> bool {
        !self.deliveries.is_empty()
    }

    /// How the run ended.
    pub(super) async fn ended(self) -> Result<(), SocketError> {
        self.run.await.unwrap()
    }

    /// Waits until the health says so.
    pub(super) async fn until(&self, is: impl Fn(&crate::socket::LinkReport) -> bool) {
        while !is(&self.health.report()) {
            tokio::task::yield_now().await;
        }
    }

    /// Lets the wait before the next attempt pass; returns how long it was.
    pub(super) async fn pass_backoff(&self) -> Duration {
        self.clock.pass_sleep(Duration::from_millis(500)..Duration::from_secs(8)).await
    }
}

struct Script {
    openings: Mutex<VecDeque<Opening>>,
    gateway: String,
}

async fn open(State(script): State<Arc<Script>>, headers: HeaderMap) -> Response {
    if headers.get("authorization").is_none_or(|token| token != "Bearer xapp-1") {
        return Json(json!({ "ok": false, "error": "invalid_auth" })).into_response();
    }
    let planned = script.openings.lock().unwrap().pop_front();
    let Some((status, retry_after, body)) = planned else {
        return Json(json!({ "ok": true, "url": script.gateway })).into_response();
    };
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.parse().unwrap());
    }
    response
}

/// Accepts WebSockets and hands them to the test. Returns the address.
async fn gateway(accepted: mpsc::Sender<Connection>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("ws://{}/link/?ticket=secret", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let socket = accept_async(stream).await.unwrap();
            if accepted.send(Connection { socket }).await.is_err() {
                break;
            }
        }
    });
    address
}

/// Slack's end of a connection. It answers pings only while the test reads.
pub(super) struct Connection {
    pub(super) socket: WebSocketStream<TcpStream>,
}

impl Connection {
    pub(super) async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub(super) async fn send_text(&mut self, frame: &str) {
        self.socket.send(Message::text(frame)).await.unwrap();
    }

    pub(super) async fn hello(&mut self) {
        self.send(json!({ "type": "hello", "num_connections": 1 })).await;
    }

    /// A message event in an envelope of this id.
    pub(super) async fn event(&mut self, id: &str) {
        self.send(envelope(id)).await;
    }

    /// The next frame with data, as JSON.
    pub(super) async fn next(&mut self) -> Value {
        loop {
            match self.socket.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("not an acknowledgement: {other:?}"),
            }
        }
    }

    /// The id that the next acknowledgement names.
    pub(super) async fn acknowledged(&mut self) -> String {
        let ack = self.next().await;
        assert_eq!(ack.as_object().unwrap().len(), 1, "{ack}");
        ack["envelope_id"].as_str().unwrap().to_owned()
    }

    /// Waits until the client has closed its side, with nothing more to say.
    pub(super) async fn closed(&mut self) {
        loop {
            match self.socket.next().await {
                None | Some(Err(_)) => return,
                Some(Ok(Message::Text(text))) => panic!("more was said: {text}"),
                Some(Ok(_)) => {}
            }
        }
    }
}

pub(super) fn envelope(id: &str) -> Value {
    json!({
        "envelope_id": id, "type": "events_api", "accepts_response_payload": false,
        "payload": { "type": "event_callback", "team_id": "T1", "event_id": format!("Ev{id}"),
            "event": { "type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": "1700000000.000100" } },
    })
}

/// An inbox that hands each delivery to the test.
struct Waiting(mpsc::UnboundedSender<Held>);

#[async_trait]
impl Inbox for Waiting {
    async fn deliver(&self, delivery: Delivery) -> Result<(), NotStored> {
        let (finish, finished) = oneshot::channel();
        self.0.send(Held { delivery, finish }).map_err(|_| NotStored::because("the test is over"))?;
        finished.await.unwrap_or_else(|_| panic!("a fault of the inbox"))
    }
}

/// A delivery that is not stored yet. Dropped, it makes the inbox panic.
pub(super) struct Held {
    pub(super) delivery: Delivery,
    finish: oneshot::Sender<Result<(), NotStored>>,
}

impl Held {
    pub(super) fn id(&self) -> &str {
        self.delivery.event_id.as_ref().map(EventId::as_str).unwrap_or_default().trim_start_matches("Ev")
    }

    pub(super) fn stored(self) {
        self.finish.send(Ok(())).unwrap();
    }

    pub(super) fn not_stored(self) {
        self.finish.send(Err(NotStored::because("the disk is full"))).unwrap();
    }
}
