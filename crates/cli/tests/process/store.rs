//! `chathakase store copy`, and the assistant started on the copy.

use chathakase_sim::slack::Transport::Http;
use serde_json::Value;
use test_database::TestDatabase;
use tokio::process::Command;

use crate::{program::BINARY, stage::Stage};

/// Runs `chathakase store copy`; its code and what it said on both channels.
async fn copies(stage: &Stage, from: &str, to: &str, words: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(BINARY);
    command.args(["store", "copy", "--from", from, "--to", to]).args(words);
    let out = stage.dressed(command).stdin(std::process::Stdio::null()).output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code(), text(out.stdout), text(out.stderr))
}

#[tokio::test]
async fn the_assistant_goes_on_with_a_copy_in_mid_answer() {
    let mut stage = Stage::new(Http).await;
    let half = stage.openai.turn().text("Half of the answer").gate("half").text(" and the rest.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "tell me all").await;
    thread.shows("Half of the answer").await;
    half.reached("half").await;
    thread.reply("ana", "and this?").await;
    stage.slack.settled().await;
    let url = |name: &str| format!("sqlite:{}", stage.path(name).display());
    let (original, copy) = (url("chathakase.db"), url("copy.db"));
    let (code, _, error) = copies(&stage, &original, &copy, &[]).await;
    assert!(code == Some(1) && error.contains("is served by another process; stop it first"), "{error}");
    stage.kill(serving).await;

    let (code, said, told) = copies(&stage, &original, &copy, &[]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(said.contains("message               2 rows") && said.contains("Then delete sqlite:"), "{said}");
    assert!(told.contains("copying message\n") && told.contains("comparing part\n"), "{told}");
    assert!(![&said, &told].iter().any(|text| text.contains("tell me")), "no words of people: {said}{told}");
    let mut from = copy;
    if TestDatabase::is_there() {
        // A detour through PostgreSQL and back.
        let (database, back) = (TestDatabase::new(), format!("sqlite:{}", stage.path("back.db").display()));
        for (from, to) in [(&from, &database.url()), (&database.url(), &back)] {
            let (code, said, error) = copies(&stage, from, to, &["--json"]).await;
            assert_eq!(code, Some(0), "{error}");
            let said: Value = serde_json::from_str(&said).unwrap();
            assert_eq!((&said["tables"][4]["table"], &said["tables"][4]["rows"]), (&"message".into(), &2.into()));
        }
        from = back;
    }

    stage.set("DATABASE_URL", &from);
    stage.openai.answers("The whole answer.").answers("This too.");
    let serving = stage.serve().await;
    thread.finishes("This too.").await;
    stage.openai.last_request().heard(["tell me all", "The whole answer.", "and this?"]);
    stage.ends_with(serving, &thread, &["The whole answer.", "This too."]).await;
}
