//! A request as the scripted model saw it, and the rules that every request must obey.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use bytes::Bytes;
use chathakase_session::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// The arguments of a chat-completions request that a client of ours may send. OpenAI refuses what it does not know.
const KNOWN_ARGUMENTS: &[&str] = &[
    "model",
    "messages",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "seed",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "reasoning_effort",
    "n",
    "presence_penalty",
    "frequency_penalty",
];

/// One message of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSeen {
    /// `system`, `user` or `assistant`; anything else is recorded as a broken rule.
    pub role: String,
    /// The text; several text parts are joined by a line end.
    pub content: String,
}

/// One request for an answer.
#[derive(Clone, Debug)]
pub struct RequestSeen {
    /// The model asked for.
    pub model: String,
    /// The messages in the order they were sent.
    pub messages: Vec<MessageSeen>,
    /// The sampling temperature, if given.
    pub temperature: Option<f64>,
    /// The longest answer in tokens, as older models take it.
    pub max_tokens: Option<u64>,
    /// The longest answer in tokens, as reasoning models take it.
    pub max_completion_tokens: Option<u64>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether a last chunk with the usage was asked for (`stream_options.include_usage`).
    pub wants_usage: bool,
    /// The headers.
    pub headers: HeaderMap,
    /// When it came.
    pub at: Timestamp,
    body: Bytes,
}

#[derive(Deserialize)]
struct Body {
    model: String,
    messages: Vec<BodyMessage>,
    temperature: Option<f64>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize)]
struct BodyMessage {
    role: String,
    content: Content,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    text: String,
}

impl Content {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => parts.into_iter().map(|p| p.text).collect::<Vec<_>>().join("\n"),
        }
    }
}

impl RequestSeen {
    /// Reads a request body. The error is what the server answers with a status 400.
    pub(crate) fn parse(headers: HeaderMap, body: Bytes, at: Timestamp) -> Result<Self, serde_json::Error> {
        let parsed: Body = serde_json::from_slice(&body)?;
        let message = |m: BodyMessage| MessageSeen { role: m.role, content: m.content.into_text() };
        Ok(Self {
            model: parsed.model,
            messages: parsed.messages.into_iter().map(message).collect(),
            temperature: parsed.temperature,
            max_tokens: parsed.max_tokens,
            max_completion_tokens: parsed.max_completion_tokens,
            stream: parsed.stream,
            wants_usage: parsed.stream_options.is_some_and(|o| o.include_usage),
            headers,
            at,
            body,
        })
    }

    /// The whole body, as sent.
    pub fn raw(&self) -> Value {
        serde_json::from_slice(&self.body).expect("it was parsed when it came")
    }

    /// The system messages, joined by an empty line.
    pub fn system(&self) -> String {
        let system = self.messages.iter().filter(|m| m.role == "system").map(|m| m.content.as_str());
        system.collect::<Vec<_>>().join("\n\n")
    }

    /// What the model was told beside the system messages, in order.
    pub fn conversation(&self) -> Vec<&str> {
        self.messages.iter().filter(|m| m.role != "system").map(|m| m.content.as_str()).collect()
    }

    /// What the last message says; empty when there is none.
    pub fn question(&self) -> &str {
        self.messages.last().map_or("", |m| m.content.as_str())
    }

    /// Fails unless the conversation is exactly `expected`.
    #[track_caller]
    pub fn heard<'a>(&self, expected: impl IntoIterator<Item = &'a str>) {
        let expected: Vec<&str> = expected.into_iter().collect();
        if self.conversation() != expected {
            panic!("the model heard something else (- expected, + heard)\n{}", self.diff(&expected));
        }
    }

    fn diff(&self, expected: &[&str]) -> String {
        let heard: Vec<_> = self.messages.iter().filter(|m| m.role != "system").collect();
        let mut lines = String::new();
        for at in 0..expected.len().max(heard.len()) {
            match (expected.get(at), heard.get(at)) {
                (Some(e), Some(h)) if *e == h.content => lines += &format!("  {:>9}: {:?}\n", h.role, h.content),
                (e, h) => {
                    lines += &e.map(|e| format!("- {:>9}: {e:?}\n", "")).unwrap_or_default();
                    lines += &h.map(|h| format!("+ {:>9}: {:?}\n", h.role, h.content)).unwrap_or_default();
                }
            }
        }
        lines
    }

    /// The rules this request breaks, each as a sentence.
    pub(crate) fn broken_rules(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut rule = |kept: bool, sentence: &str| {
            if !kept {
                broken.push(sentence.to_owned());
            }
        };
        rule(self.stream, "`stream` is not true");
        rule(self.bearer().is_some(), "no `Authorization: Bearer` header");
        rule(self.content_type().starts_with("application/json"), "the content type is not application/json");
        rule(self.temperature.is_none_or(|t| (0.0..=2.0).contains(&t)), "the temperature is not in 0 to 2");
        rule(self.max_tokens != Some(0) && self.max_completion_tokens != Some(0), "the longest answer has no tokens");
        let roles: Vec<&str> = self.messages.iter().map(|m| m.role.as_str()).collect();
        rule(roles.first() == Some(&"system"), "the first message is not the system's");
        rule(roles.last() == Some(&"user"), "the last message is not a person's");
        let spoken = roles.iter().skip_while(|r| **r == "system");
        rule(spoken.clone().all(|r| *r != "system"), "a system message stands among the others");
        rule(spoken.clone().next() != Some(&"assistant"), "the conversation starts with an orphan answer");
        rule(roles.iter().all(|r| matches!(*r, "system" | "user" | "assistant")), "a role is unknown");
        rule(self.messages.iter().all(|m| !m.content.trim().is_empty()), "a message is empty");
        for argument in self.arguments().filter(|a| !KNOWN_ARGUMENTS.contains(&a.as_str())) {
            broken.push(format!("the argument `{argument}` is unknown"));
        }
        broken
    }

    fn bearer(&self) -> Option<&str> {
        self.headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ").filter(|key| !key.is_empty())
    }

    fn content_type(&self) -> &str {
        self.headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    fn arguments(&self) -> impl Iterator<Item = String> {
        let arguments: BTreeMap<String, serde::de::IgnoredAny> = serde_json::from_slice(&self.body).unwrap_or_default();
        arguments.into_keys()
    }

    /// Whether `secret` stands in the body, or in a header other than `authorization`.
    pub(crate) fn tells(&self, secret: &str) -> bool {
        let holds = |bytes: &[u8]| bytes.windows(secret.len().max(1)).any(|w| w == secret.as_bytes());
        holds(&self.body) || self.headers.iter().any(|(name, value)| name != AUTHORIZATION && holds(value.as_bytes()))
    }
}
