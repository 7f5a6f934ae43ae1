//! The pass-through between a plain client and the scripted model.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{End, Relay, Tokens};
use crate::{ManualClock, model::ScriptedModel};

/// As every program does first.
fn tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

async fn stage() -> (ScriptedModel, Relay) {
    tls();
    let clock = Arc::new(ManualClock::new());
    let model = ScriptedModel::start(clock.clone()).await;
    let relay = Relay::start(&model.base_url(), clock).await.unwrap();
    (model, relay)
}

fn request(text: &str) -> Value {
    json!({"model": "m", "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": text}]})
}

/// Asks through the pass-through; what came of the answer, and whether it ended well.
async fn ask(relay: &Relay, text: &str) -> (String, bool) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/chat/completions", relay.base_url());
    let mut answer = client.post(url).bearer_auth("sk-s3cret").json(&request(text)).send().await.unwrap();
    let mut all = String::new();
    loop {
        match answer.chunk().await {
            Ok(Some(piece)) => all += &String::from_utf8_lossy(&piece),
            Ok(None) => return (all, true),
            Err(_) => return (all, false),
        }
    }
}

async fn ended(relay: &Relay) -> super::Exchange {
    let mut changes = relay.changes();
    loop {
        match relay.last().filter(|exchange| exchange.end.is_some()) {
            Some(exchange) => return exchange,
            None => changes.next().await,
        }
    }
}

#[tokio::test]
async fn an_exchange_goes_through_and_is_kept_without_the_key() {
    let (model, relay) = stage().await;
    model.answers("Hello Ana.");
    let (answer, whole) = ask(&relay, "I am Ana").await;
    assert!(whole && answer.contains("Hello") && answer.ends_with("data: [DONE]\n\n"), "{answer}");
    model.last_request().heard(["I am Ana"]);
    model.assert_clean();
    let exchange = ended(&relay).await;
    assert_eq!((exchange.number, exchange.status, exchange.end), (1, Some(200), Some(End::Whole)));
    assert_eq!(exchange.tokens, Some(Tokens { prompt: 13, completion: 2 }));
    assert_eq!(exchange.request.messages.len(), 2);
    assert!(exchange.request_bytes > 100 && exchange.answer_bytes == answer.len());
    assert!(!format!("{exchange:?}{relay:?}").contains("s3cret"));
}

#[tokio::test]
async fn the_next_answer_is_cut_and_the_one_after_it_is_whole() {
    let (model, relay) = stage().await;
    for text in ["one two three four five six seven eight nine ten eleven twelve", "short", "whole again"] {
        model.answers(text);
    }
    for (question, part) in [("long", "one"), ("short", "")] {
        relay.cut_next();
        let (answer, whole) = ask(&relay, question).await;
        assert!(!whole && answer.contains(part) && !answer.contains("finish_reason\":\"stop"), "{answer}");
        assert_eq!(ended(&relay).await.end, Some(End::Cut));
    }
    assert!(ask(&relay, "again").await.1);
    assert_eq!(ended(&relay).await.end, Some(End::Whole));
}

#[tokio::test]
async fn a_model_that_is_not_there_gives_no_answer() {
    tls();
    // Nobody listens on the discard port.
    let relay = Relay::start("http://127.0.0.1:9/v1?a=b", Arc::new(ManualClock::new())).await.unwrap();
    assert!(relay.base_url().ends_with("/v1?a=b"), "{}", relay.base_url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(client.post(relay.base_url()).json(&request("hi")).send().await.is_err());
    assert_eq!(ended(&relay).await.end, Some(End::Broken));
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    for address in ["", "x", "ftp://x", "http://"] {
        assert!(Relay::start(address, Arc::new(ManualClock::new())).await.is_err(), "{address}");
    }
}
