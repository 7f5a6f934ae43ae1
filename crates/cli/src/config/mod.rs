//! How the program is set up: `chathakase.toml`, overridden by the environment, then by flags. All of it is read and
//! checked before anything starts; an error names the place and the mend.

mod duration;
mod error;
mod keys;
mod read;
mod source;
mod table;

use std::{net::SocketAddr, path::Path, time::Duration};

use secrecy::SecretString;

pub use error::ConfigError;
pub use keys::{KEYS, Key, Kind};
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
    pub access_admins: Vec<String>,
    pub access_bots: Vec<String>,
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
    pub limits_owner_deaths: u32,
    pub limits_drain: Duration,
    pub http_listen: SocketAddr,
    pub log_level: String,
    pub log_format: LogFormat,
}

/// The file that is read when none is named, if it is there.
pub const FILE: &str = "chathakase.toml";

impl Config {
    /// As [`Config::load`], from the environment of this process, in which a name that looks like a setting must be one.
    pub fn load_here(file: Option<&Path>, flags: &[(String, String)]) -> Result<Self, ConfigError> {
        source::check_names(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
        Self::load(file, &|name| std::env::var(name).ok(), flags)
    }

    /// Reads and checks all settings. `file` is an error if it is named and absent; [`FILE`] is only looked for.
    pub fn load(
        file: Option<&Path>,
        env: &dyn Fn(&str) -> Option<String>,
        flags: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let path = file.unwrap_or(Path::new(FILE));
        let mut settings = match std::fs::read_to_string(path) {
            Ok(text) => source::from_file(path, &text)?,
            Err(cause) if file.is_none() && cause.kind() == std::io::ErrorKind::NotFound => source::Settings::new(),
            Err(cause) => return Err(ConfigError::File { path: path.to_owned(), cause }),
        };
        settings.extend(source::from_env(env)?);
        for (name, text) in flags {
            let (name, written) = source::from_flag(name, text)?;
            settings.insert(name, written);
        }
        read::Reader::new(settings, env).config()
    }
}

#[cfg(test)]
mod tests;
