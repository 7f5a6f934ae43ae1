//! Control of the small Slack: `POST /slack/say`, `/thread`, `/deliver_to`, `/next`, `/end_streams`, `/drop_sockets`, `/disconnect`, `/methods_called`.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use chathakase_sim::slack::{Said, SmallSlack, Thread};
use serde::Deserialize;
use serde_json::{Value, json};

/// The threads that people began or wrote in, by channel and root.
type Threads = HashMap<(String, String), Thread>;

#[derive(Clone)]
pub(crate) struct Control {
    slack: SmallSlack,
    threads: Arc<Mutex<Threads>>,
}

/// What a person says: in a channel, in a thread of it when there is a root, or as a direct message without a channel.
#[derive(Deserialize)]
struct Say {
    who: String,
    channel: Option<String>,
    root: Option<String>,
    text: String,
    #[serde(default)]
    mention: bool,
    /// Whether to wait until the app acknowledged it, or the first try failed.
    #[serde(default = "yes")]
    wait: bool,
}

#[derive(Deserialize)]
struct Place {
    channel: String,
    root: String,
}

#[derive(Deserialize)]
struct Url {
    url: String,
}

#[derive(Deserialize)]
struct Next {
    method: String,
    fails_429: Option<u64>,
    fails: Option<String>,
}

#[derive(Deserialize)]
struct Disconnect {
    reason: String,
}

fn yes() -> bool {
    true
}

pub(crate) fn routes(slack: SmallSlack) -> Router {
    Router::new()
        .route("/say", post(say))
        .route("/thread", post(thread))
        .route("/deliver_to", post(deliver_to))
        .route("/next", post(next))
        .route("/end_streams", post(end_streams))
        .route("/drop_sockets", post(drop_sockets))
        .route("/disconnect", post(disconnect))
        .route("/methods_called", post(methods_called))
        .with_state(Control { slack, threads: Arc::default() })
}

impl Control {
    fn threads(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn say(self, say: Say) -> Option<Said> {
        let (slack, who, text) = (&self.slack, say.who.as_str(), say.text);
        let said = match (say.channel, say.root) {
            (None, _) => slack.dm(who, text).await.first(),
            (Some(channel), None) if say.mention => slack.mention(who, &channel, text).await.first(),
            (Some(channel), None) => slack.post(who, &channel, text).await.first(),
            (Some(channel), Some(root)) => {
                let thread = self.threads().get(&(channel, root)).cloned()?;
                if say.mention { thread.mention(who, text).await } else { thread.reply(who, text).await }
            }
        };
        let thread = said.thread();
        self.threads().insert((thread.channel().to_string(), thread.root().to_string()), thread);
        Some(said)
    }
}

async fn say(State(control): State<Control>, Json(say): Json<Say>) -> Result<Json<Value>, StatusCode> {
    if !say.wait {
        tokio::spawn(control.say(say));
        return Ok(Json(json!({"ok": true})));
    }
    let said = control.say(say).await.ok_or(StatusCode::NOT_FOUND)?;
    let thread = said.thread();
    Ok(Json(json!({"channel": thread.channel(), "root": thread.root(), "ts": said.ts()})))
}

/// What the app has standing in a thread, and its status.
async fn thread(State(control): State<Control>, Json(place): Json<Place>) -> Result<Json<Value>, StatusCode> {
    let thread = control.threads().get(&(place.channel, place.root)).cloned().ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(json!({"answers": thread.answers(), "status": thread.status()})))
}

async fn deliver_to(State(control): State<Control>, Json(Url { url }): Json<Url>) -> Json<Value> {
    control.slack.deliver_to(&url);
    Json(json!({"ok": true}))
}

/// Lets the next call of a method fail.
async fn next(State(control): State<Control>, Json(next): Json<Next>) -> Json<Value> {
    let fault = control.slack.next(&next.method);
    let _ = match (next.fails_429, next.fails) {
        (Some(secs), _) => fault.fails_429(secs),
        (None, Some(error)) => fault.fails(&error),
        (None, None) => fault,
    };
    Json(json!({"ok": true}))
}

async fn end_streams(State(control): State<Control>) -> Json<Value> {
    control.slack.end_streams();
    Json(json!({"ok": true}))
}

async fn drop_sockets(State(control): State<Control>) -> Json<Value> {
    control.slack.drop_sockets();
    Json(json!({"ok": true}))
}

async fn disconnect(State(control): State<Control>, Json(Disconnect { reason }): Json<Disconnect>) -> Json<Value> {
    control.slack.send_disconnect(&reason);
    Json(json!({"ok": true}))
}

/// The methods that exist, wholly or in part.
pub(crate) fn existing_methods() -> Vec<&'static str> {
    let existing = SmallSlack::coverage().into_iter().filter(|(_, cover)| !cover.starts_with("missing"));
    existing.map(|(name, _)| name).collect()
}

/// The methods that were called and did what they do, by name.
async fn methods_called(State(control): State<Control>) -> Json<Value> {
    let done = control.slack.all_calls().into_iter().filter(|call| call.answer == "ok");
    Json(json!({"methods": done.map(|call| call.method).collect::<BTreeSet<String>>()}))
}
