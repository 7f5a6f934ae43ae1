//! What happens on a link, and from one link to the next.

use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::fake::Rig;
use crate::{
    payload::{COMMAND_HINT, Event},
    socket::{
        link::{IN_FLIGHT_MAX, LINGER_MAX},
        pulse::PING_AFTER,
    },
};

#[tokio::test]
async fn an_event_is_acknowledged_after_it_is_stored() {
    let mut rig = Rig::new().await;
    let mut slack = rig.linked().await;
    slack.event("1").await;
    let held = rig.delivery().await;
    assert!(matches!(&held.delivery.event, Event::Message(post) if post.text == "hi"));
    // What is acknowledged at once overtakes it: so far it was not acknowledged.
    slack.send(json!({ "type": "interactive", "envelope_id": "button", "payload": {} })).await;
    assert_eq!(slack.acknowledged().await, "button");
    held.stored();
    assert_eq!(slack.acknowledged().await, "1");
}

#[tokio::test]
async fn acknowledgements_go_out_as_the_inbox_finishes() {
    let mut rig = Rig::new().await;
    let mut slack = rig.linked().await;
    let mut held = Vec::new();
    for id in ["1", "2", "3"] {
        slack.event(id).await;
        held.push(rig.delivery().await);
    }
    for id in ["3", "1", "2"] {
        let at = held.iter().position(|held| held.id() == id).unwrap();
        held.remove(at).stored();
        assert_eq!(slack.acknowledged().await, id);
    }
}

#[tokio::test]
async fn the_inbox_sees_events_in_the_order_of_arrival_and_not_too_many_at_once() {
    let mut rig = Rig::new().await;
    let mut slack = rig.linked().await;
    let ids: Vec<String> = (0..IN_FLIGHT_MAX + 50).map(|n| n.to_string()).collect();
    for id in &ids {
        slack.event(id).await;
    }
    let mut held = Vec::new();
    for id in &ids[..IN_FLIGHT_MAX] {
        held.push(rig.delivery().await);
        assert_eq!(held.last().unwrap().id(), id);
    }
    // A full inbox is not a dead link, however long it takes.
    for _ in 0..5 {
        rig.clock.pass_sleep(PING_AFTER..=PING_AFTER).await;
    }
    assert!(!rig.has_delivery(), "the inbox was given more than it can hold");
    held.remove(0).stored();
    assert_eq!(rig.delivery().await.id(), ids[IN_FLIGHT_MAX]);
    assert_eq!(slack.acknowledged().await, "0");
}

#[tokio::test]
async fn what_was_not_stored_is_not_acknowledged() {
    let mut rig = Rig::new().await;
    let mut slack = rig.linked().await;
    for id in ["full", "panic", "good"] {
        slack.event(id).await;
    }
    rig.delivery().await.not_stored();
    drop(rig.delivery().await);
    rig.until(|report| report.not_stored == 2).await;
    rig.delivery().await.stored();
    assert_eq!(slack.acknowledged().await, "good", "and the link lives on");
}

#[tokio::test]
async fn whatever_has_an_id_is_acknowledged() {
    let mut rig = Rig::new().await;
    let mut slack = rig.linked().await;
    for frame in [
        json!({ "type": "interactive", "envelope_id": "1", "payload": { "type": "block_actions", "team": null,
            "container": { "type": "function_message" } } }),
        json!({ "type": "slash_commands", "envelope_id": "2" }),
        json!({ "type": "invented_in_2030", "envelope_id": "3" }),
        json!({ "envelope_id": "4" }),
        json!({ "type": "hello", "envelope_id": "5" }),
        json!({ "type": "events_api", "envelope_id": "6", "payload": null }),
        json!({ "type": "events_api", "envelope_id": "7", "payload": { "type": "event_callback", "event": {} } }),
        json!({ "type": 7, "envelope_id": "8\"\n" }),
    ] {
        slack.send(frame.clone()).await;
        assert_eq!(json!(slack.acknowledged().await), frame["envelope_id"]);
    }
    slack.send(json!({ "type": "slash_commands", "envelope_id": "9", "accepts_response_payload": true })).await;
    assert_eq!(
        slack.next().await,
        json!({ "envelope_id": "9", "payload": { "response_type": "ephemeral", "text": COMMAND_HINT } })
    );
    assert!(!rig.has_delivery());
}

#[tokio::test]
async fn frames_of_no_use_do_no_harm() {
    let mut rig = Rig::new().await;
    let mut slack = rig.linked().await;
    for frame in ["", "null", "[]", "{", "{}", "\u{0}", "{\"type\":\"goodbye\"}", "{\"type\":\"hello\"}"] {
        slack.send_text(frame).await;
    }
    slack.send_text(&"[".repeat(1_000_000)).await;
    slack.event("1").await;
    rig.delivery().await.stored();
    assert_eq!(slack.acknowledged().await, "1");
    assert_eq!((rig.health.report().links, rig.health.report().reconnects), (1, 0));
}

#[tokio::test]
async fn before_slack_closes_a_link_the_next_one_is_up() {
    for disconnect in [
        json!({ "type": "disconnect", "reason": "warning", "debug_info": { "host": "applink-1" } }),
        json!({ "type": "disconnect", "reason": "refresh_requested" }),
        json!({ "type": "disconnect", "reason": "too_many_websockets" }),
        json!({ "type": "disconnect" }),
    ] {
        let mut rig = Rig::new().await;
        let mut old = rig.linked().await;
        let since = {
            rig.until(|report| report.links == 1).await;
            rig.health.report().connected_since
        };
        old.event("1").await;
        let slow = rig.delivery().await;
        old.send(disconnect).await;
        let mut new = rig.connection().await;
        // Until hello the old link is all there is.
        old.event("2").await;
        rig.delivery().await.stored();
        assert_eq!(old.acknowledged().await, "2");
        new.hello().await;
        rig.until(|report| report.links == 2).await;
        new.event("3").await;
        rig.delivery().await.stored();
        assert_eq!(new.acknowledged().await, "3");
        // What came on the old link is acknowledged there, also now.
        slow.stored();
        assert_eq!(old.acknowledged().await, "1");
        rig.clock.pass_sleep(LINGER_MAX..=LINGER_MAX).await;
        old.closed().await;
        rig.until(|report| report.links == 1).await;
        let report = rig.health.report();
        assert_eq!((report.reconnects, report.connected_since), (1, since), "no gap was seen");
        new.event("4").await;
        rig.delivery().await.stored();
        assert_eq!(new.acknowledged().await, "4");
    }
}

#[tokio::test]
async fn a_link_that_is_turned_away_does_not_replace_the_old_one() {
    let mut rig = Rig::new().await;
    let mut old = rig.linked().await;
    rig.until(|report| report.links == 1).await;
    old.send(json!({ "type": "disconnect", "reason": "warning" })).await;
    rig.connection().await.send(json!({ "type": "disconnect", "reason": "too_many_websockets" })).await;
    rig.until(|report| report.last_trouble.is_some()).await;
    // The end of the overlap is never waited for: the old link is still all there is.
    assert!(rig.clock.pass_sleep_now(LINGER_MAX..=LINGER_MAX).is_none());
    old.event("1").await;
    rig.delivery().await.stored();
    assert_eq!(old.acknowledged().await, "1");
    rig.pass_backoff().await;
    rig.linked().await;
    rig.until(|report| report.links == 2).await;
}

#[tokio::test]
async fn a_quiet_link_is_pinged_and_stays() {
    let mut rig = Rig::new().await;
    let mut slack = rig.linked().await;
    rig.until(|report| report.links == 1).await;
    for _ in 0..6 {
        let before = rig.health.report().last_frame_at;
        rig.clock.pass_sleep(PING_AFTER..=PING_AFTER).await;
        let ping = futures_util::StreamExt::next(&mut slack.socket).await.unwrap().unwrap();
        assert!(matches!(ping, Message::Ping(_)), "{ping:?}");
        futures_util::SinkExt::flush(&mut slack.socket).await.unwrap();
        rig.until(|report| report.last_frame_at > before).await;
    }
    assert!(!rig.has_connection());
}

#[tokio::test]
async fn a_dead_link_is_replaced() {
    let mut rig = Rig::new().await;
    let dead = rig.linked().await;
    rig.until(|report| report.links == 1).await;
    for _ in 0..3 {
        assert!(!rig.has_connection());
        rig.clock.pass_sleep(PING_AFTER..=PING_AFTER).await;
    }
    let mut new = rig.linked().await;
    new.event("1").await;
    rig.delivery().await.stored();
    assert_eq!(new.acknowledged().await, "1");
    drop(dead);
}

#[tokio::test]
async fn at_the_end_what_is_under_way_is_acknowledged() {
    let mut rig = Rig::new().await;
    let mut slack = rig.linked().await;
    slack.event("1").await;
    let held = rig.delivery().await;
    rig.stop.cancel();
    slack.event("too late").await;
    held.stored();
    assert_eq!(slack.acknowledged().await, "1");
    assert!(!rig.has_delivery(), "nothing new is begun");
    slack.closed().await;
    rig.ended().await.unwrap();
}

#[tokio::test]
async fn the_end_does_not_wait_for_a_slack_that_is_gone() {
    let mut rig = Rig::new().await;
    let slack = rig.linked().await;
    rig.until(|report| report.links == 1).await;
    rig.stop.cancel();
    // Slack's end neither reads nor closes.
    rig.clock.pass_sleep(Duration::from_secs(2)..=Duration::from_secs(2)).await;
    rig.ended().await.unwrap();
    drop(slack);
}
