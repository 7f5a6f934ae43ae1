//! What Slack answers: `ok` or `error`, and a part that differs by method. Read leniently.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use chathakase_session::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap, HeaderName};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::value::RawValue;

use super::error::{ApiError, Problem};

/// What is waited after a 429 without a readable `Retry-After`.
pub(crate) const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(5);
/// The longest `Retry-After` that is believed; a longer one counts as this.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);
/// Carries the scopes of the token that called.
const SCOPES_HEADER: HeaderName = HeaderName::from_static("x-oauth-scopes");
/// Longest list of warnings that is kept, in characters.
const WARNING_CHARS_MAX: usize = 256;
/// Longest error code or scope that is kept, in characters.
const CODE_CHARS_MAX: usize = 64;

/// A good answer (`"ok":true`), not yet read further.
#[derive(Clone)]
pub struct Answer {
    method: &'static str,
    body: Bytes,
    warning: Option<String>,
    next_cursor: Option<String>,
    headed: Headed,
}

/// What the headers of an answer tell, where they are there and readable.
#[derive(Clone, Debug, Default)]
pub struct Headed {
    /// What the token may do (`x-oauth-scopes`).
    pub scopes: Option<BTreeSet<String>>,
    /// The time at Slack's, in whole seconds (`Date`).
    pub date: Option<Timestamp>,
}

impl Headed {
    fn read(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let words =
            |list: &str| list.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect();
        let date = text(DATE).and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
        Self { scopes: text(SCOPES_HEADER).map(words), date: date.map(|date| Timestamp::from_secs(date.as_second())) }
    }
}

/// The part that all answers share. Every field may be of any type: one that is odd counts as absent.
#[derive(Deserialize)]
struct Common {
    #[serde(default, deserialize_with = "lenient")]
    ok: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    error: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    needed: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    warning: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    response_metadata: Option<ResponseMetadata>,
}

#[derive(Deserialize)]
struct ResponseMetadata {
    #[serde(default, deserialize_with = "lenient")]
    next_cursor: Option<String>,
}

/// Reads a field of any type; one that is not a `T` is `None` instead of an error for the whole answer.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    let raw = Box::<RawValue>::deserialize(from).map_err(D::Error::custom)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

impl Answer {
    /// Reads the head of `body`; a refusal becomes the error that says it.
    pub(crate) fn read(
        method: &'static str,
        status: u16,
        retry_after: Option<Duration>,
        body: Bytes,
    ) -> Result<Self, ApiError> {
        let fail = |problem| Err(ApiError::new(method, problem));
        let wait = retry_after.unwrap_or(RETRY_AFTER_DEFAULT).min(RETRY_AFTER_MAX);
        if status == 429 {
            return fail(Problem::RateLimited { retry_after: wait });
        }
        let json = body.strip_prefix(b"\xef\xbb\xbf").map_or_else(|| body.clone(), |rest| body.slice_ref(rest));
        let common = match read_object(&json) {
            Ok(common) => common,
            Err(_) if status != 200 => return fail(Problem::Server { status }),
            Err(why) => return fail(Problem::BadAnswer { status, why }),
        };
        match (common.ok, common.error.as_deref()) {
            (Some(true), _) if (200..300).contains(&status) => Ok(Self {
                method,
                body: json,
                warning: common.warning.as_deref().map(|warning| printable(warning, WARNING_CHARS_MAX)),
                next_cursor: common.response_metadata.and_then(|m| m.next_cursor).filter(|c| !c.is_empty()),
                headed: Headed::default(),
            }),
            (Some(true), _) => fail(Problem::Server { status }),
            (_, Some("ratelimited" | "rate_limited")) => fail(Problem::RateLimited { retry_after: wait }),
            (_, Some(error)) => {
                fail(Problem::Refused { code: code(error), needed: common.needed.as_deref().map(code) })
            }
            (_, None) if status != 200 => fail(Problem::Server { status }),
            (_, None) => fail(Problem::BadAnswer { status, why: "neither ok nor error in it".to_owned() }),
        }
    }

    /// The same, with what its headers tell.
    pub(crate) fn under(self, headers: &HeaderMap) -> Self {
        Self { headed: Headed::read(headers), ..self }
    }

    /// What its headers tell.
    pub fn headed(&self) -> &Headed {
        &self.headed
    }

    /// Slack's hint that something about the call was not quite right.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Where the next page begins; `None` on the last one.
    pub fn next_cursor(&self) -> Option<&str> {
        self.next_cursor.as_deref()
    }

    /// Reads the part that differs by method. An answer that lacks what `T` must have is [`Problem::BadAnswer`]: the call
    /// itself did succeed.
    pub fn read_as<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // serde's own sentence may quote a value of the answer, which may be someone's text.
            let why = format!("a field is missing or odd (line {}, column {})", error.line(), error.column());
            ApiError::new(self.method, Problem::BadAnswer { status: 200, why })
        })
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.method, self.body.len())
    }
}

/// A code of Slack's, kept short and printable: what answers may not be Slack.
fn code(text: &str) -> String {
    printable(text, CODE_CHARS_MAX)
}

fn printable(text: &str, chars_max: usize) -> String {
    let printable = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | ',' | '-');
    let kept: String = text.chars().filter(printable).take(chars_max).collect();
    if kept.is_empty() { "unnamed_error".to_owned() } else { kept }
}

fn read_object(body: &[u8]) -> Result<Common, String> {
    match body.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'{') => serde_json::from_slice(body)
            .map_err(|error| format!("broken JSON at line {}, column {}", error.line(), error.column())),
        Some(b'<') => Err("it is a web page".to_owned()),
        // An array too: serde would take its items for the fields, in order.
        Some(_) => Err("it is not a JSON object".to_owned()),
        None => Err("it is empty".to_owned()),
    }
}
