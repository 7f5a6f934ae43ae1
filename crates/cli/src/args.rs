//! The command line.

use std::path::PathBuf;

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
    Serve(Settings),
    /// Try it here and now: a small Slack, a stand-in for the model and the real assistant, in this terminal. No account, no key
    Demo(Demo),
    /// Print the Slack app manifest that this assistant needs, to paste on api.slack.com/apps
    Manifest(Manifest),
    /// Print every setting with what it does, as a file to copy to chathakase.toml
    Config,
}

/// Where settings come from beside the environment.
#[derive(Debug, Args)]
pub struct Settings {
    /// The settings file (default: chathakase.toml in this folder, if there is one)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting, over the file and the environment; may be repeated
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,
    /// Where sessions are kept: sqlite:PATH or memory: (the setting store.url)
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// Where to listen (the setting http.listen)
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}

impl Settings {
    /// All settings given as flags.
    pub fn flags(&self) -> Vec<(String, String)> {
        let named = [("store.url", &self.store), ("http.listen", &self.listen)];
        let named = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        self.set.iter().cloned().chain(named).collect()
    }
}

/// What the app is to be.
#[derive(Debug, Args)]
pub struct Manifest {
    /// How Slack reaches the assistant (default: as it is set up here, else socket)
    #[arg(long, value_enum)]
    pub transport: Option<TransportName>,
    /// Where Slack reaches it, for http: https://bot.example.com
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

/// How the demo runs.
#[derive(Debug, Args)]
pub struct Demo {
    /// Play a conversation of several people, restart the assistant in its middle, and exit
    #[arg(long)]
    pub script: bool,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as section.key=value")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}
