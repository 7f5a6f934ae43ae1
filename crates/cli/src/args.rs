//! The command line.

use std::path::PathBuf;

use crate::check::Spot;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// A Slack assistant that remembers every thread.
#[derive(Debug, Parser)]
#[command(name = "chathakase", version, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer in Slack until told to stop (Ctrl-C, SIGTERM)
    Serve(Listening),
    /// Try it here and now: a small Slack, a stand-in for the model and the real assistant, in this terminal and in a browser. No account, no key
    Demo(Demo),
    /// Ask what is needed, try each answer out, and write chathakase.toml
    #[command(after_help = INIT_UNASKED)]
    Init(Init),
    /// Print the Slack app manifest that this assistant needs, to paste on api.slack.com/apps
    Manifest(Manifest),
    /// Look at tokens, scopes, events, model, store and clock, and say how to mend what is not right
    Check(Check),
    /// List, show or erase sessions
    Sessions(Sessions),
    /// Move everything that is stored to another place
    Store(Store),
    /// Print every setting with what it does, as a file to copy to chathakase.toml
    Config,
}

/// Where settings come from beside the environment.
#[derive(Debug, Args)]
pub struct Settings {
    /// The settings file (default: chathakase.toml in this folder, if there is one)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting, over the file and the environment; may be repeated
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,
    /// Where sessions are kept: sqlite:PATH, postgres://… or memory: (the setting store.url)
    #[arg(long, global = true, value_name = "URL")]
    pub store: Option<String>,
}

impl Settings {
    /// All settings given as flags.
    pub fn flags(&self) -> Vec<(String, String)> {
        let store = self.store.clone().map(|url| ("store.url".to_owned(), url));
        self.set.iter().cloned().chain(store).collect()
    }
}

/// The same for what listens.
#[derive(Debug, Args)]
pub struct Listening {
    /// All others
    #[command(flatten)]
    pub settings: Settings,
    /// Where to listen (the setting http.listen)
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}

impl Listening {
    /// All settings given as flags.
    pub fn flags(&self) -> Vec<(String, String)> {
        let listen = self.listen.clone().map(|address| ("http.listen".to_owned(), address));
        self.settings.flags().into_iter().chain(listen).collect()
    }
}

/// What the app is to be.
#[derive(Debug, Args)]
pub struct Manifest {
    /// How Slack reaches the assistant (default: as it is set up here, else socket)
    #[arg(long, value_enum)]
    pub transport: Option<TransportName>,
    /// Where Slack reaches it, for http: `https://bot.example.com`
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// YAML gives the reason of each scope and event; JSON has no room for them
    #[arg(long, value_enum, default_value = "yaml")]
    pub format: ManifestFormat,
    /// What it is called in Slack, up to 35 characters
    #[arg(long, default_value = chathakase_slack::manifest::NAME)]
    pub name: String,
    /// Leave out status line and Stop button; Slack lets no guest use an app that has them
    #[arg(long)]
    pub no_agent_view: bool,
    /// The settings file (default: chathakase.toml in this folder, if there is one)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// How Slack reaches the assistant, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TransportName {
    /// Socket Mode: the assistant connects to Slack; no public address is needed
    Socket,
    /// Signed requests: Slack connects to the assistant
    Http,
}

/// In which form the manifest is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ManifestFormat {
    /// With comments
    Yaml,
    /// Without
    Json,
}

/// What is looked at, and how it is told.
#[derive(Debug, Args)]
pub struct Check {
    /// Where the settings come from
    #[command(flatten)]
    pub settings: Listening,
    /// Wait while you write to the assistant in Slack, and name each event that does not come (`serve` must not run meanwhile)
    #[arg(long, value_enum, value_delimiter = ',', num_args = 0..=1, require_equals = true, default_missing_value = "dm,channel")]
    pub live: Option<Vec<Spot>>,
    /// The longest wait for what you write
    #[arg(long, value_name = "TIME", default_value = "3m")]
    pub wait: String,
    /// Say it as JSON, for machines
    #[arg(long)]
    pub json: bool,
}

/// What `init` takes from the environment, and how nothing is asked.
const INIT_UNASKED: &str = "\
Not asked for, where it is in the environment:
  SLACK_BOT_TOKEN       the bot token, xoxb-…
  SLACK_APP_TOKEN       the app-level token, xapp-… (socket)
  SLACK_SIGNING_SECRET  the signing secret (http)
  OPENAI_API_KEY        the key of the model's server; empty when it wants none
  OPENAI_BASE_URL       as --model-url
  DATABASE_URL          as --store

Without a terminal nothing is asked: what is not given is as the brackets behind the questions say, and what cannot be
guessed is named. So this asks nothing:

  SLACK_BOT_TOKEN=xoxb-… SLACK_APP_TOKEN=xapp-… OPENAI_API_KEY=sk-… \\
    chathakase init --model-name gpt-4o --secrets file </dev/null";

/// What is known already; what else is known comes from the environment, see `INIT_UNASKED`.
#[derive(Debug, Args)]
pub struct Init {
    /// The settings file to write (default: chathakase.toml in this folder)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How Slack reaches the assistant
    #[arg(long, value_enum)]
    pub transport: Option<TransportName>,
    /// Address of the model's chat-completions API
    #[arg(long, value_name = "URL")]
    pub model_url: Option<String>,
    /// Name of the model
    #[arg(long, value_name = "NAME")]
    pub model_name: Option<String>,
    /// Where sessions are kept: sqlite:PATH, postgres://… or memory:
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// Where tokens and keys go
    #[arg(long, value_enum)]
    pub secrets: Option<SecretsPlace>,
    /// Overwrite the file, and keep a model that does not answer, without asking
    #[arg(long)]
    pub force: bool,
}

/// Where tokens and keys go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SecretsPlace {
    /// Into the settings file, which its owner alone can read
    File,
    /// Nowhere: they come from the environment
    Env,
}

/// What is asked about sessions.
#[derive(Debug, Args)]
pub struct Sessions {
    /// Where the settings come from
    #[command(flatten)]
    pub settings: Settings,
    /// What to do
    #[command(subcommand)]
    pub ask: SessionsAsk,
}

/// What to do with sessions.
#[derive(Debug, Subcommand)]
pub enum SessionsAsk {
    /// All active sessions, the latest first; also while `serve` runs
    List {
        /// Which page, from 1
        #[arg(long, default_value_t = 1)]
        page: usize,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// One of them; also while `serve` runs
    Info {
        /// Which
        #[command(flatten)]
        which: Which,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Erase what was said in one of them; the assistant stays in the thread. Not while `serve` runs
    Clear {
        /// Which
        #[command(flatten)]
        which: Which,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// A session.
#[derive(Debug, Args)]
pub struct Which {
    /// Its name: CHANNEL_THREAD, such as C0123ABCD_1700000000.000100
    pub id: String,
    /// The workspace, when several have a session of that name
    #[arg(long, value_name = "T…")]
    pub workspace: Option<String>,
}

/// What is asked about the store.
#[derive(Debug, Args)]
pub struct Store {
    /// The settings file (default: chathakase.toml in this folder, if there is one)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub ask: StoreAsk,
}

/// What to do with the store.
#[derive(Debug, Subcommand)]
pub enum StoreAsk {
    /// Copy everything into an empty store, and compare both. Cut at any point, the same command goes on. Not while `serve` runs
    Copy {
        /// The store to copy: sqlite:PATH or postgres://… (default: the setting store.url)
        #[arg(long, value_name = "URL")]
        from: Option<String>,
        /// An empty store, or one that is not there yet (default: the setting store.url)
        #[arg(long, value_name = "URL")]
        to: Option<String>,
        /// Say what was copied as JSON
        #[arg(long)]
        json: bool,
    },
}

/// How the demo runs.
#[derive(Debug, Args)]
pub struct Demo {
    /// Play a conversation of several people, restart the assistant in its middle, and exit
    #[arg(long)]
    pub script: bool,
    /// The port on 127.0.0.1 of the page that shows it in a browser (default: any free one)
    #[arg(long, value_name = "PORT", conflicts_with = "script")]
    pub port: Option<u16>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as section.key=value")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}
