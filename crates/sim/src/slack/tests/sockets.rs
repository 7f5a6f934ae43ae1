//! Socket Mode: tickets, envelopes, acknowledgements, connections that end.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use super::app::App;
use crate::{
    clock::ManualClock,
    slack::{Fate, Options, Transport},
};

/// A socket, without its hello.
struct Link(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Link {
    async fn open(app: &App) -> Self {
        let mut link = Self::connect(&url(app).await).await.unwrap();
        assert_eq!(link.frame().await.unwrap()["type"], "hello");
        link
    }

    async fn connect(url: &str) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        connect_async(url).await.map(|(stream, _)| Self(stream))
    }

    /// The next frame with JSON; none when the connection is over.
    async fn frame(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    async fn ack(&mut self, envelope: &Value) {
        let ack = json!({"envelope_id": envelope["envelope_id"]}).to_string();
        self.0.send(Message::text(ack)).await.unwrap();
    }
}

async fn url(app: &App) -> String {
    let opened = app.ask_as(app.slack.app_token(), "apps.connections.open", json!({})).await.body;
    opened["url"].as_str().unwrap().to_owned()
}

/// Says something that only the socket of the caller can take; does not wait for it to be taken.
fn say(app: &App, text: &str) -> tokio::task::JoinHandle<crate::slack::Thread> {
    let (slack, text) = (app.slack.clone(), text.to_owned());
    tokio::spawn(async move { slack.dm("ana", text).await })
}

const THREE: Duration = Duration::from_secs(3);
const TEN: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn an_address_opens_one_connection_and_not_for_long() {
    let app = App::socket().await;
    let address = url(&app).await;
    let mut link = Link::connect(&address).await.unwrap();
    let hello = link.frame().await.unwrap();
    assert_eq!((&hello["type"], &hello["num_connections"]), (&json!("hello"), &json!(1)));
    assert_eq!(hello["connection_info"], json!({"app_id": "A0000001"}));
    assert_eq!(hello["debug_info"]["build_number"], 1);
    assert!(Link::connect(&address).await.is_err(), "a ticket is used once");
    let late = url(&app).await;
    app.clock.advance(Duration::from_secs(30));
    assert!(Link::connect(&late).await.is_err(), "a ticket does not last");
    assert_eq!(app.slack.connections(), 1);
}

#[tokio::test]
async fn an_event_comes_in_an_envelope_and_is_acknowledged() {
    let app = App::socket().await;
    let mut link = Link::open(&app).await;
    let said = say(&app, "hi");
    let envelope = link.frame().await.unwrap();
    assert_eq!((&envelope["type"], &envelope["retry_attempt"]), (&json!("events_api"), &json!(0)));
    assert_eq!((&envelope["accepts_response_payload"], &envelope["retry_reason"]), (&json!(false), &json!("")));
    assert_eq!(envelope["payload"]["event"]["text"], "hi");
    assert!(!said.is_finished(), "it waits for the acknowledgement");
    link.ack(&envelope).await;
    said.await.unwrap();
    assert_eq!(app.slack.events()[0].fate, Fate::Acknowledged);
}

#[tokio::test]
async fn an_unacknowledged_envelope_comes_again_on_another_connection() {
    let app = App::socket().await;
    let (mut one, mut two) = (Link::open(&app).await, Link::open(&app).await);
    let said = say(&app, "hi");
    let first = one.frame().await.unwrap();
    app.clock.pass_sleep(THREE..=THREE).await;
    let second = two.frame().await.unwrap();
    assert_eq!((&second["retry_attempt"], &second["retry_reason"]), (&json!(1), &json!("http_timeout")));
    assert_eq!(first["payload"], second["payload"]);
    assert_ne!(first["envelope_id"], second["envelope_id"]);
    two.ack(&second).await;
    said.await.unwrap();
    app.slack.settled().await;
    assert_eq!(app.slack.events()[0].tries, 2);
}

#[tokio::test]
async fn an_envelope_on_a_connection_that_ends_comes_again_at_once() {
    let app = App::socket().await;
    let mut link = Link::open(&app).await;
    let said = say(&app, "hi");
    link.frame().await.unwrap();
    app.slack.drop_sockets();
    assert_eq!(link.frame().await, None);
    said.await.unwrap();
    app.slack.connected(0).await;
    let mut link = Link::open(&app).await;
    let envelope = link.frame().await.unwrap();
    assert_eq!(envelope["retry_attempt"], 1);
    link.ack(&envelope).await;
    app.slack.settled().await;
}

#[tokio::test]
async fn each_payload_goes_to_one_of_the_connections() {
    let app = App::socket().await;
    let (mut one, mut two) = (Link::open(&app).await, Link::open(&app).await);
    let said = [say(&app, "a"), say(&app, "b")];
    let (first, second) = (one.frame().await.unwrap(), two.frame().await.unwrap());
    assert_ne!(first["payload"]["event_id"], second["payload"]["event_id"]);
    one.ack(&first).await;
    two.ack(&second).await;
    for said in said {
        said.await.unwrap();
    }
}

#[tokio::test]
async fn ten_connections_are_all_there_are() {
    let app = App::socket().await;
    let mut links = Vec::new();
    for _ in 0..10 {
        links.push(Link::open(&app).await);
    }
    let mut eleventh = Link::connect(&url(&app).await).await.unwrap();
    let frame = eleventh.frame().await.unwrap();
    assert_eq!((&frame["type"], &frame["reason"]), (&json!("disconnect"), &json!("too_many_websockets")));
    assert_eq!((eleventh.frame().await, app.slack.connections()), (None, 10));
}

#[tokio::test]
async fn a_connection_that_is_told_to_go_ends_ten_seconds_later_and_gets_nothing_new() {
    let app = App::socket().await;
    let mut old = Link::open(&app).await;
    app.slack.send_disconnect("refresh_requested");
    let frame = old.frame().await.unwrap();
    assert_eq!((&frame["type"], &frame["reason"]), (&json!("disconnect"), &json!("refresh_requested")));
    let mut new = Link::open(&app).await;
    for text in ["a", "b"] {
        let said = say(&app, text);
        let envelope = new.frame().await.unwrap();
        new.ack(&envelope).await;
        said.await.unwrap();
    }
    app.clock.advance(TEN);
    assert_eq!(old.frame().await, None);
    app.slack.connected(1).await;
}

#[tokio::test]
async fn a_connection_lasts_an_hour_or_a_short_while_and_warns_before_it_ends() {
    for (more, life) in [("", 3600), ("&debug_reconnects=true", 360)] {
        let app = App::socket().await;
        let mut link = Link::connect(&format!("{}{more}", url(&app).await)).await.unwrap();
        assert_eq!(link.frame().await.unwrap()["debug_info"]["approximate_connection_time"], life);
        app.clock.advance(Duration::from_secs(life - 10));
        assert_eq!(link.frame().await.unwrap()["reason"], "warning");
        app.clock.pass_sleep(TEN..=TEN).await;
        assert_eq!(link.frame().await, None);
    }
}

#[tokio::test]
async fn pings_come_every_ten_seconds_and_are_answered() {
    let app = App::socket().await;
    let mut link = Link::open(&app).await;
    app.clock.pass_sleep(TEN..=TEN).await;
    assert!(matches!(link.0.next().await, Some(Ok(Message::Ping(_)))));
    link.0.send(Message::Ping("are you there?".into())).await.unwrap();
    assert_eq!(link.0.next().await.unwrap().unwrap(), Message::Pong("are you there?".into()));
}

#[tokio::test]
async fn on_a_dead_connection_nothing_comes_and_no_ping_is_answered() {
    let app = App::socket().await;
    let mut link = Link::open(&app).await;
    app.slack.silence_sockets();
    assert_eq!(app.slack.connections(), 0);
    link.0.send(Message::Ping("are you there?".into())).await.unwrap();
    let said = say(&app, "hi");
    app.clock.pass_sleep(THREE..=THREE).await;
    said.await.unwrap();
    // Slack finds out: the connection is over, and nothing came over it before.
    app.clock.pass_sleep(MINUTE..=MINUTE).await;
    assert!(matches!(link.0.next().await, None | Some(Err(_))));
    let mut link = Link::open(&app).await;
    let envelope = link.frame().await.unwrap();
    assert_eq!(envelope["payload"]["event"]["text"], "hi");
    link.ack(&envelope).await;
    app.slack.settled().await;
}

#[tokio::test]
async fn what_happens_while_nobody_is_connected_waits_or_is_lost() {
    for lost in [false, true] {
        let clock = ManualClock::new();
        let options = Options {
            clock: Arc::new(clock.clone()),
            transport: Transport::Socket,
            lost_while_disconnected: lost,
            ..Options::default()
        };
        let app = App::with(options, clock).await;
        app.slack.dm("ana", "hi").await;
        let mut link = Link::open(&app).await;
        if lost {
            app.slack.settled().await;
            assert_eq!(app.slack.events()[0].fate, Fate::GivenUp);
        } else {
            let envelope = link.frame().await.unwrap();
            assert_eq!(envelope["payload"]["event"]["text"], "hi");
            link.ack(&envelope).await;
        }
    }
}

#[tokio::test]
async fn an_event_waits_two_hours_for_a_connection_and_then_never_comes() {
    let app = App::socket().await;
    app.slack.dm("ana", "hi").await;
    let two_hours = Duration::from_hours(2);
    app.clock.pass_sleep(two_hours..=two_hours).await;
    app.slack.settled().await;
    assert_eq!(app.slack.events()[0].fate, Fate::GivenUp);
}
