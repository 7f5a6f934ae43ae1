//! `chat.startStream`, `.appendStream`, `.stopStream`.

use std::time::Duration;

use serde_json::json;

use super::app::App;

#[tokio::test]
async fn a_stream_that_breaks_a_rule_is_not_started() {
    let app = App::start().await;
    let thread = app.slack.mention("ana", "#general", "hi").await;
    let reply = thread.reply("bob", "ho").await;
    let (ana, team) = (app.slack.person("ana"), app.slack.workspace());
    let start = |more: serde_json::Value| {
        let mut args = json!({"channel": thread.channel(), "thread_ts": thread.root(), "recipient_user_id": ana, "recipient_team_id": team});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        args
    };
    for (args, error) in [
        (start(json!({"channel": "C404"})), "channel_not_found"),
        (start(json!({"recipient_user_id": null})), "missing_recipient_user_id"),
        (start(json!({"recipient_team_id": null})), "missing_recipient_team_id"),
        (start(json!({"recipient_user_id": "U404"})), "user_not_found"),
        (start(json!({"thread_ts": null})), "invalid_thread_ts"),
        (start(json!({"thread_ts": "1.000001"})), "invalid_thread_ts"),
        (start(json!({"thread_ts": reply.ts()})), "cannot_reply_to_message"),
        (start(json!({"markdown_text": "x", "chunks": []})), "cannot_provide_both_markdown_text_and_chunks"),
        (start(json!({"markdown_text": "x".repeat(12_001)})), "msg_too_long"),
        (start(json!({"chunks": "["})), "invalid_chunks"),
        (start(json!({"chunks": {"type": "markdown_text", "text": "x"}})), "invalid_chunks"),
        (start(json!({"chunks": [{"type": "what"}]})), "invalid_chunks"),
        (start(json!({"chunks": [{"type": "markdown_text"}]})), "invalid_chunks"),
        (start(json!({"chunks": [{"type": "plan_update"}]})), "invalid_chunks"),
        (start(json!({"chunks": [{"type": "blocks", "blocks": [{}]}]})), "invalid_blocks"),
        (start(json!({"chunks": [{"type": "task_update", "id": "1", "title": "x".repeat(257)}]})), "invalid_chunks"),
    ] {
        assert_eq!(app.refused("chat.startStream", args.clone()).await, error, "{args:.200}");
    }
    app.slack.kick_bot("#general");
    assert_eq!(app.refused("chat.startStream", start(json!({}))).await, "not_in_channel");
}

#[tokio::test]
async fn direct_messages_need_no_recipient() {
    let app = App::start().await;
    let thread = app.slack.dm("ana", "hi").await;
    let args = json!({"channel": thread.channel(), "thread_ts": thread.root(), "chunks": [{"type": "markdown_text", "text": "Hi"}]});
    let ts = app.ok("chat.startStream", args).await["ts"].clone();
    app.ok("chat.stopStream", json!({"channel": thread.channel(), "ts": ts})).await;
    thread.finishes("Hi").await;
}

#[tokio::test]
async fn a_late_or_empty_append_is_refused() {
    let app = App::start().await;
    let thread = app.slack.mention("ana", "#general", "hi").await;
    let ts = app.stream(&thread, "a").await;
    let args = json!({"channel": thread.channel(), "ts": ts, "markdown_text": "b"});
    assert_eq!(app.refused("chat.appendStream", json!({"channel": thread.channel(), "ts": ts})).await, "no_text");
    app.ok("chat.stopStream", args.clone()).await;
    assert_eq!(app.refused("chat.appendStream", args.clone()).await, "message_not_in_streaming_state");
    assert_eq!(app.refused("chat.stopStream", args).await, "message_not_in_streaming_state");
    let not_ours = json!({"channel": thread.channel(), "ts": thread.root(), "markdown_text": "b"});
    assert_eq!(app.refused("chat.appendStream", not_ours).await, "message_not_owned_by_app");
    let unknown = json!({"channel": thread.channel(), "ts": "1.000001", "markdown_text": "b"});
    assert_eq!(app.refused("chat.appendStream", unknown).await, "message_not_found");
    thread.finishes("ab").await;
}

#[tokio::test]
async fn an_update_waits_until_the_stream_is_over() {
    let app = App::start().await;
    let thread = app.slack.mention("ana", "#general", "hi").await;
    let ts = app.stream(&thread, "a").await;
    let update = json!({"channel": thread.channel(), "ts": ts, "markdown_text": "whole"});
    assert_eq!(app.refused("chat.update", update.clone()).await, "streaming_state_conflict");
    app.ok("chat.stopStream", json!({"channel": thread.channel(), "ts": ts})).await;
    app.ok("chat.update", update).await;
    thread.finishes("whole").await;
}

#[tokio::test]
async fn a_stream_dies_of_age_and_an_update_repairs_it() {
    let app = App::start().await;
    let thread = app.slack.mention("ana", "#general", "hi").await;
    let ts = app.stream(&thread, "a").await;
    let append = json!({"channel": thread.channel(), "ts": ts, "markdown_text": "b"});
    app.clock.advance(Duration::from_secs(305));
    app.ok("chat.appendStream", append.clone()).await;
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(app.refused("chat.appendStream", append).await, "message_not_in_streaming_state");
    assert_eq!(
        app.refused("chat.stopStream", json!({"channel": thread.channel(), "ts": ts})).await,
        "message_not_in_streaming_state"
    );
    assert_eq!(state(&app, &thread).await, "errored");
    app.ok("chat.update", json!({"channel": thread.channel(), "ts": ts, "markdown_text": "abc"})).await;
    assert_eq!(state(&app, &thread).await, "completed");
    thread.finishes("abc").await;
}

#[tokio::test]
async fn streams_end_when_slack_says_so() {
    let app = App::start().await;
    let thread = app.slack.mention("ana", "#general", "hi").await;
    let ts = app.stream(&thread, "a").await;
    app.slack.end_streams();
    let append = json!({"channel": thread.channel(), "ts": ts, "markdown_text": "b"});
    assert_eq!(app.refused("chat.appendStream", append).await, "message_not_in_streaming_state");
}

#[tokio::test]
async fn a_person_stops_a_stream() {
    let app = App::start().await;
    let door = super::app::Door::open(&app.slack).await;
    let thread = app.slack.mention("ana", "#general", "hi").await;
    let ts = app.stream(&thread, "a").await;
    thread.press_stop("ana").await;
    let told = door.events().into_iter().find(|event| event["type"] == "agent_session_stopped").unwrap();
    assert_eq!(told["streaming_message_ts"], json!([ts]));
    assert_eq!(told["thread_ts"], json!(thread.root()));
    let append = json!({"channel": thread.channel(), "ts": ts, "markdown_text": "b"});
    assert_eq!(app.refused("chat.appendStream", append).await, "stopped_by_user");
    app.ok("chat.stopStream", json!({"channel": thread.channel(), "ts": ts})).await;
    thread.finishes("a").await;
}

#[tokio::test]
async fn a_streamed_message_has_a_size() {
    let app = App::start().await;
    let thread = app.slack.mention("ana", "#general", "hi").await;
    let ts = app.stream(&thread, &"x".repeat(10_000)).await;
    let append = |text: &str| json!({"channel": thread.channel(), "ts": ts, "markdown_text": text});
    assert_eq!(app.refused("chat.appendStream", append(&"é".repeat(301))).await, "msg_too_long");
    let task = json!({"channel": thread.channel(), "ts": ts, "chunks": [{"type": "task_update", "id": "1", "title": "t", "details": "x".repeat(256)}]});
    app.ok("chat.appendStream", task).await;
    assert_eq!(app.refused("chat.appendStream", append(&"x".repeat(88))).await, "msg_too_long", "details count twice");
    app.ok("chat.appendStream", append(&"x".repeat(87))).await;
    assert_eq!(app.refused("chat.stopStream", append("x")).await, "msg_too_long");
    app.ok("chat.stopStream", json!({"channel": thread.channel(), "ts": ts})).await;
    assert_eq!(thread.answers()[0].len(), 10_087);
}

#[tokio::test]
async fn a_stop_brings_text_blocks_and_metadata() {
    let app = App::start().await;
    let thread = app.slack.mention("ana", "#general", "hi").await;
    let ts = app.stream(&thread, "a").await;
    for (args, error) in [
        (json!({"session_status": "busy"}), "invalid_session_status"),
        (json!({"blocks": "["}), "invalid_blocks_format"),
        (json!({"blocks": [{}]}), "invalid_blocks"),
        (json!({"metadata": "{"}), "invalid_metadata_format"),
    ] {
        let mut stop = json!({"channel": thread.channel(), "ts": ts});
        stop.as_object_mut().unwrap().extend(args.as_object().unwrap().clone());
        assert_eq!(app.refused("chat.stopStream", stop).await, error, "{args}");
    }
    let metadata = json!({"event_type": "turn", "event_payload": {"id": "7"}});
    let stop = json!({"channel": thread.channel(), "ts": ts, "markdown_text": "b", "blocks": [{"type": "divider"}],
        "metadata": metadata, "session_status": "suspended"});
    app.ok("chat.stopStream", stop).await;
    let post = &thread.posts()[1];
    assert_eq!((post.text.as_str(), post.streaming, post.metadata.as_ref()), ("ab", false, Some(&metadata)));
    assert_eq!(thread.session_state().unwrap(), "suspended");
}

async fn state(app: &App, thread: &crate::slack::Thread) -> String {
    let args = [("channel", thread.channel().as_str()), ("ts", &thread.root().to_string())];
    let read = app.read("conversations.replies", &args).await;
    read["messages"][1]["streaming_state"].as_str().unwrap().to_owned()
}
