use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use chathakase_session::Clock;
use chathakase_sim::ManualClock;
use reqwest::{RequestBuilder, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use super::*;
use crate::payload::{COMMAND_HINT, Event, NotStored};

const MENTION: &str = r#"{"type":"event_callback","team_id":"T1","api_app_id":"A1","event_id":"Ev1",
    "event":{"type":"app_mention","channel":"C1","user":"U1","text":"<@U9> hi","ts":"1700000000.000100"}}"#;

/// An inbox that keeps what comes, and can be told to fail, to panic or to wait.
#[derive(Default)]
struct Kept {
    deliveries: Mutex<Vec<Delivery>>,
    trouble: Mutex<Option<&'static str>>,
    began: Notify,
    go_on: Notify,
    ended: Notify,
    waits: bool,
}

#[async_trait]
impl Inbox for Kept {
    async fn deliver(&self, delivery: Delivery) -> Result<(), NotStored> {
        self.began.notify_one();
        if self.waits {
            self.go_on.notified().await;
        }
        let trouble = self.trouble.lock().unwrap().take();
        match trouble {
            Some("panic") => panic!("a fault of the inbox"),
            Some(trouble) => Err(NotStored::because(trouble)),
            None => {
                self.deliveries.lock().unwrap().push(delivery);
                self.ended.notify_one();
                Ok(())
            }
        }
    }
}

struct Server {
    base: String,
    clock: ManualClock,
    inbox: Arc<Kept>,
    http: reqwest::Client,
}

impl Server {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (clock, inbox) = (ManualClock::new(), Arc::new(Kept::default()));
        let config = EventsConfig::new("secret".into(), Arc::new(clock.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let routes = router(config, Arc::clone(&inbox) as Arc<dyn Inbox>);
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { base, clock, inbox, http: reqwest::Client::new() }
    }

    /// A request as Slack makes it.
    fn slack(&self, path: &str, body: impl AsRef<[u8]>) -> RequestBuilder {
        let at = self.clock.now().as_secs().to_string();
        let signature = signature::sign(&"secret".into(), &at, body.as_ref());
        self.post(path, body).header(signature::TIMESTAMP_HEADER, at).header(signature::SIGNATURE_HEADER, signature)
    }

    fn post(&self, path: &str, body: impl AsRef<[u8]>) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.base)).body(body.as_ref().to_vec())
    }

    fn kept(&self) -> Vec<Delivery> {
        std::mem::take(&mut *self.inbox.deliveries.lock().unwrap())
    }
}

async fn answer(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn a_signed_event_is_kept_and_then_acknowledged() {
    let server = Server::new().await;
    assert_eq!(answer(server.slack("/slack/events", MENTION)).await, (200, String::new()));
    let kept = server.kept();
    assert!(
        matches!(&kept[..], [Delivery { event: Event::Mention(post), retry: None, .. }] if post.text == "<@U9> hi")
    );
}

#[tokio::test]
async fn the_address_proves_itself_by_the_challenge() {
    let server = Server::new().await;
    let body = r#"{"type":"url_verification","challenge":"a\"<b>","token":"x"}"#;
    let response = server.slack("/slack/events", body).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(response.text().await.unwrap(), "a\"<b>");
    assert_eq!(answer(server.post("/slack/events", body)).await.0, 401, "an unsigned one is nobody's");
}

#[tokio::test]
async fn a_retry_says_which_and_why() {
    let server = Server::new().await;
    for (num, reason, expected) in [
        ("1", "http_timeout", Some((1, "http_timeout"))),
        ("3", "", Some((3, ""))),
        ("0", "http_error", None),
        ("many", "http_error", None),
        ("-1", "http_error", None),
    ] {
        let request = server.slack("/slack/events", MENTION);
        let request = request.header(RETRY_NUM_HEADER, num).header(RETRY_REASON_HEADER, reason);
        assert_eq!(answer(request).await.0, 200);
        let retry = server.kept().remove(0).retry;
        assert_eq!(retry.as_ref().map(|retry| (retry.attempt, retry.reason.as_str())), expected, "{num}");
    }
}

#[tokio::test]
async fn what_is_not_signed_by_slack_is_refused() {
    let server = Server::new().await;
    let at = server.clock.now().as_secs().to_string();
    let right = signature::sign(&"secret".into(), &at, MENTION.as_bytes());
    let (time, sign) = (&signature::TIMESTAMP_HEADER, &signature::SIGNATURE_HEADER);
    let plain = || server.post("/slack/events", MENTION);
    for (request, why) in [
        (plain(), "send exactly one X-Slack-Request-Timestamp header"),
        (plain().header(time, &at), "send exactly one X-Slack-Signature header"),
        (plain().header(time, &at).header(sign, &right).header(sign, &right), "send exactly one"),
        (plain().header(time, "soon").header(sign, &right), "not a number of seconds"),
        (plain().header(time, &b"\xff\xfe"[..]).header(sign, &right), "not a number of seconds"),
        (plain().header(time, "1").header(sign, &right), "set the machine's clock"),
        (plain().header(time, &at).header(sign, "v0=1"), "64 hexadecimal digits"),
        (plain().header(time, &at).header(sign, &b"v0=\xe9"[..]), "64 hexadecimal digits"),
        (plain().header(time, &at).header(sign, "x".repeat(9000)), "64 hexadecimal digits"),
        (server.post("/slack/events", "{}").header(time, &at).header(sign, &right), "does not fit"),
    ] {
        let (status, text) = answer(request).await;
        assert_eq!(status, 401, "{text}");
        assert!(text.contains(why) && !text.contains(&right[3..]), "{text}");
    }
    assert!(server.kept().is_empty());
    server.clock.advance(Duration::from_secs(301));
    let old = plain().header(time, &at).header(sign, &right);
    assert_eq!(answer(old).await.0, 401, "the right signature, five minutes later");
}

#[tokio::test]
async fn a_body_of_no_use_is_refused_for_good() {
    let server = Server::new().await;
    let deep = "[".repeat(200_000);
    let deep_event = format!(r#"{{"type":"event_callback","team_id":"T1","event":{}"#, r#"{"event":"#.repeat(100_000));
    for (body, why) in [
        (b"".as_slice(), "not JSON"),
        (b"null", "not an object"),
        (b"5", "not an object"),
        (b"[{}]", "not an object"),
        (b"{\"type\":", "not JSON (line 1, column 8)"),
        (b"{\"type\":\"\xff\"}", "not UTF-8"),
        (deep.as_bytes(), "not an object"),
        (deep_event.as_bytes(), "not JSON"),
        (b"{}", "no usable `type`"),
        (br#"{"type":7}"#, "no usable `type`"),
        (br#"{"type":"url_verification"}"#, "no usable `challenge`"),
        (br#"{"type":"event_callback","event":{"type":"app_home_opened"}}"#, "no usable team id"),
        (br#"{"type":"event_callback","team_id":"T1"}"#, "no usable `event`"),
        (br#"{"type":"event_callback","team_id":"T1","event":null}"#, "no usable `event`"),
        (br#"{"type":"event_callback","team_id":"T1","event":{}}"#, "no usable `event.type`"),
        (br#"{"type":"event_callback","team_id":"T1","event":{"type":"message","ts":"1.000001"}}"#, "`event.channel`"),
        (br#"{"type":"event_callback","team_id":"T1","event":{"type":"message","channel":"C1"}}"#, "`event.ts`"),
    ] {
        let response = server.slack("/slack/events", body).send().await.unwrap();
        assert_eq!(
            response.status(),
            StatusCode::BAD_REQUEST,
            "{}",
            body.escape_ascii().take(60).map(char::from).collect::<String>()
        );
        assert_eq!(response.headers()["x-slack-no-retry"], "1");
        let text = response.text().await.unwrap();
        assert!(text.contains(why), "{text}, not {why}");
    }
    assert!(server.kept().is_empty());
}

#[tokio::test]
async fn ten_megabytes_are_refused_before_anything_is_looked_at() {
    let server = Server::new().await;
    for path in ["/slack/events", "/slack/interactivity", "/slack/commands"] {
        let response = server.post(path, vec![b' '; 10 << 20]).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(response.text().await.unwrap(), "the body is longer than the 1048576 bytes allowed\n");
    }
    let mut fits = MENTION.to_owned();
    fits.extend(std::iter::repeat_n(' ', BODY_BYTES_MAX - MENTION.len()));
    assert_eq!(answer(server.slack("/slack/events", &fits)).await.0, 200);
    fits.push(' ');
    assert_eq!(answer(server.slack("/slack/events", &fits)).await.0, 413);
}

#[tokio::test]
async fn a_body_without_a_length_has_the_same_limit() {
    let server = Server::new().await;
    let chunks = futures_util::stream::iter((0..40).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 16])));
    let request = server.http.post(format!("{}/slack/events", server.base)).body(reqwest::Body::wrap_stream(chunks));
    assert_eq!(answer(request).await.0, 413);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let server = Server::new().await;
    let mut stream = TcpStream::connect(server.base.trim_start_matches("http://")).await.unwrap();
    stream.write_all(b"POST /slack/events HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{").await.unwrap();
    server.clock.pass_sleep(body::BODY_WAIT_MAX..=body::BODY_WAIT_MAX).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn what_could_not_be_stored_is_asked_for_again() {
    let server = Server::new().await;
    for trouble in ["the disk is full", "panic"] {
        *server.inbox.trouble.lock().unwrap() = Some(trouble);
        let response = server.slack("/slack/events", MENTION).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(!response.headers().contains_key("x-slack-no-retry"));
        let text = response.text().await.unwrap();
        assert!(!text.contains(trouble), "the reason is for the log: {text}");
    }
    assert_eq!(answer(server.slack("/slack/events", MENTION)).await.0, 200, "and the door still stands");
}

#[tokio::test]
async fn a_delivery_ends_although_slack_hung_up() {
    let (inbox, door, delivery) = door_with_room_for(1);
    // Hyper drops the handler when the connection closes; here it is dropped by hand, just after the inbox began.
    let mut handler = Box::pin(door.deliver(delivery));
    tokio::select! { _ = &mut handler => panic!("acknowledged before it was kept"), () = inbox.began.notified() => {} }
    drop(handler);
    inbox.go_on.notify_one();
    inbox.ended.notified().await;
    assert_eq!(inbox.deliveries.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn only_slacks_methods_and_paths_are_served() {
    let server = Server::new().await;
    for path in ["/slack/events", "/slack/interactivity", "/slack/commands"] {
        let response = server.http.get(format!("{}{path}", server.base)).send().await.unwrap();
        assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"POST".parse().unwrap()));
    }
    assert_eq!(answer(server.slack("/slack/event", MENTION)).await.0, 404);
}

#[tokio::test]
async fn buttons_commands_and_certificate_checks_are_answered() {
    let server = Server::new().await;
    assert_eq!(answer(server.slack("/slack/interactivity", "payload=%7B%7D")).await, (200, String::new()));
    assert_eq!(answer(server.post("/slack/interactivity", "payload=%7B%7D")).await.0, 401);
    let (status, text) = answer(server.slack("/slack/commands", "command=%2Fask&text=hi")).await;
    let shown: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &shown["response_type"], &shown["text"]), (200, &"ephemeral".into(), &COMMAND_HINT.into()));
    assert_eq!(answer(server.post("/slack/commands", "command=%2Fask")).await.0, 401);
    let probe = server.post("/slack/commands", "token=x&ssl_check=1");
    let form = "application/x-www-form-urlencoded";
    assert_eq!(answer(probe.header("content-type", form)).await, (200, String::new()));
    assert!(server.kept().is_empty());
}

#[tokio::test]
async fn words_that_look_like_a_certificate_check_are_words() {
    let server = Server::new().await;
    let body = MENTION.replace("hi", "why does a&ssl_check=1&b fail?");
    let request = server.slack("/slack/events", body).header("content-type", "application/json");
    assert_eq!(answer(request).await.0, 200);
    assert_eq!(server.kept().len(), 1);
}

#[tokio::test]
async fn more_than_the_inbox_can_hold_is_sent_away() {
    let (inbox, door, delivery) = door_with_room_for(1);
    let first = tokio::spawn({
        let (door, delivery) = (Arc::clone(&door), delivery.clone());
        async move { door.deliver(delivery).await }
    });
    inbox.began.notified().await;
    assert!(matches!(door.deliver(delivery.clone()).await, Answer::Busy));
    inbox.go_on.notify_one();
    assert!(matches!(first.await.unwrap(), Answer::Ack));
    inbox.go_on.notify_one();
    assert!(matches!(door.deliver(delivery).await, Answer::Ack), "its place is free again");
}

/// A door whose inbox waits, and something to bring there.
fn door_with_room_for(room: usize) -> (Arc<Kept>, Arc<Door>, Delivery) {
    let inbox = Arc::new(Kept { waits: true, ..Kept::default() });
    let config = EventsConfig::new("secret".into(), Arc::new(ManualClock::new()));
    let room = Arc::new(Semaphore::new(room));
    let door = Arc::new(Door { config, inbox: Arc::clone(&inbox) as Arc<dyn Inbox>, room });
    match parse_http(MENTION.as_bytes()) {
        Ok(Inbound::Delivery(delivery)) => (inbox, door, *delivery),
        other => panic!("a delivery, not {other:?}"),
    }
}
