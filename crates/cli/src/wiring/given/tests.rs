//! Every setting reaches what it is for: each is set to another value than its default, and what of the program differs then is
//! exactly what it should be.

use std::{collections::BTreeSet, fmt::Debug, sync::Arc};

use chathakase_sim::ManualClock;

use super::*;
use crate::config::KEYS;

/// Where a setting is seen to arrive.
enum Arrives {
    /// Here: these fields have these values, and no others change.
    Here(&'static [&'static str]),
    /// In whole programs: there is none without it, or it is told there.
    There(&'static str),
}
use Arrives::{Here, There};

/// Each setting, another value than its default, and where it arrives.
const ALL: &[(&str, &str, Arrives)] = &[
    ("slack.transport", "", There("the stories run on both")),
    ("slack.bot_token", "", There("the small Slack takes no other")),
    ("slack.app_token", "", There("the small Slack takes no other")),
    ("slack.signing_secret", "", There("nothing else opens the door")),
    ("slack.api_url", "", There("the small Slack is there")),
    ("model.base_url", "http://127.0.0.1:9/v1", Here(&["Model.base_url: \"http://127.0.0.1:9/v1\""])),
    ("model.api_key", "sk-1", Here(&["Model.api_key: Some(SecretBox<str>([REDACTED]))"])),
    ("model.key_header", "api-key", Here(&["Model.key_header: ApiKey"])),
    ("model.name", "o4", Here(&["Model.name: \"o4\"", "Settings.model: \"o4\""])),
    ("model.temperature", "0.2", Here(&["Model.temperature: Some(0.2)"])),
    ("model.max_tokens", "300", Here(&["Model.max_tokens: Some(300)", "Settings.model_max_tokens: Some(300)"])),
    ("model.system_prompt", "Be kind.", Here(&["Settings.system_prompt: \"Be kind.\""])),
    ("model.first_token_max", "7s", Here(&["Model.first_token_max: 7s"])),
    ("model.between_tokens_max", "8s", Here(&["Model.between_tokens_max: 8s"])),
    ("model.turn_max", "9s", Here(&["Model.turn_max: 9s"])),
    ("store.url", "postgres://127.0.0.1/sessions", Here(&["Settings.adopt_every: 1.5s", "Settings.shared: true"])),
    ("session.timeout", "2h", Here(&["Rules.session_timeout: 7200s", "Settings.session_timeout: 7200s"])),
    ("session.cleanup_threshold", "3", Here(&["Settings.cleanup_threshold: 3"])),
    ("session.reread", "false", Here(&["Settings.reread: false"])),
    ("context.max_messages", "7", Here(&["Settings.max_messages: 7"])),
    ("context.max_tokens", "700", Here(&["Settings.max_tokens: 700"])),
    ("access.admins", "U7", Here(&["Settings.admins: {U7}"])),
    ("access.bots", "B7", Here(&["Settings.bots: {B7}"])),
    ("access.strangers", "true", Here(&["Settings.strangers: true"])),
    ("reply.part_chars", "600", Here(&["Reply.chars_max: 600"])),
    ("reply.part_bytes", "1200", Here(&["Reply.bytes_max: 1200"])),
    ("reply.part_time", "9s", Here(&["Reply.part_time: 9s"])),
    ("limits.body_bytes", "2048", Here(&["Events.body_bytes_max: 2048"])),
    ("limits.message_chars", "77", Here(&["Settings.message_chars_max: 77"])),
    ("limits.waiting", "7", Here(&["Rules.waiting_max: 7", "Settings.waiting_max: 7"])),
    ("limits.running", "7", Here(&["Settings.running_max: 7"])),
    ("limits.read_back_calls", "7", Here(&["Settings.read_back_calls_max: 7"])),
    ("limits.read_back_posts", "7", Here(&["Settings.read_back_posts_max: 7"])),
    ("limits.read_back_patience", "7s", Here(&["Settings.read_back_patience: 7s"])),
    ("limits.catch_up", "7s", Here(&["Settings.catch_up: 7s"])),
    ("limits.owner_deaths", "7", Here(&["Settings.deaths_max: 7"])),
    ("limits.drain", "7s", Here(&["Settings.drain: 7s"])),
    ("http.listen", "", There("every test listens on a port of its own")),
    ("http.linger", "", There("the tests of the process look at a door that is being left")),
    ("log.level", "", There("how_much_is_logged_is_a_setting_and_rust_log_wins")),
    ("log.format", "", There("a_log_is_for_people_at_a_terminal_and_else_json_unless_it_is_asked_for")),
];

/// What every part is given when one setting is not the default, field by field.
fn given(setting: Option<(&str, &str)>) -> BTreeSet<String> {
    let name = setting.map(|(name, _)| format!("CHATHAKASE_{}", name.replace('.', "__").to_uppercase()));
    let env = |wanted: &str| match wanted {
        "SLACK_BOT_TOKEN" => Some("xoxb-1".to_owned()),
        "SLACK_APP_TOKEN" => Some("xapp-1".to_owned()),
        "HOME" => Some("/home/ana".to_owned()),
        _ => setting.filter(|_| name.as_deref() == Some(wanted)).map(|(_, value)| value.to_owned()),
    };
    let config = Config::of(&env).unwrap();
    let events = events_config(&config, "secret".into(), Arc::new(ManualClock::new()));
    let parts: [(&str, &dyn Debug); 5] = [
        ("Rules", &rules(&config)),
        ("Events", &events),
        ("Reply", &reply_limits(&config)),
        ("Model", &model_config(&config)),
        ("Settings", &settings(&config)),
    ];
    let fields = |(part, given): &(&str, &dyn Debug)| -> Vec<String> {
        let shown = format!("{given:?}");
        let field = |shown: &str| shown.trim_end_matches(" }").rsplit("{ ").next().unwrap_or_default().to_owned();
        shown.split(", ").map(|shown| format!("{part}.{}", field(shown))).collect()
    };
    parts.iter().flat_map(fields).collect()
}

#[test]
fn every_setting_is_in_the_table_of_what_is_given() {
    let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    let here: Vec<&str> = ALL.iter().map(|(name, ..)| *name).collect();
    assert_eq!(here, known, "say in ALL where a new setting arrives");
}

#[test]
fn every_setting_reaches_what_it_is_for_and_nothing_else() {
    let usual = given(None);
    for (name, other, arrives) in ALL {
        match arrives {
            Here(fields) => {
                let changed: Vec<String> = given(Some((*name, *other))).difference(&usual).cloned().collect();
                assert_eq!(changed, *fields, "{name} = {other}");
            }
            There(why) => assert!(!why.is_empty(), "{name}"),
        }
    }
}
