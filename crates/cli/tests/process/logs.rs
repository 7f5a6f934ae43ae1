//! What the log shows, and what it never shows, however much of it is asked for.

use std::process::Stdio;

use chathakase_bot::texts;
use chathakase_model::ErrorKind;
use chathakase_sim::slack::Transport::{self, Http, Socket};
use serde_json::Value;

use crate::{
    knock::{Door, EVENTS},
    patience::in_time,
    program::Program,
    stage::{MODEL_KEY, Stage, on_both_transports},
    terminal::{converse, terminal},
};

const SAID: &str = "planted-in-a-question";
const ANSWERED: &str = "planted-in-an-answer";
const NAMED: &str = "planted-in-a-name";
const FILED: &str = "planted-in-a-file-name";

on_both_transports! {
    every_line_is_json_and_none_shows_words_or_secrets,
    a_delivery_that_waits_for_a_look_at_its_thread_is_told_and_counted_as_that,
    healthz_answers,
    ready_says_who_serves_whom_and_with_what,
}

/// All of every library's log too: the setting says so, and somebody will do it.
async fn every_line_is_json_and_none_shows_words_or_secrets(transport: Transport) {
    let mut stage = Stage::new(transport).await;
    stage.set("RUST_LOG", "trace,tungstenite=trace,hyper=trace");
    let words = format!("{ANSWERED} and more");
    let half = stage.openai.turn().text(ANSWERED).gate("half").text(" and more");
    let serving = stage.serve().await;
    let thread = stage.slack.mention(NAMED, "#general", format!("what is {SAID}?")).await;
    thread.shows(ANSWERED).await;
    half.open("half");
    thread.finishes(&words).await;

    // Some servers quote what they were sent.
    let _ = stage.openai.turn().text(ANSWERED).error_event(&format!("failed at what is {SAID}? with {MODEL_KEY}"));
    let file = chathakase_sim::slack::Saying::from(format!("{SAID} again")).with_file(&format!("{FILED}.txt"));
    thread.reply(NAMED, file).await;
    serving.program.logs("the model failed").await;
    thread.reply(NAMED, "session info").await;
    thread.shows_part("What I remember").await;
    thread.reply(NAMED, "clear session").await;
    thread.shows_part("Done: I have forgotten this thread").await;

    let body = format!(r#"{{"type":"event_callback","event":{{"type":"message","text":"{SAID}"}}}}"#);
    let headers = serving.door.headers(&Door::now().to_string(), body.as_bytes());
    if transport == Http {
        assert_eq!(serving.door.post(EVENTS, &headers, body.as_bytes()).await.status, 400);
        assert_eq!(serving.door.post(EVENTS, &headers, b"{}").await.status, 401);
    }
    let signature = String::from_utf8(headers.last().unwrap().1.clone()).unwrap();
    let secrets =
        [stage.slack.bot_token(), stage.slack.app_token(), stage.slack.signing_secret(), MODEL_KEY, &signature];
    let hidden = [[SAID, ANSWERED, NAMED, FILED].as_slice(), &secrets].concat();
    let log = serving.ends().await;
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
        let line = line.to_string();
        let shown: Vec<_> = hidden.iter().filter(|hidden| line.contains(**hidden)).collect();
        assert!(shown.is_empty(), "{shown:?} in {line}");
    }
    assert!(log.contains("\"TRACE\"") || log.contains("\"DEBUG\""), "there is something to look through");
}

async fn ready_says_who_serves_whom_and_with_what(transport: Transport) {
    let stage = Stage::new(transport).await;
    let serving = stage.serve().await;
    let log = serving.ends().await;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let place = |message: &str| lines.iter().position(|line| line["message"] == message);
    let ready = &lines[place("ready").unwrap()];
    let way = match transport {
        Http => "signed HTTP at /slack/events",
        Socket => "Socket Mode",
    };
    let store = format!("sqlite:{}", stage.database().display());
    assert_eq!((&ready["level"], &ready["transport"], &ready["store"]), (&"INFO".into(), &way.into(), &store.into()));
    assert_eq!((&ready["team.id"], &ready["model"]), (&stage.slack.workspace().as_str().into(), &"gpt-4o".into()));
    for name in ["workspace", "bot"] {
        assert!(ready[name].as_str().is_some_and(|name| !name.is_empty()), "{ready}");
    }
    if transport == Socket {
        assert!(place("a Socket Mode link is up") < place("ready"), "nobody is told too early to write\n{log}");
    }
}

/// The log of a start that fails, where standard error is a terminal, or a pipe. At a terminal up to `last`.
async fn log_of(stage: &Stage, at_terminal: bool, last: &'static str) -> String {
    if !at_terminal {
        return Program::start(stage.command()).ended().await.said;
    }
    let (person, program) = terminal();
    let mut command = stage.command();
    let mut running =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(program).kill_on_drop(true).spawn().unwrap();
    let log = tokio::task::spawn_blocking(move || converse(person, &[], last));
    let log = in_time(log).await.expect("it says why it ends").unwrap();
    assert_eq!(in_time(running.wait()).await.expect("it ends").unwrap().code(), Some(1));
    log
}

#[tokio::test]
async fn a_log_is_for_people_at_a_terminal_and_else_json_unless_it_is_asked_for() {
    for (format, at_terminal, json) in [
        (None, false, true),
        (None, true, false),
        (Some("auto"), false, true),
        (Some("auto"), true, false),
        (Some("human"), false, false),
        (Some("human"), true, false),
        (Some("json"), false, true),
        (Some("json"), true, true),
    ] {
        let mut stage = Stage::new(Http).await;
        // One line that warns, and the error that ends it.
        stage.set("OPENAI_API_KEY", "");
        stage.set("OPENAI_BASE_URL", "https://api.openai.com/v1");
        stage.set("SLACK_BOT_TOKEN", "xoxb-somebody-elses");
        if let Some(format) = format {
            stage.set("CHATHAKASE_LOG__FORMAT", format);
        }
        let last = if json { "ended by an error" } else { "\nerror: " };
        let log = log_of(&stage, at_terminal, last).await;
        let seen = format!("log.format {format:?}, at a terminal: {at_terminal}\n{log}");
        assert!(log.contains("there is no key for OpenAI"), "{seen}");
        // At a terminal the last line may not be whole yet.
        let mut whole = log.lines().take(log.matches('\n').count());
        assert_eq!(whole.all(|line| serde_json::from_str::<Value>(line).is_ok()), json, "{seen}");
        assert!(log.contains(last), "{seen}");
        assert_eq!(log.contains("\u{1b}["), at_terminal && !json, "colours are for people alone: {seen}");
    }
}

#[tokio::test]
async fn how_much_is_logged_is_a_setting_and_rust_log_wins() {
    for (level, rust_log, shown) in
        [("info", "", false), ("debug", "", true), ("debug", "info", false), ("info", "debug", true)]
    {
        let mut stage = Stage::new(Http).await;
        stage.set("CHATHAKASE_LOG__LEVEL", level);
        stage.set("RUST_LOG", rust_log);
        let log = stage.serve().await.ends().await;
        assert_eq!(log.contains("\"Slack answered\""), shown, "log.level {level}, RUST_LOG {rust_log:?}\n{log}");
    }
}

/// Whoever is woken by errors is woken by these, and not by what passes.
#[tokio::test]
async fn what_only_a_person_can_put_right_is_an_error_and_what_passes_is_not() {
    let stage = Stage::new(Http).await;
    let serving = stage.serve().await;
    // The first call shows that it thinks, which no answer needs.
    drop(stage.slack.next("assistant.threads.setStatus").fails("token_revoked"));
    stage.openai.answers("Yes.");
    let thread = stage.slack.mention("ana", "#general", "is our token right?").await;
    thread.finishes("Yes.").await;
    let _ = stage.openai.turn().status_with(401, &[("content-type", "application/json")], "{}");
    thread.reply("ana", "and the model's key?").await;
    thread.shows_part(&texts::model_failed(ErrorKind::Setup)).await;
    let _ = stage.openai.turn().text("Half").cut();
    thread.reply("ana", "and now?").await;
    serving.program.logs("\"WARN\"").await;

    let log = serving.ends().await;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let levels = |message: &str| -> Vec<&str> {
        let said = lines.iter().filter(|line| line["message"] == message);
        said.map(|line| line["level"].as_str().unwrap()).collect()
    };
    assert_eq!(levels("the model failed"), ["ERROR", "WARN"], "{log}");
    assert_eq!(levels("Slack does not accept our token"), ["ERROR"], "{log}");
    assert_eq!(lines.iter().filter(|line| line["level"] == "ERROR").count(), 2, "{log}");
}

/// A post that was edited before it came is looked at in its thread first. Slack sends it again until that works; nobody need be woken.
async fn a_delivery_that_waits_for_a_look_at_its_thread_is_told_and_counted_as_that(transport: Transport) {
    let mut stage = Stage::new(transport).await;
    stage.set("CHATHAKASE_LIMITS__CATCH_UP", "0s");
    let serving = stage.serve().await;
    stage.slack.hold_events();
    let thread = stage.slack.mention("ana", "#general", "I have a cat").await;
    thread.edit(&thread.first(), "I have a dog").await;
    let kinds: Vec<String> = stage.slack.events().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["app_mention", "message", "message"]);
    stage.slack.deliver_event(2).await;
    stage.openai.answers("Good.");
    // Each look is tried three times.
    drop(stage.slack.next("conversations.replies").http(503).times(3));
    stage.slack.deliver_event(0).await;
    serving.program.logs("a delivery is held up").await;
    let page = serving.door.get("/metrics").await.body;
    let line = |reason: &str| format!("chathakase_events_not_acknowledged_total{{reason=\"{reason}\"}} 1");
    assert!(page.contains(&line("held_up")) && !page.contains(&line("not_stored")), "{page}");
    if transport == Http {
        assert!(page.contains("chathakase_http_requests_total{result=\"held_up\"} 1"), "{page}");
    }
    thread.finishes("Good.").await;
    stage.slack.lose_held();
    let log = serving.ends().await;
    assert!(!log.contains("\"ERROR\"") && !log.contains("was not stored"), "{log}");
}

async fn healthz_answers(transport: Transport) {
    let stage = Stage::new(transport).await;
    let serving = stage.serve().await;
    let answer = serving.door.healthz().await;
    assert_eq!((answer.status, &*answer.body), (200, "ok\n"));
    if transport == Socket {
        assert_eq!(serving.door.signed(b"{}").await.status, 404, "no door for events where Socket Mode is used");
    }
    serving.ends().await;
}
