//! From what was written to values that are right.

use std::{net::SocketAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

use secrecy::SecretString;
use toml::Value;

use super::{
    Config, ConfigError, LogFormat, Transport, duration,
    keys::Key,
    source::{Place, Settings, Written},
};

pub(super) struct Reader<'a> {
    settings: Settings,
    env: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Reader<'a> {
    /// Fills what was not written with the defaults.
    pub(super) fn new(mut settings: Settings, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        for key in super::KEYS {
            if let Some(default) = key.default {
                // A default is written as in the file; one that is not TOML is a mistake in the list, which a test would meet.
                let value =
                    toml::from_str::<toml::Table>(&format!("v = {default}")).ok().and_then(|mut t| t.remove("v"));
                let written = value.map(|value| Written { value, place: Place::Flag });
                if let Some(written) = written {
                    settings.entry(key.name).or_insert(written);
                }
            }
        }
        Self { settings, env }
    }

    pub(super) fn config(self) -> Result<Config, ConfigError> {
        let app_token = self.secret("slack.app_token", "xapp-")?;
        let signing_secret = self.secret("slack.signing_secret", "")?;
        let slack_transport = self.transport(app_token.is_some(), signing_secret.is_some())?;
        Ok(Config {
            slack_transport,
            slack_bot_token: self.secret("slack.bot_token", "xox")?.ok_or(ConfigError::Missing {
                key: "slack.bot_token",
                next: "copy the bot token (xoxb-…) from \"OAuth & Permissions\" in your Slack app's settings and set SLACK_BOT_TOKEN. No Slack app yet? `chathakase demo` needs none",
            })?,
            slack_app_token: app_token,
            slack_signing_secret: signing_secret,
            slack_api_url: self.url("slack.api_url")?,
            model_base_url: self.url("model.base_url")?,
            model_api_key: self.secret("model.api_key", "")?,
            model_name: self.text("model.name")?.unwrap_or_default(),
            model_temperature: self.temperature()?,
            model_max_tokens: Some(self.count("model.max_tokens", 0..=1_000_000)?).filter(|n| *n > 0),
            model_system_prompt: self.text("model.system_prompt")?,
            model_first_token_max: self.duration("model.first_token_max", 1..=3_600)?,
            model_between_tokens_max: self.duration("model.between_tokens_max", 1..=3_600)?,
            model_turn_max: self.duration("model.turn_max", 1..=3_600)?,
            store_url: match self.text("store.url")? {
                Some(url) => url,
                None => self.default_store()?,
            },
            session_timeout: self.duration("session.timeout", 1..=10 * 365 * 86_400)?,
            session_cleanup_threshold: self.count("session.cleanup_threshold", 0..=1_000_000)?,
            session_reread: self.flag("session.reread")?,
            context_max_messages: self.count("context.max_messages", 1..=1_000)?,
            context_max_tokens: self.count("context.max_tokens", 16..=10_000_000)?,
            access_admins: self.list("access.admins")?,
            access_bots: self.list("access.bots")?,
            access_strangers: self.flag("access.strangers")?,
            reply_part_chars: self.count("reply.part_chars", 500..=11_000)?,
            reply_part_bytes: self.count("reply.part_bytes", 1_000..=10_500)?,
            reply_part_time: self.duration("reply.part_time", 1..=290)?,
            limits_body_bytes: self.count("limits.body_bytes", 1_024..=64 << 20)?,
            limits_message_chars: self.count("limits.message_chars", 1..=1_000_000)?,
            limits_waiting: self.count("limits.waiting", 1..=10_000)?,
            limits_running: self.count("limits.running", 1..=10_000)?,
            limits_read_back_calls: self.count("limits.read_back_calls", 1..=100)?,
            limits_read_back_posts: self.count("limits.read_back_posts", 1..=10_000)?,
            limits_owner_deaths: self.count("limits.owner_deaths", 1..=1_000)?,
            limits_drain: self.duration("limits.drain", 0..=3_600)?,
            http_listen: self.listen()?,
            log_level: self.text("log.level")?.unwrap_or_default(),
            log_format: self.log_format()?,
        })
    }

    fn transport(&self, app_token: bool, signing_secret: bool) -> Result<Transport, ConfigError> {
        let wanted = match self.text("slack.transport")?.as_deref() {
            Some("socket") => Some(Transport::Socket),
            Some("http") => Some(Transport::Http),
            Some(_) => return Err(self.bad("slack.transport", "`socket` or `http`")),
            None => None,
        };
        let missing = |key, next| Err(ConfigError::Missing { key, next });
        match wanted {
            Some(Transport::Socket) if !app_token => missing(
                "slack.app_token",
                "Socket Mode needs an app-level token (xapp-…) with the scope connections:write: make one under \"Basic Information\" in your Slack app's settings and set SLACK_APP_TOKEN",
            ),
            Some(Transport::Http) if !signing_secret => missing(
                "slack.signing_secret",
                "copy it from \"Basic Information\" in your Slack app's settings and set SLACK_SIGNING_SECRET",
            ),
            Some(wanted) => Ok(wanted),
            None if app_token => Ok(Transport::Socket),
            None if signing_secret => Ok(Transport::Http),
            None => missing(
                "slack.app_token",
                "set SLACK_APP_TOKEN (xapp-…) for Socket Mode, or SLACK_SIGNING_SECRET to be reached over HTTP; both are under \"Basic Information\" in your Slack app's settings. No Slack app yet? `chathakase demo` needs none",
            ),
        }
    }

    fn written(&self, key: &'static str) -> Option<&Written> {
        debug_assert!(Key::find(key).is_some(), "{key} is not in the list of settings");
        self.settings.get(key)
    }

    fn bad(&self, key: &'static str, wanted: impl Into<String>) -> ConfigError {
        let place = self.written(key).map_or(Place::Flag, |written| written.place.clone());
        ConfigError::Bad { key, place, wanted: wanted.into() }
    }

    fn text(&self, key: &'static str) -> Result<Option<String>, ConfigError> {
        match self.written(key).map(|written| &written.value) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.clone())),
            Some(_) => Err(self.bad(key, "a text that is not empty, in quotes")),
        }
    }

    fn secret(&self, key: &'static str, starts_with: &str) -> Result<Option<SecretString>, ConfigError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let text = text.trim();
        if text.contains('…') || text.ends_with("...") {
            return Err(self.bad(key, "the whole token; what stands there is the placeholder of an example"));
        }
        if !text.starts_with(starts_with) || text.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii())
        {
            let start =
                if starts_with.is_empty() { String::new() } else { format!(" that begins with `{starts_with}`") };
            return Err(self.bad(key, format!("one word{start}, as Slack or the model's provider shows it")));
        }
        Ok(Some(SecretString::from(text)))
    }

    fn url(&self, key: &'static str) -> Result<String, ConfigError> {
        let text = self.text(key)?.unwrap_or_default();
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        match rest {
            Some(host) if !host.is_empty() && !host.starts_with('/') && !text.contains(char::is_whitespace) => Ok(text),
            _ => Err(self.bad(key, "an address that begins with `https://` or `http://`")),
        }
    }

    fn flag(&self, key: &'static str) -> Result<bool, ConfigError> {
        match self.written(key).map(|written| &written.value) {
            Some(Value::Boolean(flag)) => Ok(*flag),
            _ => Err(self.bad(key, "`true` or `false`")),
        }
    }

    fn count<N: TryFrom<i64> + Copy>(&self, key: &'static str, range: RangeInclusive<i64>) -> Result<N, ConfigError> {
        let number = match self.written(key).map(|written| &written.value) {
            Some(Value::Integer(number)) if range.contains(number) => N::try_from(*number).ok(),
            _ => None,
        };
        number.ok_or_else(|| self.bad(key, format!("a whole number from {} to {}", range.start(), range.end())))
    }

    fn temperature(&self) -> Result<Option<f32>, ConfigError> {
        const KEY: &str = "model.temperature";
        let number = match self.written(KEY).map(|written| &written.value) {
            Some(Value::String(none)) if none == "none" => return Ok(None),
            Some(Value::Float(number)) => *number,
            Some(Value::Integer(number)) => f64::from(i32::try_from(*number).unwrap_or(-1)),
            _ => f64::NAN,
        };
        if (0.0..=2.0).contains(&number) {
            Ok(Some(number as f32))
        } else {
            Err(self.bad(KEY, "a number from 0 to 2, or `\"none\"`"))
        }
    }

    fn duration(&self, key: &'static str, secs: RangeInclusive<u64>) -> Result<Duration, ConfigError> {
        let read = match self.written(key).map(|written| &written.value) {
            Some(Value::String(text)) => duration::parse(text),
            _ => None,
        };
        let (least, most) = (Duration::from_secs(*secs.start()), Duration::from_secs(*secs.end()));
        read.filter(|d| (least..=most).contains(d)).ok_or_else(|| {
            self.bad(
                key,
                format!("a duration such as `90s`, `5m`, `1h` or `30d`, from {}s to {}s", secs.start(), secs.end()),
            )
        })
    }

    fn list(&self, key: &'static str) -> Result<Vec<String>, ConfigError> {
        let items = match self.written(key).map(|written| &written.value) {
            Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        items.ok_or_else(|| self.bad(key, "a list of texts, such as `[\"U0123ABCD\"]`"))
    }

    fn listen(&self) -> Result<SocketAddr, ConfigError> {
        const KEY: &str = "http.listen";
        let text = self.text(KEY)?.unwrap_or_default();
        text.parse().map_err(|_| self.bad(KEY, "an address and port such as `127.0.0.1:3000`"))
    }

    fn log_format(&self) -> Result<LogFormat, ConfigError> {
        match self.text("log.format")?.as_deref() {
            Some("human") => Ok(LogFormat::Human),
            Some("json") => Ok(LogFormat::Json),
            Some("auto") => Ok(LogFormat::Auto),
            _ => Err(self.bad("log.format", "`human`, `json` or `auto`")),
        }
    }

    fn default_store(&self) -> Result<String, ConfigError> {
        let dir = |name: &str| (self.env)(name).filter(|dir| !dir.is_empty()).map(PathBuf::from);
        let data =
            dir("XDG_DATA_HOME").or_else(|| Some(dir("HOME")?.join(".local/share"))).or_else(|| dir("LOCALAPPDATA"));
        let data = data.ok_or(ConfigError::Missing {
            key: "store.url",
            next: "there is no home folder to put the database in: set DATABASE_URL to sqlite:PATH",
        })?;
        Ok(format!("sqlite:{}", data.join("chathakase/chathakase.db").display()))
    }
}
