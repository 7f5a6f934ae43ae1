//! The commands of setting up, as people and machines call them.

use std::fs;

use chathakase_sim::slack::Transport::{Http, Socket};
use serde_json::{Value, json};
use test_database::TestDatabase;
use tokio::process::Command;

use crate::{program::BINARY, stage::Stage};

/// Runs `chathakase` with these words; its code and what it said on both channels.
async fn says(stage: &Stage, words: &[&str]) -> (Option<i32>, String, String) {
    runs(stage.dressed(Command::new(BINARY)), words).await
}

async fn runs(mut command: Command, words: &[&str]) -> (Option<i32>, String, String) {
    let out = command.args(words).stdin(std::process::Stdio::null()).output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code(), text(out.stdout), text(out.stderr))
}

/// What `check --json` says, once its form was looked at.
fn report((code, said, error): &(Option<i32>, String, String)) -> Value {
    let report: Value = serde_json::from_str(said).unwrap_or_else(|_| panic!("not JSON alone: {said}{error}"));
    let findings = report["findings"].as_array().unwrap();
    for finding in findings {
        let fields: Vec<&String> = finding.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["mend", "part", "says", "verdict"], "{finding}");
        assert!(finding["part"].is_string() && finding["says"].is_string(), "{finding}");
        match finding["verdict"].as_str().unwrap() {
            "right" => assert!(finding["mend"].is_null(), "{finding}"),
            "hint" | "wrong" => assert!(finding["mend"].is_string(), "nothing to do about it: {finding}"),
            other => panic!("no such verdict: {other}"),
        }
    }
    let is_wrong = findings.iter().any(|finding| finding["verdict"] == "wrong");
    assert_eq!((&report["ok"], *code), (&json!(!is_wrong), Some(i32::from(is_wrong))), "{report:#}");
    report
}

/// The findings of `check --json` that are of this part.
fn of<'a>(report: &'a Value, part: &str) -> Vec<&'a Value> {
    report["findings"].as_array().unwrap().iter().filter(|finding| finding["part"] == part).collect()
}

async fn checks(stage: &Stage) -> Value {
    stage.openai.answers("ok");
    report(&says(stage, &["check", "--json"]).await)
}

#[tokio::test]
async fn a_check_for_machines_says_the_same_in_json_and_by_its_code() {
    let mut stage = Stage::new(Socket).await;
    crate::stage::as_the_manifest_says(&stage.slack);
    let right = checks(&stage).await;
    assert_eq!(right["ok"], true, "{right:#}");
    for part in ["slack.bot_token", "slack.app_token", "scopes", "clock", "model", "store"] {
        assert_eq!(of(&right, part)[0]["verdict"], "right", "{part}: {right:#}");
    }
    stage.set("SLACK_BOT_TOKEN", "xoxb-of-another-app");
    let wrong = checks(&stage).await;
    let wrong: Vec<_> = wrong["findings"].as_array().unwrap().iter().filter(|it| it["verdict"] == "wrong").collect();
    assert_eq!((wrong.len(), &wrong[0]["part"]), (1, &json!("slack.bot_token")), "{wrong:#?}");
}

#[tokio::test]
async fn a_check_of_settings_that_cannot_be_used_says_what_to_do_about_each() {
    let stage = Stage::new(Http).await;
    let settings = "[model]\ntemprature = 0.2\nmax_tokens = \"many\"\nqqqqqqqqqqqqqqqqqqqqqq = 1\n";
    fs::write(stage.path("chathakase.toml"), settings).unwrap();
    let mut command = stage.dressed(Command::new(BINARY));
    command.env_clear().env("HOME", stage.path(""));
    let found = report(&runs(command, &["check", "--json"]).await);
    let found = of(&found, "settings");
    let has = |says: &str, mend: &str| {
        let is_it =
            |it: &&&Value| it["says"].as_str().unwrap().contains(says) && it["mend"].as_str().unwrap().contains(mend);
        assert_eq!(found.iter().filter(is_it).count(), 1, "{says}: {found:#?}");
    };
    has("`slack.bot_token` is not set", "copy the bot token (xoxb-…) from \"OAuth & Permissions\"");
    has("`slack.app_token` is not set", "SLACK_SIGNING_SECRET");
    has("no setting `model.temprature`", "did you mean `model.temperature`?");
    has("no setting `model.qqqqqqqqqqqqqqqqqqqqqq`", "`chathakase config`");
    has("`model.max_tokens` cannot be used", "write ");
    assert_eq!(found.len(), 5, "{found:#?}");

    let mut command = stage.dressed(Command::new(BINARY));
    command.env_clear().env("HOME", stage.path(""));
    let (_, said, _) = runs(command, &["check"]).await;
    assert!(said.contains("`chathakase init` asks for what is needed"), "{said}");

    fs::write(stage.path("chathakase.toml"), "[model\n").unwrap();
    let found = report(&says(&stage, &["check", "--json"]).await);
    assert!(of(&found, "settings")[0]["says"].as_str().unwrap().contains("not valid TOML"), "{found:#}");
}

#[tokio::test]
async fn a_check_looks_at_postgresql() {
    if !TestDatabase::is_there() {
        return;
    }
    let mut stage = Stage::new(Http).await;
    let database = TestDatabase::new();
    stage.set("DATABASE_URL", &database.url());
    let good = checks(&stage).await;
    let store = of(&good, "store")[0];
    assert!(store["verdict"] == "right" && store["says"].as_str().unwrap().contains("can be written"), "{store}");
    // One user of the server is asked for a password.
    let locked_out = database.url().replace("hakase@", "guarded:not-this-one@");
    for (url, why) in [(&*locked_out, "password"), ("postgres://ana:not-this-one@127.0.0.1:1/db", "could not")] {
        stage.set("DATABASE_URL", url);
        let report = checks(&stage).await;
        let store = of(&report, "store")[0];
        assert!(store["verdict"] == "wrong" && store["says"].as_str().unwrap().contains(why), "{store}");
        assert!(!report.to_string().contains("not-this-one"), "no secrets: {report:#}");
    }
}

#[tokio::test]
async fn what_the_help_of_init_shows_asks_nothing_and_writes_a_file() {
    let stage = Stage::new(Socket).await;
    let (_, help, _) = says(&stage, &["init", "--help"]).await;
    for name in ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "OPENAI_API_KEY", "DATABASE_URL"] {
        assert!(help.contains(name), "{help}");
    }
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let example = "SLACK_BOT_TOKEN=xoxb-… SLACK_APP_TOKEN=xapp-… OPENAI_API_KEY=sk-… \\ chathakase init --model-name gpt-4o --secrets file </dev/null";
    assert!(squeezed(&help).contains(example), "{help}");
    let readme = include_str!("../../../../README.md");
    assert!(squeezed(readme).contains(example), "the README shows the same");
    stage.openai.answers("ok");
    let (code, _, said) = says(&stage, &["init", "--model-name", "gpt-4o", "--secrets", "file"]).await;
    assert_eq!(code, Some(0), "{said}");
    let written = fs::read_to_string(stage.path("chathakase.toml")).unwrap();
    assert!(written.contains(stage.slack.bot_token()) && written.contains(stage.slack.app_token()), "{said}");
}

#[tokio::test]
async fn a_manifest_is_for_the_transport_that_the_settings_name() {
    let stage = Stage::new(Http).await;
    let bare = || {
        let mut command = stage.dressed(Command::new(BINARY));
        command.env_clear().env("HOME", stage.path(""));
        command
    };
    let socket_mode =
        |said: &str| serde_json::from_str::<Value>(said).unwrap()["settings"]["socket_mode_enabled"].clone();
    let words = ["manifest", "--format", "json"];
    let (_, said, _) = runs(bare(), &words).await;
    assert_eq!(socket_mode(&said), true, "without any setting");
    fs::write(stage.path("chathakase.toml"), "[slack]\ntransport = \"socket\"\n").unwrap();
    let (_, said, _) = runs(bare(), &words).await;
    assert_eq!(socket_mode(&said), true);
    fs::write(stage.path("chathakase.toml"), "[slack]\ntransport = \"http\"\n").unwrap();
    let (code, said, error) = runs(bare(), &words).await;
    assert!(code == Some(1) && said.is_empty() && error.contains("say where Slack reaches the assistant"), "{error}");
    let (_, said, _) = runs(bare(), &[&words[..], &["--url", "https://bot.example.com"]].concat()).await;
    assert_eq!(socket_mode(&said), false);
    assert!(said.contains("https://bot.example.com/slack/events"), "{said}");
    fs::write(stage.path("chathakase.toml"), "[slack]\ntransport = \"htpp\"\n").unwrap();
    let (code, said, error) = runs(bare(), &words).await;
    assert!(code == Some(1) && said.is_empty() && error.contains("slack.transport"), "{error}");
}
