use std::collections::HashMap;

use super::*;
use crate::generated::{file_says, page_says};
use secrecy::ExposeSecret;

fn load(file: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chathakase.toml");
    std::fs::write(&path, file).unwrap();
    let mut env: HashMap<String, String> = env.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    env.entry("HOME".into()).or_insert("/home/ana".into());
    let flags: Vec<_> = flags.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    Config::load(Some(&path), &|name| env.get(name).cloned(), &flags)
}

const TOKENS: &[(&str, &str)] = &[("SLACK_BOT_TOKEN", "xoxb-1"), ("SLACK_APP_TOKEN", "xapp-1")];

#[track_caller]
fn refused(file: &str, env: &[(&str, &str)], says: &str) {
    let all: Vec<_> = TOKENS.iter().chain(env).copied().collect();
    let error = load(file, &all, &[]).expect_err("this was taken");
    let said = anyhow::Error::from(error).chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    assert!(said.contains(says), "{said:?} does not say {says:?}");
}

#[test]
fn two_tokens_are_enough_and_all_else_is_the_default() {
    let config = load("", TOKENS, &[]).unwrap();
    assert_eq!(config.slack_transport, Transport::Socket);
    assert_eq!(
        (config.model_name.as_str(), config.model_temperature, config.model_max_tokens),
        ("gpt-4o", Some(0.7), Some(2000))
    );
    assert_eq!((config.context_max_messages, config.context_max_tokens), (20, 32_000));
    assert_eq!(config.session_timeout, Duration::from_secs(3600));
    assert_eq!(config.store_url, "sqlite:/home/ana/.local/share/chathakase/chathakase.db");
    assert_eq!(config.http_listen.to_string(), "127.0.0.1:3000");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = "[model]\nname = \"file\"\n[session]\ntimeout = \"2h\"\n[limits]\nwaiting = 7";
    let env = [TOKENS, &[("CHATHAKASE_MODEL__NAME", "env"), ("CHATHAKASE_SESSION__TIMEOUT", "3h")]].concat();
    let config = load(file, &env, &[("model.name", "flag")]).unwrap();
    assert_eq!(config.model_name, "flag");
    assert_eq!(config.session_timeout, Duration::from_secs(3 * 3600));
    assert_eq!(config.limits_waiting, 7);
}

#[test]
fn the_usual_names_work_and_a_port_opens_all_addresses() {
    let env = [
        ("SLACK_BOT_TOKEN", "xoxb-1"),
        ("SLACK_SIGNING_SECRET", "s3cret"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
        ("DATABASE_URL", "memory:"),
        ("PORT", "8080"),
    ];
    let config = load("", &env, &[]).unwrap();
    assert_eq!(config.slack_transport, Transport::Http);
    assert_eq!((config.store_url.as_str(), config.model_base_url.as_str()), ("memory:", "http://127.0.0.1:9/v1"));
    assert_eq!(config.http_listen.to_string(), "0.0.0.0:8080");
    let config = load("", &[TOKENS, &[("PORT", "")]].concat(), &[]).unwrap();
    assert_eq!(config.http_listen.to_string(), "127.0.0.1:3000", "an empty one says nothing");
}

#[test]
fn a_secret_comes_from_a_file_too_and_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "xoxb-from-file\n").unwrap();
    let env = [("SLACK_BOT_TOKEN_FILE", path.to_str().unwrap()), ("SLACK_APP_TOKEN", "xapp-1")];
    let config = load("", &env, &[]).unwrap();
    assert_eq!(config.slack_bot_token.expose_secret(), "xoxb-from-file");
    assert!(!format!("{config:?}").contains("from-file"));
}

#[test]
fn an_environment_value_is_never_reinterpreted() {
    let env = [TOKENS, &[("OPENAI_API_KEY", "0123"), ("CHATHAKASE_MODEL__NAME", "1e5")]].concat();
    let config = load("", &env, &[]).unwrap();
    assert_eq!(config.model_api_key.unwrap().expose_secret(), "0123");
    assert_eq!(config.model_name, "1e5");
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_the_mend() {
    refused(
        "[session]\ntimout = \"1h\"",
        &[],
        "line 2: there is no setting `session.timout`; did you mean `session.timeout`?",
    );
    refused(
        "[sessions]\ntimeout = \"1h\"",
        &[],
        "there is no setting `sessions.timeout`; did you mean `session.timeout`?",
    );
    refused("timeout = 3", &[], "there is no setting `timeout`");
    refused("[session]\ntimeout = 3600", &[], "line 2: `session.timeout` must be a duration such as `90s`");
    refused("[session]\ntimeout = \"1h", &[], "is not valid TOML");
    refused(
        "",
        &[("CHATHAKASE_CONTEXT__MAX_MESSAGES", "0")],
        "CHATHAKASE_CONTEXT__MAX_MESSAGES: `context.max_messages` must be a whole number from 1 to 1000",
    );
    refused("", &[("SLACK_API_URL", "slack.com")], "SLACK_API_URL: `slack.api_url` must be an address");
    refused("", &[("PORT", "99999")], "PORT: `http.listen` must be an address and port");
    refused("[model]\ntemperature = 3.5", &[], "`model.temperature` must be a number from 0 to 2");
    refused(
        "",
        &[("SLACK_BOT_TOKEN", "xapp-swapped secret")],
        "`slack.bot_token` must be the bot token, `xoxb-…`; what stands there is the app-level token",
    );
    refused(
        "",
        &[("SLACK_BOT_TOKEN", "xoxb-1"), ("SLACK_APP_TOKEN", "xoxb-1")],
        "`slack.app_token` must be the app-level token, `xapp-…`; what stands there is a bot's",
    );
    refused("", &[("SLACK_BOT_TOKEN", "secret")], "`slack.bot_token` must be one word that begins with `xoxb-`");
    refused("", &[("SLACK_BOT_TOKEN_FILE", "/nowhere/token")], "could not read /nowhere/token");
    refused("[slack]\ntransport = \"http\"", &[], "`slack.signing_secret` is not set");
    refused("[access]\nadmins = \"U1\"", &[], "`access.admins` must be a list");
    refused("[access]\nadmins = [\"@ana\"]", &[], "`access.admins` must be a list of ids as Slack writes them");
    refused("[session]\ntimeout = \"1ms\"", &[], "from 1s to 3650d");
    refused("[reply]\npart_time = \"5m\"", &[], "from 1s to 290s");
    refused("[model]\nkey_header = \"x-key\"", &[], "`model.key_header` must be `auto`, `bearer` or `api-key`");
}

#[test]
fn a_name_in_the_environment_that_looks_like_a_setting_must_be_one() {
    let check = |name: &str| source::unknown_names([name.to_owned()].into_iter()).pop().map(|error| error.to_string());
    for good in ["CHATHAKASE_MODEL__NAME", "CHATHAKASE_SLACK__BOT_TOKEN_FILE", "HOME"] {
        assert_eq!(check(good), None, "{good}");
    }
    let said = check("CHATHAKASE_MODEL__NAM").unwrap();
    assert!(
        said.contains("CHATHAKASE_MODEL__NAM: there is no setting `model.nam`; did you mean `model.name`?"),
        "{said}"
    );
    assert!(check("CHATHAKASE_MODEL__NAME_FILE").is_some());
}

#[test]
fn no_error_shows_the_value_of_a_secret() {
    let error = load("", &[("SLACK_BOT_TOKEN", "hunter2 hunter2")], &[]).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn everything_that_is_wrong_or_missing_is_said_at_once_with_its_next_step() {
    let env = [("CHATHAKASE_MODEL__NAME", " "), ("OPENAI_API_KEY_FILE", "/nowhere/key")];
    let file = "[session]\ntimeout = 3600\ntimout = \"1h\"\n[nothing]\nhere = 1";
    let error = load(file, &env, &[("limits.waiting", "0")]).unwrap_err();
    let said = error.to_string();
    let expected = [
        "line 3: there is no setting `session.timout`",
        "there is no setting `nothing.here`",
        "could not read /nowhere/key for `model.api_key`; check the path and who may read it: No such file",
        "`slack.bot_token` is not set: copy the bot token",
        "`slack.app_token` is not set: set SLACK_APP_TOKEN (xapp-…) for Socket Mode, or SLACK_SIGNING_SECRET",
        "`model.name` must be a text that is not empty",
        "`session.timeout` must be a duration",
        "`limits.waiting` must be a whole number from 1 to 10000",
        "`chathakase init` asks for what is needed; `chathakase demo` needs none of it",
    ];
    for part in expected {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(said.starts_with(&format!("{} settings", error.each().count())), "{said}");
}

#[test]
fn a_secret_that_is_there_but_wrong_is_not_missing_besides() {
    for env in [("SLACK_BOT_TOKEN", "xapp-1"), ("SLACK_BOT_TOKEN_FILE", "/nowhere/token")] {
        let error = load("", &[env, ("SLACK_APP_TOKEN", "xapp-1")], &[]).unwrap_err();
        assert_eq!(error.each().count(), 1, "{error}");
    }
}

#[test]
fn a_name_is_as_good_as_an_address_to_listen_on() {
    let config = load("[http]\nlisten = \"localhost:3000\"", TOKENS, &[]).unwrap();
    assert_eq!(config.http_listen.to_string(), "127.0.0.1:3000");
    refused("[http]\nlisten = \"localhost\"", &[], "or a name of this machine and a port such as `localhost:3000`");
}

#[test]
fn every_default_is_what_its_setting_may_be_and_every_key_is_used() {
    load("", TOKENS, &[]).unwrap();
    for key in KEYS {
        assert!(key.name.split('.').count() == 2 && key.about.len() > 10, "{}", key.name);
        if let Some(default) = key.default {
            toml::from_str::<toml::Table>(&format!("v = {default}")).unwrap();
        }
    }
}

#[test]
fn the_example_file_is_the_one_in_the_repository_and_works_when_uncommented() {
    let example = example_file();
    file_says("chathakase.example.toml", &example);
    let settings: String = example
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|l| l.split(' ').nth(1) == Some("=")).unwrap_or(line))
        .map(|l| format!("{l}\n"))
        .collect();
    toml::from_str::<toml::Table>(&settings).unwrap();
}

#[test]
fn the_table_of_the_readme_is_made_from_the_list_of_settings() {
    page_says("README.md", "settings", &markdown_table());
}

#[test]
fn the_transport_is_known_before_anything_else_is_right_and_a_misspelt_one_is_refused() {
    let transport = |file: &str| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chathakase.toml");
        std::fs::write(&path, file).unwrap();
        let mut problems = Vec::new();
        let settings = super::written(Some(&path), &|_| None, &[], &mut problems)?;
        super::read::Reader::new(settings, &|_| None, problems).transport_alone()
    };
    for (file, is) in [
        ("", None),
        ("[slack]\ntransport = \"http\"\napp_token = \"xapp-1\"", Some(Transport::Http)),
        ("[slack]\ntransport = \"socket\"", Some(Transport::Socket)),
        ("[slack]\nsigning_secret = \"s3cret\"", Some(Transport::Http)),
        ("[slack]\nsigning_secret = \"s3cret\"\napp_token = \"xapp-1\"", Some(Transport::Socket)),
    ] {
        assert_eq!(transport(file).unwrap(), is, "{file}");
    }
    for file in ["[slack]\ntransport = \"HTTP\"", "[slack]\ntransport = 1"] {
        let refused = transport(file).unwrap_err().to_string();
        assert!(refused.contains("`slack.transport` must be"), "{refused}");
    }
}
