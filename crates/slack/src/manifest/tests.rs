//! The manifest against the rules of Slack's manifest reference, written down here a second time and by hand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use super::{
    BadShape, Door, Manifest, PublicUrl, Shape,
    needs::{self, APP_LEVEL_SCOPE, EVENTS, SCOPES},
};
use crate::{
    api::Method,
    payload::{Event, Inbound, parse_http},
};

/// Slack: each method's page. A method that is not here was added without looking up what it needs.
const METHOD_SCOPES: &[(&str, &[&str])] = &[
    ("apps.connections.open", &["connections:write"]),
    ("assistant.threads.setStatus", &["chat:write"]),
    ("agents.sessions.setStatus", &["chat:write"]),
    ("auth.test", &[]),
    ("chat.appendStream", &["chat:write"]),
    ("chat.delete", &["chat:write"]),
    ("chat.postEphemeral", &["chat:write"]),
    ("chat.postMessage", &["chat:write"]),
    ("chat.startStream", &["chat:write"]),
    ("chat.stopStream", &["chat:write"]),
    ("chat.update", &["chat:write"]),
    ("conversations.history", &["channels:history", "groups:history", "im:history", "mpim:history"]),
    ("conversations.info", &["channels:read", "groups:read", "im:read", "mpim:read"]),
    ("conversations.open", &["im:write"]),
    ("conversations.replies", &["channels:history", "groups:history", "im:history", "mpim:history"]),
    ("users.conversations", &["channels:read", "groups:read", "im:read", "mpim:read"]),
    ("users.info", &["users:read"]),
];

/// Slack: each event's page.
const EVENT_SCOPES: &[(&str, &str)] = &[
    ("agent_session_stopped", "chat:write"),
    ("app_mention", "app_mentions:read"),
    ("message.channels", "channels:history"),
    ("message.groups", "groups:history"),
    ("message.im", "im:history"),
    ("message.mpim", "mpim:history"),
];

fn http() -> Door {
    Door::Http(PublicUrl::parse("https://bot.example.com/").unwrap())
}

/// Both transports, with and without the agent view.
fn shapes() -> [Shape; 4] {
    [(Door::Socket, true), (Door::Socket, false), (http(), true), (http(), false)]
        .map(|(door, agent_view)| Shape { agent_view, ..Shape::new(door) })
}

fn json(shape: &Shape) -> Value {
    serde_json::from_str(&Manifest::new(shape).unwrap().json()).unwrap()
}

fn words(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

/// Every field, by its path. What Slack's reference does not name must not be there.
#[test]
fn every_field_is_one_that_slack_knows_and_keeps_to_its_limits() {
    type Rule = fn(&Value) -> bool;
    fn chars(value: &Value, max: usize) -> bool {
        value.as_str().is_some_and(|text| (1..=max).contains(&text.chars().count()))
    }
    let rules: BTreeMap<&str, Rule> = BTreeMap::from([
        ("_metadata.major_version", (|v| v == 2) as Rule),
        ("display_information.name", |v| chars(v, 35)),
        ("display_information.description", |v| chars(v, 140)),
        ("features.app_home.home_tab_enabled", Value::is_boolean),
        ("features.app_home.messages_tab_enabled", |v| *v == true),
        ("features.app_home.messages_tab_read_only_enabled", |v| *v == false),
        ("features.agent_view.agent_description", |v| chars(v, 300)),
        ("features.agent_view.suggested_prompts", |v| {
            let prompts = v.as_array().unwrap();
            prompts.len() <= 4
                && prompts
                    .iter()
                    .all(|p| p.as_object().unwrap().len() == 2 && p["title"].is_string() && p["message"].is_string())
        }),
        ("features.bot_user.display_name", |v| chars(v, 80)),
        ("features.bot_user.always_online", Value::is_boolean),
        ("oauth_config.scopes.bot", |v| (1..=255).contains(&words(v).len())),
        ("settings.event_subscriptions.bot_events", |v| (1..=100).contains(&words(v).len())),
        ("settings.event_subscriptions.request_url", |v| v == "https://bot.example.com/slack/events"),
        ("settings.interactivity.is_enabled", |v| *v == false),
        ("settings.org_deploy_enabled", Value::is_boolean),
        ("settings.socket_mode_enabled", Value::is_boolean),
        ("settings.token_rotation_enabled", |v| *v == false),
    ]);
    let optional = [
        "features.agent_view.agent_description",
        "features.agent_view.suggested_prompts",
        "settings.event_subscriptions.request_url",
    ];
    for shape in shapes() {
        let manifest = json(&shape);
        let mut fields = BTreeMap::new();
        flatten("", &manifest, &mut fields);
        for (path, value) in &fields {
            let rule = rules.get(path.as_str()).unwrap_or_else(|| panic!("{path} is not in Slack's reference"));
            assert!(rule(value), "{path}: {value}");
        }
        let missing: Vec<_> = rules.keys().filter(|path| !fields.contains_key(**path)).collect();
        assert!(missing.iter().all(|path| optional.contains(path)), "{missing:?}");
        assert_eq!(fields.contains_key("features.agent_view.agent_description"), shape.agent_view);
    }
}

fn flatten<'a>(path: &str, value: &'a Value, into: &mut BTreeMap<String, &'a Value>) {
    match value.as_object() {
        Some(fields) => fields.iter().for_each(|(name, field)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            flatten(&path, field, into);
        }),
        None => drop(into.insert(path.to_owned(), value)),
    }
}

#[test]
fn socket_mode_has_no_address_and_http_has_one() {
    for shape in shapes() {
        let settings = &json(&shape)["settings"];
        let socket = shape.door == Door::Socket;
        assert_eq!(settings["socket_mode_enabled"], socket);
        assert_eq!(settings["event_subscriptions"].get("request_url").is_none(), socket);
    }
}

#[test]
fn a_call_or_an_event_without_its_scope_is_found() {
    let known = |name: &str| METHOD_SCOPES.iter().find(|(method, _)| *method == name);
    for method in Method::ALL {
        let (_, scopes) = known(method.name).unwrap_or_else(|| panic!("look up which scope {} needs", method.name));
        assert_eq!(method.scopes, *scopes, "{}", method.name);
    }
    for event in EVENTS {
        assert!(EVENT_SCOPES.contains(&(event.name, event.scope)), "{event:?}");
    }
    for shape in shapes() {
        let manifest = json(&shape);
        let granted: BTreeSet<&str> = words(&manifest["oauth_config"]["scopes"]["bot"]).into_iter().collect();
        let heard: BTreeSet<&str> =
            words(&manifest["settings"]["event_subscriptions"]["bot_events"]).into_iter().collect();
        let calls = Method::ALL.iter().flat_map(|method| method.scopes).copied();
        let mut needed: BTreeSet<&str> = calls.filter(|scope| *scope != APP_LEVEL_SCOPE).collect();
        needed.extend(EVENT_SCOPES.iter().filter(|(event, _)| heard.contains(event)).map(|(_, scope)| *scope));
        needed.extend(shape.agent_view.then_some("assistant:write"));
        assert_eq!(granted, needed);
        let all: BTreeSet<&str> = EVENT_SCOPES.iter().map(|(event, _)| *event).collect();
        let left_out: Vec<_> = all.difference(&heard).collect();
        assert_eq!(left_out, if shape.agent_view { vec![] } else { vec![&"agent_session_stopped"] });
    }
}

#[test]
fn each_scope_has_one_reason_and_no_reason_is_left_over() {
    let explained: Vec<&str> = SCOPES.iter().map(|scope| scope.name).collect();
    let once: BTreeSet<&str> = explained.iter().copied().collect();
    assert_eq!(explained.len(), once.len());
    assert_eq!(once, needs::scopes(true));
    assert!(SCOPES.iter().all(|scope| scope.why.len() > 10), "{SCOPES:?}");
}

#[test]
fn every_event_that_is_asked_for_is_understood() {
    for event in EVENTS {
        let kind = event.name.split('.').next().unwrap();
        let inner = serde_json::json!({"type": kind, "channel": "C1", "user": "U1", "text": "hi", "ts": "1700000000.000100",
            "thread_ts": "1700000000.000100", "event_ts": "1700000000.000100"});
        let body = serde_json::json!({"type": "event_callback", "team_id": "T1", "event": inner});
        let Ok(Inbound::Delivery(delivery)) = parse_http(body.to_string().as_bytes()) else { panic!("{}", event.name) };
        assert!(!matches!(delivery.event, Event::Other { .. }), "{}", event.name);
    }
}

#[test]
fn yaml_says_what_json_says_and_gives_each_reason() {
    for mut shape in shapes() {
        for name in ["ChatHakase", "yes", "# \"Bot\": - {x}", "助手", "0x10", "a: b"] {
            shape.name = name.to_owned();
            let manifest = Manifest::new(&shape).unwrap();
            let yaml = manifest.yaml();
            let read = YamlLoader::load_from_str(&yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
            assert_eq!(as_json(&read[0]), json(&shape), "{yaml}");
        }
        let yaml = Manifest::new(&shape).unwrap().yaml();
        for scope in needs::scopes(shape.agent_view) {
            let line = format!("- {scope}  # {}\n", needs::why(scope).unwrap());
            assert!(yaml.contains(&line), "{line}{yaml}");
        }
    }
}

fn as_json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::String(text) => Value::from(text.as_str()),
        Yaml::Boolean(flag) => Value::from(*flag),
        Yaml::Integer(number) => Value::from(*number),
        Yaml::Array(items) => items.iter().map(as_json).collect(),
        Yaml::Hash(fields) => {
            fields.iter().map(|(name, field)| (name.as_str().unwrap().to_owned(), as_json(field))).collect()
        }
        odd => panic!("{odd:?}"),
    }
}

#[test]
fn what_no_app_can_be_called_and_no_address_can_be_is_refused() {
    for name in ["", " ", "a name that is longer than thirty-five", "two\nlines"] {
        let shape = Shape { name: name.into(), ..Shape::new(Door::Socket) };
        assert_eq!(Manifest::new(&shape).unwrap_err(), BadShape::Name, "{name:?}");
    }
    for url in
        ["", "bot.example.com", "http://bot.example.com", "https://", "https://a@b.example", "https://b.example/?x=1"]
    {
        assert_eq!(PublicUrl::parse(url), Err(BadShape::Url), "{url:?}");
    }
    for (url, events) in [
        ("https://b.example", "https://b.example/slack/events"),
        ("https://b.example:8443/bot/", "https://b.example:8443/bot/slack/events"),
        (" https://b.example/slack/events ", "https://b.example/slack/events"),
    ] {
        assert_eq!(PublicUrl::parse(url).unwrap().events(), events);
    }
}
