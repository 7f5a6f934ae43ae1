//! Waiting and looking: what a story stands on.

use std::{sync::Arc, time::Duration};

use chathakase_session::time::Clock;
use serde_json::json;

use super::app::App;
use crate::{
    clock::ManualClock,
    slack::{Options, Transport, What},
};

#[tokio::test]
async fn a_wait_ends_when_the_text_comes() {
    let app = Arc::new(App::start().await);
    let thread = app.slack.dm("ana", "hi").await;
    let (args, other) = (json!({"channel": thread.channel(), "thread_ts": thread.root(), "text": "ho"}), app.clone());
    let call = tokio::spawn(async move { other.ok("chat.postMessage", args).await });
    thread.shows("ho").await;
    thread.shows_nothing_more().await;
    call.await.unwrap();
    assert!(app.slack.unlooked().is_empty());
}

#[tokio::test]
#[should_panic(expected = "the app also wrote [\"ho\"]")]
async fn a_post_that_nobody_looked_at_fails_the_story() {
    let app = App::start().await;
    let thread = app.slack.dm("ana", "hi").await;
    app.ok("chat.postMessage", json!({"channel": thread.channel(), "thread_ts": thread.root(), "text": "ho"})).await;
    thread.shows_nothing_more().await;
}

#[tokio::test]
async fn an_answer_that_changes_is_looked_at_again() {
    let app = App::start().await;
    let thread = app.slack.dm("ana", "hi").await;
    let ts = app.stream(&thread, "a").await;
    thread.shows("a").await;
    app.ok("chat.stopStream", json!({"channel": thread.channel(), "ts": ts})).await;
    assert!(app.slack.unlooked().is_empty(), "the end alone is no news");
    app.ok("chat.update", json!({"channel": thread.channel(), "ts": ts, "text": "b"})).await;
    assert_eq!(app.slack.unlooked(), ["b"]);
}

#[tokio::test]
async fn short_sleeps_pass_while_a_test_waits_and_long_ones_do_not() {
    let clock = ManualClock::new();
    let app = Arc::new(App::with(Options::driven_by(&clock, Transport::Http), clock.clone()).await);
    let thread = app.slack.dm("ana", "hi").await;
    let (args, other) = (json!({"channel": thread.channel(), "thread_ts": thread.root(), "text": "ho"}), app.clone());
    tokio::spawn(async move {
        let clock = &other.clock;
        let _watchdog = clock.sleep(Duration::from_secs(8));
        for _ in 0..3 {
            clock.sleep(Duration::from_secs(1)).await;
        }
        other.ok("chat.postMessage", args).await;
    });
    thread.shows("ho").await;
    assert_eq!(clock.monotonic(), Duration::from_secs(3));
}

#[tokio::test]
async fn the_feed_tells_an_answer_word_by_word() {
    let app = App::start().await;
    let mut feed = app.slack.feed();
    let thread = app.slack.dm("ana", "hi").await;
    let status = json!({"channel_id": thread.channel(), "thread_ts": thread.root(), "status": "thinks"});
    app.ok("assistant.threads.setStatus", status).await;
    let ts = app.stream(&thread, "a").await;
    app.ok("chat.appendStream", json!({"channel": thread.channel(), "ts": ts, "markdown_text": "b"})).await;
    app.ok("chat.stopStream", json!({"channel": thread.channel(), "ts": ts})).await;
    app.ok("chat.delete", json!({"channel": thread.channel(), "ts": ts})).await;
    let mut told = Vec::new();
    for _ in 0..7 {
        let happening = feed.next().await.unwrap();
        assert_eq!((happening.place.as_str(), happening.thread), ("direct messages with ana", thread.root()));
        told.push((happening.who, happening.what));
    }
    let posted = |text: &str, streaming| What::Posted { text: text.into(), streaming };
    let ours = |what| ("assistant".to_owned(), what);
    let expected = [
        ("ana".to_owned(), posted("hi", false)),
        ours(What::Status(Some("thinks".into()))),
        ours(posted("a", true)),
        ours(What::Status(None)),
        ours(What::Grew("b".into())),
        ours(What::Finished),
        ours(What::Deleted),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_request_is_about_a_thread_in_which_all_of_it_was_said_and_the_question_waits() {
    let app = App::start().await;
    let one = app.slack.mention("ana", "#general", "who <am> I?").await;
    let of = |said: &[&str]| {
        let threads = app.slack.threads_of(said).into_iter();
        threads.map(|stood| (stood.root, stood.messages)).collect::<Vec<_>>()
    };
    assert_eq!(of(&["who <am> I?"]), [(one.root(), 1)], "as it was typed, without the mention");
    let two = app.slack.dm("ana", "I am Ana").await;
    let _ = app.stream(&two, "Hello").await;
    two.reply("ana", "who <am> I?").await;
    assert_eq!(of(&["who <am> I?"]), [(two.root(), 3), (one.root(), 1)], "both wait; the answer is counted");
    assert_eq!(of(&["I am Ana", "who <am> I?"]), [(two.root(), 3)]);
    let _ = app.stream(&two, "Ana").await;
    assert_eq!(of(&["who <am> I?"]), [(one.root(), 1)], "one waits");
    let _ = app.stream(&one, "Ana").await;
    assert_eq!(of(&["who <am> I?"]), [(two.root(), 3)], "none waits: the newest");
    one.reply("ben", "@ana, hi").await;
    assert_eq!(of(&["ana: who <am> I?", "ben: @ana, hi"]), [(one.root(), 3)], "with names");
    assert!(of(&["cleo: who <am> I?", "ben: @ana, hi"]).is_empty(), "not the name of another");
    assert!(of(&["I am Ana", "ben: @ana, hi"]).is_empty(), "each in a thread of its own");
    assert!(of(&["Hello"]).is_empty(), "an answer is no question");
    assert!(of(&[]).is_empty());
}

#[tokio::test]
async fn the_transcript_shows_who_said_what() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "hi").await;
    app.stream(&thread, "one\ntwo").await;
    let ids = |text: String| text.replace(thread.channel().as_str(), "C").replace("1767225600.", "");
    let expected = "── #general (C) ──\n  000000 ana: hi\n      000100 assistant [streaming]: one\n          two\n";
    assert_eq!(
        ids(app.slack.transcript()),
        expected.replace("      000100", "    000100").replace("          two", "        two")
    );
    assert_eq!(app.slack.unfinished().len(), 1);
}

#[tokio::test]
async fn it_stops_with_its_last_handle() {
    let app = App::start().await;
    let url = format!("{}api.test", app.slack.api_url());
    let (stopped, App { slack, .. }) = (app.slack.shared.stop.clone(), app);
    drop(slack);
    stopped.cancelled().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    while client.post(&url).send().await.is_ok() {
        tokio::task::yield_now().await;
    }
}
