//! An error as the server wrote it, in whichever of the usual shapes, and what it means.

use std::time::Duration;

use serde_json::Value;

use crate::{ModelError, veil::Veil};

/// An error as the server reported it: in the body of an HTTP error, or inside a stream.
#[derive(Debug, Default)]
pub(crate) struct Fault {
    /// The server's words, unbounded and not yet fit to be shown: see [`Veil::excerpt`].
    pub(crate) message: String,
    /// `error.code` or `error.type`, lower case, one after the other.
    pub(crate) codes: String,
    /// The request's field that is at fault, as far as the server says.
    pub(crate) param: String,
    /// An HTTP status that is written in the body.
    pub(crate) status: Option<u16>,
}

impl Fault {
    /// Reads an HTTP body, or the data of an `event: error`. What is no JSON is the message itself.
    pub(crate) fn read(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => Self::from_value(&value).unwrap_or_default(),
            Err(_) => Self { message: plain(&String::from_utf8_lossy(body)), ..Self::default() },
        }
    }

    /// Reads a JSON text; `None` when it is none, or holds no error.
    pub(crate) fn from_json(json: &[u8]) -> Option<Self> {
        Self::from_value(&serde_json::from_slice(json).ok()?)
    }

    /// Reads the usual shapes: `{"error":{"message","type","param","code"}}`, `{"error":"…"}`, `{"message":"…"}`,
    /// `{"detail":"…"}` and `{"detail":[{"loc":[…],"msg":"…"}]}`. `None` when it is none of them.
    fn from_value(value: &Value) -> Option<Self> {
        let under_error = value.get("error").filter(|error| !error.is_null());
        let inner = under_error.unwrap_or(value);
        let mut fault = Self::default();
        match inner {
            Value::String(text) => fault.message.clone_from(text),
            Value::Array(errors) => return Self::from_value(errors.first()?),
            Value::Object(fields) => {
                let said = ["message", "detail", "msg", "error"].iter().find_map(|key| fields.get(*key));
                if let Some(said) = said {
                    fault.add_message(said);
                }
                for code in ["code", "type", "status"].iter().filter_map(|key| fields.get(*key)) {
                    fault.add_code(code);
                }
                fault.param = fields.get("param").and_then(Value::as_str).unwrap_or_default().to_owned();
            }
            _ => return None,
        }
        (under_error.is_some() || !fault.message.is_empty()).then_some(fault)
    }

    fn add_message(&mut self, said: &Value) {
        match said {
            Value::String(text) => self.message.push_str(text),
            // One entry per field that failed; what the person wrote may stand in its `input`.
            Value::Array(entries) => {
                for entry in entries {
                    let at = entry.get("loc").map(ToString::to_string).unwrap_or_default();
                    let why = entry.get("msg").and_then(Value::as_str).unwrap_or_default();
                    self.message.push_str(&format!("{at} {why} "));
                }
            }
            Value::Object(fields) => {
                self.message.push_str(fields.get("message").and_then(Value::as_str).unwrap_or_default());
            }
            _ => {}
        }
    }

    fn add_code(&mut self, code: &Value) {
        match code {
            Value::String(word) => {
                self.status = self.status.or_else(|| word.parse().ok().filter(is_error_status));
                self.codes.push_str(&word.to_ascii_lowercase());
                self.codes.push(' ');
            }
            Value::Number(number) => {
                let status = number.as_u64().and_then(|status| u16::try_from(status).ok());
                self.status = self.status.or(status.filter(is_error_status));
            }
            _ => {}
        }
    }

    /// Whether any of `codes` is the error's code or type, or any of `phrases` stands in its message.
    fn says(&self, codes: &[&str], phrases: &[&str]) -> bool {
        let message = self.message.to_ascii_lowercase();
        self.codes.split(' ').any(|code| codes.contains(&code)) || phrases.iter().any(|phrase| message.contains(phrase))
    }

    /// The prompt and the answer together are more than the model holds, or more than one request may have.
    pub(crate) fn is_context_too_long(&self) -> bool {
        self.says(
            &["context_length_exceeded", "exceed_context_size_error", "context_window_exceeded"],
            &CONTEXT_PHRASES,
        )
    }

    /// The server does not know or does not want a field of the request.
    pub(crate) fn refuses_a_field(&self) -> bool {
        self.says(
            &["unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden"],
            &FIELD_PHRASES,
        )
    }

    /// Whether the fault is about this field of the request.
    pub(crate) fn is_about(&self, field: &str) -> bool {
        self.param == field
            || self.param.starts_with(&format!("{field}."))
            || (self.param.is_empty() && self.message.contains(field))
    }

    /// What the fault means, wherever it was found; `None` where only the HTTP status can tell.
    fn meaning(&self, veil: Veil<'_>) -> Option<ModelError> {
        let message = || veil.excerpt(&self.message);
        if self.says(&QUOTA_CODES, &["exceeded your current quota", "insufficient balance", "insufficient credits"]) {
            return Some(ModelError::QuotaExceeded { message: message() });
        }
        if self.is_context_too_long() {
            return Some(ModelError::ContextTooLong { message: message() });
        }
        if self.says(&["content_filter", "content_policy_violation"], &["content management policy"]) {
            return Some(ModelError::Refused { message: message() });
        }
        None
    }

    /// The error that an HTTP answer with this body is.
    pub(crate) fn into_http_error(self, status: u16, retry_after: Option<Duration>, asked: &Asked<'_>) -> ModelError {
        if let Some(error) = self.meaning(asked.veil) {
            return error;
        }
        let message = asked.veil.excerpt(&self.message);
        let base_url = || asked.base_url.to_owned();
        // Some give every 404 the code of a model that is not there.
        let names_url = self.says(&["unknown_url"], &["invalid url", "unknown request url"]);
        let names_model = !names_url
            && (self.says(&MODEL_CODES, &["invalid model name", "not a valid model"])
                || (status == 404 && self.message.to_ascii_lowercase().contains("model")));
        match status {
            400 | 403 | 404 if names_model => {
                ModelError::UnknownModel { model: asked.model.to_owned(), base_url: base_url(), message }
            }
            400 if self.says(&["invalid_api_key", "no_db_connection"], &["api key not valid"]) => {
                ModelError::Unauthorized { status, message }
            }
            401 | 403 => ModelError::Unauthorized { status, message },
            402 => ModelError::QuotaExceeded { message },
            413 => ModelError::ContextTooLong { message },
            429 => ModelError::RateLimited { retry_after, message },
            404 | 405 => {
                ModelError::UnknownEndpoint { base_url: base_url(), message: format!("HTTP {status}, {message}") }
            }
            408 | 409 | 425 | 500.. => ModelError::Server { status, retry_after, message },
            _ => ModelError::BadRequest { status, message },
        }
    }

    /// The error that this is inside a stream, where only the body can say what it is about.
    pub(crate) fn into_stream_error(self, veil: Veil<'_>) -> ModelError {
        if let Some(error) = self.meaning(veil) {
            return error;
        }
        let message = veil.excerpt(&self.message);
        if self.status == Some(429)
            || self.says(&["rate_limit_exceeded", "rate_limit_error", "requests", "tokens"], &[])
        {
            return ModelError::RateLimited { retry_after: None, message };
        }
        match self.status {
            Some(status @ (401 | 403)) => ModelError::Unauthorized { status, message },
            Some(status @ (400 | 404 | 422)) => ModelError::BadRequest { status, message },
            _ => ModelError::StreamError { message },
        }
    }
}

/// What an error about a request may name.
pub(crate) struct Asked<'a> {
    pub(crate) model: &'a str,
    pub(crate) base_url: &'a str,
    pub(crate) veil: Veil<'a>,
}

/// OpenAI and Azure, vLLM, llama.cpp, Anthropic's and Google's compatible APIs, LiteLLM, OpenRouter, Mistral, and
/// OpenAI's limit of one request.
const CONTEXT_PHRASES: [&str; 12] = [
    "maximum context length",
    "context length exceeded",
    "context_length_exceeded",
    "exceeds the available context size",
    "exceeds the context",
    "exceed context",
    "context window",
    "prompt is too long",
    "input is too long",
    "input token count",
    "too large for model",
    "request too large for",
];

const QUOTA_CODES: [&str; 4] =
    ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance"];

/// OpenAI, Azure, vLLM and others built on pydantic, LiteLLM, Mistral.
const FIELD_PHRASES: [&str; 10] = [
    "unsupported",
    "not supported",
    "does not support",
    "doesn't support",
    "unrecognized",
    "unknown",
    "unexpected",
    "not permitted",
    "not allowed",
    "not available",
];

const MODEL_CODES: [&str; 3] = ["model_not_found", "invalid_model", "deploymentnotfound"];

fn is_error_status(status: &u16) -> bool {
    (400..600).contains(status)
}

/// A web page says little: its title is kept. Other text stays as it is.
fn plain(text: &str) -> String {
    if !text.trim_start().starts_with('<') {
        return text.to_owned();
    }
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|at| {
        let begin = at + "<title>".len();
        let end = begin + lower[begin..].find('<')?;
        Some(text[begin..end].trim())
    });
    title.map_or_else(|| "a web page".to_owned(), |title| format!("a web page titled \"{title}\""))
}

#[cfg(test)]
mod tests;
