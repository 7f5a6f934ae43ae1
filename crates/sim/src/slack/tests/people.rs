//! People, their edits and deletions, strangers, bots, and a second workspace.

use serde_json::json;

use super::app::{App, Door};

#[tokio::test]
async fn an_edit_and_a_deletion_are_told_with_what_stood_before() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    let thread = app.slack.dm("ana", "hi").await;
    let said = thread.reply("ana", "one").await;
    thread.edit(&said, "two").await;
    thread.delete(&said).await;
    let events = door.events();
    let (changed, deleted) = (&events[2], &events[3]);
    assert_eq!(changed["subtype"], "message_changed");
    assert_eq!((&changed["message"]["text"], &changed["previous_message"]["text"]), (&json!("two"), &json!("one")));
    assert_eq!(changed["message"]["edited"]["user"], json!(said.user()));
    assert_ne!(changed["ts"], changed["message"]["ts"]);
    assert_eq!((&deleted["subtype"], &deleted["deleted_ts"]), (&json!("message_deleted"), &json!(said.ts())));
    assert_eq!(deleted["previous_message"]["thread_ts"], json!(thread.root()));
    assert_eq!(thread.posts().len(), 1);
}

#[tokio::test]
async fn a_deleted_root_with_replies_is_told_as_a_tombstone_that_goes_with_the_last_reply() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    let thread = app.slack.dm("ana", "secret").await;
    let reply = thread.reply("ana", "one").await;
    thread.delete(&thread.first()).await;
    let told = &door.events()[2];
    assert_eq!((&told["subtype"], &told["message"]["subtype"]), (&json!("message_changed"), &json!("tombstone")));
    assert_eq!((&told["message"]["user"], &told["previous_message"]["text"]), (&json!("USLACKBOT"), &json!("secret")));
    let args = json!({"channel": thread.channel(), "thread_ts": thread.root(), "text": "x"});
    let ours = app.ok("chat.postMessage", args.clone()).await["ts"].clone();
    thread.delete(&reply).await;
    app.ok("chat.delete", json!({"channel": thread.channel(), "ts": ours})).await;
    assert!(thread.posts().is_empty());
    app.slack.settled().await;
    let last = door.events().into_iter().filter(|event| event["subtype"] == "message_deleted").count();
    assert_eq!(last, 3, "two replies and the tombstone");
    assert_eq!(app.refused("chat.postMessage", args).await, "thread_not_found");
}

#[tokio::test]
async fn a_stranger_speaks_from_another_team_in_a_shared_channel() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    app.slack.shared_channel("#partners");
    let eve = app.slack.stranger("eve");
    app.slack.mention("eve", "#partners", "hi").await;
    let envelope = door.all()[0].json();
    assert_eq!(envelope["event"]["user"], json!(eve));
    assert_ne!(envelope["event"]["team"], json!(app.slack.workspace()));
    assert_eq!(envelope["team_id"], envelope["event"]["team"]);
    assert_eq!(envelope["authorizations"][0]["team_id"], json!(app.slack.workspace()));
    assert_eq!(envelope["is_ext_shared_channel"], true);
}

#[tokio::test]
async fn another_bot_speaks_with_its_own_ids() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    let user = app.slack.bot("deploybot");
    app.slack.mention("deploybot", "#general", "done").await;
    let event = &door.events()[0];
    assert_eq!((&event["user"], &event["subtype"]), (&json!(user), &json!(null)));
    assert!(event["bot_id"].is_string() && event["app_id"] != json!("A0000001"));
}

#[tokio::test]
async fn two_workspaces_and_two_channels_can_hold_the_same_timestamp() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    let other = app.slack.add_workspace("other");
    let ts = "1900000000.000100".parse().unwrap();
    let mut threads = Vec::new();
    for channel in ["#one", "#two"] {
        app.slack.next_ts(ts);
        threads.push(app.slack.mention("ana", channel, "hi").await);
    }
    app.slack.next_ts(ts);
    threads.push(other.mention("ana", "#one", "hi").await);
    assert!(threads.iter().all(|thread| thread.root() == ts));
    let keys: std::collections::BTreeSet<_> = threads.iter().map(super::super::Thread::key).collect();
    assert_eq!(keys.len(), 3);
    let envelope = door.all().last().unwrap().json();
    assert_eq!(envelope["authorizations"][0]["team_id"], json!(other.id()));
    assert_eq!(envelope["authorizations"][0]["user_id"], json!(other.bot_user()));
    assert_ne!(app.slack.person("ana"), other.person("ana"));
    // Its own token sees only its own channels; the first one acts in both.
    let args = |n: usize| json!({"channel": threads[n].channel(), "thread_ts": ts, "text": "x"});
    app.ok("chat.postMessage", args(2)).await;
    assert_eq!(threads[2].answers(), ["x"]);
    let refused = app.ask_as(&other.bot_token(), "chat.postMessage", args(0)).await.body;
    assert_eq!(refused["error"], "channel_not_found");
    assert_eq!(app.ask_as(&other.bot_token(), "auth.test", json!({})).await.body["team_id"], json!(other.id()));
}

#[tokio::test]
async fn names_of_people_are_turned_into_mentions() {
    let app = App::start().await;
    let bob = app.slack.person("bob");
    let thread = app.slack.dm("ana", "@bob, look at a@bob and @nobody").await;
    assert_eq!(thread.posts()[0].text, format!("<@{bob}>, look at a@bob and @nobody"));
}

#[tokio::test]
async fn a_group_writes_directly_with_a_mention() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    app.slack.group_dm(&["ana", "bob"], "hi").await;
    let events = door.events();
    assert_eq!(events.len(), 2);
    assert_eq!(events[1]["channel_type"], "mpim");
}

#[tokio::test]
async fn timestamps_only_grow() {
    let app = App::start().await;
    let mut last = None;
    for n in 0..4 {
        let thread = app.slack.post("ana", if n % 2 == 0 { "#one" } else { "#two" }, "x").await;
        assert!(last < Some(thread.root()));
        last = Some(thread.root());
        app.clock.shift_wall(-5_000);
    }
}
