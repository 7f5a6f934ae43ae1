use std::{sync::Arc, time::Duration};

use chathakase_session::{ChannelId, SlackTs, UserId, WorkspaceId, time::Clock};
use chathakase_sim::{
    ManualClock,
    slack::{Options, SmallSlack, Transport},
};

use super::{
    Answer, Api, ApiConfig, ApiError, Fate, Metadata, Method, PageRequest, Post, Problem, StreamStart, Style,
    fake::{Canned, Fake},
};

fn channel() -> ChannelId {
    ChannelId::parse("C1").unwrap()
}
fn root() -> SlackTs {
    SlackTs::parse("1700000000.000100").unwrap()
}
fn post<'a>(channel: &'a ChannelId, text: &'a str) -> Post<'a> {
    let metadata = Some(Metadata { turn: "t9", kind: "answer", part: 2, notes: &[] });
    Post { channel, thread_ts: Some(root()), markdown_text: text, metadata }
}

#[tokio::test]
async fn a_post_carries_token_charset_metadata_and_never_unfurls() {
    let fake = Fake::start().await;
    fake.next("chat.postMessage", Canned::Body(r#"{"ok":true,"channel":"C1","ts":"1700000002.000100"}"#.into()));
    let posted = fake.api(&ManualClock::new()).post_message(post(&channel(), "h\u{e9}llo")).await.unwrap();
    assert_eq!(posted.ts.to_string(), "1700000002.000100");
    let call = &fake.calls()[0];
    assert_eq!(call.headers["authorization"], "Bearer xoxb-secret");
    assert_eq!(call.headers["content-type"], "application/json; charset=utf-8");
    let body: serde_json::Value = serde_json::from_str(&call.body).unwrap();
    let wanted = serde_json::json!({
        "channel": "C1", "thread_ts": "1700000000.000100", "markdown_text": "h\u{e9}llo",
        "unfurl_links": false, "unfurl_media": false,
        "metadata": {"event_type": "chathakase_turn", "event_payload": {"turn": "t9", "kind": "answer", "part": 2}},
    });
    assert_eq!(body, wanted);
}

#[tokio::test]
async fn what_reads_travels_as_a_form_and_what_writes_as_json() {
    let fake = Fake::start().await;
    let api = fake.api(&ManualClock::new());
    fake.next(
        "conversations.replies",
        Canned::Body(
            r#"{"ok":true,"messages":[{"ts":"1700000000.000100","text":"hi","metadata":{"event_type":"x","event_payload":{"n":1.50}}},5],
                "has_more":true,"response_metadata":{"next_cursor":"abc="}}"#
                .into(),
        ),
    );
    let request = PageRequest {
        oldest: Some(root()),
        inclusive: Some(true),
        limit: Some(200),
        cursor: Some("a&b"),
        ..PageRequest::default()
    };
    let page = api.conversations_replies(&channel(), root(), request).await.unwrap();
    assert_eq!(page.next_cursor.as_deref(), Some("abc="));
    let [post] = &page.posts[..] else { panic!("{:?}", page.posts) };
    let payload = post.metadata.as_ref().map(|metadata| metadata.event_payload.as_str());
    assert_eq!((post.text.as_str(), payload), ("hi", Some(r#"{"n":1.50}"#)));
    fake.next("conversations.open", Canned::Body(r#"{"ok":true,"channel":{"id":"D7","odd":[]}}"#.into()));
    assert_eq!(api.conversations_open(&UserId::parse("U1").unwrap()).await.unwrap().as_str(), "D7");
    let calls = fake.calls();
    assert_eq!(calls[0].headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(
        calls[0].body,
        "channel=C1&ts=1700000000.000100&oldest=1700000000.000100&inclusive=true&limit=200&cursor=a%26b"
    );
    assert_eq!(calls[1].body, r#"{"users":"U1"}"#);
}

#[tokio::test]
async fn the_stream_calls_say_who_is_answered_and_leave_out_what_is_not_there() {
    let fake = Fake::start().await;
    let api = fake.api(&ManualClock::new());
    let (user, team) = (UserId::parse("U1").unwrap(), WorkspaceId::parse("T1").unwrap());
    fake.next("chat.startStream", Canned::Body(r#"{"ok":true,"ts":"1700000002.000100","channel":7}"#.into()));
    let channel = channel();
    let start = StreamStart {
        channel: &channel,
        thread_ts: root(),
        markdown_text: "Par",
        recipient_user_id: Some(&user),
        recipient_team_id: Some(&team),
    };
    let ts = api.start_stream(start).await.unwrap().ts;
    api.append_stream(&channel, ts, "is").await.unwrap();
    api.stop_stream(&channel, ts, None, None).await.unwrap();
    let bodies: Vec<String> = fake.calls().into_iter().map(|c| c.body).collect();
    assert_eq!(
        bodies[0],
        r#"{"channel":"C1","thread_ts":"1700000000.000100","markdown_text":"Par","recipient_user_id":"U1","recipient_team_id":"T1"}"#
    );
    assert_eq!(bodies[1], r#"{"channel":"C1","ts":"1700000002.000100","markdown_text":"is"}"#);
    assert_eq!(bodies[2], r#"{"channel":"C1","ts":"1700000002.000100"}"#);
}

/// Answers that other clients stumble over, and what each must mean to us.
#[test]
fn an_answer_is_read_for_what_matters_and_nothing_else() {
    use Fate::{DidNotHappen, Unknown};
    let good = [
        r#"{"ok":true,"ts":"1.000001","message":{"metadata":{"event_payload":{"n":1}}}}"#,
        r#"{"ok":true,"warning":["odd"],"response_metadata":null,"error":5}"#,
        "\u{feff}{\"ok\":true}",
        r#" {"ok":true,"response_metadata":{"next_cursor":7,"messages":"x"}}"#,
    ];
    for body in good {
        assert!(Answer::read("m", 200, None, body.into()).is_ok(), "{body}");
    }
    let bad: &[(u16, &str, &str, Fate)] = &[
        (
            200,
            r#"{"ok":false,"error":"not_in_channel"}"#,
            "m: refused by Slack: not_in_channel; invite the assistant to the channel",
            DidNotHappen,
        ),
        (
            200,
            r#"{"ok":false,"error":"missing_scope","needed":"im:write","provided":"a,b"}"#,
            "m: refused by Slack: missing_scope (needs the scope im:write); add the scope to the app, then install it again",
            DidNotHappen,
        ),
        (200, r#"{"ok":false,"error":"fatal_error"}"#, "m: refused by Slack: fatal_error", Unknown),
        (200, r#"{"ok":false,"error":"rate_limited"}"#, "m: rate limited by Slack for 5 s", DidNotHappen),
        (429, "", "m: rate limited by Slack for 5 s", DidNotHappen),
        (
            200,
            r#"{"ok":"true"}"#,
            "m: the answer is not Slack's (HTTP status 200): neither ok nor error in it; check SLACK_API_URL and what stands between (a proxy?)",
            Unknown,
        ),
        (
            200,
            "",
            "m: the answer is not Slack's (HTTP status 200): it is empty; check SLACK_API_URL and what stands between (a proxy?)",
            Unknown,
        ),
        (
            200,
            "<html>secret text</html>",
            "m: the answer is not Slack's (HTTP status 200): it is a web page; check SLACK_API_URL and what stands between (a proxy?)",
            Unknown,
        ),
        (
            200,
            r#"{"ok":tr"#,
            "m: the answer is not Slack's (HTTP status 200): broken JSON at line 1, column 8; check SLACK_API_URL and what stands between (a proxy?)",
            Unknown,
        ),
        (
            200,
            "[true]",
            "m: the answer is not Slack's (HTTP status 200): it is not a JSON object; check SLACK_API_URL and what stands between (a proxy?)",
            Unknown,
        ),
        (502, "<html>", "m: HTTP status 502", Unknown),
        (500, r#"{"ok":false,"error":"internal_error"}"#, "m: refused by Slack: internal_error", Unknown),
        (404, "<html>", "m: HTTP status 404; check SLACK_API_URL", DidNotHappen),
        (302, "", "m: HTTP status 302; check SLACK_API_URL", DidNotHappen),
        (200, "{\"ok\":false,\"error\":\"a b\\u0007<c>\"}", "m: refused by Slack: abc", DidNotHappen),
    ];
    for (status, body, says, fate) in bad {
        let error = Answer::read("m", *status, None, (*body).into()).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.fate()), (*says, *fate), "{body}");
    }
}

#[test]
fn any_bytes_are_an_answer_or_an_error_and_never_a_panic() {
    bolero::check!().for_each(|bytes: &[u8]| {
        if let Ok(answer) = Answer::read("m", 200, None, bytes.to_vec().into()) {
            let _ = answer.read_as::<super::Posted>();
        }
    });
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_as_long_as_slack_says_and_no_longer_than_we_may() {
    let fake = Fake::start().await;
    let clock = ManualClock::new();
    let api = fake.api(&clock);
    fake.next("chat.update", Canned::limited("12")).next("chat.update", Canned::limited("7"));
    let channel = channel();
    let (done, _) = tokio::join!(api.update(&channel, root(), "x", None), async {
        assert_eq!(clock.pass_sleep(secs(9)..secs(60)).await, secs(12));
        assert_eq!(clock.pass_sleep(secs(1)..secs(8)).await, secs(7));
    });
    done.unwrap();
    fake.next("chat.update", Canned::limited("31"));
    assert_eq!(api.update(&channel, root(), "x", None).await.unwrap_err().retry_after(), Some(secs(31)));
    fake.next("chat.update", Canned::limited("1"));
    assert!(api.once().update(&channel, root(), "x", None).await.is_err(), "who asks once is told at once");
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[tokio::test]
async fn only_what_may_happen_twice_is_tried_again_after_a_failure_of_unknown_fate() {
    let fake = Fake::start().await;
    let clock = ManualClock::new();
    let api = fake.api(&clock);
    for canned in [Canned::Status(503, "", None), Canned::error("internal_error"), Canned::Cut] {
        fake.next("chat.postMessage", canned.clone());
        let error = api.post_message(post(&channel(), "x")).await.unwrap_err();
        assert_eq!(error.fate(), Fate::Unknown, "{canned:?}");
    }
    assert_eq!(fake.calls().len(), 3, "a post is never made twice");
    fake.next("chat.update", Canned::Status(503, "", None)).next("chat.update", Canned::Cut);
    let channel = channel();
    let (done, _) = tokio::join!(api.update(&channel, root(), "x", None), async {
        clock.pass_sleep(..secs(8)).await;
        clock.pass_sleep(..secs(8)).await;
    });
    done.unwrap();
}

#[tokio::test]
async fn an_answer_that_does_not_come_ends_the_call_at_its_limit() {
    let fake = Fake::start().await;
    let clock = ManualClock::new();
    let api = fake.api(&clock);
    fake.next("chat.startStream", Canned::Hangs);
    let channel = channel();
    let start = StreamStart {
        channel: &channel,
        thread_ts: root(),
        markdown_text: "x",
        recipient_user_id: None,
        recipient_team_id: None,
    };
    let (result, _) = tokio::join!(api.start_stream(start), async {
        while fake.calls().is_empty() {
            tokio::task::yield_now().await;
        }
        clock.pass_sleep(secs(8)..=secs(8)).await
    });
    let error = result.unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.fate()),
        ("chat.startStream: no answer within 8000 ms", Fate::Unknown)
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_surely_did_nothing() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut config = ApiConfig::new("xoxb-1".to_owned().into());
    config.base_url = format!("http://127.0.0.1:{port}/api/");
    let api = Api::new(config, Arc::new(ManualClock::new())).unwrap();
    let error = api.post_message(post(&channel(), "x")).await.unwrap_err();
    assert!(matches!(error.problem, Problem::Network { connected: false, .. }), "{error:?}");
    assert_eq!(error.fate(), Fate::DidNotHappen);
    assert_eq!(error.to_string(), "chat.postMessage: could not connect; check the network and SLACK_API_URL");
}

#[tokio::test]
async fn a_workspace_without_a_status_line_is_asked_once() {
    let fake = Fake::start().await;
    let api = fake.api(&ManualClock::new());
    fake.next("assistant.threads.setStatus", Canned::error("channel_not_found"));
    assert!(api.set_status(&channel(), root(), "is thinking…").await.is_err(), "of this place only");
    fake.next("assistant.threads.setStatus", Canned::error("feature_disabled"));
    api.set_status(&channel(), root(), "is thinking…").await.unwrap();
    api.set_status(&channel(), root(), "").await.unwrap();
    assert_eq!(fake.calls().len(), 2);
}

#[tokio::test]
async fn people_and_identity_are_read_from_the_little_that_must_be_there() {
    let fake = Fake::start().await;
    let api = fake.api(&ManualClock::new());
    fake.next(
        "auth.test",
        Canned::Body(r#"{"ok":true,"team_id":"T1","user_id":"UBOT","bot_id":null,"team":5}"#.into()),
    );
    let we = api.auth_test().await.unwrap();
    assert_eq!((we.user_id.as_str(), we.bot_id, we.team), ("UBOT", None, None));
    let user = UserId::parse("U1").unwrap();
    fake.next("users.info", Canned::Body(r#"{"ok":true,"user":{"id":"U1","name":"ana","profile":{"display_name":" ","real_name":"Ana Lima"},"is_owner":true,"is_bot":"no","enterprise_user":{"enterprise_id":"E1"}}}"#.into()));
    let ana = api.users_info(&user).await.unwrap();
    assert_eq!(ana.enterprise, WorkspaceId::parse("E1").ok());
    assert_eq!(
        (ana.name.as_deref(), ana.is_admin, ana.is_bot, ana.is_stranger),
        (Some("Ana Lima"), true, false, false)
    );
    fake.next("users.info", Canned::Body(r#"{"ok":true,"user":{"name":"secret"}}"#.into()));
    let error = api.users_info(&user).await.unwrap_err().to_string();
    assert!(error.contains("a field is missing or odd") && !error.contains("secret"), "{error}");
}

#[test]
fn a_base_url_or_token_that_cannot_work_is_refused_with_the_next_step() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let make = |url: &str, token: &str| -> Result<Api, super::SetupError> {
        let mut config = ApiConfig::new(token.to_owned().into());
        config.base_url = url.to_owned();
        Api::new(config, Arc::new(ManualClock::new()))
    };
    for url in ["https://slack.com/api", "https://slack.com/api/", " http://127.0.0.1:1/api", "http://[::1]:1"] {
        assert!(make(url, "xoxb-1").is_ok(), "{url}");
    }
    for url in ["", "slack.com/api", "ftp://slack.com/", "https://", "https://slack.com/api/?x=1", "https://a/#b"] {
        assert!(make(url, "xoxb-1").unwrap_err().to_string().contains("SLACK_API_URL"), "{url}");
    }
    assert!(!make("ftp://user:secret@host/", "xoxb-1").unwrap_err().to_string().contains("secret"));
    for token in ["", "xoxb 1", "xoxb-1\n", "xoxb-\u{e9}"] {
        let error = make("https://slack.com/api/", token).unwrap_err().to_string();
        assert!(error.contains("copy it again") && (token.is_empty() || !error.contains(token)), "{token:?}");
    }
}

#[test]
fn nothing_secret_is_in_what_is_printed() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ApiConfig::new("xoxb-verysecret".to_owned().into());
    let api = Api::new(config.clone(), Arc::new(ManualClock::new())).unwrap();
    assert!(!format!("{config:?}{api:?}").contains("verysecret"));
    let answer = Answer::read("m", 200, None, r#"{"ok":true,"text":"private"}"#.into()).unwrap();
    assert_eq!(format!("{answer:?}"), "Answer(m, 28 bytes)");
}

#[test]
fn the_token_is_fatal_only_where_slack_says_that_it_is_gone() {
    let refused = |code: &str| ApiError::new("m", Problem::Refused { code: code.to_owned(), needed: None });
    for code in ["invalid_auth", "account_inactive", "token_revoked"] {
        assert!(refused(code).is_token_fatal(), "{code}");
    }
    assert!(refused("invalid_auth").to_string().ends_with("check the bot token (xoxb-…) of this workspace"));
    let link = ApiError { method: "apps.connections.open", ..refused("invalid_auth") };
    assert!(
        link.to_string().ends_with("check the app-level token (xapp-…)"),
        "the other token is not to blame: {link}"
    );
    for code in ["missing_scope", "not_in_channel", "internal_error"] {
        assert!(!refused(code).is_token_fatal(), "{code}");
    }
}

#[test]
fn every_method_is_in_the_table_once() {
    let mut names: Vec<_> = Method::ALL.iter().map(|m| m.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Method::ALL.len());
    for reads in ["users.info", "conversations.replies", "conversations.info", "conversations.history"] {
        assert_eq!(Method::ALL.iter().find(|m| m.name == reads).unwrap().style, Style::Form, "{reads}");
    }
}

#[tokio::test]
async fn a_clock_that_is_wrong_learns_slacks_time_from_its_answers() {
    let (theirs, ours) = (ManualClock::new(), ManualClock::new());
    ours.shift_wall(-90_000);
    let slack = SmallSlack::start(Options::driven_by(&theirs, Transport::Http)).await;
    let config = ApiConfig { base_url: slack.api_url(), ..ApiConfig::new(slack.bot_token().to_owned().into()) };
    let api = Api::new(config, Arc::new(ours.clone())).unwrap();
    assert_eq!(api.slack_now(), ours.now());
    api.auth_test().await.unwrap();
    assert_eq!(api.slack_now(), theirs.now());
    // Whoever sets ours, now or later, by little or much: Slack's goes on as before.
    for shift_ms in [5_000, -90_000] {
        ours.shift_wall(shift_ms);
        assert_eq!(api.slack_now(), theirs.now());
    }
}
