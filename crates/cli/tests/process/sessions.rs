//! The operator's look at sessions, beside a `serve` that runs and without one.

use chathakase_sim::slack::{Thread, Transport::Http};
use serde_json::Value;
use test_database::TestDatabase;
use tokio::process::Command;

use crate::{program::BINARY, stage::Stage};

/// Runs `chathakase sessions` with these words; its code and what it said on both channels.
async fn sessions(stage: &Stage, words: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(BINARY);
    command.arg("sessions").args(words);
    let out = stage.dressed(command).stdin(std::process::Stdio::null()).output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code(), text(out.stdout), text(out.stderr))
}

async fn json(stage: &Stage, words: &[&str]) -> Value {
    let (code, said, error) = sessions(stage, words).await;
    assert_eq!(code, Some(0), "{error}");
    serde_json::from_str(&said).unwrap()
}

async fn talk(stage: &Stage, who: &str, says: &str) -> Thread {
    stage.openai.answers("I see.");
    let thread = stage.slack.mention(who, "#general", says).await;
    thread.finishes("I see.").await;
    thread
}

#[tokio::test]
async fn sessions_are_read_beside_a_serve_and_erased_without_one() {
    let stage = Stage::new(Http).await;
    let serving = stage.serve().await;
    let first = talk(&stage, "ana", "I am Ana").await;
    let second = talk(&stage, "ben", "I am Ben").await;
    let id = |thread: &Thread| format!("{}_{}", thread.channel(), thread.root());

    let listed = json(&stage, &["list", "--json"]).await;
    assert_eq!((&listed["active_sessions"], &listed["pages"]), (&Value::from(2), &Value::from(1)));
    assert_eq!(listed["sessions"][0]["id"], id(&second), "the latest first");
    let (code, said, _) = sessions(&stage, &["list"]).await;
    assert!(code == Some(0) && said.contains(&id(&first)) && said.contains("2 active, page 1 of 1"), "{said}");
    assert!(!said.contains("I am Ana"), "no words of people: {said}");
    let (code, _, error) = sessions(&stage, &["list", "--page", "3"]).await;
    assert!(code == Some(1) && error.contains("there is no page 3: the last one is 1"), "{error}");

    let info = json(&stage, &["info", &id(&first), "--json"]).await;
    let latest = json(&stage, &["info", &id(&second), "--json"]).await;
    assert_eq!((&listed["oldest"], &listed["newest"]), (&info["created_at"], &latest["created_at"]));
    let ana = stage.slack.person("ana").to_string();
    assert_eq!((&info["user_messages"], &info["people"][0]["id"]), (&Value::from(1), &Value::from(ana)));
    let (code, said, _) = sessions(&stage, &["info", &id(&first)]).await;
    assert!(code == Some(0) && said.contains("1 of people, 1 of the assistant"), "{said}");

    let (code, _, error) = sessions(&stage, &["clear", &id(&first)]).await;
    assert!(code == Some(1) && error.contains("add --yes"), "{error}");
    let (code, _, error) = sessions(&stage, &["clear", &id(&first), "--yes"]).await;
    assert!(code == Some(1) && error.contains("Say `clear session` in that thread"), "{error}");
    assert_eq!(json(&stage, &["list", "--json"]).await["active_sessions"], 2, "nothing was erased");
    serving.ends().await;

    let (code, said, error) = sessions(&stage, &["clear", &id(&first), "--yes"]).await;
    assert!(code == Some(0) && said.contains("erased 2 messages"), "{said}{error}");
    assert_eq!(json(&stage, &["list", "--json"]).await["sessions"][0]["id"], id(&second));
    let (code, _, error) = sessions(&stage, &["info", &id(&first)]).await;
    assert!(code == Some(1) && error.contains("there is no active session"), "{error}");

    let serving = stage.serve().await;
    stage.openai.answers("You are Ben.");
    second.reply("ben", "who am I?").await;
    second.finishes("You are Ben.").await;
    stage.openai.last_request().heard(["I am Ben", "I see.", "who am I?"]);
    first.shows("I see.").await;
    stage.ends_with(serving, &second, &["I see.", "You are Ben."]).await;
}

#[tokio::test]
async fn sessions_in_postgresql_are_read_and_erased_beside_a_serve() {
    if !TestDatabase::is_there() {
        return;
    }
    let (mut stage, database) = (Stage::new(Http).await, TestDatabase::new());
    stage.set("DATABASE_URL", &database.url());
    let serving = stage.serve().await;
    let first = talk(&stage, "ana", "I am Ana").await;
    let second = talk(&stage, "ben", "I am Ben").await;
    let id = |thread: &Thread| format!("{}_{}", thread.channel(), thread.root());
    let listed = json(&stage, &["list", "--json"]).await;
    assert_eq!((&listed["active_sessions"], &listed["sessions"][0]["id"]), (&2.into(), &id(&second).into()));
    let info = json(&stage, &["info", &id(&first), "--json"]).await;
    assert_eq!((&info["user_messages"], &info["assistant_messages"]), (&1.into(), &1.into()));
    let (code, said, error) = sessions(&stage, &["clear", &id(&first), "--yes"]).await;
    assert!(code == Some(0) && said.contains("erased 2 messages"), "{said}{error}");
    assert_eq!(json(&stage, &["list", "--json"]).await["sessions"][0]["id"], id(&second));
    // The serving process knows at once.
    stage.openai.answers("I do not know.");
    first.reply("ana", "who am I?").await;
    first.finishes("I do not know.").await;
    stage.openai.last_request().heard(["who am I?"]);
    second.shows("I see.").await;
    stage.ends_with(serving, &first, &["I see.", "I do not know."]).await;
}

#[tokio::test]
async fn the_help_shows_no_flag_that_means_nothing() {
    let stage = Stage::new(Http).await;
    for words in [&["list", "--help"][..], &["info", "--help"], &["clear", "--help"]] {
        let (_, said, _) = sessions(&stage, words).await;
        assert!(said.contains("--store") && !said.contains("--listen"), "{said}");
    }
    let (code, _, error) = sessions(&stage, &["list", "--listen", "127.0.0.1:0"]).await;
    assert!(code == Some(2) && error.contains("--listen"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_read_says_why() {
    let mut stage = Stage::new(Http).await;
    let (code, _, error) = sessions(&stage, &["list"]).await;
    assert!(code == Some(1) && error.contains("there is no database at"), "{error}");
    stage.set("DATABASE_URL", "memory:");
    let (code, _, error) = sessions(&stage, &["list"]).await;
    assert!(code == Some(1) && error.contains("kept in the serving process and nowhere else"), "{error}");
}
