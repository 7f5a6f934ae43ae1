//! The floor: what any assistant must at least do. No signature, no store, no retry, no stream: it takes an event, asks the
//! model with the whole thread, which it keeps in a map, and posts the answer.

use std::{
    collections::HashMap,
    env,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

struct Floor {
    http: reqwest::Client,
    slack: String,
    slack_token: String,
    model: String,
    model_key: String,
    threads: Mutex<HashMap<String, Vec<Value>>>,
}

#[derive(Deserialize)]
struct Envelope {
    event: Event,
}

#[derive(Deserialize)]
struct Event {
    channel: String,
    text: String,
    ts: String,
    thread_ts: Option<String>,
}

/// Listens from now on.
pub(crate) async fn start() -> anyhow::Result<SocketAddr> {
    let floor = Arc::new(Floor {
        http: reqwest::Client::builder().no_proxy().build()?,
        slack: env::var("SLACK_API_URL")?,
        slack_token: env::var("SLACK_BOT_TOKEN")?,
        model: env::var("OPENAI_BASE_URL")?,
        model_key: env::var("OPENAI_API_KEY")?,
        threads: Mutex::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let routes = Router::new().route("/slack/events", post(take)).with_state(floor);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}

async fn take(State(floor): State<Arc<Floor>>, body: Bytes) -> StatusCode {
    let Ok(Envelope { event }) = serde_json::from_slice(&body) else { return StatusCode::BAD_REQUEST };
    tokio::spawn(async move {
        // A lost answer ends the bench, which then names the thread.
        let _ = floor.answer(event).await;
    });
    StatusCode::OK
}

impl Floor {
    async fn answer(&self, event: Event) -> anyhow::Result<()> {
        let question = event.text.split_once("> ").map_or(event.text.as_str(), |(_, words)| words);
        let root = event.thread_ts.unwrap_or(event.ts);
        let messages = self.remember(&root, "user", question);
        let request = json!({"model": "gpt-4o", "stream": true, "messages": messages});
        let asked = self.http.post(format!("{}/chat/completions", self.model)).bearer_auth(&self.model_key);
        let answer = words(&asked.json(&request).send().await?.bytes().await?)?;
        self.remember(&root, "assistant", &answer);
        let said = json!({"channel": event.channel, "thread_ts": root, "markdown_text": answer});
        let posted = self.http.post(format!("{}chat.postMessage", self.slack)).bearer_auth(&self.slack_token);
        posted.json(&said).send().await?.bytes().await?;
        Ok(())
    }

    fn remember(&self, root: &str, role: &str, text: &str) -> Vec<Value> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let messages = threads
            .entry(root.to_owned())
            .or_insert_with(|| vec![json!({"role": "system", "content": "You are a helpful assistant in Slack."})]);
        messages.push(json!({"role": role, "content": text}));
        messages.clone()
    }
}

/// The words of a streamed answer.
fn words(stream: &[u8]) -> anyhow::Result<String> {
    #[derive(Deserialize)]
    struct Chunk {
        choices: Vec<Choice>,
    }
    #[derive(Deserialize)]
    struct Choice {
        delta: Delta,
    }
    #[derive(Deserialize)]
    struct Delta {
        content: Option<String>,
    }
    let mut answer = String::new();
    for event in std::str::from_utf8(stream)?.split("\n\n").filter(|event| !event.is_empty()) {
        let data = event.strip_prefix("data: ").context("an event without data")?;
        if data == "[DONE]" {
            break;
        }
        let chunk: Chunk = serde_json::from_str(data)?;
        answer.extend(chunk.choices.into_iter().filter_map(|choice| choice.delta.content));
    }
    Ok(answer)
}
