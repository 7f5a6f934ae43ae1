//! Socket Mode: connections, envelopes and their acknowledgements (Slack: Using Socket Mode).

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::{
        ConnectInfo, Query, State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chathakase_session::time::timeout;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{ACK_WAIT, Event, Fate, RETRY_WAITS};
use crate::slack::{server::Line, shared::Shared, world::APP_ID};

/// Slack: simultaneous connections of one app.
const CONNECTIONS_MAX: usize = 10;
/// How long an address of `apps.connections.open` may wait to be used.
const TICKET_LIFE: Duration = Duration::from_secs(30);
const PING_EVERY: Duration = Duration::from_secs(10);
/// Slack: connections are recycled after about an hour, or after 360 s with `debug_reconnects`.
const LIFE: Duration = Duration::from_hours(1);
const DEBUG_LIFE: Duration = Duration::from_secs(360);
/// Slack: a `warning` comes about so long before the end.
const WARNING: Duration = Duration::from_secs(10);
/// How long Slack takes to find that a connection is dead. It does not say; an app that is quicker is on its own until then.
const FOUND_DEAD: Duration = Duration::from_mins(1);
/// Envelopes that wait to be written to one connection.
const OUT_MAX: usize = 4096;
/// Slack: events that could not be delivered for so long are dropped.
const WAITS_FOR_CONNECTION: Duration = Duration::from_hours(2);

#[derive(Debug, Default)]
pub(crate) struct Sockets {
    state: Mutex<Open>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Open {
    tickets: HashMap<String, Duration>,
    connections: Vec<Arc<Connection>>,
    next: usize,
    numbers: u64,
}

#[derive(Debug)]
struct Connection {
    number: u64,
    out: mpsc::Sender<String>,
    /// Told to go: gets nothing new while another one is there.
    leaving: AtomicBool,
    /// Cut where neither side can see it: nothing is read, answered or written any more.
    dead: CancellationToken,
    end_soon: Notify,
    pending: Mutex<HashMap<String, oneshot::Sender<()>>>,
    line: Line,
}

impl Sockets {
    pub(crate) fn ticket(&self, number: u64, now: Duration) -> String {
        let ticket = format!("ticket{number}");
        let mut open = self.lock();
        open.tickets.retain(|_, since| now.saturating_sub(*since) < TICKET_LIFE);
        open.tickets.insert(ticket.clone(), now);
        ticket
    }

    /// Those that work.
    pub(crate) fn count(&self) -> usize {
        self.lock().connections.iter().filter(|connection| !connection.dead.is_cancelled()).count()
    }

    /// Resets every connection without a word.
    pub(crate) fn drop_all(&self) {
        for connection in &self.lock().connections {
            connection.line.cut();
        }
    }

    /// Leaves every connection open, and dead.
    pub(crate) fn silence(&self) {
        for connection in &self.lock().connections {
            connection.dead.cancel();
        }
    }

    /// Tells every connection to go. With `warning` and `refresh_requested` it stays open for 10 s.
    pub(crate) fn disconnect(&self, reason: &str) {
        let frame = json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "small-slack"}}).to_string();
        for connection in &self.lock().connections {
            connection.leaving.store(true, Ordering::SeqCst);
            let _ = connection.out.try_send(frame.clone());
            connection.end_soon.notify_one();
        }
    }

    /// The connection for the next envelope: any one, in turn; one that is told to go, or dead, only when there is no other.
    fn pick(&self) -> Option<Arc<Connection>> {
        let mut open = self.lock();
        let staying = |connection: &&Arc<Connection>| {
            !connection.leaving.load(Ordering::SeqCst) && !connection.dead.is_cancelled()
        };
        let mut able: Vec<&Arc<Connection>> = open.connections.iter().filter(staying).collect();
        if able.is_empty() {
            able = open.connections.iter().collect();
        }
        let picked = able.get(open.next % able.len().max(1)).map(|connection| (*connection).clone());
        open.next += 1;
        picked
    }

    fn number(&self) -> u64 {
        let mut open = self.lock();
        open.numbers += 1;
        open.numbers
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a connection for whoever has a fresh ticket.
pub(crate) async fn link(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    Query(query): Query<HashMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let now = shared.options.clock.monotonic();
    let ticket = query.get("ticket").and_then(|ticket| shared.courier.sockets.lock().tickets.remove(ticket));
    if ticket.is_none_or(|since| now.saturating_sub(since) >= TICKET_LIFE) {
        return (StatusCode::FORBIDDEN, "this address was used before, or is too old").into_response();
    }
    let life = if query.get("debug_reconnects").is_some_and(|flag| flag == "true") { DEBUG_LIFE } else { LIFE };
    upgrade.on_upgrade(move |socket| connected(shared, socket, line, life))
}

async fn connected(shared: Arc<Shared>, mut socket: WebSocket, line: Line, life: Duration) {
    let sockets = &shared.courier.sockets;
    if sockets.lock().connections.len() >= CONNECTIONS_MAX {
        let full =
            json!({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {"host": "small-slack"}});
        let _ = socket.send(Message::text(full.to_string())).await;
        return;
    }
    let (out, mut frames) = mpsc::channel(OUT_MAX);
    let connection = Arc::new(Connection {
        number: sockets.number(),
        out,
        leaving: AtomicBool::new(false),
        dead: CancellationToken::new(),
        end_soon: Notify::new(),
        pending: Mutex::default(),
        line,
    });
    let hello = json!({"type": "hello", "connection_info": {"app_id": APP_ID}, "num_connections": sockets.count() + 1,
        "debug_info": {"host": "small-slack", "started": "2026-01-01 00:00:00.000", "build_number": 1,
            "approximate_connection_time": life.as_secs()}});
    if socket.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }
    sockets.lock().connections.push(connection.clone());
    sockets.arrived.notify_waiters();
    shared.changed();
    tokio::select! {
        // First, so that nothing that comes after its death is read.
        biased;
        () = connection.dead.cancelled() => lie_dead(&shared, &mut frames).await,
        () = attend(&shared, &mut socket, &connection, &mut frames, life) => {}
    }
    sockets.lock().connections.retain(|other| other.number != connection.number);
    // Whoever waits for an acknowledgement from here learns that none will come.
    connection.pending.lock().unwrap_or_else(PoisonError::into_inner).clear();
    shared.changed();
}

/// Writes frames, takes acknowledgements and pings, until one side ends it.
async fn attend(
    shared: &Shared,
    socket: &mut WebSocket,
    connection: &Connection,
    frames: &mut mpsc::Receiver<String>,
    life: Duration,
) {
    let clock = &shared.options.clock;
    let mut ping = clock.sleep(PING_EVERY);
    let mut end = clock.sleep(life.saturating_sub(WARNING));
    let mut warned = false;
    loop {
        tokio::select! {
            frame = frames.recv() => {
                let Some(frame) = frame else { return };
                if socket.send(Message::text(frame)).await.is_err() {
                    return;
                }
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => acknowledged(connection, &text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            () = &mut ping => {
                ping = clock.sleep(PING_EVERY);
                if socket.send(Message::Ping("Ping from small-slack".into())).await.is_err() {
                    return;
                }
            }
            () = connection.end_soon.notified(), if !warned => {
                warned = true;
                end = clock.sleep(WARNING);
            }
            () = &mut end => {
                if warned {
                    let _ = socket.send(Message::Close(None)).await;
                    return;
                }
                warned = true;
                connection.leaving.store(true, Ordering::SeqCst);
                let warning = json!({"type": "disconnect", "reason": "warning", "debug_info": {"host": "small-slack"}});
                if socket.send(Message::text(warning.to_string())).await.is_err() {
                    return;
                }
                end = clock.sleep(WARNING);
            }
            () = shared.stop.cancelled() => return,
        }
    }
}

/// Swallows what Slack believes to send, until it finds the connection dead.
async fn lie_dead(shared: &Shared, frames: &mut mpsc::Receiver<String>) {
    let swallow = async { while frames.recv().await.is_some() {} };
    tokio::select! {
        () = swallow => {}
        () = shared.options.clock.sleep(FOUND_DEAD) => {}
        () = shared.stop.cancelled() => {}
    }
}

fn acknowledged(connection: &Connection, text: &str) {
    let Ok(frame) = serde_json::from_str::<Value>(text) else { return };
    let mut pending = connection.pending.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(waiting) = frame["envelope_id"].as_str().and_then(|id| pending.remove(id)) {
        let _ = waiting.send(());
    }
}

/// Tries until the app acknowledges. A connection that ends with the envelope on it costs no waiting: the next one gets it.
pub(super) async fn journey(shared: &Arc<Shared>, event: &Event, first: oneshot::Sender<()>) -> Fate {
    let mut first = Some(first);
    let mut reason = "";
    let mut waits = RETRY_WAITS.iter();
    let mut attempt = 0;
    loop {
        let connection = match shared.courier.sockets.pick() {
            Some(connection) => connection,
            None => {
                first.take().map(|first| first.send(()));
                if shared.options.lost_while_disconnected && attempt == 0 {
                    return Fate::GivenUp;
                }
                match timeout(&*shared.options.clock, WAITS_FOR_CONNECTION, next_connection(shared)).await {
                    Ok(connection) => connection,
                    Err(_) => return Fate::GivenUp,
                }
            }
        };
        shared.courier.note(event, |tries, _| *tries += 1);
        let result = one_try(shared, &connection, event, attempt, reason).await;
        if result.is_ok() {
            shared.courier.note(event, |_, fate| *fate = Fate::Acknowledged);
        }
        first.take().map(|first| first.send(()));
        match result {
            Ok(()) => return Fate::Acknowledged,
            Err(Failed::ConnectionEnded) => {
                reason = "connection_failed";
                // The ended one may not have left the list yet.
                tokio::task::yield_now().await;
            }
            Err(Failed::NoAck) => {
                reason = "http_timeout";
                let Some(wait) = waits.next() else { return Fate::GivenUp };
                if !wait.is_zero() {
                    shared.options.clock.sleep(*wait).await;
                }
            }
        }
        attempt += 1;
    }
}

async fn next_connection(shared: &Shared) -> Arc<Connection> {
    loop {
        let arrived = shared.courier.sockets.arrived.notified();
        if let Some(connection) = shared.courier.sockets.pick() {
            return connection;
        }
        arrived.await;
    }
}

enum Failed {
    NoAck,
    ConnectionEnded,
}

async fn one_try(
    shared: &Arc<Shared>,
    connection: &Connection,
    event: &Event,
    attempt: u32,
    reason: &str,
) -> Result<(), Failed> {
    let _busy = shared.begin();
    let id = format!("57d6a792-0000-4000-8000-{:012}", shared.courier.sockets.number());
    let envelope = format!(
        r#"{{"envelope_id":"{id}","type":"events_api","accepts_response_payload":false,"retry_attempt":{attempt},"retry_reason":"{reason}","payload":{}}}"#,
        event.payload
    );
    let (acknowledged, waiting) = oneshot::channel();
    connection.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), acknowledged);
    if connection.out.try_send(envelope).is_err() {
        return Err(Failed::ConnectionEnded);
    }
    let result = timeout(&*shared.options.clock, ACK_WAIT, waiting).await;
    connection.pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Failed::ConnectionEnded),
        Err(_) => Err(Failed::NoAck),
    }
}
