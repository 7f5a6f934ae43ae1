//! Requests that Slack would never send: each is refused or passed over, and costs nobody anything.

use chathakase_sim::slack::{Thread, Transport::Http};

use crate::{
    knock::{Door, EVENTS, Headers},
    stage::{Serving, Stage},
};

/// Words that no log may ever show.
const PLANTED: &str = "planted-words-of-a-stranger";

/// A person's thread with a first answer, before the odd requests come.
async fn before(stage: &Stage) -> (Serving, Thread) {
    stage.openai.answers("Noted, Ana.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "I like tea").await;
    thread.finishes("Noted, Ana.").await;
    (serving, thread)
}

/// The same thread goes on as if nothing had been.
async fn after(stage: &Stage, mut serving: Serving, thread: &Thread) {
    assert!(serving.program.is_alive());
    assert_eq!((serving.door.healthz().await.status, &*serving.door.healthz().await.body), (200, "ok\n"));
    let asked = stage.openai.requests_seen();
    stage.openai.answers("Tea.");
    thread.reply("ana", "what do I like?").await;
    thread.finishes("Tea.").await;
    assert_eq!(stage.openai.requests_seen(), asked + 1, "nobody else asked anything");
    stage.openai.last_request().heard(["I like tea", "Noted, Ana.", "what do I like?"]);
    stage.ends_with(serving, thread, &["Noted, Ana.", "Tea."]).await;
}

fn mention(ts: &str) -> String {
    format!(
        r#"{{"type":"event_callback","team_id":"T0000002","api_app_id":"A1","event_id":"Ev1","event":{{"type":"app_mention",
           "channel":"C1","user":"U1","text":"<@U0000004> {PLANTED}","ts":"{ts}"}}}}"#
    )
}

#[tokio::test]
async fn what_slack_did_not_sign_is_refused() {
    let stage = Stage::new(Http).await;
    let (serving, thread) = before(&stage).await;
    let door = &serving.door;
    let (body, now) = (mention("1700000000.000100"), Door::now());
    let right = door.headers(&now.to_string(), body.as_bytes());
    let signed_at = |at: String| door.headers(&at, body.as_bytes());
    let with = |name: &str, value: &[u8]| changed(&right, name, value);
    let without =
        |name: &str| right.iter().filter(|(header, _)| header != name.as_bytes()).cloned().collect::<Headers>();
    let twice = |name: &str| {
        [right.clone(), right.iter().filter(|(header, _)| header == name.as_bytes()).cloned().collect()].concat()
    };
    let (stamp, sign) = ("x-slack-request-timestamp", "x-slack-signature");
    let other = Door::new("127.0.0.1:1".parse().unwrap(), "another secret").headers(&now.to_string(), body.as_bytes());
    let refused: Vec<(&str, Headers, u16)> = vec![
        ("no header at all", Vec::new(), 401),
        ("no signature", without(sign), 401),
        ("no timestamp", without(stamp), 401),
        ("a signature with another secret", other, 401),
        ("a signature of another body", door.headers(&now.to_string(), b"{}"), 401),
        ("an empty signature", with(sign, b""), 401),
        ("an empty timestamp", with(stamp, b""), 401),
        ("half a signature", with(sign, b"v0=30cd036a1aa3547d"), 401),
        ("a later version's signature", with(sign, format!("v1={}", "0".repeat(64)).as_bytes()), 401),
        ("a signature that is not ASCII", with(sign, "v0=ßßß🫖".as_bytes()), 401),
        ("a signature that is not even text", with(sign, &[0xff, 0xfe, 0x80]), 401),
        ("digits of another script", with(stamp, "١٧٠٠٠٠٠٠٠٠".as_bytes()), 401),
        ("a long signature", with(sign, &[b'a'; 8_000]), 401),
        ("a huge signature", with(sign, &vec![b'a'; 1_000_000]), 431),
        ("two signatures", twice(sign), 401),
        ("two timestamps", twice(stamp), 401),
        ("a thousand headers", (0..1_000).map(|n| (format!("x-{n}").into_bytes(), b"1".to_vec())).collect(), 431),
        ("a NUL in a header", with(sign, b"v0=\0"), 400),
        ("301 s old", signed_at((now - 302).to_string()), 401),
        ("from 1970", signed_at("0".to_owned()), 401),
        ("from the future", signed_at((now + 330).to_string()), 401),
        ("from before 1970", signed_at("-1".to_owned()), 401),
        ("a fraction of a second", signed_at(format!("{now}.5")), 401),
        ("too many digits", signed_at("9".repeat(30)), 401),
        ("a word", signed_at("now".to_owned()), 401),
    ];
    for (what, headers, status) in refused {
        let answer = door.post(EVENTS, &headers, body.as_bytes()).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
    }
    let secret = stage.slack.signing_secret().to_owned();
    let said = serving.program.said();
    assert!(!said.contains(PLANTED) && !said.contains(&secret), "{said}");
    assert_eq!(door.post(EVENTS, &right, body.replace("app_mention", "other_thing").as_bytes()).await.status, 401);
    after(&stage, serving, &thread).await;
}

#[tokio::test]
async fn with_a_wrong_signing_secret_the_page_says_that_requests_were_refused() {
    let mut stage = Stage::new(Http).await;
    stage.set("SLACK_SIGNING_SECRET", "of-another-app");
    let serving = stage.serve().await;
    for n in 0..4 {
        let answer = serving.door.signed(mention(&format!("1700000000.00010{n}")).as_bytes()).await;
        assert_eq!(answer.status, 401, "{}", answer.body);
    }
    let ready: serde_json::Value = serde_json::from_str(&serving.door.get("/readyz").await.body).unwrap();
    let link = &ready["parts"]["slack_link"];
    let says = link["says"].as_str().unwrap();
    assert!(says.starts_with("no event has come yet, and 4 requests were refused for their signature"), "{link}");
    assert!(link["next_step"].as_str().unwrap().contains("copy the signing secret again"), "{link}");
    serving.ends().await;
}

fn changed(headers: &Headers, name: &str, value: &[u8]) -> Headers {
    let change = |(header, old): &(Vec<u8>, Vec<u8>)| {
        (header.clone(), if header == name.as_bytes() { value.to_vec() } else { old.clone() })
    };
    headers.iter().map(change).collect()
}

#[tokio::test]
async fn nonsense_with_a_right_signature_is_refused_or_passed_over() {
    let stage = Stage::new(Http).await;
    let (serving, thread) = before(&stage).await;
    for (what, body, status) in nonsense() {
        let answer = serving.door.signed(&body).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        assert!(!answer.body.contains(PLANTED), "{what}: {}", answer.body);
    }
    let said = serving.program.said();
    assert!(!said.contains(PLANTED), "{said}");
    after(&stage, serving, &thread).await;
}

#[rustfmt::skip]
fn nonsense() -> Vec<(&'static str, Vec<u8>, u16)> {
    let text = |text: &str| text.as_bytes().to_vec();
    let event = |inner: &str| text(&format!(r#"{{"type":"event_callback","team_id":"T0000002","event_id":"Ev2","event":{inner}}}"#));
    let whole = mention("1700000000.000200");
    let deep = "[".repeat(100_000);
    let (deep_end, utf16) = ("]".repeat(100_000), whole.encode_utf16().flat_map(u16::to_le_bytes).collect());
    vec![
        ("10 MB", format!(r#"{{"text":"{}"}}"#, PLANTED.repeat(400_000)).into_bytes(), 413),
        ("a byte too much", vec![b' '; (1 << 20) + 1], 413),
        ("nothing", Vec::new(), 400),
        ("broken off", text(&whole[..whole.len() - 3]), 400),
        ("more behind the end", text(&format!("{whole}{whole}")), 400),
        ("null", text("null"), 400),
        ("a number", text("5"), 400),
        ("a list", text("[]"), 400),
        ("a text", text(&format!("\"{PLANTED}\"")), 400),
        ("an empty object", text("{}"), 400),
        ("a form", text("payload=%7B%7D"), 400),
        ("invalid UTF-8", [whole.as_bytes(), &[0xff, 0xfe]].concat(), 400),
        ("UTF-16", utf16, 400),
        ("100,000 open brackets", text(&deep), 400),
        ("100,000 closed brackets", text(&format!("{deep}{deep_end}")), 400),
        ("100,000 open braces", text(&r#"{"a":"#.repeat(100_000)), 400),
        ("brackets in a field nobody needs", event(&format!(r#"{{"type":"message","blocks":{deep}{deep_end}}}"#)), 400),
        ("an unknown kind of payload", text(r#"{"type":"something_new","team_id":"T0000002"}"#), 200),
        ("an unknown kind of event", event(r#"{"type":"something_new","user":5}"#), 200),
        ("an event that is null", event("null"), 400),
        ("an event that is a list", event("[1,2]"), 400),
        ("an event without anything", event("{}"), 400),
        ("a message without anything", event(r#"{"type":"message"}"#), 400),
        ("every type wrong", text(r#"{"type":1,"team_id":[],"event_id":{},"authorizations":"x","event":7,"event_time":"now"}"#), 400),
        ("every type of a message wrong", event(r#"{"type":"message","channel":1,"user":{},"text":[],"ts":true,"thread_ts":{},"files":1,"blocks":"x"}"#), 400),
        ("a timestamp that is none", text(&whole.replace("1700000000.000200", "yesterday")), 400),
        ("an unknown subtype", event(&format!(r#"{{"type":"message","subtype":"new","channel":"C1","user":"U1","text":"{PLANTED}","ts":"1700000000.000300"}}"#)), 200),
        ("a change of nothing", event(r#"{"type":"message","subtype":"message_changed","channel":"C1","ts":"1700000000.000400"}"#), 200),
        ("a deletion of something unknown", event(r#"{"type":"message","subtype":"message_deleted","channel":"C1","ts":"1700000000.000500","deleted_ts":"1600000000.000100"}"#), 200),
        ("a challenge that is none", text(r#"{"type":"url_verification","challenge":7}"#), 400),
    ]
}
