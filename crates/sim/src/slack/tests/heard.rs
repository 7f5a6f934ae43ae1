//! Which events an app hears: what it subscribed to, and what its scopes let it hear.

use serde_json::{Value, json};

use super::app::{App, Door};
use crate::slack::{MentionOrder, Options, Transport};

/// What the app hears of one mention in each kind of conversation.
async fn heard(prepare: impl FnOnce(&App)) -> Vec<String> {
    let clock = crate::ManualClock::new();
    let options = Options {
        clock: std::sync::Arc::new(clock.clone()),
        transport: Transport::Http,
        mention_order: MentionOrder::MentionFirst,
        ..Options::default()
    };
    let app = App::with(options, clock).await;
    let door = Door::open(&app.slack).await;
    prepare(&app);
    app.slack.private_channel("#secret");
    app.slack.mention("ana", "#general", "one").await;
    app.slack.mention("ana", "#secret", "two").await;
    app.slack.dm("ana", "three").await;
    app.slack.group_dm(&["ana", "ben"], "four").await;
    app.slack.settled().await;
    let name = |event: &Value| match event["channel_type"].as_str() {
        Some(place) => format!("message in {place}"),
        None => event["type"].as_str().unwrap_or_default().to_owned(),
    };
    door.events().iter().map(name).collect()
}

const ALL: [&str; 7] = [
    "app_mention",
    "message in channel",
    "app_mention",
    "message in group",
    "message in im",
    "app_mention",
    "message in mpim",
];

#[tokio::test]
async fn an_app_hears_what_it_subscribed_to() {
    assert_eq!(heard(|_| {}).await, ALL);
    let without_channels = heard(|app| app.slack.subscribe(&["app_mention", "message.groups", "message.im"])).await;
    assert_eq!(without_channels, ["app_mention", "app_mention", "message in group", "message in im", "app_mention"]);
    let no_mentions = heard(|app| app.slack.subscribe(&["message.channels"])).await;
    assert_eq!(no_mentions, ["message in channel"]);
}

#[tokio::test]
async fn an_app_hears_nothing_for_which_it_lacks_the_scope() {
    let heard = heard(|app| app.slack.set_scopes(&["im:history", "app_mentions:read"])).await;
    assert_eq!(heard, ["app_mention", "app_mention", "message in im", "app_mention"]);
}

#[tokio::test]
async fn each_event_that_is_no_message_needs_its_scope_too() {
    for (event, scope) in [
        ("agent_session_stopped", "chat:write"),
        ("app_context_changed", "assistant:write"),
        ("reaction_added", "reactions:read"),
    ] {
        let app = App::start().await;
        let door = Door::open(&app.slack).await;
        for (scopes, heard) in [(&[][..], 0), (&[scope], 1)] {
            app.slack.set_scopes(scopes);
            app.slack.send_event(json!({"type": event})).await;
            assert_eq!(door.all().len(), heard, "{event} with {scopes:?}");
        }
    }
}

#[tokio::test]
async fn who_would_not_hear_of_stop_is_warned() {
    let app = App::start().await;
    let thread = app.slack.dm("ana", "hi").await;
    let args = json!({"channel_id": thread.channel(), "thread_ts": thread.root(), "status": "processing"});
    assert_eq!(app.ok("agents.sessions.setStatus", args.clone()).await["warning"], Value::Null);
    app.slack.subscribe(&["message.im"]);
    let warning = &app.ok("agents.sessions.setStatus", args).await["warning"];
    assert_eq!(warning, "missing_agent_session_stopped_event_subscription");
}
