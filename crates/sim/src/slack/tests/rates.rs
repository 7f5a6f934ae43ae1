//! Rate limits: per method and workspace, and one post a second per channel.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::app::App;
use crate::{
    clock::ManualClock,
    slack::{Options, Profile, api::method::METHODS},
};

/// How often a minute each method may be called (Slack: each method's page; the last are "special", hundreds).
const A_MINUTE: &[(u64, &[&str])] = &[
    (20, &["chat.startStream", "chat.stopStream", "conversations.list", "reactions.remove", "users.list"]),
    (
        50,
        &[
            "agents.sessions.rename",
            "agents.sessions.setStatus",
            "apps.connections.open",
            "bots.info",
            "chat.delete",
            "chat.update",
            "conversations.history",
            "conversations.info",
            "conversations.join",
            "conversations.open",
            "conversations.replies",
            "reactions.add",
            "team.info",
            "users.conversations",
        ],
    ),
    (
        100,
        &[
            "assistant.threads.setSuggestedPrompts",
            "assistant.threads.setTitle",
            "chat.appendStream",
            "chat.postEphemeral",
            "conversations.members",
            "users.info",
            "views.publish",
        ],
    ),
    (300, &["chat.postMessage"]),
    (600, &["api.test", "assistant.threads.setStatus", "auth.test", "chat.getPermalink"]),
];

#[tokio::test]
async fn every_method_has_a_limit_of_its_own_in_each_workspace() {
    let app = App::start().await;
    let other = app.slack.add_workspace("other").bot_token();
    let mut met = Vec::new();
    for (a_minute, methods) in A_MINUTE {
        for method in *methods {
            // The app's own token belongs to no workspace.
            let of_app = *method == "apps.connections.open";
            let ours = if of_app { app.slack.app_token() } else { app.slack.bot_token() };
            let call = async |token| app.ask_as(token, method, json!({})).await;
            for n in 1..=*a_minute {
                assert_eq!(call(ours).await.status, 200, "call {n} of {method}");
            }
            let refused = call(ours).await;
            let wait = 60_u64.div_ceil(*a_minute);
            assert_eq!((refused.status, refused.retry_after), (429, Some(wait)), "{method}");
            assert_eq!(refused.body["error"], "ratelimited");
            assert!(of_app || call(&other).await.status == 200, "{method} in another workspace");
            app.clock.advance(Duration::from_secs(wait));
            assert_eq!(call(ours).await.status, 200, "{method} after {wait} s");
            met.push(*method);
        }
    }
    met.sort_unstable();
    let there = METHODS.iter().filter(|method| method.handler().is_some()).map(|method| method.name);
    assert_eq!(met, there.collect::<Vec<_>>(), "each method that there is, with what it may be called");
}

#[tokio::test]
async fn a_workspace_takes_300_posts_a_minute_in_however_many_channels() {
    let app = App::start().await;
    let other = app.slack.add_workspace("other");
    let post = async |n: usize| {
        let channel = app.slack.channel(&format!("#room-{n}"));
        app.ask("chat.postMessage", json!({"channel": channel, "text": "x"})).await
    };
    for n in 0..300 {
        assert_eq!(post(n).await.status, 200);
    }
    let refused = post(300).await;
    assert_eq!((refused.status, refused.retry_after), (429, Some(1)), "though its channel is silent");
    let elsewhere = other.post("ana", "#room", "hi").await;
    let args = json!({"channel": elsewhere.channel(), "text": "x"});
    assert_eq!(app.ask_as(&other.bot_token(), "chat.postMessage", args).await.status, 200);
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(post(300).await.status, 200);
}

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
