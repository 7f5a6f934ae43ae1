//! The line that says what the assistant is doing.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::app::App;
use crate::{clock::ManualClock, slack::Options};

#[tokio::test]
async fn a_status_ends_at_the_reply_or_after_two_minutes() {
    let app = App::start().await;
    let thread = app.slack.mention("ana", "#general", "hi").await;
    let status = |text: &str| json!({"channel_id": thread.channel(), "thread_ts": thread.root(), "status": text});
    app.ok("assistant.threads.setStatus", status("is thinking")).await;
    assert_eq!(thread.status().as_deref(), Some("is thinking"));
    assert_eq!(app.slack.unfinished().len(), 1);
    app.clock.advance(Duration::from_mins(2));
    assert_eq!((thread.status(), app.slack.unfinished().len()), (None, 0));
    app.ok("assistant.threads.setStatus", status("again")).await;
    app.ok("chat.postMessage", json!({"channel": thread.channel(), "thread_ts": thread.root(), "text": "x"})).await;
    assert_eq!(thread.status(), None);
    app.ok("assistant.threads.setStatus", status("and again")).await;
    app.ok("assistant.threads.setStatus", status("")).await;
    assert_eq!(thread.status(), None);
    app.ok("assistant.threads.setStatus", status("once more")).await;
    app.stream(&thread, "x").await;
    assert_eq!(thread.status(), None);
}

#[tokio::test]
async fn a_status_that_breaks_a_rule_is_refused() {
    let app = App::start().await;
    let thread = app.slack.mention("ana", "#general", "hi").await;
    let (channel, root) = (thread.channel(), thread.root());
    for (args, error) in [
        (json!({"channel_id": "C404", "thread_ts": root, "status": "x"}), "channel_not_found"),
        (json!({"channel_id": channel, "thread_ts": "1.000001", "status": "x"}), "invalid_thread_ts"),
        (json!({"channel_id": channel, "status": "x"}), "invalid_arguments"),
        (json!({"channel_id": channel, "thread_ts": root}), "invalid_arguments"),
        (
            json!({"channel_id": channel, "thread_ts": root, "status": "x", "loading_messages": vec!["x"; 11]}),
            "invalid_arguments",
        ),
        (
            json!({"channel_id": channel, "thread_ts": root, "status": "x", "loading_messages": ["x".repeat(51)]}),
            "invalid_arguments",
        ),
    ] {
        assert_eq!(app.refused("assistant.threads.setStatus", args.clone()).await, error, "{args}");
    }
    app.slack.kick_bot("#general");
    let outside = json!({"channel_id": channel, "thread_ts": root, "status": "x"});
    assert_eq!(app.refused("assistant.threads.setStatus", outside).await, "channel_not_found");
}

#[tokio::test]
async fn an_agent_session_has_a_state_and_a_title() {
    let app = App::start().await;
    let thread = app.slack.mention("ana", "#general", "hi").await;
    let (channel, root) = (thread.channel(), thread.root());
    let title = json!({"channel_id": channel, "thread_ts": root, "title": "Numbers"});
    assert_eq!(app.refused("agents.sessions.rename", title.clone()).await, "session_not_found");
    let with = |status: &str| json!({"channel_id": channel, "thread_ts": root, "status": status});
    let set = app.ok("agents.sessions.setStatus", with("processing")).await;
    assert_eq!((&set["status"], &set["agent_status"]), (&json!("processing"), &json!("processing")));
    app.ok("agents.sessions.rename", title).await;
    let long = json!({"channel_id": channel, "thread_ts": root, "title": "x".repeat(201)});
    assert_eq!(app.refused("agents.sessions.rename", long).await, "invalid_name");
    assert_eq!((thread.title().as_deref(), thread.session_state().as_deref()), (Some("Numbers"), Some("processing")));
    assert_eq!(app.refused("agents.sessions.setStatus", with("busy")).await, "invalid_status");
    let no_thread = json!({"channel_id": channel, "status": "active"});
    assert_eq!(app.refused("agents.sessions.setStatus", no_thread).await, "thread_ts_required");
    // The two families act on one session.
    app.ok("assistant.threads.setStatus", json!({"channel_id": channel, "thread_ts": root, "status": ""})).await;
    assert_eq!(thread.session_state().as_deref(), Some("active"));
}

#[tokio::test]
async fn a_workspace_may_have_no_agent_sessions() {
    let clock = ManualClock::new();
    let options = Options { clock: Arc::new(clock.clone()), agent_sessions: false, ..Options::default() };
    let app = App::with(options, clock).await;
    let thread = app.slack.mention("ana", "#general", "hi").await;
    let args = json!({"channel_id": thread.channel(), "thread_ts": thread.root(), "status": "processing"});
    assert_eq!(app.refused("agents.sessions.setStatus", args).await, "feature_disabled");
}

#[tokio::test]
async fn suggested_prompts_are_at_most_four() {
    let app = App::start().await;
    let dm = app.slack.dm_channel("ana");
    let prompts =
        |count: usize| json!({"channel_id": dm, "prompts": vec![json!({"title": "t", "message": "m"}); count]});
    app.ok("assistant.threads.setSuggestedPrompts", prompts(4)).await;
    assert_eq!(app.refused("assistant.threads.setSuggestedPrompts", prompts(5)).await, "invalid_arguments");
    let none = json!({"channel_id": dm});
    assert_eq!(app.refused("assistant.threads.setSuggestedPrompts", none).await, "invalid_arguments");
}
