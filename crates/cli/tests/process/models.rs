//! A model that is not there, or not as the settings say: `serve` starts, the person gets one plain sentence, the log the reason.

use std::net::TcpListener;

use chathakase_bot::texts;
use chathakase_model::ErrorKind;
use chathakase_sim::slack::Transport::Http;

use crate::stage::{MODEL_KEY, Serving, Stage};

/// Asks; the thread shows the one sentence for `kind`, and the log a line with `reason`.
async fn is_told(stage: &Stage, kind: ErrorKind, reason: &str) -> Serving {
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "are you there?").await;
    let sentence = texts::model_failed(kind);
    thread.shows_part(&sentence).await;
    let line = serving.program.logs("the model failed").await;
    assert!(line.contains(reason), "{line}");
    assert_eq!(thread.answers().len(), 1);
    assert!(!serving.program.said().contains(MODEL_KEY), "{}", serving.program.said());
    serving
}

async fn ends(stage: &Stage, serving: Serving) {
    serving.ends().await;
    stage.left_nothing();
}

#[tokio::test]
async fn a_wrong_model_name_is_said_to_whoever_runs_it() {
    let mut stage = Stage::new(Http).await;
    stage.set("CHATHAKASE_MODEL__NAME", "gpt-5-ultra");
    let body = r#"{"error":{"message":"The model `gpt-5-ultra` does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#;
    let _ = stage.openai.turn().status_with(404, &[("content-type", "application/json")], body);
    let serving = is_told(&stage, ErrorKind::Setup, "knows no model `gpt-5-ultra`").await;
    serving.program.logs("check model.name").await;
    ends(&stage, serving).await;
}

#[tokio::test]
async fn a_wrong_model_key_is_said_to_whoever_runs_it_and_never_shown() {
    let stage = Stage::new(Http).await;
    // OpenAI's own message shows a part of the key; other servers show all of it.
    let body = format!(
        r#"{{"error":{{"message":"Incorrect API key provided: {MODEL_KEY}.","type":"invalid_request_error","code":"invalid_api_key"}}}}"#
    );
    let _ = stage.openai.turn().status_with(401, &[("content-type", "application/json")], &body);
    let serving = is_told(&stage, ErrorKind::Setup, "check model.api_key / OPENAI_API_KEY").await;
    assert!(!stage.slack.transcript().contains(MODEL_KEY));
    ends(&stage, serving).await;
}

#[tokio::test]
async fn an_unreachable_model_is_said_and_works_again_when_it_is_back() {
    let mut stage = Stage::new(Http).await;
    let reachable = stage.openai.base_url();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    stage.set("OPENAI_BASE_URL", &format!("http://{closed}/v1"));
    let serving = is_told(&stage, ErrorKind::Unreachable, "check model.base_url / OPENAI_BASE_URL").await;
    serving.ends().await;

    stage.set("OPENAI_BASE_URL", &reachable);
    stage.openai.answers("I am now.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#random", "and now?").await;
    thread.finishes("I am now.").await;
    stage.ends_with(serving, &thread, &["I am now."]).await;
}
