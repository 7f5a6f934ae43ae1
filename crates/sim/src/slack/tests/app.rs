//! The smallest app there is: it calls what a test tells it to, and takes the events that come.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    clock::ManualClock,
    slack::{Options, SmallSlack, Thread, Transport},
};

pub(super) struct App {
    pub(super) slack: SmallSlack,
    pub(super) clock: ManualClock,
    client: reqwest::Client,
}

pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) retry_after: Option<u64>,
    pub(super) body: Value,
}

impl App {
    pub(super) async fn start() -> Self {
        let clock = ManualClock::new();
        Self::with(Options { clock: Arc::new(clock.clone()), ..Options::default() }, clock).await
    }

    pub(super) async fn socket() -> Self {
        let clock = ManualClock::new();
        let options = Options { clock: Arc::new(clock.clone()), transport: Transport::Socket, ..Options::default() };
        Self::with(options, clock).await
    }

    pub(super) async fn with(options: Options, clock: ManualClock) -> Self {
        let slack = SmallSlack::start(options).await;
        Self { slack, clock, client: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// Calls a method with JSON, as the app's bot.
    pub(super) async fn ask(&self, method: &str, args: Value) -> Answered {
        self.ask_as(self.slack.bot_token(), method, args).await
    }

    pub(super) async fn ask_as(&self, token: &str, method: &str, args: Value) -> Answered {
        let request = self.client.post(format!("{}{method}", self.slack.api_url())).bearer_auth(token);
        let request = request.header("content-type", "application/json; charset=utf-8").body(args.to_string());
        answered(request.send().await.unwrap()).await
    }

    /// Calls a method with a form.
    pub(super) async fn read(&self, method: &str, args: &[(&str, &str)]) -> Value {
        let request = self.client.post(format!("{}{method}", self.slack.api_url())).bearer_auth(self.slack.bot_token());
        answered(request.form(args).send().await.unwrap()).await.body
    }

    pub(super) fn raw(&self, method: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("{}{method}", self.slack.api_url()))
    }

    /// Calls a method that must work.
    pub(super) async fn ok(&self, method: &str, args: Value) -> Value {
        let answer = self.ask(method, args).await.body;
        assert_eq!(answer["ok"], true, "{method}: {answer}");
        answer
    }

    /// Calls a method that must be refused, and gives the error.
    pub(super) async fn refused(&self, method: &str, args: Value) -> String {
        let answer = self.ask(method, args).await.body;
        assert_eq!(answer["ok"], false, "{method}: {answer}");
        answer["error"].as_str().unwrap().to_owned()
    }

    /// Starts a stream in a thread of a channel, for whoever opened it.
    pub(super) async fn stream(&self, thread: &Thread, text: &str) -> String {
        let args = json!({"channel": thread.channel(), "thread_ts": thread.root(), "markdown_text": text,
            "recipient_user_id": thread.first().user(), "recipient_team_id": self.slack.workspace()});
        self.ok("chat.startStream", args).await["ts"].as_str().unwrap().to_owned()
    }
}

pub(super) async fn answered(response: reqwest::Response) -> Answered {
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap());
    Answered { status: response.status().as_u16(), retry_after, body: response.json().await.unwrap() }
}

/// One request that Slack sent.
#[derive(Clone)]
pub(super) struct Delivered {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Delivered {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Where an app's events arrive, answered as a test says.
#[derive(Clone)]
pub(super) struct Door(Arc<DoorState>);

struct DoorState {
    url: String,
    came: watch::Sender<Vec<Delivered>>,
    answer: Mutex<(StatusCode, HeaderMap)>,
}

impl Door {
    pub(super) async fn open(slack: &SmallSlack) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        slack.deliver_to(&url);
        let answer = Mutex::new((StatusCode::OK, HeaderMap::new()));
        let door = Self(Arc::new(DoorState { url, came: watch::Sender::default(), answer }));
        let router = Router::new().route("/slack/events", post(take)).with_state(door.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        door
    }

    pub(super) fn url(&self) -> &str {
        &self.0.url
    }

    pub(super) fn answers(&self, status: u16, headers: HeaderMap) {
        *self.0.answer.lock().unwrap() = (StatusCode::from_u16(status).unwrap(), headers);
    }

    pub(super) fn all(&self) -> Vec<Delivered> {
        self.0.came.borrow().clone()
    }

    /// The inner events so far.
    pub(super) fn events(&self) -> Vec<Value> {
        self.all().iter().map(|delivered| delivered.json()["event"].clone()).collect()
    }

    pub(super) async fn came(&self, count: usize) -> Vec<Delivered> {
        self.0.came.subscribe().wait_for(|came| came.len() >= count).await.unwrap().clone()
    }
}

async fn take(State(door): State<Door>, headers: HeaderMap, body: Bytes) -> (StatusCode, HeaderMap) {
    door.0.came.send_modify(|came| came.push(Delivered { headers, body }));
    door.0.answer.lock().unwrap().clone()
}
