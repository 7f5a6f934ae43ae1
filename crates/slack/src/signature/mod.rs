//! Whether Slack sent a request: signature v0 (Slack: Verifying requests from Slack).
//!
//! HMAC-SHA256 over `v0:` + timestamp + `:` + the raw body, compared in constant time. The timestamp bounds how long a
//! request that somebody recorded can be played again.

use std::time::Duration;

use chathakase_session::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

#[cfg(test)]
mod tests;

/// Farthest that a request's timestamp may lie from now, to either side; Slack's own rule.
pub const SIGNATURE_AGE_MAX: Duration = Duration::from_secs(300);

/// Carries the second in which the request was signed.
pub const TIMESTAMP_HEADER: HeaderName = HeaderName::from_static("x-slack-request-timestamp");

/// Carries the signature: `v0=` and 64 hexadecimal digits.
pub const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("x-slack-signature");

/// Digits in a timestamp, at most. Slack's has 10.
const TIMESTAMP_DIGITS_MAX: usize = 12;

const DIGEST_BYTES: usize = 32;

/// The request is not Slack's, or cannot be shown to be. The same request will not do better later: never retry.
///
/// No message quotes the request or tells what the right signature would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The header is missing, or came more than once.
    #[error("send exactly one {0} header; requests to this address must be signed by Slack")]
    NotOne(&'static str),
    /// Not 1 to 12 digits.
    #[error("X-Slack-Request-Timestamp is not a number of seconds")]
    BadTimestamp,
    /// Signed too long ago, or in the future.
    #[error(
        "the request was signed {}s away from this machine's time, and {}s are allowed; if Slack sent it, set the machine's clock",
        off.as_secs(), SIGNATURE_AGE_MAX.as_secs()
    )]
    Stale {
        /// How far away, whichever is first.
        off: Duration,
    },
    /// Not `v0=` and 64 hexadecimal digits.
    #[error("X-Slack-Signature is not `v0=` and 64 hexadecimal digits")]
    BadSignature,
    /// Well formed, but made with another secret or for another body.
    #[error(
        "the signature does not fit; compare the signing secret with the one under Basic Information in the app's settings"
    )]
    Mismatch,
    /// Anybody could sign with an empty secret.
    #[error("no signing secret is set, so no request can be trusted; set SLACK_SIGNING_SECRET")]
    NoSecret,
}

/// Whether a moment is close enough to now. Slack's rule: a request more than five minutes away from now is a replay.
pub fn is_fresh(signed_at: Timestamp, now: Timestamp) -> bool {
    signed_at.abs_diff(now) <= SIGNATURE_AGE_MAX
}

/// Checks a request by its headers; see [`verify`]. A header that is missing or comes twice is refused.
pub fn verify_request(secret: &SecretString, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), Refusal> {
    let timestamp = the_one(headers, &TIMESTAMP_HEADER, "X-Slack-Request-Timestamp")?;
    let signature = the_one(headers, &SIGNATURE_HEADER, "X-Slack-Signature")?;
    verify(secret, timestamp, signature, body, now)
}

/// Whether `signature` was made for this `timestamp` and `body` by one who knows the secret, within
/// [`SIGNATURE_AGE_MAX`] of `now`.
///
/// `body` must be the bytes as they came, before any decoding.
pub fn verify(
    secret: &SecretString,
    timestamp: &[u8],
    signature: &[u8],
    body: &[u8],
    now: Timestamp,
) -> Result<(), Refusal> {
    let signed_at = Timestamp::from_secs(seconds(timestamp).ok_or(Refusal::BadTimestamp)?);
    if !is_fresh(signed_at, now) {
        return Err(Refusal::Stale { off: signed_at.abs_diff(now) });
    }
    let claimed = signature.strip_prefix(b"v0=").and_then(digest_of_hex).ok_or(Refusal::BadSignature)?;
    if secret.expose_secret().is_empty() {
        return Err(Refusal::NoSecret);
    }
    if bool::from(digest(secret, timestamp, body).ct_eq(&claimed)) { Ok(()) } else { Err(Refusal::Mismatch) }
}

/// The signature Slack would send with `body` at `timestamp`: for tests and for what plays Slack.
pub fn sign(secret: &SecretString, timestamp: &str, body: &[u8]) -> String {
    let digest = digest(secret, timestamp.as_bytes(), body);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v0={hex}")
}

fn digest(secret: &SecretString, timestamp: &[u8], body: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length (RFC 2104)");
    for part in [b"v0:", timestamp, b":", body] {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn the_one<'a>(headers: &'a HeaderMap, header: &HeaderName, name: &'static str) -> Result<&'a [u8], Refusal> {
    let mut values = headers.get_all(header).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value.as_bytes()),
        _ => Err(Refusal::NotOne(name)),
    }
}

fn seconds(timestamp: &[u8]) -> Option<i64> {
    if !(1..=TIMESTAMP_DIGITS_MAX).contains(&timestamp.len()) || !timestamp.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(timestamp).ok()?.parse().ok()
}

fn digest_of_hex(hex: &[u8]) -> Option<[u8; DIGEST_BYTES]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut digest = [0; DIGEST_BYTES];
    if hex.len() != 2 * DIGEST_BYTES {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(digest)
}
