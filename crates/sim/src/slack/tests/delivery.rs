//! Events over HTTP: what is sent, when it is sent again, and when no more.

use std::time::Duration;

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect},
    routing::post,
};
use chathakase_session::time::Clock;
use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpListener, sync::mpsc};

use super::app::{App, Door};
use crate::slack::{Fate, Saying, SmallSlack};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_refused_event_is_tried_four_times_over_six_minutes() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    door.answers(500, HeaderMap::new());
    app.slack.dm("ana", "hi").await;
    door.came(2).await;
    assert_eq!(app.clock.pass_sleep(MINUTE..=MINUTE).await, MINUTE);
    door.came(3).await;
    assert_eq!(app.clock.pass_sleep(5 * MINUTE..=5 * MINUTE).await, 5 * MINUTE);
    let all = door.came(4).await;
    app.slack.settled().await;
    let header = |n: usize, name: &str| all[n].headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let retries: Vec<_> = (0..4).map(|n| header(n, "x-slack-retry-num")).collect();
    assert_eq!(retries, [None, Some("1".into()), Some("2".into()), Some("3".into())]);
    assert_eq!(header(1, "x-slack-retry-reason").unwrap(), "http_error");
    assert!(all.iter().all(|delivered| delivered.body == all[0].body), "it is the same event each time");
    assert_ne!(header(0, "x-slack-signature"), header(3, "x-slack-signature"), "signed anew each time");
    let event = &app.slack.events()[0];
    assert_eq!((event.tries, event.fate), (4, Fate::GivenUp));
}

#[tokio::test]
async fn of_several_processes_each_try_finds_the_next() {
    let app = App::start().await;
    let (one, other) = (Door::open(&app.slack).await, Door::open(&app.slack).await);
    app.slack.deliver_to_any(&[one.url(), other.url()]);
    one.answers(500, HeaderMap::new());
    for _ in 0..2 {
        app.slack.dm("ana", "hi").await;
        app.slack.settled().await;
    }
    assert_eq!((one.all().len(), other.all().len()), (2, 2), "what one refuses, the other takes");
}

/// An app that sends Slack on so many times before it answers.
async fn redirects(slack: &SmallSlack, times: usize) -> mpsc::UnboundedReceiver<HeaderMap> {
    let (told, came) = mpsc::unbounded_channel();
    let first = post(move |headers: HeaderMap| async move {
        let _ = told.send(headers);
        Redirect::temporary("/1")
    });
    let next = post(move |Path(n): Path<usize>| async move {
        if n < times {
            Redirect::temporary(&format!("/{}", n + 1)).into_response()
        } else {
            StatusCode::OK.into_response()
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    slack.deliver_to(&format!("http://{}", listener.local_addr().unwrap()));
    let router = Router::new().route("/slack/events", first).route("/{n}", next);
    tokio::spawn(async move { axum::serve(listener, router).await });
    came
}

#[tokio::test]
async fn two_redirects_are_followed_and_no_more() {
    let app = App::start().await;
    let _came = redirects(&app.slack, 2).await;
    app.slack.dm("ana", "hi").await;
    app.slack.settled().await;
    assert_eq!(app.slack.events()[0].fate, Fate::Acknowledged);
    let mut came = redirects(&app.slack, 3).await;
    app.slack.dm("ana", "ho").await;
    came.recv().await.unwrap();
    assert_eq!(came.recv().await.unwrap()["x-slack-retry-reason"], "too_many_redirects");
    assert_ne!(app.slack.events()[1].fate, Fate::Acknowledged);
}

#[tokio::test]
async fn an_app_that_hangs_up_is_tried_again() {
    let app = App::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    app.slack.deliver_to(&format!("http://{}", listener.local_addr().unwrap()));
    let said = app.slack.dm("ana", "hi");
    let hangs_up = async {
        drop(listener.accept().await.unwrap());
        let (mut again, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let read = again.read(&mut request).await.unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    };
    let (_, again) = tokio::join!(said, hangs_up);
    assert!(again.contains("x-slack-retry-reason: unknown_error"), "{again}");
}

#[tokio::test]
async fn an_envelope_says_whose_event_it_is_and_when_it_was() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    let thread = app.slack.dm("ana", "hi").await;
    let mut envelope = door.all()[0].json();
    assert_eq!(envelope["event"].take()["ts"], json!(thread.root()));
    let (id, team) = (envelope["event_id"].clone(), app.slack.workspace());
    let expected = json!({"token": "deprecated", "type": "event_callback", "team_id": team, "context_team_id": team,
        "context_enterprise_id": null, "api_app_id": "A0000001", "event": null, "event_id": id,
        "event_context": format!("4-{}", id.as_str().unwrap()), "event_time": app.clock.now().as_secs(),
        "is_ext_shared_channel": false, "authorizations": [{"enterprise_id": null, "team_id": team,
            "user_id": app.slack.bot_user(), "is_bot": true, "is_enterprise_install": false}]});
    assert_eq!(envelope, expected);
}

#[tokio::test]
async fn an_app_can_ask_for_no_retry() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    door.answers(400, [("x-slack-no-retry".parse().unwrap(), "1".parse().unwrap())].into_iter().collect());
    app.slack.dm("ana", "hi").await;
    app.slack.settled().await;
    assert_eq!((door.all().len(), app.slack.events()[0].fate), (1, Fate::GivenUp));
}

#[tokio::test]
async fn a_slow_acknowledgement_is_none() {
    let app = App::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    app.slack.deliver_to(&format!("http://{}", listener.local_addr().unwrap()));
    let slack = app.slack.clone();
    let said = tokio::spawn(async move { slack.dm("ana", "hi").await });
    let three = Duration::from_secs(3);
    assert_eq!(app.clock.pass_sleep(three..=three).await, three);
    said.await.unwrap();
    // The first retry waits for its own three seconds; then an app that answers takes the place.
    assert_eq!(app.clock.pass_sleep(three..=three).await, three);
    let door = Door::open(&app.slack).await;
    app.clock.pass_sleep(MINUTE..=MINUTE).await;
    let delivered = &door.came(1).await[0];
    assert_eq!(delivered.headers["x-slack-retry-num"], "2");
    assert_eq!(delivered.headers["x-slack-retry-reason"], "http_timeout");
}

#[tokio::test]
async fn what_was_said_while_the_app_was_down_comes_later() {
    let app = App::start().await;
    let thread = app.slack.dm("ana", "hi").await;
    let door = Door::open(&app.slack).await;
    app.clock.pass_sleep(MINUTE..=MINUTE).await;
    assert_eq!(door.came(1).await[0].headers["x-slack-retry-reason"], "connection_failed");
    app.slack.settled().await;
    assert_eq!(door.events()[0]["ts"], json!(thread.root()));
}

#[tokio::test]
async fn the_order_of_a_mentions_events_varies() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    for n in 0..3 {
        app.slack.mention("ana", "#general", format!("{n}")).await;
    }
    let kinds: Vec<_> = door.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds[..4], ["app_mention", "message", "message", "app_mention"]);
    assert_eq!(kinds.len(), 6, "the third time both come at once");
    let ids: std::collections::BTreeSet<_> = app.slack.events().into_iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 6, "every event has its own id");
}

#[tokio::test]
async fn an_event_comes_twice_under_one_id_or_under_two() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    let said = app.slack.dm("ana", "hi").await.first();
    app.slack.redeliver(&said).await;
    app.slack.redeliver_under_new_ids(&said).await;
    app.slack.duplicate_next();
    app.slack.dm("ana", "ho").await;
    let ids: Vec<_> = door.all().iter().map(|delivered| delivered.json()["event_id"].clone()).collect();
    assert_eq!(ids.len(), 5);
    assert!(ids[0] == ids[1] && ids[0] != ids[2] && ids[3] == ids[4], "{ids:?}");
    let events = door.events();
    assert!(events[..3].iter().all(|event| event["ts"] == json!(said.ts())));
}

#[tokio::test]
async fn held_events_come_in_any_order() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    app.slack.hold_events();
    for text in ["one", "two", "three"] {
        app.slack.dm("ana", text).await;
    }
    assert!(door.all().is_empty() && app.slack.events().iter().all(|event| event.fate == Fate::Held));
    app.slack.release_reversed().await;
    let texts: Vec<_> = door.events().iter().map(|event| event["text"].clone()).collect();
    assert_eq!(texts, ["three", "two", "one"]);
    app.slack.dm("ana", "four").await;
    assert_eq!(door.all().len(), 4);
}

#[tokio::test]
async fn the_apps_own_posts_come_back_as_events() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    let thread = app.slack.dm("ana", "hi").await;
    let ts = app.stream(&thread, "a").await;
    app.ok("chat.appendStream", json!({"channel": thread.channel(), "ts": ts, "markdown_text": "b"})).await;
    app.ok("chat.stopStream", json!({"channel": thread.channel(), "ts": ts})).await;
    app.ok("chat.update", json!({"channel": thread.channel(), "ts": ts, "text": "c"})).await;
    app.ok("chat.delete", json!({"channel": thread.channel(), "ts": ts})).await;
    app.slack.settled().await;
    let mut events = door.events().split_off(1);
    events.sort_by_key(|event| event["event_ts"].as_str().unwrap().to_owned());
    let kinds: Vec<_> = events.iter().map(|event| event["subtype"].as_str().unwrap_or("none")).collect();
    assert_eq!(kinds, ["none", "message_changed", "message_changed", "message_changed", "message_deleted"]);
    assert_eq!(events[0]["user"], json!(app.slack.bot_user()));
    assert!(events[0]["bot_id"].is_string() && events[0]["app_id"].is_string());
    assert_eq!(events[2]["message"]["streaming_state"], "completed");
    assert_eq!(events[2]["message"]["edited"], json!(null));
    assert_eq!(events[3]["message"]["edited"]["user"], json!(app.slack.bot_user()));
}

#[tokio::test]
async fn a_channel_without_the_app_tells_only_of_mentions() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    app.slack.kick_bot("#general");
    app.slack.post("ana", "#general", "hi").await;
    let thread = app.slack.mention("ana", "#general", "help").await;
    thread.reply("ana", "anybody?").await;
    let kinds: Vec<_> = door.events().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds, ["app_mention"]);
    app.slack.invite_bot("ana", "#general");
    app.slack.settled().await;
    assert_eq!(door.events()[1]["type"], "member_joined_channel");
}

#[tokio::test]
async fn an_address_is_verified_and_other_events_are_sent_as_they_are() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    app.slack.verify_url("abc").await.unwrap();
    assert_eq!(door.all()[0].json()["challenge"], "abc");
    app.slack.send_event(json!({"type": "app_uninstalled"})).await;
    assert_eq!(door.events()[1], json!({"type": "app_uninstalled"}));
    app.slack.post_signed("null").await.unwrap();
    assert_eq!(door.all()[2].body, "null");
}

#[tokio::test]
async fn files_broadcasts_and_me_messages_have_their_subtypes() {
    let app = App::start().await;
    let door = Door::open(&app.slack).await;
    let thread = app.slack.dm("ana", Saying::from("see").with_file("a.pdf")).await;
    thread.reply("ana", Saying::from("all").also_to_channel()).await;
    thread.reply("ana", Saying::from("waves").as_me()).await;
    let events = door.events();
    let kinds: Vec<_> = events.iter().map(|event| event["subtype"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["file_share", "thread_broadcast", "me_message"]);
    assert_eq!(events[0]["files"][0]["name"], "a.pdf");
    assert_eq!(events[1]["root"]["ts"], json!(thread.root()));
}
