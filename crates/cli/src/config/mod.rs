//! How the program is set up: `chathakase.toml`, overridden by the environment, then by flags. All of it is read and
//! checked before anything starts; an error names the place and the mend.

pub(crate) mod duration;
mod error;
mod keys;
mod listen;
mod read;
pub(crate) mod secret;
mod source;
mod table;

use std::{net::SocketAddr, path::Path, time::Duration};

use chathakase_model::KeyHeader;
use chathakase_session::{BotId, UserId};
use secrecy::SecretString;

pub use error::{ConfigError, ConfigErrors};
pub use keys::{KEYS, Key, Kind};
pub(crate) use read::is_url;
pub use source::Place;
pub use table::{example_file, markdown_table};

/// How Slack reaches us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Socket Mode: we connect to Slack.
    Socket,
    /// Signed requests: Slack connects to us.
    Http,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people at a terminal.
    Human,
    /// For machines.
    Json,
    /// The first on a terminal, else the second.
    Auto,
}

/// Everything that can be set, checked. What each field means and may be is said by [`KEYS`].
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is described by the key of its name in KEYS")]
pub struct Config {
    pub slack_transport: Transport,
    pub slack_bot_token: SecretString,
    pub slack_app_token: Option<SecretString>,
    pub slack_signing_secret: Option<SecretString>,
    pub slack_api_url: String,
    pub model_base_url: String,
    pub model_api_key: Option<SecretString>,
    pub model_key_header: KeyHeader,
    pub model_name: String,
    pub model_temperature: Option<f32>,
    pub model_max_tokens: Option<u32>,
    pub model_system_prompt: Option<String>,
    pub model_first_token_max: Duration,
    pub model_between_tokens_max: Duration,
    pub model_turn_max: Duration,
    pub store_url: String,
    pub session_timeout: Duration,
    pub session_cleanup_threshold: usize,
    pub session_reread: bool,
    pub context_max_messages: usize,
    pub context_max_tokens: usize,
    pub access_admins: Vec<UserId>,
    pub access_bots: Vec<BotId>,
    pub access_strangers: bool,
    pub reply_part_chars: usize,
    pub reply_part_bytes: usize,
    pub reply_part_time: Duration,
    pub limits_body_bytes: usize,
    pub limits_message_chars: usize,
    pub limits_waiting: usize,
    pub limits_running: usize,
    pub limits_read_back_calls: usize,
    pub limits_read_back_posts: usize,
    pub limits_read_back_patience: Duration,
    pub limits_catch_up: Duration,
    pub limits_owner_deaths: u32,
    pub limits_drain: Duration,
    pub http_listen: SocketAddr,
    pub http_linger: Duration,
    pub log_level: String,
    pub log_format: LogFormat,
}

/// The file that is read when none is named, if it is there.
pub const FILE: &str = "chathakase.toml";

type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// As [`Config::load`], from the environment of this process, in which a name that looks like a setting must be one.
    pub fn load_here(file: Option<&Path>, flags: &[(String, String)]) -> Result<Self, ConfigErrors> {
        let mut problems = source::unknown_names(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()));
        let settings = written(file, &here, flags, &mut problems)?;
        read::Reader::new(settings, &here, problems).config()
    }

    /// From the environment alone.
    pub(crate) fn of(env: Env<'_>) -> Result<Self, ConfigErrors> {
        let mut problems = Vec::new();
        let settings = source::from_env(env, &mut problems);
        read::Reader::new(settings, env, problems).config()
    }

    /// Reads and checks all settings; everything that is wrong is told at once. `file` is an error if it is named and absent;
    /// [`FILE`] is only looked for.
    pub fn load(file: Option<&Path>, env: Env<'_>, flags: &[(String, String)]) -> Result<Self, ConfigErrors> {
        let mut problems = Vec::new();
        let settings = written(file, env, flags, &mut problems)?;
        read::Reader::new(settings, env, problems).config()
    }
}

/// How Slack is to reach us, as far as the settings of this process say so: nothing else needs to be right yet.
pub fn transport_here(file: Option<&Path>) -> Result<Option<Transport>, ConfigErrors> {
    let mut problems = Vec::new();
    let settings = written(file, &here, &[], &mut problems)?;
    read::Reader::new(settings, &here, problems).transport_alone()
}

fn here(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What the file, the environment and the flags say, each over the one before it.
fn written(
    file: Option<&Path>,
    env: Env<'_>,
    flags: &[(String, String)],
    problems: &mut Vec<ConfigError>,
) -> Result<source::Settings, ConfigErrors> {
    let path = file.unwrap_or(Path::new(FILE));
    let mut settings = match std::fs::read_to_string(path) {
        Ok(text) => source::from_file(path, &text, problems)?,
        Err(cause) if file.is_none() && cause.kind() == std::io::ErrorKind::NotFound => source::Settings::new(),
        Err(cause) => return Err(ConfigError::File { path: path.to_owned(), cause }.into()),
    };
    settings.extend(source::from_env(env, problems));
    for (name, text) in flags {
        match source::from_flag(name, text) {
            Ok((name, written)) => drop(settings.insert(name, written)),
            Err(unknown) => problems.push(unknown),
        }
    }
    Ok(settings)
}

#[cfg(test)]
mod tests;
