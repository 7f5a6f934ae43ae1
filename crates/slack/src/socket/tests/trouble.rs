//! Getting a link when Slack, the network or the app's settings are in the way.

use std::time::Duration;

use serde_json::json;

use super::fake::{Opening, Rig};
use crate::socket::{SocketError, pulse::HELLO_WAIT_MAX, stage::End};

fn refused(error: &str) -> Opening {
    (200, None, json!({ "ok": false, "error": error }).to_string())
}

#[tokio::test]
async fn what_only_a_person_can_put_right_ends_the_run() {
    for code in ["not_authed", "invalid_auth", "account_inactive", "user_removed_from_team", "team_disabled"] {
        let error = Rig::answering([refused(code)]).await.ended().await.unwrap_err();
        assert!(matches!(&error, SocketError::Refused { code: found } if found == code), "{error}");
    }
}

#[tokio::test]
async fn socket_mode_switched_off_ends_the_run() {
    let off = json!({ "type": "disconnect", "reason": "link_disabled" });
    let mut rig = Rig::new().await;
    rig.linked().await.send(off.clone()).await;
    assert!(matches!(rig.ended().await.unwrap_err(), SocketError::Disabled));
    let mut rig = Rig::new().await;
    rig.connection().await.send(off).await;
    assert!(matches!(rig.ended().await.unwrap_err(), SocketError::Disabled), "also in place of hello");
}

#[tokio::test]
async fn a_token_or_address_that_cannot_be_used_is_said_without_the_token() {
    use std::sync::Arc;

    use chathakase_sim::ManualClock;
    use tokio_util::sync::CancellationToken;

    use crate::{
        payload::{Delivery, Inbox, NotStored},
        socket::{SocketConfig, SocketMode},
    };

    struct Nobody;
    #[async_trait::async_trait]
    impl Inbox for Nobody {
        async fn deliver(&self, _: Delivery) -> Result<(), NotStored> {
            Ok(())
        }
    }
    for (app_token, api_base) in [("xapp-\nsecret", "http://127.0.0.1:1/api"), ("xapp-secret", "slack.com")] {
        let config = SocketConfig { api_base: api_base.to_owned(), ..SocketConfig::new(app_token.into()) };
        let client = SocketMode::new(config, Arc::new(ManualClock::new()), Arc::new(Nobody));
        assert!(!format!("{client:?}").contains("secret"));
        let error = client.run(CancellationToken::new()).await.unwrap_err();
        assert!(matches!(error, SocketError::Setup(_)) && !format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[tokio::test]
async fn trouble_that_passes_is_waited_out() {
    for opening in [
        refused("internal_error"),
        refused("invented_in_2030"),
        (500, None, String::new()),
        (502, None, "<html>Bad Gateway</html>".to_owned()),
        (200, None, "<html>sign in to the hotel's network</html>".to_owned()),
        (200, None, "null".to_owned()),
        (200, None, r#"{"ok":true}"#.to_owned()),
        (200, None, r#"{"ok":true,"url":5}"#.to_owned()),
        (200, None, r#"{"ok":true,"url":"not an address"}"#.to_owned()),
        (200, None, r#"{"ok":true,"url":"https://127.0.0.1:1/"}"#.to_owned()),
        (200, None, r#"{"ok":true,"url":"ws://127.0.0.1:1/"}"#.to_owned()),
    ] {
        let mut rig = Rig::answering([opening.clone()]).await;
        let mut slack = rig.linked().await;
        slack.event("1").await;
        rig.delivery().await.stored();
        assert_eq!(slack.acknowledged().await, "1", "after {opening:?}");
    }
}

#[tokio::test]
async fn the_first_retry_is_at_once_and_the_next_ones_wait_longer() {
    let mut rig = Rig::answering(vec![refused("internal_error"); 4]).await;
    let second = Duration::from_secs(1);
    for full in [second, second * 2, second * 4] {
        let wait = rig.pass_backoff().await;
        assert!((full / 2..=full).contains(&wait), "{wait:?} of {full:?}");
        assert!(rig.health.report().last_trouble.unwrap().contains("internal_error"));
    }
    rig.linked().await;
    rig.until(|report| report.links == 1 && report.last_trouble.is_none()).await;
}

#[tokio::test]
async fn chance_takes_up_to_half_of_each_wait_away() {
    for (random, share) in [((|| 0.0) as fn() -> f64, 1.0), (|| 0.4, 0.8), (|| 1.0, 0.5)] {
        let rig = Rig::with_chance(random, vec![refused("internal_error"); 4]).await;
        for full in [1, 2, 4].map(Duration::from_secs) {
            assert_eq!(rig.pass_backoff().await, full.mul_f64(share));
        }
    }
}

#[tokio::test]
async fn slack_says_how_long_to_wait() {
    let busy = || (429, Some("7"), r#"{"ok":false,"error":"ratelimited"}"#.to_owned());
    let mut rig = Rig::answering([busy(), busy()]).await;
    for _ in 0..2 {
        rig.clock.pass_sleep(Duration::from_secs(7)..=Duration::from_secs(7)).await;
    }
    rig.linked().await;
}

#[tokio::test]
async fn a_link_that_breaks_is_replaced_at_once_and_a_second_time_later() {
    let mut rig = Rig::new().await;
    let first = rig.linked().await;
    rig.until(|report| report.links == 1).await;
    drop(first);
    let second = rig.linked().await;
    rig.until(|report| report.links == 1 && report.reconnects == 1).await;
    drop(second);
    assert!(rig.pass_backoff().await <= Duration::from_secs(1));
    let mut third = rig.linked().await;
    rig.until(|report| report.links == 1 && report.reconnects == 2).await;
    // After a good while the next break is the first again.
    for _ in 0..6 {
        rig.clock.advance(Duration::from_secs(5));
        third.hello().await;
        let now = chathakase_session::Clock::now(&rig.clock);
        rig.until(|report| report.last_frame_at == Some(now)).await;
    }
    drop(third);
    rig.linked().await;
}

#[tokio::test]
async fn without_hello_another_link_is_tried() {
    let mut rig = Rig::new().await;
    let mut mute = rig.connection().await;
    // Pings alone are no hello.
    futures_util::SinkExt::send(&mut mute.socket, tokio_tungstenite::tungstenite::Message::Ping("".into()))
        .await
        .unwrap();
    rig.until(|report| report.last_frame_at.is_some()).await;
    rig.clock.pass_sleep(HELLO_WAIT_MAX..=HELLO_WAIT_MAX).await;
    rig.until(|report| report.last_trouble.as_ref() == Some(&End::NoHello.to_string())).await;
    rig.linked().await;
    rig.until(|report| report.links == 1).await;
}

#[tokio::test]
async fn an_event_before_hello_is_as_good_as_hello() {
    let mut rig = Rig::new().await;
    let mut slack = rig.connection().await;
    slack.event("1").await;
    rig.delivery().await.stored();
    assert_eq!(slack.acknowledged().await, "1");
    rig.until(|report| report.links == 1).await;
}

#[tokio::test]
async fn a_frame_that_is_too_large_costs_its_link_only() {
    let mut rig = Rig::new().await;
    let mut slack = rig.linked().await;
    let large = " ".repeat(crate::socket::open::FRAME_BYTES_MAX + 1);
    // The client hangs up in the middle of it.
    let sent = futures_util::SinkExt::send(&mut slack.socket, large.into()).await;
    drop(sent);
    let mut next = rig.linked().await;
    next.event("1").await;
    rig.delivery().await.stored();
    assert_eq!(next.acknowledged().await, "1");
}

#[tokio::test]
async fn what_the_inbox_began_is_finished_without_the_link() {
    let mut rig = Rig::new().await;
    let mut slack = rig.linked().await;
    slack.event("1").await;
    let held = rig.delivery().await;
    drop(slack);
    let _next = rig.linked().await;
    rig.until(|report| report.reconnects == 1).await;
    // Would fail if the delivery had been dropped with its link.
    held.stored();
}
