//! What the log shows, and what it never shows, however much of it is asked for.

use chathakase_sim::slack::Transport::{self, Http, Socket};
use serde_json::Value;

use crate::{
    knock::{Door, EVENTS},
    stage::{MODEL_KEY, Stage, on_both_transports},
};

const SAID: &str = "planted-in-a-question";
const ANSWERED: &str = "planted-in-an-answer";
const NAMED: &str = "planted-in-a-name";
const FILED: &str = "planted-in-a-file-name";

on_both_transports! {
    every_line_is_json_and_none_shows_words_or_secrets,
    healthz_answers,
}

/// All of every library's log too: the setting says so, and somebody will do it.
async fn every_line_is_json_and_none_shows_words_or_secrets(transport: Transport) {
    let mut stage = Stage::new(transport).await;
    stage.set("RUST_LOG", "trace,tungstenite=trace,hyper=trace");
    let words = format!("{ANSWERED} and more");
    let half = stage.openai.turn().text(ANSWERED).gate("half").text(" and more");
    let serving = stage.serve().await;
    let thread = stage.slack.mention(NAMED, "#general", format!("what is {SAID}?")).await;
    thread.shows(ANSWERED).await;
    half.open("half");
    thread.finishes(&words).await;

    // Some servers quote what they were sent.
    let _ = stage.openai.turn().text(ANSWERED).error_event(&format!("failed at what is {SAID}? with {MODEL_KEY}"));
    let file = chathakase_sim::slack::Saying::from(format!("{SAID} again")).with_file(&format!("{FILED}.txt"));
    thread.reply(NAMED, file).await;
    serving.program.logs("the model failed").await;
    thread.reply(NAMED, "session info").await;
    thread.shows_part("What I remember").await;
    thread.reply(NAMED, "clear session").await;
    thread.shows_part("Done: I have forgotten this thread").await;

    let body = format!(r#"{{"type":"event_callback","event":{{"type":"message","text":"{SAID}"}}}}"#);
    let headers = serving.door.headers(&Door::now().to_string(), body.as_bytes());
    if transport == Http {
        assert_eq!(serving.door.post(EVENTS, &headers, body.as_bytes()).await.status, 400);
        assert_eq!(serving.door.post(EVENTS, &headers, b"{}").await.status, 401);
    }
    let signature = String::from_utf8(headers.last().unwrap().1.clone()).unwrap();
    let secrets =
        [stage.slack.bot_token(), stage.slack.app_token(), stage.slack.signing_secret(), MODEL_KEY, &signature];
    let hidden = [[SAID, ANSWERED, NAMED, FILED].as_slice(), &secrets].concat();
    let log = serving.ends().await;
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
        let line = line.to_string();
        let shown: Vec<_> = hidden.iter().filter(|hidden| line.contains(**hidden)).collect();
        assert!(shown.is_empty(), "{shown:?} in {line}");
    }
    assert!(log.contains("\"TRACE\"") || log.contains("\"DEBUG\""), "there is something to look through");
}

async fn healthz_answers(transport: Transport) {
    let stage = Stage::new(transport).await;
    let serving = stage.serve().await;
    let answer = serving.door.healthz().await;
    assert_eq!((answer.status, &*answer.body), (200, "ok\n"));
    if transport == Socket {
        assert_eq!(serving.door.signed(b"{}").await.status, 404, "no door for events where Socket Mode is used");
    }
    serving.ends().await;
}
