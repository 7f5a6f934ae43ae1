//! The client: one connection pool, one token, one way to call.

use std::{
    net::IpAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use chathakase_metrics::{Lately, SLACK_CALL_SECONDS, SLACK_CALLS};
use chathakase_session::{
    Timestamp, chain,
    time::{self, SharedClock},
};
use reqwest::{
    Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::{
    answer::Answer,
    error::{ApiError, Problem},
    method::{Method, Style},
    slack_clock::SlackClock,
};

/// Where Slack's Web API is.
pub const BASE_URL: &str = "https://slack.com/api/";
/// Longest answer that is read, in bytes. A full page of a thread with all its blocks stays well below it.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;
/// How often a transient failure of a repeatable method is tried again.
const RETRIES_MAX: u32 = 2;
/// The pause before the first such retry; it doubles each time.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// How to reach the Web API.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Where the methods are, with or without a trailing slash (default [`BASE_URL`]; `SLACK_API_URL`).
    pub base_url: String,
    /// The token that every call carries (`xoxb-…`).
    pub token: SecretString,
    /// Longest wait for one answer (default 8 s: less than the 10 s that an owner keeps in reserve before its lease ends).
    pub call_timeout: Duration,
    /// Longest total wait that one [`Api::call`] spends on rate limits before it gives the 429 to its caller (default 30 s).
    pub rate_limit_wait_max: Duration,
}

impl ApiConfig {
    /// The defaults with this token.
    pub fn new(token: SecretString) -> Self {
        Self {
            base_url: BASE_URL.to_owned(),
            token,
            call_timeout: Duration::from_secs(8),
            rate_limit_wait_max: Duration::from_secs(30),
        }
    }
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The base URL is not one.
    #[error("`{url}` is not an http or https URL; set SLACK_API_URL to one such as {BASE_URL}")]
    BadUrl {
        /// What was given, without user name and password.
        url: String,
    },
    /// The token cannot stand in a header.
    #[error("the Slack token is empty or holds spaces, line ends or other characters that no token has; copy it again")]
    BadToken,
    /// The TLS setup failed.
    #[error("could not set up TLS; is the system's list of certificates (ca-certificates) installed?")]
    Tls(#[source] reqwest::Error),
}

/// The Web API of one workspace. A clone shares the connections.
#[derive(Clone)]
pub struct Api {
    pub(super) shared: Arc<Shared>,
    patient: bool,
    rate_limit_wait_max: Duration,
}

pub(super) struct Shared {
    http: reqwest::Client,
    base: Url,
    authorization: HeaderValue,
    clock: SharedClock,
    call_timeout: Duration,
    /// The workspace has no status line: it is not asked for any more.
    pub(super) no_status: AtomicBool,
    lately: Lately,
    slack_clock: SlackClock,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Api({})", self.shared.base)
    }
}

impl Api {
    /// A client; it connects only when it is called. A rustls provider must be installed first.
    pub fn new(config: ApiConfig, clock: SharedClock) -> Result<Self, SetupError> {
        let base = base_url(&config.base_url)?;
        let token = config.token.expose_secret();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(SetupError::BadToken);
        }
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| SetupError::BadToken)?;
        authorization.set_sensitive(true);
        Ok(Self {
            shared: Arc::new(Shared {
                http: http_client(&base)?,
                base,
                authorization,
                clock,
                call_timeout: config.call_timeout,
                no_status: AtomicBool::new(false),
                lately: Lately::default(),
                slack_clock: SlackClock::default(),
            }),
            patient: true,
            rate_limit_wait_max: config.rate_limit_wait_max,
        })
    }

    /// The same client, for callers that decide themselves what a 429 or a failure means: each call is made exactly once.
    pub fn once(&self) -> Self {
        Self { patient: false, ..self.clone() }
    }

    /// The same client, which waits out rate limits for so long in one call.
    pub fn waiting_up_to(&self, rate_limit_wait_max: Duration) -> Self {
        Self { rate_limit_wait_max, ..self.clone() }
    }

    /// The time by Slack's clock, as near as its answers tell: a second early at most, and mostly much less. Ours, before the first.
    pub fn slack_now(&self) -> Timestamp {
        self.shared.slack_clock.at(self.shared.clock.monotonic()).unwrap_or_else(|| self.shared.clock.now())
    }

    /// How calls went lately. What Slack refuses for a reason of its own still shows that it can be reached.
    pub fn lately(&self) -> Lately {
        self.shared.lately.clone()
    }

    /// Calls `method`. Waits out rate limits up to the configured total, and tries a repeatable method again after a transient
    /// failure; anything else whose fate is unknown is never sent twice. (A client made by [`Api::once`] does neither.)
    pub async fn call<A: Serialize + Sync>(&self, method: Method, args: &A) -> Result<Answer, ApiError> {
        let body = encode(method, args)?;
        let (mut waited, mut retries) = (Duration::ZERO, 0);
        loop {
            let error = match self.attempt(method, body.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let pause = match error.retry_after() {
                _ if !self.patient => return Err(error),
                Some(wait) if waited + wait <= self.rate_limit_wait_max => {
                    waited += wait;
                    wait
                }
                Some(_) => return Err(error),
                None if method.repeatable && error.is_transient() && retries < RETRIES_MAX => {
                    retries += 1;
                    RETRY_PAUSE * (1 << (retries - 1))
                }
                None => return Err(error),
            };
            self.shared.clock.sleep(pause).await;
        }
    }

    /// One request, one answer, one line in the log: method, time and error code, never text.
    async fn attempt(&self, method: Method, body: Bytes) -> Result<Answer, ApiError> {
        let began = self.shared.clock.monotonic();
        let limit = self.shared.call_timeout;
        let exchange = time::timeout(&*self.shared.clock, limit, self.exchange(method, body));
        let result = match exchange.await {
            Ok(result) => result,
            Err(_) => Err(ApiError::new(method.name, Problem::Timeout { limit })),
        };
        let took = self.shared.clock.monotonic().saturating_sub(began);
        let (ms, now) = (took.as_millis(), self.shared.clock.now());
        SLACK_CALL_SECONDS.took(took, [method.name]);
        match &result {
            Ok(answer) => {
                tracing::debug!(method = method.name, ms, warning = answer.warning(), "Slack answered");
                SLACK_CALLS.count([method.name, "ok"]);
                self.shared.lately.worked(now);
                let arrived = self.shared.clock.monotonic();
                answer.headed().date.into_iter().for_each(|date| self.shared.slack_clock.heard(date, arrived));
            }
            Err(error) => {
                tracing::debug!(method = method.name, ms, problem = %error.problem, "a Slack call failed");
                SLACK_CALLS.count([method.name, error.problem.name()]);
                let before = self.shared.lately.report();
                if error.is_token_fatal() && before.failure.is_none() && before.worked_at.is_some() {
                    // No answer can be shown until somebody sees to it. One that never worked ends the start, with an error that says so.
                    tracing::error!(error = %chain(error), "Slack does not accept our token");
                }
                match error.is_outage() {
                    true => self.shared.lately.failed(error.to_string(), now),
                    false => self.shared.lately.worked(now),
                }
            }
        }
        result
    }

    async fn exchange(&self, method: Method, body: Bytes) -> Result<Answer, ApiError> {
        let broken = |cause: reqwest::Error| {
            let connected = !cause.is_connect();
            ApiError::new(method.name, Problem::Network { connected, cause: cause.without_url() })
        };
        let mut url = self.shared.base.clone();
        url.set_path(&format!("{}{}", url.path(), method.name));
        let content_type = match method.style {
            Style::Json => HeaderValue::from_static("application/json; charset=utf-8"),
            Style::Form => HeaderValue::from_static("application/x-www-form-urlencoded"),
        };
        let request = self.shared.http.post(url).header(CONTENT_TYPE, content_type).body(body);
        let request = request.header(AUTHORIZATION, self.shared.authorization.clone());
        let mut response = request.send().await.map_err(broken)?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let retry_after = retry_after(&headers);
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                let why = format!("it is longer than {ANSWER_BYTES_MAX} bytes");
                return Err(ApiError::new(method.name, Problem::BadAnswer { status, why }));
            }
            body.extend_from_slice(&chunk);
        }
        Answer::read(method.name, status, retry_after, body.freeze()).map(|answer| answer.under(&headers))
    }
}

fn encode<A: Serialize>(method: Method, args: &A) -> Result<Bytes, ApiError> {
    let encoded: Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> = match method.style {
        Style::Json => serde_json::to_vec(args).map_err(Into::into),
        Style::Form => serde_urlencoded::to_string(args).map(String::into_bytes).map_err(Into::into),
    };
    encoded.map(Bytes::from).map_err(|cause| ApiError::new(method.name, Problem::Arguments(cause)))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let secs: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(secs))
}

/// Takes the URL with or without its last slash; a query or fragment makes no sense here and is refused with the rest.
fn base_url(given: &str) -> Result<Url, SetupError> {
    let bad = |url: &str| SetupError::BadUrl { url: url.rsplit('@').next().unwrap_or_default().to_owned() };
    let mut url = Url::parse(given.trim()).map_err(|_| bad(given))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.query().is_some() || url.fragment().is_some()
    {
        return Err(bad(given));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

fn http_client(base: &Url) -> Result<reqwest::Client, SetupError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("chathakase/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_MAX)
        // The token must not follow a redirect to wherever.
        .redirect(reqwest::redirect::Policy::none());
    let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()) {
        builder = builder.no_proxy();
    }
    if base.scheme() == "http" {
        // Nothing will be encrypted: a machine without certificates must not fail, nor a start wait for reading them.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(SetupError::Tls)
}

/// Longest wait for a connection; a little less than a call may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an unused connection is kept. Slack's side closes them too, and a call on one that is just being closed has an
/// unknown fate: better not to wait for that.
const IDLE_MAX: Duration = Duration::from_secs(30);
