//! The scripted model, asked by a plain HTTP client.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::{Progress, ScriptedModel};
use crate::ManualClock;

fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

async fn start() -> (ScriptedModel, ManualClock) {
    let clock = ManualClock::new();
    (ScriptedModel::start(Arc::new(clock.clone())).await, clock)
}

fn question(text: &str) -> Value {
    json!({"model": "gpt-4o", "stream": true, "temperature": 0.7, "max_tokens": 2000, "stream_options": {"include_usage": true},
        "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": text}]})
}

async fn ask(model: &ScriptedModel, body: &Value) -> reqwest::Response {
    let url = format!("{}/chat/completions", model.base_url());
    http().post(url).bearer_auth("sk-test").json(body).send().await.unwrap()
}

/// The events of a stream: their data, as JSON where they are JSON.
fn events(body: &str) -> Vec<Value> {
    let data = body.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| Value::from(data))).collect()
}

fn text_of(events: &[Value]) -> String {
    events.iter().filter_map(|e| e["choices"][0]["delta"]["content"].as_str()).collect()
}

/// What a check that fails says.
#[track_caller]
fn failure_of(check: impl FnOnce()) -> String {
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).expect_err("the check should fail");
    *failed.downcast::<String>().unwrap()
}

#[tokio::test]
async fn an_answer_streams_word_by_word_and_ends_with_reason_usage_and_done() {
    let (model, _) = start().await;
    model.answers("Hello dear Ana.");
    let response = ask(&model, &question("hi")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let events = events(&response.text().await.unwrap());
    let deltas: Vec<_> = events.iter().filter_map(|e| e["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(deltas, ["", "Hello", " dear", " Ana."]);
    let [.., finish, usage, done] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["completion_tokens"], 3);
    assert_eq!(done, "[DONE]");
    model.assert_clean();
    model.assert_all_played();
}

#[tokio::test]
async fn usage_is_sent_only_to_who_asks_for_it() {
    let (model, _) = start().await;
    model.answers("Hello.");
    let mut body = question("hi");
    body.as_object_mut().unwrap().remove("stream_options");
    let body = ask(&model, &body).await.text().await.unwrap();
    assert!(!body.contains("usage"), "{body}");
}

#[tokio::test]
async fn a_gate_holds_the_stream_until_it_is_opened() {
    let (model, _) = start().await;
    let turn = model.turn().text("Par").gate("half").text("is.");
    assert_eq!(turn.progress(), Progress::Waiting);
    let mut body = ask(&model, &question("capital?")).await.bytes_stream();
    turn.reached("half").await;
    let mut seen = String::new();
    while !seen.contains("Par") {
        seen += std::str::from_utf8(&body.next().await.unwrap().unwrap()).unwrap();
    }
    assert!(futures_util::poll!(body.next()).is_pending(), "nothing passes a closed gate");
    turn.open("half");
    while let Some(piece) = body.next().await {
        seen += std::str::from_utf8(&piece.unwrap()).unwrap();
    }
    assert_eq!(text_of(&events(&seen)), "Paris.");
    assert_eq!(turn.over().await, Progress::Played);
}

#[tokio::test]
async fn a_cut_breaks_the_connection_after_the_text_before_it() {
    let (model, _) = start().await;
    let turn = model.turn().text("Par").cut();
    let mut body = ask(&model, &question("capital?")).await.bytes_stream();
    let mut seen = String::new();
    let end = loop {
        match body.next().await {
            Some(Ok(piece)) => seen += std::str::from_utf8(&piece).unwrap(),
            end => break end,
        }
    };
    assert_eq!(text_of(&events(&seen)), "Par");
    assert!(matches!(end, Some(Err(_))), "a cut is no clean end: {end:?}");
    assert_eq!(turn.over().await, Progress::Played);
}

#[tokio::test]
async fn a_stream_ends_as_the_script_says() {
    type Script = fn(&ScriptedModel) -> super::TurnScript;
    let table: &[(&str, Script, &str)] = &[
        ("length", |m| m.turn().text("Lo").finish("length"), "\"length\"|\"usage\":{|[DONE]"),
        ("nothing", |m| m.turn().text("Lo").end_without_done(), "\"Lo\""),
        ("reason alone", |m| m.turn().text("Lo").finish_without_done("stop"), "\"stop\"|\"usage\":{"),
        ("done alone", |m| m.turn().text("Lo").done_without_finish(), "\"Lo\"|[DONE]"),
        ("empty", |m| m.turn().empty(), "\"stop\"|\"usage\":{|[DONE]"),
        (
            "error",
            |m| m.turn().text("Lo").error_event("overloaded"),
            "\"Lo\"|\"error\":{\"code\":null,\"message\":\"overloaded\"",
        ),
        (
            "named error",
            |m| m.turn().text("Lo").named_error_event("overloaded"),
            "event: error\ndata: {\"message\":\"overloaded\"}",
        ),
        ("malformed", |m| m.turn().malformed(), "\"delta\":{\"cont\n"),
    ];
    for (name, script, end) in table {
        let (model, _) = start().await;
        script(&model);
        let body = ask(&model, &question("hi")).await.text().await.unwrap();
        let mut rest = body.as_str();
        for part in end.split('|') {
            rest = rest.split_once(part).unwrap_or_else(|| panic!("{name}: no {part} in {body}")).1;
        }
        assert!(!rest.contains("data:"), "{name}: more after the end: {rest}");
    }
}

#[tokio::test]
async fn a_status_comes_with_the_body_openai_sends() {
    let (model, _) = start().await;
    model.turn().status(401);
    let response = ask(&model, &question("hi")).await;
    assert_eq!(response.status(), 401);
    assert_eq!(response.json::<Value>().await.unwrap()["error"]["code"], "invalid_api_key");
    model.turn().status_with(429, &[("retry-after", "7")], "slow down");
    let response = ask(&model, &question("hi")).await;
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    assert_eq!(response.text().await.unwrap(), "slow down");
}

#[tokio::test]
async fn silence_lasts_as_long_as_the_clock_says() {
    let (model, clock) = start().await;
    model.turn().text("a").silent_for(Duration::from_secs(90)).text("b");
    let body = tokio::spawn(ask(&model, &question("hi")).await.text());
    clock.pass_sleep(Duration::from_secs(90)..=Duration::from_secs(90)).await;
    assert_eq!(text_of(&events(&body.await.unwrap().unwrap())), "ab");
}

#[tokio::test]
async fn a_client_that_gives_up_is_noticed() {
    let scripts: [fn(&ScriptedModel) -> super::TurnScript; 3] =
        [|m| m.turn().text("a").silent(), |m| m.turn().no_answer(), |m| m.turn().gate("half")];
    for script in scripts {
        let (model, _) = start().await;
        let turn = script(&model);
        let asking = tokio::spawn({
            let model = model.clone();
            async move { ask(&model, &question("hi")).await.text().await }
        });
        turn.asked().await;
        asking.abort();
        assert_eq!(turn.over().await, Progress::Abandoned);
    }
}

#[tokio::test]
async fn hanging_up_gives_no_status() {
    let (model, _) = start().await;
    model.turn().hang_up();
    let url = format!("{}/chat/completions", model.base_url());
    assert!(http().post(url).json(&question("hi")).send().await.is_err());
}

#[tokio::test]
async fn turns_for_a_question_wait_for_it() {
    let (model, _) = start().await;
    model.turn().when_asked("tea").text("Tea.");
    model.turn().when_asked("coffee").text("Coffee.");
    for (asked, answered) in [("some coffee", "Coffee."), ("some tea", "Tea.")] {
        let body = ask(&model, &question(asked)).await.text().await.unwrap();
        assert_eq!(text_of(&events(&body)), answered);
    }
}

#[tokio::test]
async fn a_request_nobody_planned_gets_500_and_is_reported() {
    let (model, _) = start().await;
    assert_eq!(ask(&model, &question("hi?")).await.status(), 500);
    assert_eq!(model.unexpected(), [r#"nobody planned an answer to "hi?""#]);
    let url = model.base_url().replace("/v1", "/v2/models");
    assert_eq!(http().get(url).send().await.unwrap().status(), 404);
    assert_eq!(model.unexpected()[1], "GET /v2/models: there is no such path");
}

#[tokio::test]
async fn a_turn_that_nobody_asked_for_is_reported() {
    let (model, _) = start().await;
    model.answers("Hello.");
    let failure = failure_of(|| model.assert_all_played());
    assert!(failure.contains("Hello."));
}

#[tokio::test]
async fn computed_answers_come_from_the_request_and_at_the_given_pace() {
    let (model, clock) = start().await;
    model.answers_by(|request| format!("You said {}", request.question()));
    let body = ask(&model, &question("hi")).await.text().await.unwrap();
    assert_eq!(text_of(&events(&body)), "You said hi");
    model.paced(Duration::from_millis(15));
    let body = tokio::spawn(ask(&model, &question("ho")).await.text());
    for _word in 0..3 {
        clock.pass_sleep(Duration::from_millis(15)..=Duration::from_millis(15)).await;
    }
    assert_eq!(text_of(&events(&body.await.unwrap().unwrap())), "You said ho");
}

#[tokio::test]
async fn what_the_model_heard_is_compared_without_the_system_messages() {
    let (model, _) = start().await;
    model.answers("Hello.");
    ask(&model, &question("hi")).await;
    let request = model.last_request();
    request.heard(["hi"]);
    assert_eq!(
        (request.system().as_str(), request.temperature, request.max_tokens),
        ("Be short.", Some(0.7), Some(2000))
    );
    let failure = failure_of(|| request.heard(["ho", "hi"]));
    assert!(failure.contains("-          : \"ho\"\n+      user: \"hi\"\n-          : \"hi\""), "{failure}");
}

#[tokio::test]
async fn every_rule_of_a_request_is_enforced() {
    type Change = fn(&mut Value);
    let table: &[(&str, Change)] = &[
        ("`stream` is not true", |b| b["stream"] = json!(false)),
        ("the temperature is not in 0 to 2", |b| b["temperature"] = json!(7)),
        ("the longest answer has no tokens", |b| b["max_tokens"] = json!(0)),
        ("the first message is not the system's", |b| drop(b["messages"].as_array_mut().unwrap().remove(0))),
        ("the last message is not a person's", |b| add(b, "assistant", "Hello.")),
        ("a system message stands among the others", |b| add(b, "system", "Be long.")),
        ("the conversation starts with an orphan answer", |b| b["messages"][1]["role"] = json!("assistant")),
        ("a role is unknown", |b| b["messages"][1]["role"] = json!("person")),
        ("a message is empty", |b| b["messages"][1]["content"] = json!(" \n")),
        ("the argument `sesion` is unknown", |b| b["sesion"] = json!(1)),
        ("a secret is in the request", |b| b["messages"][1]["content"] = json!("my token is xoxb-1")),
        ("the body is no chat-completions request: missing field `messages`", |b| *b = json!({"model": "gpt-4o"})),
    ];
    for (rule, break_it) in table {
        let (model, _) = start().await;
        model.forbids("xoxb-1").answers("Hello.");
        let mut body = question("hi");
        break_it(&mut body);
        ask(&model, &body).await;
        let failure = failure_of(|| model.assert_clean());
        assert!(failure.contains(rule), "{rule}: {failure:?}");
    }
}

fn add(body: &mut Value, role: &str, content: &str) {
    body["messages"].as_array_mut().unwrap().push(json!({"role": role, "content": content}));
}

#[tokio::test]
async fn a_request_without_a_key_or_a_content_type_breaks_a_rule() {
    let (model, _) = start().await;
    model.answers("Hello.");
    let url = format!("{}/chat/completions", model.base_url());
    http().post(url).body(question("hi").to_string()).send().await.unwrap();
    let failure = failure_of(|| model.assert_clean());
    assert!(failure.contains("no `Authorization: Bearer` header") && failure.contains("the content type"), "{failure}");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]
    #[test]
    fn any_text_arrives_whole_in_any_split(
        deltas in proptest::collection::vec("\\PC{0,12}|[\\x00-\\x20\"\\\\]{0,4}", 0..12),
        piece_bytes_max in 1..200_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let events = runtime.block_on(async {
            let (model, _) = start().await;
            model.turn().deltas(deltas.iter().map(String::as_str)).in_pieces_of(piece_bytes_max);
            model.answers(&deltas.concat());
            let mut bodies = Vec::new();
            for _split in ["as given", "by words"] {
                bodies.push(events(&ask(&model, &question("hi")).await.text().await.unwrap()));
            }
            bodies
        });
        for events in events {
            proptest::prop_assert_eq!(text_of(&events), deltas.concat());
            proptest::prop_assert_eq!(events.last(), Some(&Value::from("[DONE]")));
        }
    }
}
