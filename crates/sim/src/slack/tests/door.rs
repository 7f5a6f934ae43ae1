//! Tokens, scopes, forms and names: what is checked before a method is done.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use chathakase_session::time::Clock;

use super::app::{App, answered};
use crate::slack::{SmallSlack, api::method::METHODS};

#[tokio::test]
async fn a_call_needs_a_token_that_fits() {
    let app = App::start().await;
    let without = answered(app.raw("auth.test").send().await.unwrap()).await;
    assert_eq!((without.status, &without.body["error"]), (200, &json!("not_authed")));
    for (token, method, error) in [
        ("xoxb-of-another", "auth.test", "invalid_auth"),
        ("", "auth.test", "invalid_auth"),
        (app.slack.app_token(), "chat.postMessage", "not_allowed_token_type"),
        (app.slack.bot_token(), "apps.connections.open", "not_allowed_token_type"),
    ] {
        assert_eq!(app.ask_as(token, method, json!({})).await.body["error"], error, "{method}");
    }
    let me = app.ok("auth.test", json!({})).await;
    assert_eq!((&me["user_id"], &me["team_id"]), (&json!(app.slack.bot_user()), &json!(app.slack.workspace())));
}

#[tokio::test]
async fn a_missing_scope_is_refused_and_named() {
    let app = App::start().await;
    app.slack.set_scopes(&["users:read", "channels:history"]);
    let channel = app.slack.post("ana", "#general", "hi").await.channel().clone();
    let refusal = app.ask("chat.postMessage", json!({"channel": channel, "text": "x"})).await.body;
    assert_eq!((&refusal["error"], &refusal["needed"]), (&json!("missing_scope"), &json!("chat:write")));
    assert_eq!(refusal["provided"], "channels:history,users:read");
    // The kind of channel decides which of the history scopes is needed.
    let secret = app.slack.private_channel("#secret");
    let refusal = app.read("conversations.history", &[("channel", secret.as_str())]).await;
    assert_eq!((&refusal["error"], &refusal["needed"]), (&json!("missing_scope"), &json!("groups:history")));
    assert_eq!(app.read("conversations.history", &[("channel", channel.as_str())]).await["ok"], true);
    let any = app.raw("auth.test").bearer_auth(app.slack.bot_token()).send().await.unwrap();
    assert_eq!(any.headers()["x-oauth-scopes"], "channels:history,users:read");
}

#[tokio::test]
async fn the_app_level_token_has_scopes_of_its_own() {
    let app = App::start().await;
    let open = async || app.ask_as(app.slack.app_token(), "apps.connections.open", json!({})).await.body;
    assert_eq!(open().await["ok"], true);
    app.slack.set_app_scopes(&["authorizations:read"]);
    let refusal = open().await;
    assert_eq!((&refusal["error"], &refusal["needed"]), (&json!("missing_scope"), &json!("connections:write")));
}

#[tokio::test]
async fn each_kind_of_conversation_that_is_listed_needs_its_own_scope() {
    let app = App::start().await;
    app.slack.set_scopes(&["channels:read"]);
    let list = async |types| app.read("users.conversations", &[("types", types)]).await;
    assert_eq!(list("public_channel").await["ok"], true);
    let refusal = list("public_channel,private_channel").await;
    assert_eq!((&refusal["error"], &refusal["needed"]), (&json!("missing_scope"), &json!("groups:read")));
}

#[tokio::test]
async fn every_answer_tells_the_time_of_this_slack() {
    let app = App::start().await;
    app.clock.advance(std::time::Duration::from_secs(90));
    let answer = app.raw("auth.test").bearer_auth(app.slack.bot_token()).send().await.unwrap();
    let date = answer.headers()["date"].to_str().unwrap();
    let told = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).unwrap();
    assert_eq!(told.as_second(), app.clock.now().as_secs(), "{date}");
}

#[tokio::test]
async fn methods_that_read_do_not_see_json() {
    let app = App::start().await;
    let ana = app.slack.person("ana");
    let refusal = app.ask("users.info", json!({"user": ana})).await.body;
    assert_eq!(refusal["error"], "invalid_arguments");
    assert_eq!(refusal["response_metadata"]["messages"], json!(["[ERROR] missing required field: user"]));
    assert_eq!(app.read("users.info", &[("user", ana.as_str())]).await["user"]["name"], "ana");
    let by_query = app.raw(&format!("users.info?user={ana}")).bearer_auth(app.slack.bot_token());
    assert_eq!(answered(by_query.send().await.unwrap()).await.body["ok"], true);
}

#[tokio::test]
async fn methods_that_write_take_json_and_forms_and_warn_of_odd_charsets() {
    let app = App::start().await;
    let channel = app.slack.post("ana", "#general", "hi").await.channel().to_string();
    let json = json!({"channel": channel, "text": "x"}).to_string();
    let form = format!("channel={channel}&text=x");
    for (content_type, body, outcome) in [
        ("application/json; charset=utf-8", json.as_str(), Ok(Value::Null)),
        ("application/json", &json, Ok(json!("missing_charset"))),
        ("application/x-www-form-urlencoded", &form, Ok(Value::Null)),
        ("application/x-www-form-urlencoded; charset=utf-8", &form, Ok(json!("superfluous_charset"))),
        ("application/json", "{", Err("invalid_json")),
        ("application/json", "[]", Err("json_not_object")),
        ("text/plain", "hi", Err("invalid_post_type")),
    ] {
        app.clock.advance(std::time::Duration::from_secs(1));
        let call = app.raw("chat.postMessage").bearer_auth(app.slack.bot_token()).header(CONTENT_TYPE, content_type);
        let body = answered(call.body(body.to_owned()).send().await.unwrap()).await.body;
        match outcome {
            Ok(warning) => assert_eq!((&body["ok"], &body["warning"]), (&json!(true), &warning), "{content_type}"),
            Err(error) => assert_eq!(body["error"], error, "{content_type}"),
        }
    }
    let untold = app.raw("chat.postMessage").bearer_auth(app.slack.bot_token()).body(json);
    assert_eq!(answered(untold.send().await.unwrap()).await.body["error"], "missing_post_type");
}

#[tokio::test]
async fn an_unknown_method_is_refused_and_remembered() {
    let app = App::start().await;
    assert_eq!(app.refused("chat.whisper", json!({})).await, "unknown_method");
    assert_eq!(app.refused("files.info", json!({})).await, "unknown_method");
    assert_eq!(app.slack.unknown_methods(), ["chat.whisper", "files.info"]);
    assert_eq!(app.slack.calls("chat.whisper").len(), 1);
}

#[tokio::test]
async fn the_table_of_methods_is_what_is_really_there() {
    assert!(METHODS.is_sorted_by_key(|method| method.name), "the table is searched by name");
    let app = App::start().await;
    for (name, cover) in SmallSlack::coverage() {
        let answer = app.ask(name, json!({})).await.body;
        let there = answer["error"] != "unknown_method";
        assert_eq!(there, !cover.starts_with("missing"), "{name} is said to be {cover}, but says {answer}");
    }
    let missing = SmallSlack::coverage().into_iter().filter(|(_, cover)| cover.starts_with("missing"));
    assert_eq!(app.slack.unknown_methods(), missing.map(|(name, _)| name).collect::<Vec<_>>());
}

#[tokio::test]
async fn calls_are_kept_with_their_answers() {
    let app = App::start().await;
    app.ok("api.test", json!({"n": 1})).await;
    assert_eq!(app.refused("api.test", json!({"error": "my_error"})).await, "my_error");
    let calls = app.slack.calls("api.test");
    assert_eq!((&calls[0].args, calls[0].answer.as_str()), (&json!({"n": 1}), "ok"));
    assert_eq!(calls[1].answer, "my_error");
    assert_eq!(app.slack.all_calls().len(), 2);
}
