//! Failures on demand: a client meets each of them.

use serde_json::json;

use super::app::App;
use crate::slack::Gate;

#[tokio::test]
async fn a_planned_refusal_happens_as_often_as_it_was_planned_and_nothing_else_does() {
    let app = App::start().await;
    let channel = app.slack.channel("#general");
    let post = json!({"channel": channel, "text": "x"});
    let fault = app.slack.next("chat.postMessage").fails("fatal_error").times(2);
    let limited = app.slack.next("chat.postMessage").fails_429(7);
    assert_eq!(app.refused("chat.postMessage", post.clone()).await, "fatal_error");
    app.ok("auth.test", json!({})).await;
    assert_eq!(app.refused("chat.postMessage", post.clone()).await, "fatal_error");
    let answer = app.ask("chat.postMessage", post.clone()).await;
    assert_eq!((answer.status, answer.retry_after), (429, Some(7)));
    app.ok("chat.postMessage", post).await;
    assert_eq!((fault.hits(), limited.hits()), (2, 1));
    assert_eq!(app.slack.unlooked(), ["x"], "only the last one was posted");
}

#[tokio::test]
async fn any_call_can_be_the_one_that_fails() {
    let app = App::start().await;
    let fault = app.slack.next("*").after(2).http(503);
    for _ in 0..2 {
        app.ok("auth.test", json!({})).await;
    }
    let failed = app.raw("api.test").bearer_auth(app.slack.bot_token()).send().await.unwrap();
    assert_eq!((failed.status().as_u16(), fault.hits()), (503, 1));
    app.ok("api.test", json!({})).await;
    app.slack.next("*").always().http(500).lifted();
    app.ok("api.test", json!({})).await;
}

#[tokio::test]
async fn a_cut_happens_after_the_effect_or_before_it() {
    let app = App::start().await;
    let channel = app.slack.channel("#general");
    let post = |text: &str| {
        let body = json!({"channel": channel, "text": text}).to_string();
        let call = app.raw("chat.postMessage").bearer_auth(app.slack.bot_token());
        call.header("content-type", "application/json").body(body).send()
    };
    app.slack.next("chat.postMessage").cut();
    app.slack.next("chat.postMessage").cut_before();
    assert!(post("after").await.is_err());
    assert!(post("before").await.is_err());
    assert_eq!(app.slack.unlooked(), ["after"]);
    assert!(post("whole").await.unwrap().status().is_success());
}

#[tokio::test]
async fn a_slow_call_waits_at_its_gate() {
    let app = App::start().await;
    let channel = app.slack.channel("#general");
    let (before, after) = (Gate::closed(), Gate::closed());
    app.slack.next("chat.postMessage").slow(&before);
    app.slack.next("chat.postMessage").answers_late(&after);
    for (gate, there) in [(&before, 0), (&after, 2)] {
        let call = app.ask("chat.postMessage", json!({"channel": channel, "text": "x"}));
        let test = async {
            gate.reached().await;
            assert_eq!(app.slack.unlooked().len(), there);
            gate.open();
        };
        assert_eq!(tokio::join!(call, test).0.body["ok"], true);
    }
}

#[tokio::test]
async fn a_call_can_hang_or_say_nonsense() {
    let app = App::start().await;
    let fault = app.slack.next("api.test").hangs();
    let call = tokio::spawn(app.raw("api.test").bearer_auth(app.slack.bot_token()).send());
    while fault.hits() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!call.is_finished());
    call.abort();
    app.slack.next("api.test").says("<html>login</html>");
    let page = app.raw("api.test").bearer_auth(app.slack.bot_token()).send().await.unwrap();
    assert_eq!(page.text().await.unwrap(), "<html>login</html>");
}

#[tokio::test]
async fn a_late_call_happens_although_its_caller_is_gone() {
    let app = App::start().await;
    let channel = app.slack.channel("#general");
    let gate = Gate::closed();
    app.slack.next("chat.postMessage").happens_late(&gate);
    let body = json!({"channel": channel, "text": "late"}).to_string();
    let call = app.raw("chat.postMessage").bearer_auth(app.slack.bot_token());
    let call = tokio::spawn(call.header("content-type", "application/json").body(body).send());
    gate.reached().await;
    call.abort();
    assert!(call.await.is_err());
    assert_eq!(app.slack.unlooked(), Vec::<String>::new());
    let mut changes = app.slack.changes();
    gate.open();
    while app.slack.unlooked() != ["late"] {
        changes.next().await;
    }
    let second = Gate::closed();
    app.slack.next("chat.postMessage").happens_late(&second);
    let post = json!({"channel": channel, "text": "heard of"});
    let (answer, ()) = tokio::join!(app.ask("chat.postMessage", post), async {
        second.reached().await;
        second.open();
    });
    assert_eq!(answer.body["ok"], true, "who still waits is answered");
}
