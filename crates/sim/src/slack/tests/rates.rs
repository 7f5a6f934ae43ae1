//! Rate limits: per method and workspace, and one post a second per channel.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::app::App;
use crate::{
    clock::ManualClock,
    slack::{Options, Profile},
};

#[tokio::test]
async fn too_many_calls_of_a_method_are_429_until_the_time_that_it_says() {
    let app = App::start().await;
    let thread = app.slack.dm("ana", "hi").await;
    let args = json!({"channel": thread.channel(), "thread_ts": thread.root()});
    for _ in 0..20 {
        app.ok("chat.startStream", args.clone()).await;
    }
    let refused = app.ask("chat.startStream", args.clone()).await;
    assert_eq!((refused.status, refused.retry_after), (429, Some(3)));
    assert_eq!(refused.body, json!({"ok": false, "error": "ratelimited"}));
    app.ok("auth.test", json!({})).await;
    app.clock.advance(Duration::from_secs(3));
    app.ok("chat.startStream", args.clone()).await;
    assert_eq!(app.ask("chat.startStream", args).await.status, 429);
}

#[tokio::test]
async fn appends_share_one_limit_over_all_messages() {
    let app = App::start().await;
    let (one, other) = (app.slack.dm("ana", "hi").await, app.slack.dm("bob", "hi").await);
    let streams = [(&one, app.stream(&one, "a").await), (&other, app.stream(&other, "b").await)];
    for n in 0..100 {
        let (thread, ts) = &streams[n % 2];
        app.ok("chat.appendStream", json!({"channel": thread.channel(), "ts": ts, "markdown_text": "x"})).await;
    }
    let (thread, ts) = &streams[0];
    let refused =
        app.ask("chat.appendStream", json!({"channel": thread.channel(), "ts": ts, "markdown_text": "x"})).await;
    assert_eq!((refused.status, refused.retry_after), (429, Some(1)));
}

#[tokio::test]
async fn a_channel_takes_one_post_a_second() {
    let app = App::start().await;
    let (general, random) = (app.slack.channel("#general"), app.slack.channel("#random"));
    let post = |channel| json!({"channel": channel, "text": "x"});
    for _ in 0..3 {
        app.ok("chat.postMessage", post(&general)).await;
    }
    let refused = app.ask("chat.postMessage", post(&general)).await;
    assert_eq!((refused.status, refused.retry_after), (429, Some(1)));
    app.ok("chat.postMessage", post(&random)).await;
    app.clock.advance(Duration::from_secs(1));
    app.ok("chat.postMessage", post(&general)).await;
}

#[tokio::test]
async fn a_second_workspace_has_limits_of_its_own() {
    let app = App::start().await;
    let other = app.slack.add_workspace("other");
    for _ in 0..20 {
        assert_eq!(app.refused("chat.stopStream", json!({})).await, "invalid_arguments", "wrong calls count too");
    }
    assert_eq!(app.ask("chat.stopStream", json!({})).await.status, 429);
    assert_eq!(app.ask_as(&other.bot_token(), "chat.stopStream", json!({})).await.status, 200);
}

#[tokio::test]
async fn the_strict_limit_reads_one_page_of_fifteen_a_minute() {
    let clock = ManualClock::new();
    let options = Options { clock: Arc::new(clock.clone()), strict_history: true, ..Options::default() };
    let app = App::with(options, clock).await;
    let thread = app.slack.post("ana", "#general", "root").await;
    for n in 0..20 {
        thread.reply("bob", format!("{n}")).await;
    }
    let root = thread.root().to_string();
    let args = [("channel", thread.channel().as_str()), ("ts", &root), ("limit", "200")];
    let page = app.read("conversations.replies", &args).await;
    assert_eq!((page["messages"].as_array().unwrap().len(), &page["has_more"]), (15, &json!(true)));
    assert_eq!(app.read("conversations.replies", &args).await["error"], "ratelimited");
    app.clock.advance(Duration::from_mins(1));
    let next = page["response_metadata"]["next_cursor"].as_str().unwrap();
    let page = app.read("conversations.replies", &[&args[..], &[("cursor", next)]].concat()).await;
    assert_eq!((page["messages"].as_array().unwrap().len(), &page["has_more"]), (6, &json!(false)));
}

#[tokio::test]
async fn the_unlimited_profile_limits_and_keeps_nothing() {
    let clock = ManualClock::new();
    let options = Options { clock: Arc::new(clock.clone()), profile: Profile::Unlimited, ..Options::default() };
    let app = App::with(options, clock).await;
    let thread = app.slack.post("ana", "#general", "hi").await;
    for _ in 0..120 {
        app.ok("chat.postMessage", json!({"channel": thread.channel(), "thread_ts": thread.root(), "text": "x"})).await;
    }
    assert_eq!((thread.answers().len(), app.slack.all_calls().len(), app.slack.events().len()), (120, 0, 0));
}
