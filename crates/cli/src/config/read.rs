//! From what was written to values that are right.

use std::{cell::RefCell, net::SocketAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

use chathakase_model::KeyHeader;
use chathakase_session::{BotId, UserId};
use secrecy::SecretString;
use toml::Value;

use super::{
    Config, ConfigError, ConfigErrors, LogFormat, Transport, duration,
    keys::Key,
    listen, secret,
    source::{Place, Settings, Written},
};

const HOUR: u64 = 3_600;

const BOT_TOKEN_NEXT: &str =
    "copy the bot token (xoxb-…) from \"OAuth & Permissions\" in your Slack app's settings and set SLACK_BOT_TOKEN";
const APP_TOKEN_NEXT: &str = "Socket Mode needs an app-level token (xapp-…) with the scope connections:write: make one under \"Basic Information\" in your Slack app's settings and set SLACK_APP_TOKEN";
const SIGNING_SECRET_NEXT: &str =
    "copy it from \"Basic Information\" in your Slack app's settings and set SLACK_SIGNING_SECRET";
const EITHER_NEXT: &str = "set SLACK_APP_TOKEN (xapp-…) for Socket Mode, or SLACK_SIGNING_SECRET to be reached over HTTP; both are under \"Basic Information\" in your Slack app's settings";
pub(super) const URL_WANTED: &str = "an address that begins with `https://` or `http://`";

/// Whether a text is an address of the web that has a host.
pub(crate) fn is_url(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with('/')) && !text.contains(char::is_whitespace)
}

pub(super) struct Reader<'a> {
    settings: Settings,
    env: &'a dyn Fn(&str) -> Option<String>,
    /// What is wrong, in the order of the settings: all of it is told at once.
    problems: RefCell<Vec<ConfigError>>,
}

impl<'a> Reader<'a> {
    /// Fills what was not written with the defaults. `problems` are those of the sources.
    pub(super) fn new(
        mut settings: Settings,
        env: &'a dyn Fn(&str) -> Option<String>,
        problems: Vec<ConfigError>,
    ) -> Self {
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
        Self { settings, env, problems: problems.into() }
    }

    pub(super) fn config(self) -> Result<Config, ConfigErrors> {
        let config = self.read();
        match self.problems.into_inner() {
            none if none.is_empty() => Ok(config),
            problems => Err(ConfigErrors(problems)),
        }
    }

    /// Every setting; one that is wrong is noted, and has some value until then.
    fn read(&self) -> Config {
        let slack_bot_token = self.secret("slack.bot_token", "xox");
        if slack_bot_token.is_none() {
            self.missing("slack.bot_token", BOT_TOKEN_NEXT);
        }
        let slack_app_token = self.secret("slack.app_token", "xapp-");
        let slack_signing_secret = self.secret("slack.signing_secret", "");
        Config {
            slack_transport: self.transport(slack_app_token.is_some(), slack_signing_secret.is_some()),
            slack_bot_token: slack_bot_token.unwrap_or_default(),
            slack_app_token,
            slack_signing_secret,
            slack_api_url: self.url("slack.api_url"),
            model_base_url: self.url("model.base_url"),
            model_api_key: self.secret("model.api_key", ""),
            model_key_header: self.key_header(),
            model_name: self.text("model.name").unwrap_or_default(),
            model_temperature: self.temperature(),
            model_max_tokens: Some(self.count("model.max_tokens", 0..=1_000_000)).filter(|n| *n > 0),
            model_system_prompt: self.text("model.system_prompt"),
            model_first_token_max: self.duration("model.first_token_max", 1..=HOUR),
            model_between_tokens_max: self.duration("model.between_tokens_max", 1..=HOUR),
            model_turn_max: self.duration("model.turn_max", 1..=HOUR),
            store_url: self.text("store.url").unwrap_or_else(|| self.default_store()),
            session_timeout: self.duration("session.timeout", 1..=3650 * 24 * HOUR),
            session_cleanup_threshold: self.count("session.cleanup_threshold", 0..=1_000_000),
            session_reread: self.flag("session.reread"),
            context_max_messages: self.count("context.max_messages", 1..=1_000),
            context_max_tokens: self.count("context.max_tokens", 16..=10_000_000),
            access_admins: self.ids("access.admins", "`[\"U0123ABCD\"]`", |id| UserId::parse(id).ok()),
            access_bots: self.ids("access.bots", "`[\"B0123ABCD\"]`", |id| BotId::parse(id).ok()),
            access_strangers: self.flag("access.strangers"),
            reply_part_chars: self.count("reply.part_chars", 500..=11_000),
            reply_part_bytes: self.count("reply.part_bytes", 1_000..=10_500),
            reply_part_time: self.duration("reply.part_time", 1..=290),
            limits_body_bytes: self.count("limits.body_bytes", 1_024..=64 << 20),
            limits_message_chars: self.count("limits.message_chars", 1..=1_000_000),
            limits_waiting: self.count("limits.waiting", 1..=10_000),
            limits_running: self.count("limits.running", 1..=10_000),
            limits_read_back_calls: self.count("limits.read_back_calls", 1..=100),
            limits_read_back_posts: self.count("limits.read_back_posts", 1..=10_000),
            limits_read_back_patience: self.duration("limits.read_back_patience", 1..=86_400),
            limits_catch_up: self.duration("limits.catch_up", 0..=86_400),
            limits_owner_deaths: self.count("limits.owner_deaths", 3..=1_000),
            limits_drain: self.duration("limits.drain", 0..=HOUR),
            http_listen: self.listen(),
            http_linger: self.duration("http.linger", 0..=HOUR),
            log_level: self.text("log.level").unwrap_or_default(),
            log_format: self.log_format(),
        }
    }

    /// What `slack.transport` says, and where it says nothing, what the secrets that are there are for.
    pub(super) fn transport_alone(self) -> Result<Option<Transport>, ConfigErrors> {
        let wanted = self.transport_written().flatten();
        let is_there = |key| self.written(key).is_some();
        let meant = is_there("slack.app_token").then_some(Transport::Socket);
        let meant = meant.or_else(|| is_there("slack.signing_secret").then_some(Transport::Http));
        match self.problems.into_inner() {
            problems if problems.is_empty() => Ok(wanted.or(meant)),
            problems => Err(ConfigErrors(problems)),
        }
    }

    /// `None` when what `slack.transport` says is no transport.
    fn transport_written(&self) -> Option<Option<Transport>> {
        match self.text("slack.transport").as_deref() {
            Some("socket") => Some(Some(Transport::Socket)),
            Some("http") => Some(Some(Transport::Http)),
            Some(_) => {
                self.bad("slack.transport", "`socket` or `http`");
                None
            }
            None => Some(None),
        }
    }

    fn transport(&self, app_token: bool, signing_secret: bool) -> Transport {
        let Some(wanted) = self.transport_written() else { return Transport::Socket };
        match wanted {
            Some(Transport::Socket) if !app_token => self.missing("slack.app_token", APP_TOKEN_NEXT),
            Some(Transport::Http) if !signing_secret => self.missing("slack.signing_secret", SIGNING_SECRET_NEXT),
            None if !app_token && !signing_secret => self.missing("slack.app_token", EITHER_NEXT),
            _ => {}
        }
        wanted.unwrap_or(if app_token || !signing_secret { Transport::Socket } else { Transport::Http })
    }

    fn written(&self, key: &'static str) -> Option<&Written> {
        debug_assert!(Key::find(key).is_some(), "{key} is not in the list of settings");
        self.settings.get(key)
    }

    fn note(&self, problem: ConfigError) {
        self.problems.borrow_mut().push(problem);
    }

    fn missing(&self, key: &'static str, next: &'static str) {
        // A value that is wrong, or in a file that cannot be read, is not missing besides.
        let unread = |problem: &ConfigError| matches!(problem, ConfigError::SecretFile { key: of, .. } if *of == key);
        if self.written(key).is_none() && !self.problems.borrow().iter().any(unread) {
            self.note(ConfigError::Missing { key, next });
        }
    }

    fn bad(&self, key: &'static str, wanted: impl Into<String>) {
        let place = self.written(key).map_or(Place::Flag, |written| written.place.clone());
        self.note(ConfigError::Bad { key, place, wanted: wanted.into() });
    }

    /// `read`, or a note of what is wanted.
    fn good<T: Default>(&self, key: &'static str, read: Option<T>, wanted: impl FnOnce() -> String) -> T {
        read.unwrap_or_else(|| {
            self.bad(key, wanted());
            T::default()
        })
    }

    fn text(&self, key: &'static str) -> Option<String> {
        match &self.written(key)?.value {
            Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
            _ => {
                self.bad(key, "a text that is not empty, in quotes");
                None
            }
        }
    }

    fn secret(&self, key: &'static str, starts_with: &str) -> Option<SecretString> {
        let text = self.text(key)?;
        match secret::check(&text, starts_with) {
            Ok(secret) => Some(secret),
            Err(wanted) => {
                self.bad(key, wanted);
                None
            }
        }
    }

    fn url(&self, key: &'static str) -> String {
        let Some(text) = self.text(key) else { return String::new() };
        self.good(key, is_url(&text).then_some(text), || URL_WANTED.to_owned())
    }

    fn flag(&self, key: &'static str) -> bool {
        let flag = match self.written(key).map(|written| &written.value) {
            Some(Value::Boolean(flag)) => Some(*flag),
            _ => None,
        };
        self.good(key, flag, || "`true` or `false`".to_owned())
    }

    fn count<N: TryFrom<i64> + Default>(&self, key: &'static str, range: RangeInclusive<i64>) -> N {
        let number = match self.written(key).map(|written| &written.value) {
            Some(Value::Integer(number)) if range.contains(number) => N::try_from(*number).ok(),
            _ => None,
        };
        self.good(key, number, || format!("a whole number from {} to {}", range.start(), range.end()))
    }

    fn temperature(&self) -> Option<f32> {
        const KEY: &str = "model.temperature";
        let number = match self.written(KEY).map(|written| &written.value) {
            Some(Value::String(none)) if none == "none" => return None,
            Some(Value::Float(number)) => *number,
            Some(Value::Integer(number)) => f64::from(i32::try_from(*number).unwrap_or(-1)),
            _ => f64::NAN,
        };
        let allowed = (0.0..=2.0).contains(&number).then_some(Some(number as f32));
        self.good(KEY, allowed, || "a number from 0 to 2, or `\"none\"`".to_owned())
    }

    fn duration(&self, key: &'static str, secs: RangeInclusive<u64>) -> Duration {
        let read = match self.written(key).map(|written| &written.value) {
            Some(Value::String(text)) => duration::parse(text),
            _ => None,
        };
        let (least, most) = (Duration::from_secs(*secs.start()), Duration::from_secs(*secs.end()));
        self.good(key, read.filter(|d| (least..=most).contains(d)), || {
            let (least, most) = (duration::show(least), duration::show(most));
            format!("a duration such as `90s`, `5m`, `1h` or `30d`, from {least} to {most}")
        })
    }

    fn ids<T>(&self, key: &'static str, sample: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let ids = match self.written(key).map(|written| &written.value) {
            Some(Value::Array(items)) => items.iter().map(|item| parse(item.as_str()?.trim())).collect(),
            _ => None,
        };
        self.good(key, ids, || format!("a list of ids as Slack writes them, such as {sample}"))
    }

    fn listen(&self) -> SocketAddr {
        const KEY: &str = "http.listen";
        let given = self.text(KEY).and_then(|text| listen::resolve(&text));
        if given.is_none() {
            self.bad(KEY, "an address and port such as `127.0.0.1:3000`, or a name of this machine and a port such as `localhost:3000`");
        }
        given.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    fn key_header(&self) -> KeyHeader {
        match self.text("model.key_header").as_deref() {
            Some("auto") => KeyHeader::Auto,
            Some("bearer") => KeyHeader::Bearer,
            Some("api-key") => KeyHeader::ApiKey,
            _ => {
                self.bad("model.key_header", "`auto`, `bearer` or `api-key`");
                KeyHeader::Auto
            }
        }
    }

    fn log_format(&self) -> LogFormat {
        match self.text("log.format").as_deref() {
            Some("human") => LogFormat::Human,
            Some("json") => LogFormat::Json,
            Some("auto") => LogFormat::Auto,
            _ => {
                self.bad("log.format", "`human`, `json` or `auto`");
                LogFormat::Auto
            }
        }
    }

    fn default_store(&self) -> String {
        let dir = |name: &str| (self.env)(name).filter(|dir| !dir.is_empty()).map(PathBuf::from);
        let data =
            dir("XDG_DATA_HOME").or_else(|| Some(dir("HOME")?.join(".local/share"))).or_else(|| dir("LOCALAPPDATA"));
        let Some(data) = data else {
            self.missing(
                "store.url",
                "there is no home folder to put the database in: set DATABASE_URL to sqlite:PATH",
            );
            return String::new();
        };
        format!("sqlite:{}", data.join("chathakase/chathakase.db").display())
    }
}
