//! `init` asks, tries each answer out, and writes a file that works.

use std::{collections::HashMap, io::Cursor, os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc};

use chathakase::{
    args::{self, SecretsPlace, TransportName},
    config::{Config, Transport as Chosen},
    init::{Ask, begin},
};
use chathakase_sim::{
    ManualClock,
    model::ScriptedModel,
    slack::{Options, SmallSlack, Transport},
};
use secrecy::ExposeSecret;

struct Desk {
    slack: SmallSlack,
    openai: ScriptedModel,
    clock: ManualClock,
    env: HashMap<String, String>,
    args: args::Init,
    folder: tempfile::TempDir,
}

impl Desk {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = ManualClock::new();
        let slack = SmallSlack::start(Options::driven_by(&clock, Transport::Socket)).await;
        let openai = ScriptedModel::start(Arc::new(clock.clone())).await;
        let folder = tempfile::tempdir().unwrap();
        let env = HashMap::from([("SLACK_API_URL".to_owned(), slack.api_url())]);
        let args = args::Init {
            config: Some(folder.path().join("chathakase.toml")),
            transport: None,
            model_url: None,
            model_name: None,
            store: None,
            secrets: None,
            force: false,
        };
        Self { slack, openai, clock, env, args, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("chathakase.toml")
    }

    fn store(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("chathakase.db").display())
    }

    /// What was said, and how it ended.
    async fn answers(&self, lines: &[&str]) -> (String, anyhow::Result<()>) {
        let (mut answers, mut screen) = (Cursor::new(format!("{}\n", lines.join("\n"))), Vec::new());
        if lines.is_empty() {
            answers = Cursor::new(String::new());
        }
        let mut ask = Ask::new(&mut answers, &mut screen);
        let env = |name: &str| self.env.get(name).cloned();
        let ended = begin(&self.args, &env, Arc::new(self.clock.clone()), &mut ask).await;
        (String::from_utf8(screen).unwrap(), ended)
    }

    fn config(&self, env: &HashMap<String, String>) -> Config {
        Config::load(Some(&self.path()), &|name| env.get(name).cloned(), &[]).unwrap()
    }
}

#[tokio::test]
async fn answers_become_a_file_that_works_and_only_its_owner_can_read() {
    let desk = Desk::new().await;
    desk.openai.answers("ok");
    let (model, store) = (desk.openai.base_url(), desk.store());
    let lines = ["", desk.slack.bot_token(), desk.slack.app_token(), &model, "", "llama3.2", &store, ""];
    let (said, ended) = desk.answers(&lines).await;
    ended.unwrap_or_else(|error| panic!("{error:#}\n{said}"));
    for part in [
        "accepted: @assistant in acme",
        "Socket Mode says hello",
        "answered in",
        "is made at the first start",
        "Next: `chathakase check --config",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert_eq!(std::fs::metadata(desk.path()).unwrap().permissions().mode() & 0o777, 0o600);
    let config = desk.config(&HashMap::new());
    assert_eq!((config.slack_transport, config.model_name.as_str()), (Chosen::Socket, "llama3.2"));
    assert_eq!(config.slack_bot_token.expose_secret(), desk.slack.bot_token());
    assert_eq!((config.store_url, config.slack_api_url), (store, desk.slack.api_url()));
    assert_eq!(desk.openai.last_request().raw()["model"], "llama3.2");
}

#[tokio::test]
async fn a_wrong_answer_is_said_in_plain_words_and_asked_again() {
    let desk = Desk::new().await;
    let _ = desk.openai.turn().status(401);
    desk.openai.answers("ok");
    let (model, store) = (desk.openai.base_url(), desk.store());
    let lines = [
        "carrier pigeon",
        "socket",
        "xapp-1-the-other-one",
        "xoxb-of-another-app",
        desk.slack.bot_token(),
        "xapp-of-another-app",
        desk.slack.app_token(),
        "localhost",
        &model,
        "sk-wrong",
        "",
        "n",
        &model,
        "sk-right",
        "",
        "sqlite:",
        &store,
        "safe",
        "file",
    ];
    let (said, ended) = desk.answers(&lines).await;
    ended.unwrap_or_else(|error| panic!("{error:#}\n{said}"));
    for part in [
        "write `socket` or `http`",
        "it must be the bot token, `xoxb-…`; what stands there is the app-level token",
        "auth.test: refused by Slack: invalid_auth; check the bot token",
        "SLACK_APP_TOKEN is not a token of this Slack",
        "write an address that begins with https:// or http://",
        "did not accept the key",
        "needs the path of a file",
        "write `file` or `env`",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(!said.contains("another-app") && !said.contains("sk-"), "{said}");
    assert_eq!(desk.config(&HashMap::new()).model_api_key.unwrap().expose_secret(), "sk-right");
}

#[tokio::test]
async fn a_signing_secret_is_taken_with_a_word_on_what_is_not_known_of_it() {
    for (secret, odd) in [("nonsense", true), ("0123456789abcdef0123456789abcdef", false)] {
        let desk = Desk::new().await;
        desk.openai.answers("ok");
        let (model, store) = (desk.openai.base_url(), desk.store());
        let lines = ["http", desk.slack.bot_token(), secret, &model, "", "", &store, ""];
        let (said, ended) = desk.answers(&lines).await;
        ended.unwrap_or_else(|error| panic!("{error:#}\n{said}"));
        assert_eq!(said.contains("Slack's signing secrets are 32 hexadecimal digits"), odd, "{said}");
        assert!(said.contains("not tried: only Slack's requests show whether it is right"), "{said}");
    }
}

#[tokio::test]
async fn with_flags_and_environment_nothing_is_asked_and_secrets_stay_out_of_the_file() {
    let mut desk = Desk::new().await;
    desk.openai.answers("ok");
    desk.args.transport = Some(TransportName::Http);
    desk.args.model_url = Some(desk.openai.base_url());
    desk.args.model_name = Some("gpt-4o".to_owned());
    desk.args.store = Some("memory:".to_owned());
    desk.args.secrets = Some(SecretsPlace::Env);
    std::fs::write(desk.path().with_extension("toml.new"), "[slack]\nbot_tok").unwrap();
    let secrets = HashMap::from([
        ("SLACK_BOT_TOKEN".to_owned(), desk.slack.bot_token().to_owned()),
        ("SLACK_SIGNING_SECRET".to_owned(), desk.slack.signing_secret().to_owned()),
        ("OPENAI_API_KEY".to_owned(), "sk-test".to_owned()),
    ]);
    desk.env.extend(secrets.clone());
    let (said, ended) = desk.answers(&[]).await;
    ended.unwrap_or_else(|error| panic!("{error:#}\n{said}"));
    assert!(
        said.contains(
            "Set in the environment of the assistant: SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET, OPENAI_API_KEY."
        ),
        "{said}"
    );
    let written = std::fs::read_to_string(desk.path()).unwrap();
    assert!(secrets.values().all(|secret| !written.contains(secret)), "{written}");
    assert_eq!(desk.config(&secrets).slack_transport, Chosen::Http);

    // A server that wants no key: the variable is there, and empty.
    desk.openai.answers("ok");
    desk.env.insert("OPENAI_API_KEY".to_owned(), String::new());
    desk.args.force = true;
    let (said, ended) = desk.answers(&[]).await;
    ended.unwrap_or_else(|error| panic!("{error:#}\n{said}"));
    assert!(said.ends_with("starts it.\n") && said.contains("SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET.\n"), "{said}");

    // The address of a database holds a password.
    desk.openai.answers("ok");
    desk.args.store = None;
    desk.env.insert("DATABASE_URL".to_owned(), "postgres://hakase:hidden@db.example/hakase".to_owned());
    let (said, ended) = desk.answers(&[]).await;
    ended.unwrap_or_else(|error| panic!("{error:#}\n{said}"));
    assert!(said.contains("SLACK_SIGNING_SECRET, DATABASE_URL.\n") && !said.contains("hidden"), "{said}");
    assert!(!std::fs::read_to_string(desk.path()).unwrap().contains("hidden"));
}

#[tokio::test]
async fn a_file_that_is_there_is_kept_unless_somebody_says_otherwise() {
    let desk = Desk::new().await;
    std::fs::write(desk.path(), "# mine\n").unwrap();
    for lines in [&["n"][..], &[""], &[]] {
        let (said, ended) = desk.answers(lines).await;
        assert!(ended.is_err(), "{said}");
        assert_eq!(std::fs::read_to_string(desk.path()).unwrap(), "# mine\n");
    }
}

#[tokio::test]
async fn answers_that_end_too_early_leave_nothing_behind() {
    let desk = Desk::new().await;
    let (said, ended) = desk.answers(&["socket", desk.slack.bot_token()]).await;
    let error = ended.unwrap_err().to_string();
    assert!(error.contains("nothing was written") && error.contains("set SLACK_APP_TOKEN"), "{error}\n{said}");
    assert!(error.contains("set OPENAI_API_KEY") && !error.contains("SLACK_BOT_TOKEN"), "{error}\n{said}");
    assert_eq!(std::fs::read_dir(desk.folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn where_nobody_answers_all_that_is_missing_is_named_at_once_and_the_rest_is_as_usual() {
    let mut desk = Desk::new().await;
    let (_, ended) = desk.answers(&[]).await;
    let error = ended.unwrap_err().to_string();
    for part in ["set SLACK_BOT_TOKEN", "set SLACK_APP_TOKEN", "set OPENAI_API_KEY", "init --help"] {
        assert!(error.contains(part), "{part}\n{error}");
    }
    assert_eq!(std::fs::read_dir(desk.folder.path()).unwrap().count(), 0);

    for (name, value) in [
        ("SLACK_BOT_TOKEN", desk.slack.bot_token()),
        ("SLACK_SIGNING_SECRET", desk.slack.signing_secret()),
        ("OPENAI_BASE_URL", &desk.openai.base_url()),
        ("DATABASE_URL", &desk.store()),
    ] {
        desk.env.insert(name.to_owned(), value.to_owned());
    }
    desk.openai.answers("ok");
    let (said, ended) = desk.answers(&[]).await;
    ended.unwrap_or_else(|error| panic!("{error:#}\n{said}"));
    let config = desk.config(&HashMap::new());
    assert_eq!((config.slack_transport, config.model_name.as_str()), (Chosen::Http, "gpt-4o"));
    assert_eq!((config.slack_bot_token.expose_secret(), config.store_url), (desk.slack.bot_token(), desk.store()));

    // What does not work ends it, and is not tried again for ever.
    desk.args.force = false;
    std::fs::remove_file(desk.path()).unwrap();
    let _ = desk.openai.turn().status(401);
    let (said, ended) = desk.answers(&[]).await;
    assert!(ended.unwrap_err().to_string().contains("the model does not answer"), "{said}");
    desk.openai.answers("ok");
    desk.env.insert("DATABASE_URL".to_owned(), "sqlite:".to_owned());
    assert!(desk.answers(&[]).await.1.unwrap_err().to_string().contains("needs the path of a file"));
}

#[tokio::test]
async fn a_database_is_written_down_with_its_whole_path_or_left_to_the_data_folder() {
    let data = tempfile::tempdir().unwrap();
    let here = std::env::current_dir().unwrap();
    for (answer, kept) in [
        ("", format!("sqlite:{}/chathakase/chathakase.db", data.path().display())),
        ("notes.db", format!("sqlite:{}/notes.db", here.display())),
        ("sqlite:notes.db", format!("sqlite:{}/notes.db", here.display())),
    ] {
        let mut desk = Desk::new().await;
        desk.openai.answers("ok");
        desk.env.insert("XDG_DATA_HOME".to_owned(), data.path().display().to_string());
        let model = desk.openai.base_url();
        let lines = ["", desk.slack.bot_token(), desk.slack.app_token(), &model, "", "", answer, ""];
        let (said, ended) = desk.answers(&lines).await;
        ended.unwrap_or_else(|error| panic!("{error:#}\n{said}"));
        assert_eq!(desk.config(&desk.env).store_url, kept);
    }
}
