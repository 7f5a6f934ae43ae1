//! How posts come, change and go.

use std::collections::BTreeMap;

use chathakase_session::{ChannelId, SlackTs, Timestamp, UserId};
use serde_json::Value;

use super::{Draft, Fetched, Message, StreamState, World, message_json};

impl World {
    /// Puts a post into a channel and says so to the app.
    pub(crate) fn post(&mut self, channel: &ChannelId, draft: Draft, now: Timestamp) -> SlackTs {
        let ts = self.next_ts(now);
        let Some(place) = self.channels.get_mut(channel) else { return ts };
        place.members.insert(draft.user.clone());
        if let Some(root) = draft.thread {
            place.threads.entry(root).or_default().replies.push(ts);
        }
        let message = Message {
            ts,
            thread: draft.thread,
            user: draft.user,
            text: draft.text,
            markdown: draft.markdown,
            subtype: draft.subtype,
            blocks: draft.blocks,
            metadata: draft.metadata,
            files: draft.files,
            edited: None,
            stream: draft.stream,
            reactions: BTreeMap::new(),
            looked_at: false,
        };
        place.messages.insert(ts, message);
        self.tell_posted(channel, ts);
        ts
    }

    /// Changes a message; `by` marks it as edited by that person. The app is told, with what stood before.
    pub(crate) fn change_message(
        &mut self,
        channel: &ChannelId,
        ts: SlackTs,
        by: Option<&UserId>,
        now: Timestamp,
        change: impl FnOnce(&mut Message),
    ) -> Option<SlackTs> {
        let before = self.event_json(channel, ts)?;
        let at = self.next_ts(now);
        let message = self.channels.get_mut(channel)?.messages.get_mut(&ts)?;
        change(message);
        message.looked_at = false;
        if let Some(by) = by {
            message.edited = Some((by.clone(), at));
        }
        self.tell_changed(channel, ts, before, at);
        Some(at)
    }

    /// Takes a message away. A root with replies leaves a tombstone, as in Slack: the thread goes on.
    pub(crate) fn delete_message(&mut self, channel: &ChannelId, ts: SlackTs, now: Timestamp) -> Option<()> {
        let before = self.event_json(channel, ts)?;
        let at = self.next_ts(now);
        let place = self.channels.get_mut(channel)?;
        let has_replies = place.threads.get(&ts).is_some_and(|thread| !thread.replies.is_empty());
        if has_replies {
            let message = place.messages.get_mut(&ts)?;
            message.subtype = Some("tombstone".to_owned());
            message.text = "This message was deleted.".to_owned();
            (message.blocks, message.metadata, message.edited) = (None, None, None);
            message.files.clear();
        } else {
            let message = place.messages.remove(&ts)?;
            if let Some(thread) = message.thread.and_then(|root| place.threads.get_mut(&root)) {
                thread.replies.retain(|reply| *reply != ts);
            }
        }
        self.tell_deleted(channel, ts, before, at);
        Some(())
    }

    /// Somebody pressed Stop: the app's streams in this thread end, and the app is told.
    pub(crate) fn stop_pressed(&mut self, channel: &ChannelId, root: SlackTs, by: &UserId, now: Timestamp) {
        let at = self.next_ts(now);
        let Some(place) = self.channels.get_mut(channel) else { return };
        let mut stopped = Vec::new();
        for ts in place.threads.get(&root).map(|thread| thread.replies.clone()).unwrap_or_default() {
            let stream = place.messages.get_mut(&ts).and_then(|message| message.stream.as_mut());
            if let Some(stream) = stream.filter(|stream| stream.state == StreamState::Open) {
                stream.state = StreamState::StoppedByUser;
                stopped.push(ts);
            }
        }
        self.tell_stopped(channel, root, by, &stopped, at);
    }

    /// Slack ends every running stream.
    pub(crate) fn end_streams(&mut self) {
        for message in self.channels.values_mut().flat_map(|place| place.messages.values_mut()) {
            if let Some(stream) = message.stream.as_mut().filter(|stream| stream.state == StreamState::Open) {
                stream.state = StreamState::Errored;
            }
        }
    }

    fn event_json(&self, channel: &ChannelId, ts: SlackTs) -> Option<Value> {
        let place = self.channels.get(channel)?;
        Some(message_json(self, place, place.messages.get(&ts)?, Fetched::No))
    }
}
