//! How to reach the model, and what to ask of it.

use std::time::Duration;

use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};

use crate::ModelError;

/// How to reach the model, what to ask of it, and how long to wait. `Debug` does not show the key.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// Where the chat-completions API is (default `https://api.openai.com/v1`); `/chat/completions` is added to its
    /// path, and a query stays (`?api-version=…`, Azure). A trailing slash does not matter.
    pub base_url: String,
    /// The key. `None` for servers that want none (Ollama, llama.cpp).
    pub api_key: Option<SecretString>,
    /// In which header the key goes (default [`KeyHeader::Auto`]).
    pub key_header: KeyHeader,
    /// The model (default `gpt-4o`).
    pub name: String,
    /// 0 to 2 (default 0.7); `None` leaves it to the server. Left out for models that refuse it.
    pub temperature: Option<f32>,
    /// Longest answer in tokens, at least 1 (default 2000); `None` leaves it to the server.
    pub max_tokens: Option<u32>,
    /// Longest wait for the first token, thinking included (default 60 s).
    pub first_token_max: Duration,
    /// Longest wait between two tokens (default 30 s).
    pub between_tokens_max: Duration,
    /// Longest time for one answer with all tries (default 5 min).
    pub turn_max: Duration,
    /// Longest wait for a connection (default 10 s).
    pub connect_timeout: Duration,
    /// How often a request is sent again after an error, as long as no text has come (default 2).
    pub retries_max: u32,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            base_url: "https://api.openai.com/v1".to_owned(),
            api_key: None,
            key_header: KeyHeader::Auto,
            name: "gpt-4o".to_owned(),
            temperature: Some(0.7),
            max_tokens: Some(2000),
            first_token_max: Duration::from_secs(60),
            between_tokens_max: Duration::from_secs(30),
            turn_max: Duration::from_secs(5 * 60),
            connect_timeout: Duration::from_secs(10),
            retries_max: 2,
        }
    }
}

/// In which header the key goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyHeader {
    /// `api-key` for Azure's hosts, else `Authorization: Bearer`.
    #[default]
    Auto,
    /// `Authorization: Bearer`, as OpenAI wants it.
    Bearer,
    /// `api-key`, as Azure wants it; for an Azure behind another name.
    ApiKey,
}

/// A configuration that was checked: where to send requests, and with which header.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) url: Url,
    /// The base URL for logs and errors: without user, password and query.
    pub(crate) shown: String,
    pub(crate) key: Option<(HeaderName, HeaderValue)>,
}

const AZURE_HOSTS: [&str; 3] = [".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"];

impl Endpoint {
    pub(crate) fn of(config: &ModelConfig) -> Result<Self, ModelError> {
        config.check()?;
        let wrong =
            |what: &str| bad(format!("model.base_url / OPENAI_BASE_URL {what}, such as https://api.openai.com/v1"));
        let mut url = Url::parse(config.base_url.trim())
            .map_err(|error| wrong(&format!("is no URL ({error}); write it in full")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("must begin with http:// or https:// and a host"));
        }
        url.set_fragment(None);
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/chat/completions").unwrap_or(path).to_owned();
        url.set_path(&path);
        let shown = shown(&url);
        url.set_path(&format!("{path}/chat/completions"));
        let key = config.api_key.as_ref().map(|key| key_header(config.key_header, &url, key)).transpose()?.flatten();
        Ok(Self { url, shown, key })
    }

    /// A loopback address is reached without any proxy.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl ModelConfig {
    fn check(&self) -> Result<(), ModelError> {
        if self.name.trim().is_empty() {
            return Err(bad("model.name is empty; name a model, such as gpt-4o"));
        }
        if self.temperature.is_some_and(|t| !(0.0..=2.0).contains(&t)) {
            return Err(bad("model.temperature must be from 0 to 2"));
        }
        if self.max_tokens == Some(0) {
            return Err(bad("model.max_tokens must be at least 1"));
        }
        let waits = [
            ("first_token_max", self.first_token_max),
            ("between_tokens_max", self.between_tokens_max),
            ("turn_max", self.turn_max),
            ("connect_timeout", self.connect_timeout),
        ];
        match waits.iter().find(|(_, wait)| wait.is_zero()) {
            Some((name, _)) => Err(bad(format!("model.{name} must be longer than 0s"))),
            None => Ok(()),
        }
    }
}

fn bad(what: impl Into<String>) -> ModelError {
    ModelError::Config { what: what.into() }
}

fn shown(url: &Url) -> String {
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

/// An empty key is no key: some servers want none, and `OPENAI_API_KEY=` is how people say so.
fn key_header(
    which: KeyHeader,
    url: &Url,
    key: &SecretString,
) -> Result<Option<(HeaderName, HeaderValue)>, ModelError> {
    let key = key.expose_secret().trim();
    if key.is_empty() {
        return Ok(None);
    }
    let azure = AZURE_HOSTS.iter().any(|host| url.host_str().is_some_and(|ours| ours.ends_with(host)));
    let (name, value) = match which {
        KeyHeader::ApiKey => (HeaderName::from_static("api-key"), key.to_owned()),
        KeyHeader::Auto if azure => (HeaderName::from_static("api-key"), key.to_owned()),
        _ => (AUTHORIZATION, format!("Bearer {key}")),
    };
    let not_a_header =
        |_| bad("model.api_key / OPENAI_API_KEY has a line break or another character that no key has; copy it again");
    let mut value = HeaderValue::from_str(&value).map_err(not_a_header)?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

#[cfg(test)]
mod tests;
