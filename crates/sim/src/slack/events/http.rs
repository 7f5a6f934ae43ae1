//! Signed requests to the app (Slack: Verifying requests; Events API, retries).

use std::sync::Arc;

use chathakase_session::time::timeout;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::oneshot;

use super::{ACK_WAIT, Event, Fate, RETRY_WAITS};
use crate::slack::shared::{SIGNING_SECRET, Shared};

/// Slack follows so many redirects.
const REDIRECTS_MAX: usize = 2;

pub(super) fn client() -> reqwest::Client {
    // Whoever set another provider before keeps it: only plain HTTP is spoken here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let redirects = reqwest::redirect::Policy::limited(REDIRECTS_MAX);
    let builder = reqwest::Client::builder().no_proxy().redirect(redirects).tcp_nodelay(true);
    builder.build().expect("a client without certificates of its own can be built")
}

/// `v0=` and the HMAC-SHA256 of `v0:<timestamp>:<body>`.
pub(crate) fn signature(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    digest.iter().fold("v0=".to_owned(), |mut text, byte| {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        text
    })
}

/// What one try came to.
enum Try {
    Acknowledged,
    Failed { reason: &'static str, no_retry: bool },
}

/// Tries until the app acknowledges, at most four times over six minutes.
pub(super) async fn journey(shared: &Arc<Shared>, event: &Event, first: oneshot::Sender<()>) -> Fate {
    let mut first = Some(first);
    let mut reason = "";
    for (retry, wait) in std::iter::once(None).chain(RETRY_WAITS.into_iter().map(Some)).enumerate() {
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            shared.options.clock.sleep(wait).await;
        }
        // Before the try is counted: who waits for it and for quiet waits for its end.
        let busy = shared.begin();
        shared.courier.note(event, |tries, _| *tries += 1);
        let result = one_try(shared, event, retry, reason).await;
        if let Try::Acknowledged = result {
            // Noted before the waiting test goes on.
            shared.courier.note(event, |_, fate| *fate = Fate::Acknowledged);
        }
        drop(busy);
        first.take().map(|first| first.send(()));
        match result {
            Try::Acknowledged => return Fate::Acknowledged,
            Try::Failed { no_retry: true, .. } => break,
            Try::Failed { reason: failed, .. } => reason = failed,
        }
    }
    Fate::GivenUp
}

pub(super) async fn post_raw(shared: &Shared, body: String) -> Option<(u16, String)> {
    let url = shared.courier.url()?;
    let answer = signed(shared, url, body).send().await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}

fn signed(shared: &Shared, url: String, body: String) -> reqwest::RequestBuilder {
    let timestamp = shared.options.clock.now().as_secs();
    let request = shared.courier.client.post(url).header("content-type", "application/json");
    let request = request.header("x-slack-request-timestamp", timestamp);
    request.header("x-slack-signature", signature(SIGNING_SECRET, timestamp, body.as_bytes())).body(body)
}

async fn one_try(shared: &Arc<Shared>, event: &Event, retry: usize, reason: &'static str) -> Try {
    let failed = |reason| Try::Failed { reason, no_retry: false };
    let Some(url) = shared.courier.url() else { return failed("connection_failed") };
    let mut request = signed(shared, url, event.payload.clone());
    if retry > 0 {
        request = request.header("x-slack-retry-num", retry).header("x-slack-retry-reason", reason);
    }
    match timeout(&*shared.options.clock, ACK_WAIT, request.send()).await {
        Err(_) => failed("http_timeout"),
        Ok(Err(error)) if error.is_redirect() => failed("too_many_redirects"),
        Ok(Err(error)) if error.is_connect() => failed("connection_failed"),
        Ok(Err(_)) => failed("unknown_error"),
        Ok(Ok(answer)) if answer.status().is_success() => Try::Acknowledged,
        Ok(Ok(answer)) => {
            let no_retry = answer.headers().get("x-slack-no-retry").is_some_and(|value| value == "1");
            Try::Failed { reason: "http_error", no_retry }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_slacks() {
        let body = br#"{"type":"url_verification","challenge":"abc"}"#;
        let signed = "v0=30cd036a1aa3547d366257b90da96c07e6feb44c7936a2ab807e90d9011c89d0";
        assert_eq!(signature("test-secret", 1_700_000_000, body), signed);
    }
}
