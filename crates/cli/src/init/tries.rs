//! Each answer is tried out at once.

use std::collections::HashMap;

use chathakase_session::time::SharedClock;
use chathakase_slack::{
    api::{Api, ApiConfig, BASE_URL},
    socket::{SocketConfig, greet},
};
use chathakase_store::{Found, look};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    check::{self, Verdict},
    config::Config,
};

/// Whose token it is.
pub(super) async fn bot_token(
    slack: Option<&str>,
    token: &SecretString,
    clock: &SharedClock,
) -> Result<String, String> {
    let config = ApiConfig { base_url: slack.unwrap_or(BASE_URL).to_owned(), ..ApiConfig::new(token.clone()) };
    let api = Api::new(config, clock.clone()).map_err(|error| error.to_string())?;
    let me = api.auth_test().await.map_err(|error| error.to_string())?;
    let (user, team) =
        (me.user.as_deref().unwrap_or("the assistant"), me.team.as_deref().unwrap_or(me.team_id.as_str()));
    Ok(format!("@{user} in {team}"))
}

pub(super) async fn app_token(slack: Option<&str>, token: &SecretString, clock: &SharedClock) -> Result<(), String> {
    let config = SocketConfig { api_base: slack.unwrap_or(BASE_URL).to_owned(), ..SocketConfig::new(token.clone()) };
    greet(&config, clock).await.map(drop).map_err(|error| error.to_string())
}

/// Asks the model something, with every other setting at its default.
pub(super) async fn model(
    url: &str,
    key: Option<SecretString>,
    name: &str,
    clock: SharedClock,
) -> Result<String, String> {
    let key = key.as_ref().map_or("", |key| key.expose_secret());
    let env = HashMap::from([
        ("SLACK_BOT_TOKEN", "xoxb-not-asked"),
        ("SLACK_APP_TOKEN", "xapp-not-asked"),
        ("OPENAI_API_KEY", key),
        ("OPENAI_BASE_URL", url),
        ("CHATHAKASE_MODEL__NAME", name),
        ("DATABASE_URL", "memory:"),
    ]);
    let config =
        Config::of(&|name| env.get(name).map(|value| (*value).to_owned())).map_err(|error| error.to_string())?;
    let found = check::model(&config, clock).await;
    let next = found.mend.map(|mend| format!("\n  -> {mend}")).unwrap_or_default();
    if found.verdict == Verdict::Wrong { Err(found.says + &next) } else { Ok(found.says) }
}

/// Where sessions are kept when nobody says otherwise.
pub(super) fn usual_store(env: super::Env<'_>) -> String {
    let placed = |name: &str| match name {
        "SLACK_BOT_TOKEN" => Some("xoxb-not-asked".to_owned()),
        "SLACK_APP_TOKEN" => Some("xapp-not-asked".to_owned()),
        "HOME" | "XDG_DATA_HOME" | "LOCALAPPDATA" => env(name),
        _ => None,
    };
    Config::of(&placed).map_or_else(|_| "sqlite:chathakase.db".to_owned(), |config| config.store_url)
}

pub(super) fn store(url: &str) -> Result<String, String> {
    match look(url).map_err(|error| check::chain(&error))? {
        Found::Memory => Ok("nothing is kept on disk: a restart forgets everything".to_owned()),
        Found::Server => Ok("`chathakase check` looks whether it can be written".to_owned()),
        Found::Nothing { path } => Ok(format!("{} is made at the first start", path.display())),
        Found::Ready { path } => Ok(format!("{} is there already, and is used on", path.display())),
        Found::Served { path } => {
            Ok(format!("{} is there already, and a running `chathakase serve` uses it", path.display()))
        }
    }
}
