//! Which events the app is sent about what happened (Slack: Events API, `message` and `app_mention`).

use chathakase_session::{ChannelId, SlackTs, UserId};
use serde_json::{Value, json};

use super::{Channel, Fetched, Home, World, message_json};

/// An event that waits to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) home: Home,
    pub(crate) event: Value,
    /// The workspace that the author is from.
    pub(crate) author_team: Option<String>,
    pub(crate) shared: bool,
    pub(crate) about: Option<(ChannelId, SlackTs)>,
}

impl World {
    pub(crate) fn tell_posted(&mut self, channel: &ChannelId, ts: SlackTs) {
        let Some(place) = self.channels.get(channel) else { return };
        let Some(message) = place.messages.get(&ts) else { return };
        let ours = self.workspaces[place.home].bot_user == message.user;
        if ours && !self.echoes {
            return;
        }
        let mentions = !ours
            && !matches!(place.kind, super::ChannelKind::Im { .. })
            && message.text.contains(&format!("<@{}", self.workspaces[place.home].bot_user));
        let mut body = message_json(self, place, message, Fetched::No);
        body["channel"] = json!(channel);
        body["event_ts"] = json!(ts);
        let mut outgoing = Vec::with_capacity(2);
        if mentions {
            let mut mention = body.clone();
            mention["type"] = json!("app_mention");
            outgoing.push(self.outgoing(place, mention, ts));
        }
        if place.members.contains(self.bot_user(place.home)) {
            body["channel_type"] = json!(place.kind.event_type());
            outgoing.push(self.outgoing(place, body, ts));
        }
        self.outbox.extend(outgoing);
    }

    pub(crate) fn tell_changed(&mut self, channel: &ChannelId, ts: SlackTs, before: Value, at: SlackTs) {
        let Some((place, message)) = self.told_about(channel, ts) else { return };
        let now = message_json(self, place, message, Fetched::No);
        let event = json!({"type": "message", "subtype": "message_changed", "hidden": true, "channel": channel,
            "channel_type": place.kind.event_type(), "ts": at, "event_ts": at, "message": now, "previous_message": before});
        let outgoing = self.outgoing(place, event, ts);
        self.outbox.push(outgoing);
    }

    pub(crate) fn tell_deleted(&mut self, channel: &ChannelId, ts: SlackTs, before: Value, at: SlackTs) {
        let Some(place) = self.channels.get(channel) else { return };
        let ours = before["user"] == json!(self.bot_user(place.home));
        if (ours && !self.echoes) || !place.members.contains(self.bot_user(place.home)) {
            return;
        }
        let event = json!({"type": "message", "subtype": "message_deleted", "hidden": true, "channel": channel,
            "channel_type": place.kind.event_type(), "ts": at, "event_ts": at, "deleted_ts": ts, "previous_message": before});
        let outgoing = self.outgoing(place, event, ts);
        self.outbox.push(outgoing);
    }

    pub(crate) fn tell_stopped(
        &mut self,
        channel: &ChannelId,
        root: SlackTs,
        by: &UserId,
        streams: &[SlackTs],
        at: SlackTs,
    ) {
        let Some(place) = self.channels.get(channel) else { return };
        let event = json!({"type": "agent_session_stopped", "channel": channel, "user": by, "thread_ts": root,
            "streaming_message_ts": streams, "event_ts": at});
        let outgoing = self.outgoing(place, event, root);
        self.outbox.push(outgoing);
    }

    /// The app comes into a channel or leaves it.
    pub(crate) fn tell_membership(&mut self, channel: &ChannelId, joined: bool, by: &UserId, at: SlackTs) {
        let Some(place) = self.channels.get(channel) else { return };
        let kind = if joined { "member_joined_channel" } else { "member_left_channel" };
        let letter = if place.kind == super::ChannelKind::Public { "C" } else { "G" };
        let event = json!({"type": kind, "user": self.bot_user(place.home), "channel": channel, "channel_type": letter,
            "team": self.workspaces[place.home].id, "inviter": by, "event_ts": at});
        let outgoing = self.outgoing(place, event, at);
        self.outbox.push(outgoing);
    }

    /// The message, if the app hears of changes to it.
    pub(crate) fn hears_of(&self, channel: &ChannelId, ts: SlackTs) -> bool {
        self.told_about(channel, ts).is_some()
    }

    fn told_about(&self, channel: &ChannelId, ts: SlackTs) -> Option<(&Channel, &super::Message)> {
        let place = self.channels.get(channel)?;
        let message = place.messages.get(&ts)?;
        let bot = self.bot_user(place.home);
        (place.members.contains(bot) && (self.echoes || message.user != *bot)).then_some((place, message))
    }

    fn outgoing(&self, place: &Channel, event: Value, about: SlackTs) -> Outgoing {
        let author_team = event["team"].as_str().or(event["message"]["team"].as_str()).map(str::to_owned);
        Outgoing { home: place.home, event, author_team, shared: place.shared, about: Some((place.id.clone(), about)) }
    }
}
