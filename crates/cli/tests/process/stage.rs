//! What a program runs among: a small Slack, a scripted model, a folder of its own, and settings.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use chathakase::clock::SystemClock;
use chathakase_sim::{
    model::ScriptedModel,
    slack::{Options, SmallSlack, Thread, Transport},
};
use chathakase_slack::manifest::needs;
use test_database::TestDatabase;
use tokio::process::Command;

use crate::{
    knock::Door,
    patience::in_time,
    program::{BINARY, Program},
};

/// The key that the model's server is given.
pub(crate) const MODEL_KEY: &str = "sk-this-is-the-model-key";

/// Tells each story over signed HTTP and over Socket Mode.
macro_rules! on_both_transports {
    ($($story:ident),* $(,)?) => { $(mod $story {
        use chathakase_sim::slack::Transport;
        #[tokio::test] async fn http() { super::$story(Transport::Http).await }
        #[tokio::test] async fn socket() { super::$story(Transport::Socket).await }
    })* };
}
pub(crate) use on_both_transports;

/// Installs the app as `chathakase manifest` describes it.
pub(crate) fn as_the_manifest_says(slack: &SmallSlack) {
    slack.set_scopes(&needs::scopes(true).into_iter().collect::<Vec<_>>());
    slack.subscribe(&needs::EVENTS.iter().map(|event| event.name).collect::<Vec<_>>());
}

/// A stage on which `chathakase serve` can be started, and started again.
pub(crate) struct Stage {
    pub(crate) slack: SmallSlack,
    pub(crate) openai: ScriptedModel,
    transport: Transport,
    env: BTreeMap<String, String>,
    folder: tempfile::TempDir,
    /// Where its store is PostgreSQL.
    postgres: Option<TestDatabase>,
}

/// Leases last half as long.
const LEASES_RUN_OUT_SECS: u32 = 60;

/// A serving program and its address.
pub(crate) struct Serving {
    pub(crate) program: Program,
    pub(crate) door: Door,
}

impl Serving {
    /// Ends it in good order; gives back its log.
    pub(crate) async fn ends(self) -> String {
        self.program.terminate().await;
        let ended = self.program.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        assert!(!ended.said.contains("panicked"), "{}", ended.said);
        ended.said
    }
}

impl Stage {
    /// A stage on system time, without a program yet.
    pub(crate) async fn new(transport: Transport) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(SystemClock::new());
        let slack = SmallSlack::start(Options { transport, clock: clock.clone(), ..Options::default() }).await;
        let openai = ScriptedModel::start(clock).await;
        openai.forbids(slack.bot_token()).forbids(slack.app_token()).forbids(slack.signing_secret());
        let folder = tempfile::tempdir().unwrap();
        let mut stage = Self { transport, env: BTreeMap::new(), folder, slack, openai, postgres: None };
        stage.usual_settings();
        stage
    }

    /// The same whose store is a database of its own.
    pub(crate) async fn on_postgres(transport: Transport) -> Self {
        let (mut stage, database) = (Self::new(transport).await, TestDatabase::new());
        database.own_clock();
        stage.set("DATABASE_URL", &database.url());
        stage.postgres = Some(database);
        stage
    }

    /// With SQLite, leases end with the process that held the file. In PostgreSQL they have to run out.
    pub(crate) fn leases_run_out(&self) {
        self.postgres.iter().for_each(|database| database.put_clock_forward(LEASES_RUN_OUT_SECS));
    }

    /// Turns that are not delivered.
    #[cfg(feature = "fault-points")]
    pub(crate) fn open_turns(&self) -> u32 {
        self.postgres.as_ref().map_or_else(|| test_database::open_turns(&self.database()), TestDatabase::open_turns)
    }

    /// Those of them whose answer is stored.
    #[cfg(feature = "fault-points")]
    pub(crate) fn closed_turns(&self) -> u32 {
        self.postgres.as_ref().map_or_else(|| test_database::closed_turns(&self.database()), TestDatabase::closed_turns)
    }

    /// Whoever missed nothing until now has missed nothing until so long ago only.
    #[cfg(feature = "fault-points")]
    pub(crate) fn put_good_back(&self, minutes: u32) {
        match &self.postgres {
            Some(database) => database.put_good_back(minutes),
            None => test_database::put_good_back(&self.database(), minutes),
        }
    }

    fn usual_settings(&mut self) {
        let store = format!("sqlite:{}", self.database().display());
        let settings = [
            ("SLACK_API_URL", self.slack.api_url()),
            ("SLACK_BOT_TOKEN", self.slack.bot_token().to_owned()),
            ("OPENAI_BASE_URL", self.openai.base_url()),
            ("OPENAI_API_KEY", MODEL_KEY.to_owned()),
            ("DATABASE_URL", store),
            ("CHATHAKASE_HTTP__LISTEN", "127.0.0.1:0".to_owned()),
            ("CHATHAKASE_HTTP__LINGER", "0s".to_owned()),
        ];
        self.env.extend(settings.map(|(name, value)| (name.to_owned(), value)));
        match self.transport {
            Transport::Http => self.set("SLACK_SIGNING_SECRET", self.slack.signing_secret()),
            Transport::Socket => self.set("SLACK_APP_TOKEN", self.slack.app_token()),
        }
    }

    /// Sets a variable of the environment for the next start.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.env.insert(name.to_owned(), value.to_owned());
    }

    /// A path in the stage's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.path("chathakase.db")
    }

    /// The database file by its one name, as messages show it.
    pub(crate) fn real_database(&self) -> String {
        self.database().canonicalize().unwrap().display().to_string()
    }

    /// `chathakase serve` with these settings and no others.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(BINARY);
        command.arg("serve");
        self.dressed(command)
    }

    /// Any command, in the stage's folder and with its settings.
    pub(crate) fn dressed(&self, mut command: Command) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).envs(&self.env).current_dir(self.folder.path());
        command
    }

    /// Starts it, and waits until Slack reaches it.
    pub(crate) async fn serve(&self) -> Serving {
        self.reached(Program::start(self.command())).await
    }

    /// Waits until Slack reaches `program`.
    pub(crate) async fn reached(&self, program: Program) -> Serving {
        let address = program.ready().await;
        match self.transport {
            Transport::Http => self.slack.deliver_to(&format!("http://{address}")),
            Transport::Socket => in_time(self.slack.connected(1)).await.expect("it connects"),
        }
        Serving { program, door: Door::new(address, self.slack.signing_secret()) }
    }

    /// `kill -9`, and Slack notices.
    pub(crate) async fn kill(&self, serving: Serving) {
        serving.program.kill().await;
        self.leases_run_out();
        if self.transport == Transport::Socket {
            in_time(self.slack.connected(0)).await.expect("a dead process holds no connection");
        }
    }

    /// Ends it in good order, once no stream runs and no status line stands: `thread` shows these answers and no others.
    pub(crate) async fn ends_with(&self, serving: Serving, thread: &Thread, answers: &[&str]) {
        let mut changes = self.slack.changes();
        let finished = async {
            while !self.slack.unfinished().is_empty() {
                changes.next().await;
            }
        };
        let finished = in_time(finished).await;
        assert!(finished.is_some(), "{:?}\n{}", self.slack.unfinished(), self.slack.transcript());
        let log = serving.ends().await;
        assert_eq!(thread.answers(), answers, "{}\n{log}", self.slack.transcript());
        self.left_nothing();
    }

    /// Looks at what is left when all is over: nothing half said, nothing unplanned, nobody pinged.
    pub(crate) fn left_nothing(&self) {
        let nothing = Vec::<String>::new();
        assert_eq!(self.slack.unfinished(), nothing, "{}", self.slack.transcript());
        assert_eq!(self.slack.unlooked(), nothing, "{}", self.slack.transcript());
        assert_eq!(self.slack.unknown_methods(), nothing);
        assert_eq!(self.slack.pings(), nothing);
        self.openai.assert_clean();
        self.openai.assert_all_played();
    }
}
