//! The small Slack and the scripted model as a process of their own, for clients in any language.
//!
//! ```text
//! cargo run --example small_slack [socket]
//! ```
//! Events go over HTTP, or with `socket` over Socket Mode. It prints one line of JSON (addresses and tokens), and ends when its
//! standard input closes or on SIGTERM. It takes what is told to `control_url` with `POST` and JSON; answers are JSON:
//!
//! | call | body | what it does |
//! |---|---|---|
//! | `/slack/deliver_to` | `{"url": "http://127.0.0.1:3000"}` | where the app listens, with HTTP |
//! | `/slack/say` | `{"who": "ana", "channel": "#general", "text": "hi", "mention": true}` | a person writes, with `root` into a thread (`channel` is then the id that the first answer gave), without `channel` a direct message |
//! | `/slack/thread` | `{"channel": "C…", "root": "…"}` | what the thread shows |
//! | `/slack/next` | `{"method": "chat.appendStream", "fails_429": 5}` or `"fails": "code"` | the next call of the method fails |
//! | `/slack/end_streams`, `/slack/drop_sockets`, `/slack/disconnect` | none; `{"reason": "warning"}` for the last | what Slack does now and then |
//! | `/slack/methods_called` | none | which methods were called |
//! | `/model/turn` | `[{"text": "Hello"}, {"finish": "stop"}]` | what the model answers next; without one it answers 500 |
//! | `/model/open`, `/model/seen` | `{"gate": "name"}`; none | opens a gate in an answer; the requests so far |
//! | `/clock/advance`, `/clock/pass_sleep` | `{"secs": 60}` | moves its time, which does nothing by itself and begins with `now` |

mod model;
mod slack;

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use axum::{Json, Router, extract::State, routing::post};
use chathakase_session::time::Clock;
use chathakase_sim::{
    ManualClock,
    model::ScriptedModel,
    slack::{Options, SmallSlack, Transport},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpListener, signal::unix, sync::oneshot};

#[derive(Deserialize)]
struct Span {
    secs: f64,
}

impl Span {
    fn duration(&self) -> Duration {
        Duration::try_from_secs_f64(self.secs).unwrap_or_default()
    }
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let clock = ManualClock::new();
    let scripted = ScriptedModel::start(Arc::new(clock.clone())).await;
    let socket = std::env::args().skip(1).any(|argument| argument == "socket");
    let transport = if socket { Transport::Socket } else { Transport::Http };
    let small =
        SmallSlack::try_start(Options { transport, clock: Arc::new(clock.clone()), ..Options::default() }).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let ready = json!({
        "control_url": format!("http://{}", listener.local_addr()?),
        "model_base_url": scripted.base_url(),
        "api_url": small.api_url(),
        "bot_token": small.bot_token(),
        "app_token": small.app_token(),
        "signing_secret": small.signing_secret(),
        "bot_user": small.bot_user(),
        "workspace": small.workspace(),
        "methods": slack::existing_methods(),
        "now": clock.now().as_secs(),
    });
    let control = Router::new()
        .route("/clock/advance", post(advance))
        .route("/clock/pass_sleep", post(pass_sleep))
        .with_state(clock)
        .nest("/model", model::routes(scripted))
        .nest("/slack", slack::routes(small));
    writeln!(io::stdout(), "{ready}")?;
    // Not gracefully: a client may hold a connection for ever.
    tokio::select! {
        served = axum::serve(listener, control).into_future() => served,
        () = told_to_stop() => Ok(()),
    }
}

async fn advance(State(clock): State<ManualClock>, Json(by): Json<Span>) -> Json<Value> {
    clock.advance(by.duration());
    Json(json!({"ok": true}))
}

/// Waits until somebody sleeps for exactly so long, then lets that time pass.
async fn pass_sleep(State(clock): State<ManualClock>, Json(asked): Json<Span>) -> Json<Value> {
    clock.pass_sleep(asked.duration()..=asked.duration()).await;
    Json(json!({"ok": true}))
}

/// Ends when standard input closes or SIGTERM comes.
async fn told_to_stop() {
    let (closed, stdin_closed) = oneshot::channel();
    // A thread of its own: a runtime waits for its blocking reads when it ends, and nobody may ever close this one.
    std::thread::spawn(move || {
        let ended = io::copy(&mut io::stdin(), &mut io::sink());
        closed.send(ended)
    });
    match unix::signal(unix::SignalKind::terminate()) {
        Ok(mut terminated) => tokio::select! { _ = terminated.recv() => {}, _ = stdin_closed => {} },
        Err(_) => drop(stdin_closed.await),
    }
}
