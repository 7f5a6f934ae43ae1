//! The request, and the few ways in which servers want it written differently.

use chathakase_session::Role;
use serde::Serialize;

use crate::{ModelConfig, fault::Fault};

/// One message of a request.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    /// Whose words.
    pub role: Role,
    /// The words.
    pub content: String,
}

/// What the model is to answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The messages in order, the system prompt first.
    pub messages: Vec<ChatMessage>,
    /// Stands for the person who asks, so that the provider can tell abuse apart. Not sent when `None`.
    pub user: Option<String>,
}

/// Words of people stay out of logs.
impl std::fmt::Debug for ChatMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChatMessage({}, {} bytes)", self.role.as_str(), self.content.len())
    }
}

/// How this model on this server wants to be asked. Starts as OpenAI documents it, and is bent, once per field, by what
/// the server refuses: there is no list of models here that would be out of date tomorrow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// `max_completion_tokens` instead of `max_tokens` (OpenAI's reasoning models).
    completion_tokens: bool,
    /// No `temperature` (the same).
    no_temperature: bool,
    /// No `stream_options` (older servers): then there may be no usage.
    no_stream_options: bool,
    /// No `user`.
    no_user: bool,
}

impl Dialect {
    /// How to ask instead, when `fault` refuses a field that can be left out or written differently, and we did send
    /// it.
    pub(crate) fn bent_by(self, status: u16, fault: &Fault) -> Option<Self> {
        if !matches!(status, 400 | 422) || fault.is_context_too_long() || !fault.refuses_a_field() {
            return None;
        }
        let mut bent = self;
        if fault.is_about("stream_options") {
            bent.no_stream_options = true;
        } else if fault.is_about("temperature") {
            bent.no_temperature = true;
        } else if fault.is_about("max_tokens") {
            bent.completion_tokens = true;
        } else if fault.param == "user" {
            bent.no_user = true;
        }
        (bent != self).then_some(bent)
    }

    /// What either has learned.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            completion_tokens: self.completion_tokens || other.completion_tokens,
            no_temperature: self.no_temperature || other.no_temperature,
            no_stream_options: self.no_stream_options || other.no_stream_options,
            no_user: self.no_user || other.no_user,
        }
    }

    /// The body of the request.
    pub(crate) fn write(self, config: &ModelConfig, request: &Request) -> Result<Vec<u8>, serde_json::Error> {
        let (old, new) = if self.completion_tokens { (None, config.max_tokens) } else { (config.max_tokens, None) };
        serde_json::to_vec(&Body {
            model: &config.name,
            messages: &request.messages,
            stream: true,
            temperature: config.temperature.filter(|_| !self.no_temperature),
            max_tokens: old,
            max_completion_tokens: new,
            stream_options: (!self.no_stream_options).then_some(StreamOptions { include_usage: true }),
            user: request.user.as_deref().filter(|_| !self.no_user),
        })
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: &'a [ChatMessage],
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[cfg(test)]
mod tests;
