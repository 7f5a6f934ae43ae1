//! A mention goes to the app, its answer is shown.

use serde_json::json;

use super::app::{App, Door};
use crate::slack::events::signature;

#[tokio::test]
async fn a_mention_is_sent_as_two_events_about_one_post_and_the_answer_is_shown() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    let thread = app.slack.mention("ana", "#general", "hi & bye").await;
    let events = door.events();
    assert_eq!(events.len(), 2);
    assert_eq!((events[0]["type"].as_str(), events[1]["type"].as_str()), (Some("app_mention"), Some("message")));
    assert_eq!(events[0]["text"], format!("<@{}> hi &amp; bye", app.slack.bot_user()));
    assert_eq!((&events[0]["ts"], &events[0]["channel"]), (&events[1]["ts"], &events[1]["channel"]));
    assert_eq!((&events[0]["channel_type"], &events[1]["channel_type"]), (&json!(null), &json!("channel")));
    let ts = app.stream(&thread, "Hel").await;
    thread.shows("Hel").await;
    app.ok("chat.appendStream", json!({"channel": thread.channel(), "ts": ts, "markdown_text": "lo"})).await;
    app.ok("chat.stopStream", json!({"channel": thread.channel(), "ts": ts})).await;
    thread.finishes("Hello").await;
    thread.shows_nothing_more().await;
    app.ok("chat.postMessage", json!({"channel": thread.channel(), "thread_ts": thread.root(), "text": "Bye"})).await;
    assert_eq!(thread.answers(), ["Hello", "Bye"]);
}

#[tokio::test]
async fn deliveries_are_signed() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    app.slack.dm("ana", "psst").await;
    let delivered = &door.all()[0];
    let header = |name: &str| delivered.headers[name].to_str().unwrap().to_owned();
    let timestamp: i64 = header("x-slack-request-timestamp").parse().unwrap();
    let expected = signature(app.slack.signing_secret(), timestamp, &delivered.body);
    assert_eq!(header("x-slack-signature"), expected);
    let envelope = delivered.json();
    assert_eq!(envelope["event"]["channel_type"], "im");
    assert_eq!(envelope["authorizations"][0]["user_id"], json!(app.slack.bot_user()));
    assert_eq!(envelope["authorizations"][0]["team_id"], json!(app.slack.workspace()));
}
