//! Which events the app is sent: those it subscribed to, as far as its scopes reach (Slack: each event's page).

use serde_json::Value;

use crate::slack::world::Workspace;

/// What a subscription is called, and the scope without which Slack sends nothing of it. Others need no scope here.
const SCOPES: &[(&str, &str)] = &[
    ("agent_session_stopped", "chat:write"),
    ("app_context_changed", "assistant:write"),
    ("app_mention", "app_mentions:read"),
    ("message.channels", "channels:history"),
    ("message.groups", "groups:history"),
    ("message.im", "im:history"),
    ("message.mpim", "mpim:history"),
    ("reaction_added", "reactions:read"),
];

pub(super) fn hears(workspace: &Workspace, event: &Value) -> bool {
    let name = subscription(event);
    let scope = SCOPES.iter().find(|(event, _)| *event == name);
    let subscribed = workspace.events.as_ref().is_none_or(|events| events.contains(&name));
    subscribed && scope.is_none_or(|(_, scope)| workspace.scopes.contains(*scope))
}

/// A message is subscribed to by the kind of its conversation, anything else by its name.
fn subscription(event: &Value) -> String {
    let kind = event["type"].as_str().unwrap_or_default();
    match (kind, event["channel_type"].as_str()) {
        ("message", Some("channel")) => "message.channels".to_owned(),
        ("message", Some("group")) => "message.groups".to_owned(),
        ("message", Some(place @ ("im" | "mpim"))) => format!("message.{place}"),
        _ => kind.to_owned(),
    }
}
