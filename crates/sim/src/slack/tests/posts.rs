//! `chat.postMessage`, `.update`, `.delete`, `.postEphemeral`.

use serde_json::json;

use super::app::App;
use crate::slack::Thread;

async fn post(app: &App, thread: &Thread, text: &str) -> String {
    let args = json!({"channel": thread.channel(), "thread_ts": thread.root(), "text": text});
    app.ok("chat.postMessage", args).await["ts"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_post_that_breaks_a_rule_is_refused() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "hi").await;
    let reply = thread.reply("bob", "ho").await;
    let channel = thread.channel();
    let long = "x".repeat(12_001);
    let blocks = |block: serde_json::Value, count: usize| serde_json::Value::Array(vec![block; count]);
    let section = |len: usize| json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(len)}});
    let heading = |len: usize| json!({"type": "header", "text": {"type": "plain_text", "text": "x".repeat(len)}});
    for (args, error) in [
        (json!({"text": "x"}), "invalid_arguments"),
        (json!({"channel": "C404", "text": "x"}), "channel_not_found"),
        (json!({"channel": channel}), "no_text"),
        (json!({"channel": channel, "text": ""}), "no_text"),
        (json!({"channel": channel, "text": "x", "markdown_text": "x"}), "markdown_text_conflict"),
        (json!({"channel": channel, "blocks": [], "markdown_text": "x"}), "markdown_text_conflict"),
        (json!({"channel": channel, "markdown_text": long}), "msg_too_long"),
        (json!({"channel": channel, "text": "x", "thread_ts": "1.5"}), "invalid_thread_ts"),
        (json!({"channel": channel, "text": "x", "thread_ts": "1.000005"}), "thread_not_found"),
        (json!({"channel": channel, "text": "x", "thread_ts": reply.ts()}), "cannot_reply_to_message"),
        (json!({"channel": channel, "text": "x", "blocks": "{"}), "invalid_blocks_format"),
        (json!({"channel": channel, "text": "x", "blocks": {"type": "divider"}}), "invalid_blocks_format"),
        (json!({"channel": channel, "text": "x", "blocks": blocks(json!({"type": "divider"}), 51)}), "invalid_blocks"),
        (json!({"channel": channel, "text": "x", "blocks": blocks(section(3001), 1)}), "invalid_blocks"),
        (
            json!({"channel": channel, "text": "x", "blocks": blocks(json!({"type": "markdown", "text": "x".repeat(6001)}), 2)}),
            "msg_blocks_too_long",
        ),
        (json!({"channel": channel, "text": "x", "blocks": [{"text": "no type"}]}), "invalid_blocks"),
        (json!({"channel": channel, "text": "x", "blocks": [{"type": "section"}]}), "invalid_blocks"),
        (json!({"channel": channel, "text": "x", "blocks": [heading(151)]}), "invalid_blocks"),
        (json!({"channel": channel, "text": "x", "metadata": "{"}), "invalid_metadata_format"),
        (json!({"channel": channel, "text": "x", "metadata": {"event_type": 1}}), "invalid_metadata_schema"),
        (
            json!({"channel": channel, "text": "x", "metadata": {"event_type": "t", "event_payload": {"x": long.repeat(2)}}}),
            "metadata_too_large",
        ),
    ] {
        assert_eq!(app.refused("chat.postMessage", args.clone()).await, error, "{args:.200}");
    }
    assert_eq!(thread.answers().len(), 0, "nothing of it was posted");
}

#[tokio::test]
async fn a_text_that_is_too_long_is_cut_with_a_warning() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "hi").await;
    let args = json!({"channel": thread.channel(), "thread_ts": thread.root(), "text": "é".repeat(40_001)});
    assert_eq!(app.ok("chat.postMessage", args).await["warning"], "message_truncated");
    assert_eq!(thread.answers()[0].chars().count(), 40_000);
}

#[tokio::test]
async fn only_a_member_posts_and_only_where_posting_is_on() {
    let app = App::start().await;
    let channel = app.slack.kick_bot("#general");
    let args = json!({"channel": channel, "text": "x"});
    assert_eq!(app.refused("chat.postMessage", args.clone()).await, "not_in_channel");
    app.slack.invite_bot("ana", "#general");
    app.ok("chat.postMessage", args.clone()).await;
    app.slack.archive("#general");
    assert_eq!(app.refused("chat.postMessage", args).await, "is_archived");
    let secret = app.slack.private_channel("#secret");
    app.slack.kick_bot("#secret");
    let hidden = app.refused("chat.postMessage", json!({"channel": secret, "text": "x"})).await;
    assert_eq!(hidden, "channel_not_found", "a private channel is not known to those outside");
}

#[tokio::test]
async fn a_persons_id_opens_the_direct_messages_with_them() {
    let app = App::start().await;
    let ana = app.slack.person("ana");
    let posted = app.ok("chat.postMessage", json!({"channel": ana, "text": "psst"})).await;
    assert_eq!(posted["channel"], json!(app.slack.dm_channel("ana")));
    for nobody in ["U404", "U?"] {
        assert_eq!(app.refused("chat.postMessage", json!({"channel": nobody, "text": "x"})).await, "channel_not_found");
    }
}

#[tokio::test]
async fn an_update_that_breaks_a_rule_is_refused() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "hi").await;
    let ts = post(&app, &thread, "answer").await;
    let channel = thread.channel();
    for (args, error) in [
        (json!({"channel": channel, "text": "x"}), "invalid_arguments"),
        (json!({"channel": channel, "ts": "1.000001", "text": "x"}), "message_not_found"),
        (json!({"channel": channel, "ts": thread.root(), "text": "x"}), "cant_update_message"),
        (json!({"channel": channel, "ts": ts}), "no_text"),
        (json!({"channel": channel, "ts": ts, "text": "x".repeat(4001)}), "msg_too_long"),
        (json!({"channel": channel, "ts": ts, "markdown_text": "x".repeat(12_001)}), "msg_too_long"),
        (json!({"channel": channel, "ts": ts, "text": "x", "markdown_text": "x"}), "markdown_text_conflict"),
    ] {
        assert_eq!(app.refused("chat.update", args.clone()).await, error, "{args:.200}");
    }
    app.ok("chat.update", json!({"channel": channel, "ts": ts, "markdown_text": "x".repeat(12_000)})).await;
    assert_eq!(thread.answers()[0].len(), 12_000);
    app.slack.archive("#general");
    assert_eq!(app.refused("chat.update", json!({"channel": channel, "ts": ts, "text": "x"})).await, "is_inactive");
}

#[tokio::test]
async fn text_without_blocks_takes_the_old_blocks_away_and_metadata_stays() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "hi").await;
    let metadata = json!({"event_type": "turn", "event_payload": {"n": 1}});
    let args = json!({"channel": thread.channel(), "thread_ts": thread.root(), "text": "x", "blocks": [{"type": "divider"}], "metadata": metadata});
    let ts = app.ok("chat.postMessage", args).await["ts"].clone();
    assert!(thread.posts()[1].blocks.is_some());
    app.ok("chat.update", json!({"channel": thread.channel(), "ts": ts, "text": "y"})).await;
    let post = &thread.posts()[1];
    assert_eq!((post.blocks.as_ref(), post.metadata.as_ref(), post.text.as_str()), (None, Some(&metadata), "y"));
}

#[tokio::test]
async fn only_own_messages_are_deleted() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "hi").await;
    let ts = post(&app, &thread, "answer").await;
    let channel = thread.channel();
    let not_ours = json!({"channel": channel, "ts": thread.root()});
    assert_eq!(app.refused("chat.delete", not_ours).await, "cant_delete_message");
    app.ok("chat.delete", json!({"channel": channel, "ts": ts})).await;
    assert_eq!(app.refused("chat.delete", json!({"channel": channel, "ts": ts})).await, "message_not_found");
    assert!(thread.answers().is_empty());
    let ours = app.ok("chat.postMessage", json!({"channel": channel, "text": "x"})).await["ts"].clone();
    app.ok("chat.postMessage", json!({"channel": channel, "text": "y", "thread_ts": ours})).await;
    let root = json!({"channel": channel, "ts": ours});
    app.ok("chat.delete", root.clone()).await;
    assert_eq!(app.refused("chat.delete", root).await, "cant_delete_message", "what is left of a root with replies");
}

#[tokio::test]
async fn a_reply_can_be_shown_in_the_channel_too() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "hi").await;
    for (broadcast, shown) in [(true, 2), (false, 2)] {
        let args =
            json!({"channel": thread.channel(), "thread_ts": thread.root(), "text": "x", "reply_broadcast": broadcast});
        app.ok("chat.postMessage", args).await;
        let page = app.read("conversations.history", &[("channel", thread.channel().as_str())]).await;
        assert_eq!(page["messages"].as_array().unwrap().len(), shown, "{page}");
    }
}

#[tokio::test]
async fn an_ephemeral_is_seen_by_one_person_and_cannot_be_changed() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "hi").await;
    thread.reply("bob", "ho").await;
    let (channel, root, ana) = (thread.channel(), thread.root(), app.slack.person("ana"));
    let args = json!({"channel": channel, "thread_ts": root, "user": ana, "text": "psst"});
    let ts = app.ok("chat.postEphemeral", args).await["message_ts"].clone();
    thread.shows_only_to("ana", "psst").await;
    assert!(thread.answers().is_empty(), "it is not in the thread");
    assert_eq!(
        app.refused("chat.update", json!({"channel": channel, "ts": ts, "text": "x"})).await,
        "message_not_found"
    );
    assert_eq!(app.refused("chat.delete", json!({"channel": channel, "ts": ts})).await, "message_not_found");
    let carl = app.slack.person("carl");
    let outside = app.refused("chat.postEphemeral", json!({"channel": channel, "user": carl, "text": "x"})).await;
    assert_eq!(outside, "user_not_in_channel");
}

#[tokio::test]
async fn an_ephemeral_in_a_thread_without_replies_is_seen_by_nobody() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "hi").await;
    let ana = app.slack.person("ana");
    let args = json!({"channel": thread.channel(), "thread_ts": thread.root(), "user": ana, "text": "psst"});
    app.ok("chat.postEphemeral", args).await;
    assert!(app.slack.unlooked().is_empty(), "it would be there to look at");
}

#[tokio::test]
async fn what_pings_or_unfurls_is_noted() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "hi").await;
    let ts = post(&app, &thread, "see https://x.example <!here>").await;
    app.ok("chat.update", json!({"channel": thread.channel(), "ts": ts, "markdown_text": "`<!here>` @everyone"})).await;
    let quiet =
        json!({"channel": thread.channel(), "text": "https://y.example", "unfurl_links": false, "unfurl_media": false});
    app.ok("chat.postMessage", quiet).await;
    let stream = app.stream(&thread, "a <!cha").await;
    for text in ["nnel> b", " c"] {
        app.ok("chat.appendStream", json!({"channel": thread.channel(), "ts": stream, "markdown_text": text})).await;
    }
    assert_eq!(app.slack.pings(), ["<!here>", "@everyone", "<!channel>"]);
    assert_eq!(app.slack.unfurled(), ["see https://x.example <!here>"]);
}

#[tokio::test]
async fn a_reaction_is_given_once() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "hi").await;
    let args = json!({"channel": thread.channel(), "timestamp": thread.root(), "name": "eyes"});
    app.ok("reactions.add", args.clone()).await;
    assert_eq!(app.refused("reactions.add", args.clone()).await, "already_reacted");
    app.ok("reactions.remove", args.clone()).await;
    assert_eq!(app.refused("reactions.remove", args).await, "no_reaction");
    let named = json!({"channel": thread.channel(), "timestamp": thread.root(), "name": ":eyes:"});
    assert_eq!(app.refused("reactions.add", named).await, "invalid_name");
}
