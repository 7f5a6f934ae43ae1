//! What cannot start says so in one message, with the next step, and ends with code 1.

use std::{fs, net::TcpListener};

use chathakase_sim::slack::Transport::{Http, Socket};
use chathakase_store::sqlite::SCHEMA;
use serde_json::Value;
use tokio::process::Command;

use crate::{
    program::{BINARY, Program},
    stage::Stage,
};

/// Runs `command` to its end; gives back the error that ended it: the last line of its log, if it began one.
async fn refusal(command: Command) -> String {
    let ended = Program::start(command).ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    if ended.said.starts_with('{') {
        let log: Vec<Value> = ended.said.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let last = log.last().expect("it says why");
        assert_eq!((&last["level"], &last["message"]), (&"ERROR".into(), &"ended by an error".into()));
        return last["error"].as_str().unwrap().to_owned();
    }
    assert_eq!(ended.said.matches("error: ").count(), 1, "{}", ended.said);
    ended.said.split_once("error: ").unwrap().1.to_owned()
}

/// The first line is what people read; the rest is the chain of causes.
async fn first_line(command: Command) -> String {
    refusal(command).await.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn without_any_setting_it_says_where_to_get_each_that_is_needed() {
    let stage = Stage::new(Http).await;
    let mut command = stage.dressed(Command::new(BINARY));
    command.env_clear().env("HOME", stage.path("")).arg("serve");
    assert_eq!(
        refusal(command).await,
        "2 settings are missing or wrong:\n  \
         - `slack.bot_token` is not set: copy the bot token (xoxb-…) from \"OAuth & Permissions\" in your Slack app's settings \
         and set SLACK_BOT_TOKEN\n  \
         - `slack.app_token` is not set: set SLACK_APP_TOKEN (xapp-…) for Socket Mode, or SLACK_SIGNING_SECRET to be reached \
         over HTTP; both are under \"Basic Information\" in your Slack app's settings\n\
         `chathakase init` asks for what is needed; `chathakase demo` needs none of it"
    );
}

#[tokio::test]
async fn an_unknown_setting_is_named_with_its_place_and_the_nearest_known_one() {
    let stage = Stage::new(Http).await;
    fs::write(stage.path("chathakase.toml"), "[model]\nname = \"gpt-4o\"\ntemprature = 0.2\n").unwrap();
    assert_eq!(
        refusal(stage.command()).await,
        "chathakase.toml, line 3: there is no setting `model.temprature`; did you mean `model.temperature`?"
    );
}

#[tokio::test]
async fn a_wrong_value_is_named_with_its_place_and_is_never_shown() {
    let mut stage = Stage::new(Http).await;
    stage.set("SLACK_BOT_TOKEN", "xapp-1-this-is-the-other-token");
    assert_eq!(
        refusal(stage.command()).await,
        "the environment, SLACK_BOT_TOKEN: `slack.bot_token` must be the bot token, `xoxb-…`; what stands there is the app-level \
         token, which is slack.app_token (SLACK_APP_TOKEN)"
    );
}

#[tokio::test]
async fn a_broken_database_file_is_left_as_it_is() {
    let stage = Stage::new(Http).await;
    let noise: Vec<u8> = (0..20_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(stage.database(), &noise).unwrap();
    let message = "is damaged or no database at all; restore it from a backup, or move it away to begin anew";
    assert_eq!(first_line(stage.command()).await, format!("{} {message}", stage.real_database()));
    assert_eq!(fs::read(stage.database()).unwrap(), noise);
}

#[tokio::test]
async fn a_folder_is_no_database() {
    let stage = Stage::new(Http).await;
    fs::create_dir(stage.database()).unwrap();
    let path = stage.database().display().to_string();
    assert_eq!(
        refusal(stage.command()).await,
        format!("{path} is a folder; name a file in it, such as {path}/chathakase.db")
    );
}

/// The kernel's own file systems refuse new files to everybody, root included.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let mut stage = Stage::new(Http).await;
    stage.set("DATABASE_URL", "sqlite:/sys/chathakase.db");
    assert_eq!(
        first_line(stage.command()).await,
        "/sys/chathakase.db cannot be written; check who owns it, its permissions and whether its disk is read-only"
    );
}

#[tokio::test]
async fn a_second_one_on_the_same_file_does_not_disturb_the_first() {
    let stage = Stage::new(Http).await;
    let serving = stage.serve().await;
    assert_eq!(
        refusal(stage.command()).await,
        format!(
            "{} is served by another process; stop it first, or name another file with `store.url`",
            stage.real_database()
        )
    );
    stage.openai.answers("Still here.");
    let thread = stage.slack.mention("ana", "#general", "are you there?").await;
    thread.finishes("Still here.").await;
    stage.ends_with(serving, &thread, &["Still here."]).await;
}

#[tokio::test]
async fn a_port_in_use_is_named_with_the_setting_that_changes_it() {
    let mut stage = Stage::new(Http).await;
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    stage.set("CHATHAKASE_HTTP__LISTEN", &address);
    assert_eq!(
        first_line(stage.command()).await,
        format!(
            "could not listen on {address}: another program uses that port; end it, or name another port with http.listen or PORT"
        )
    );
    stage.set("CHATHAKASE_HTTP__LISTEN", "192.0.2.1:3000");
    let said = first_line(stage.command()).await;
    assert!(said.starts_with("could not listen on 192.0.2.1:3000: that is no address of this machine; "), "{said}");
}

#[tokio::test]
async fn a_wrong_bot_token_is_said_and_not_shown() {
    let mut stage = Stage::new(Http).await;
    stage.set("SLACK_BOT_TOKEN", "xoxb-somebody-elses");
    let said = refusal(stage.command()).await;
    assert!(said.contains("refused by Slack: invalid_auth; check the bot token (xoxb-…) of this workspace"), "{said}");
    assert!(!said.contains("somebody-elses"), "{said}");
    assert!(!stage.database().exists(), "a token that is not accepted leaves no database behind");
}

#[tokio::test]
async fn a_wrong_app_token_is_said_and_not_shown() {
    let mut stage = Stage::new(Socket).await;
    stage.set("SLACK_APP_TOKEN", "xapp-somebody-elses");
    let ended = Program::start(stage.command()).ended().await;
    assert_eq!(ended.said.matches("\"ERROR\"").count(), 1, "{}", ended.said);
    assert!(!ended.said.contains("running answers"), "nothing ran yet: {}", ended.said);
    let said = refusal(stage.command()).await;
    assert!(
        said.contains(
            "Slack refuses Socket Mode with `invalid_auth`: SLACK_APP_TOKEN is not a token of this Slack; copy it again"
        ),
        "{said}"
    );
    assert!(!said.contains("somebody-elses"), "{said}");
}

#[tokio::test]
async fn an_unreachable_slack_is_said_with_the_setting_that_leads_to_it() {
    let mut stage = Stage::new(Http).await;
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    stage.set("SLACK_API_URL", &format!("http://{closed}/api/"));
    let said = refusal(stage.command()).await;
    assert!(said.contains("auth.test: could not connect; check the network and SLACK_API_URL"), "{said}");
}

#[tokio::test]
async fn something_else_at_slacks_address_is_said() {
    let stage = Stage::new(Http).await;
    drop(stage.slack.next("auth.test").says("<html>Welcome to the captive portal</html>").always());
    let said = refusal(stage.command()).await;
    assert!(said.contains("check SLACK_API_URL and what stands between (a proxy?)"), "{said}");
    assert!(!said.contains("captive"), "{said}");
}

#[tokio::test]
async fn a_database_of_a_later_version_is_left_to_that_version() {
    let stage = Stage::new(Http).await;
    stage.serve().await.ends().await;
    // The last row of the table of migrations as SQLite's file format has it: 11 bytes, the row's number, three columns' sizes. The
    // row's number is the migration's. What knows SQL is not at hand here.
    let mut file = fs::read(stage.database()).unwrap();
    let last = u8::try_from(SCHEMA).unwrap();
    let row = file.windows(5).position(|bytes| bytes == [11, last, 3, 0, 6]).expect("the row of the last migration");
    file[row + 1] = 99;
    fs::write(stage.database(), &file).unwrap();
    let said = refusal(stage.command()).await;
    let message = format!("is at schema 99, this build knows {SCHEMA}; run the version that wrote it, or a later one");
    assert_eq!(said, format!("{} {message}", stage.real_database()));
    assert_eq!(fs::read(stage.database()).unwrap(), file);
}
