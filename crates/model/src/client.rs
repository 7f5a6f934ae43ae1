//! The client: one request, tried again only while nothing of the answer was given out.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chathakase_metrics::{self as metrics, Lately, MODEL_FIRST_TEXT, MODEL_REQUESTS};
use chathakase_session::{chain, time::SharedClock};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, LOCATION};

use crate::{
    ModelConfig, ModelError, Request, Stream, Waiting,
    config::Endpoint,
    deadline::Deadline,
    fault::{Asked, Fault},
    request::Dialect,
    retry,
    veil::Veil,
};

/// Most that is read of an error's body, in bytes.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// Longest wait for an error's body, all of it.
const ERROR_WAIT_MAX: Duration = Duration::from_secs(5);

/// How soon a connection is asked whether its other end still lives, and how long it may take to answer. Without this a
/// dead one would swallow request after request, each for the whole wait for a first token.
const DEAD_LINK_MAX: Duration = Duration::from_secs(15);

/// How long an unused connection is kept for the next request.
const IDLE_MAX: Duration = Duration::from_secs(90);

/// Speaks to one model on one server. Clones share connections and what was learned about the server.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: ModelConfig,
    endpoint: Endpoint,
    http: reqwest::Client,
    pub(crate) clock: SharedClock,
    dialect: Mutex<Dialect>,
    /// The model's name as a metric's label.
    label: &'static str,
    lately: Lately,
}

/// Why one try gave no answer.
enum Failed {
    /// The server wants to be asked differently.
    Dialect(Dialect),
    Error(ModelError),
}

impl From<ModelError> for Failed {
    fn from(error: ModelError) -> Self {
        Self::Error(error)
    }
}

impl Client {
    /// A client for `config`, which is checked here. Nothing is sent. The process must have installed a rustls crypto
    /// provider.
    pub fn new(config: ModelConfig, clock: SharedClock) -> Result<Self, ModelError> {
        let endpoint = Endpoint::of(&config)?;
        let http = http_client(&endpoint, config.connect_timeout)?;
        let (label, lately) = (metrics::label(&config.name), Lately::default());
        let shared = Shared { config, endpoint, http, clock, dialect: Mutex::default(), label, lately };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// How requests went lately. What the model does not want to answer still shows that it can be reached.
    pub fn lately(&self) -> Lately {
        self.shared.lately.clone()
    }

    /// Asks the model. Returns when its first text is here: until then it is tried again after errors that may pass
    /// ([`ModelError::retryable`]), at most [`ModelConfig::retries_max`] times and within [`ModelConfig::turn_max`].
    ///
    /// Dropping the future gives the request up.
    pub async fn stream(&self, request: &Request) -> Result<Stream, ModelError> {
        let shared = &self.shared;
        let turn_at = shared.clock.monotonic() + shared.config.turn_max;
        let mut retries = 0;
        loop {
            let dialect = *shared.dialect.lock().unwrap_or_else(PoisonError::into_inner);
            let error = match self.attempt(request, dialect, turn_at).await {
                Ok(stream) => return Ok(stream),
                Err(Failed::Dialect(bent)) => {
                    tracing::info!(
                        model = shared.config.name,
                        ?bent,
                        "the model's server wants its requests written differently"
                    );
                    let mut known = shared.dialect.lock().unwrap_or_else(PoisonError::into_inner);
                    *known = known.and(bent);
                    continue;
                }
                Err(Failed::Error(error)) => error,
            };
            let may_retry = error.retryable() && retries < shared.config.retries_max;
            let wait = may_retry.then(|| retry::wait_before(retries, error.retry_after())).flatten();
            let Some(wait) = wait.filter(|wait| shared.clock.monotonic() + *wait < turn_at) else { return Err(error) };
            retries += 1;
            let (kind, wait_ms) = (error.kind().as_str(), wait.as_millis());
            tracing::warn!(
                kind,
                retry = retries,
                wait_ms,
                error = %chain(&error),
                "asking the model again"
            );
            shared.clock.sleep(wait).await;
        }
    }

    async fn attempt(&self, request: &Request, dialect: Dialect, turn_at: Duration) -> Result<Stream, Failed> {
        let shared = &self.shared;
        let body = dialect.write(&shared.config, request);
        let body =
            body.map_err(|error| ModelError::Config { what: format!("the request cannot be written: {error}") })?;
        let now = shared.clock.monotonic();
        let mut deadline = Deadline::new(shared.clock.clone(), turn_at.min(now + shared.config.first_token_max));
        let response = match deadline.guard(shared.send(body)).await {
            Ok(sent) => sent.map_err(|cause| shared.noted(shared.not_sent(cause)))?,
            Err(_) => return Err(shared.noted(shared.too_slow(turn_at)).into()),
        };
        let veil = Veil { key: shared.config.api_key.as_ref(), messages: &request.messages };
        if response.status().is_success() {
            let stream = Stream::new(shared.clone(), response, deadline, turn_at).begun(veil).await?;
            MODEL_FIRST_TEXT.took(shared.clock.monotonic().saturating_sub(now), [shared.label]);
            return Ok(stream);
        }
        match shared.refused(response, &mut deadline, dialect, veil).await {
            Failed::Error(error) => Err(shared.noted(error).into()),
            bent @ Failed::Dialect(_) => Err(bent),
        }
    }
}

impl Shared {
    async fn send(&self, body: Vec<u8>) -> Result<reqwest::Response, reqwest::Error> {
        let mut request = self.http.post(self.endpoint.url.clone()).body(body);
        request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request = request.header(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some((name, value)) = &self.endpoint.key {
            request = request.header(name, value);
        }
        request.send().await
    }

    /// Counts how a request ended.
    pub(crate) fn note(&self, end: Result<(), &ModelError>) {
        let now = self.clock.now();
        let result = match end {
            Ok(()) => "ok",
            Err(error) => error.kind().as_str(),
        };
        MODEL_REQUESTS.count([self.label, result]);
        match end {
            Err(error) if error.kind().is_outage() => self.lately.failed(error.kind().next_step().to_owned(), now),
            Ok(()) | Err(_) => self.lately.worked(now),
        }
    }

    fn noted(&self, error: ModelError) -> ModelError {
        self.note(Err(&error));
        error
    }

    /// Counts a request that nobody wanted to hear to its end.
    pub(crate) fn note_stopped(&self) {
        MODEL_REQUESTS.count([self.label, "stopped"]);
    }

    fn not_sent(&self, cause: reqwest::Error) -> ModelError {
        ModelError::Unreachable { base_url: self.endpoint.shown.clone(), cause: cause.without_url() }
    }

    fn too_slow(&self, turn_at: Duration) -> ModelError {
        if self.clock.monotonic() >= turn_at {
            ModelError::TimedOut { waiting: Waiting::WholeAnswer, limit: self.config.turn_max }
        } else {
            ModelError::TimedOut { waiting: Waiting::FirstToken, limit: self.config.first_token_max }
        }
    }

    /// Reads why the server said no. What of the body does not come in time is left out.
    async fn refused(
        &self,
        mut response: reqwest::Response,
        deadline: &mut Deadline,
        used: Dialect,
        veil: Veil<'_>,
    ) -> Failed {
        let status = response.status();
        let asked = Asked { model: &self.config.name, base_url: &self.endpoint.shown, veil };
        if status.is_redirection() {
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
            let message = veil.excerpt(&format!("HTTP {} leads to {to}", status.as_u16()));
            return ModelError::UnknownEndpoint { base_url: self.endpoint.shown.clone(), message }.into();
        }
        let retry_after = retry::retry_after(response.headers(), self.clock.now());
        deadline.set(self.clock.monotonic() + ERROR_WAIT_MAX);
        let mut body = Vec::new();
        while let Ok(Ok(Some(bytes))) = deadline.guard(response.chunk()).await {
            let room = ERROR_BYTES_MAX - body.len();
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if body.len() == ERROR_BYTES_MAX {
                break;
            }
        }
        let fault = Fault::read(&body);
        match used.bent_by(status.as_u16(), &fault) {
            Some(bent) => Failed::Dialect(bent),
            None => fault.into_http_error(status.as_u16(), retry_after, &asked).into(),
        }
    }
}

/// No redirects: the key is for the configured host only. No compression: what compresses a stream holds words back. No
/// proxy for a loopback address. Certificates are loaded only where they are needed.
fn http_client(endpoint: &Endpoint, connect_timeout: Duration) -> Result<reqwest::Client, ModelError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("chathakase/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(IDLE_MAX)
        .no_gzip()
        .tcp_keepalive(DEAD_LINK_MAX)
        .http2_keep_alive_interval(DEAD_LINK_MAX)
        .http2_keep_alive_timeout(DEAD_LINK_MAX)
        .http2_keep_alive_while_idle(true);
    #[cfg(target_os = "linux")]
    {
        builder = builder.tcp_user_timeout(DEAD_LINK_MAX);
    }
    if endpoint.is_loopback() {
        builder = builder.no_proxy();
    }
    if endpoint.url.scheme() == "http" {
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|cause| {
        let reason = std::error::Error::source(&cause).map_or_else(|| cause.to_string(), ToString::to_string);
        let next_step = "install the system's ca-certificates or set SSL_CERT_FILE";
        ModelError::Config { what: format!("no TLS for {}: {reason}; {next_step}", endpoint.shown) }
    })
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (model, base_url) = (&self.shared.config.name, &self.shared.endpoint.shown);
        f.debug_struct("Client").field("model", model).field("base_url", base_url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
