//! How Slack writes what exists as JSON.

use chathakase_session::UserId;
use serde_json::{Map, Value, json};

use super::{Channel, ChannelKind, Message, Person, Rank, StreamState, World, as_slack_shows};

/// Read back by a call (then a root tells of its replies), or sent as an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetched {
    No,
    Yes { metadata: bool },
}

pub(crate) fn message_json(world: &World, channel: &Channel, message: &Message, fetched: Fetched) -> Value {
    let mut json = Map::new();
    let mut put = |key: &str, value: Value| json.insert(key.to_owned(), value);
    put("type", json!("message"));
    if let Some(subtype) = &message.subtype {
        put("subtype", json!(subtype));
    }
    put("user", json!(message.user));
    if message.is_tombstone() {
        put("hidden", json!(true));
    }
    put("ts", json!(message.ts));
    put("text", if message.markdown { json!(as_slack_shows(&message.text)) } else { json!(message.text) });
    if let Some(author) = world.people.get(&message.user) {
        put("team", json!(author.team));
        if let Some(bot) = &author.bot {
            put("bot_id", json!(bot.bot_id));
            put("app_id", json!(bot.app_id));
            put(
                "bot_profile",
                json!({"id": bot.bot_id, "app_id": bot.app_id, "name": author.name, "team_id": author.team}),
            );
        } else {
            put(
                "client_msg_id",
                json!(format!("c0ffee00-0000-4000-8000-{:012x}", message.ts.as_micros() & 0xffff_ffff_ffff)),
            );
        }
    }
    if let Some(blocks) = shown_blocks(message) {
        put("blocks", blocks);
    }
    if let Some(root) = message.thread {
        put("thread_ts", json!(root));
        if let Some(parent) = channel.messages.get(&root) {
            put("parent_user_id", json!(parent.user));
            if message.subtype.as_deref() == Some("thread_broadcast") {
                put(
                    "root",
                    json!({"type": "message", "user": parent.user, "text": parent.text, "ts": parent.ts, "thread_ts": root}),
                );
            }
        }
    }
    if !message.files.is_empty() {
        put("files", json!(message.files));
        put("upload", json!(true));
    }
    if let Some((by, at)) = &message.edited {
        put("edited", json!({"user": by, "ts": at}));
    }
    if let Some(stream) = &message.stream {
        put("streaming_state", json!(streaming_state(stream.state)));
    }
    if let (Some(metadata), Fetched::No | Fetched::Yes { metadata: true }) = (&message.metadata, fetched) {
        put("metadata", metadata.clone());
    }
    if fetched != Fetched::No {
        put_fetched(&mut json, channel, message);
    }
    Value::Object(json)
}

/// What only a call that reads messages back tells.
fn put_fetched(json: &mut Map<String, Value>, channel: &Channel, message: &Message) {
    let thread = channel.threads.get(&message.ts).filter(|thread| !thread.replies.is_empty());
    if let Some(thread) = thread {
        json.insert("thread_ts".to_owned(), json!(message.ts));
        json.insert("reply_count".to_owned(), json!(thread.replies.len()));
        json.insert("latest_reply".to_owned(), json!(thread.replies.last()));
        json.insert("subscribed".to_owned(), json!(false));
        if let Some(status) = thread.session {
            json.insert("agent_session".to_owned(), json!({"status": status, "title": thread.title}));
        }
    }
    if !message.reactions.is_empty() {
        let each = message.reactions.iter();
        let list: Vec<Value> =
            each.map(|(name, users)| json!({"name": name, "users": users, "count": users.len()})).collect();
        json.insert("reactions".to_owned(), json!(list));
    }
}

fn shown_blocks(message: &Message) -> Option<Value> {
    if message.blocks.is_some() {
        return message.blocks.clone();
    }
    if message.text.is_empty() {
        return None;
    }
    // Slack makes one block of several kinds out of Markdown; for people it makes rich text.
    Some(if message.markdown {
        json!([{"type": "markdown", "block_id": "md", "text": message.text}])
    } else {
        json!([{"type": "rich_text", "block_id": "rt", "elements": [{"type": "rich_text_section",
            "elements": [{"type": "text", "text": message.text}]}]}])
    })
}

fn streaming_state(state: StreamState) -> &'static str {
    match state {
        StreamState::Open => "in_progress",
        StreamState::Completed | StreamState::StoppedByUser => "completed",
        StreamState::Errored => "errored",
    }
}

/// A person as the app in `home` is told of them. That somebody is a stranger Slack says only of whom the app meets nowhere.
pub(crate) fn user_json(world: &World, home: super::Home, person: &Person) -> Value {
    let owner = person.rank == Rank::Owner;
    let mut user = json!({"id": person.id, "team_id": person.team, "name": person.name, "real_name": person.name,
        "deleted": false, "is_admin": owner || person.rank == Rank::Admin, "is_owner": owner, "is_primary_owner": false,
        "is_bot": person.bot.is_some(), "is_app_user": false, "is_restricted": false, "is_ultra_restricted": false,
        "tz": "Europe/Paris", "tz_offset": 3600, "locale": "en-GB",
        "profile": {"display_name": person.name, "real_name": person.name}});
    if world.is_met_nowhere(home, person) {
        user["is_stranger"] = json!(true);
    }
    if let Some(enterprise) = world.enterprise_of(home, person) {
        user["enterprise_user"] = json!({"id": person.id, "enterprise_id": enterprise, "enterprise_name": "acme",
            "is_admin": false, "is_owner": false, "teams": [person.team]});
    }
    user
}

pub(crate) fn channel_json(channel: &Channel, viewer: &UserId) -> Value {
    let mut json = json!({"id": channel.id, "created": 1_767_225_600, "is_archived": channel.archived,
        "is_channel": channel.kind == ChannelKind::Public, "is_group": channel.kind == ChannelKind::Private,
        "is_im": false, "is_mpim": channel.kind == ChannelKind::Mpim,
        "is_private": channel.kind != ChannelKind::Public, "is_member": channel.members.contains(viewer),
        "is_org_shared": false, "topic": {"value": ""}, "purpose": {"value": ""}});
    if let ChannelKind::Im { with } = &channel.kind {
        json["is_im"] = json!(true);
        json["user"] = json!(with);
    } else {
        json["name"] = json!(channel.name);
        // Of direct messages Slack does not say it.
        json["is_shared"] = json!(channel.shared);
        json["is_ext_shared"] = json!(channel.shared);
    }
    json
}
