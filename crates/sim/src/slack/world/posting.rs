//! How posts come, change and go.

use std::collections::BTreeMap;

use chathakase_session::{ChannelId, SlackTs, Timestamp, UserId};
use serde_json::Value;

use super::{Draft, Fetched, Message, StreamState, TOMBSTONE, What, World, message_json};

impl World {
    /// Puts a post into a channel and says so to the app.
    pub(crate) fn post(&mut self, channel: &ChannelId, draft: Draft, now: Timestamp) -> SlackTs {
        let ts = self.next_ts(now);
        let listened = self.listened_to;
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
        let (root, user) = (message.root(), message.user.clone());
        let posted = What::Posted {
            text: if listened { message.text.clone() } else { String::new() },
            streaming: message.is_streaming(),
        };
        place.messages.insert(ts, message);
        self.happened(channel, root, ts, &user, posted);
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
        let before = self.hears_of(channel, ts).then(|| self.event_json(channel, ts)).flatten();
        let at = self.next_ts(now);
        let message = self.channels.get_mut(channel)?.messages.get_mut(&ts)?;
        let (was_streaming, length) = (message.is_streaming(), message.text.len());
        change(message);
        let what = match message.text.get(length..) {
            Some(added) if was_streaming && message.is_streaming() => What::Grew(added.to_owned()),
            Some("") if was_streaming => What::Finished,
            _ => What::Changed(message.text.clone()),
        };
        let (root, user) = (message.root(), message.user.clone());
        message.looked_at &= message.text.len() == length && !matches!(what, What::Changed(_));
        if let Some(by) = by {
            message.edited = Some((by.clone(), at));
        }
        self.happened(channel, root, ts, &user, what);
        if let Some(before) = before {
            self.tell_changed(channel, ts, before, at);
        }
        Some(at)
    }

    /// Takes a message away. A root with replies becomes a tombstone (Slack then tells of a changed message, not of a deleted
    /// one), which goes with the last reply.
    pub(crate) fn delete_message(&mut self, channel: &ChannelId, ts: SlackTs, now: Timestamp) -> Option<()> {
        let place = self.channels.get(channel)?;
        let message = place.messages.get(&ts)?;
        let (root, user) = (message.root(), message.user.clone());
        if place.threads.get(&ts).is_some_and(|thread| !thread.replies.is_empty()) {
            self.change_message(channel, ts, None, now, bury)?;
            return Some(());
        }
        let before = self.event_json(channel, ts)?;
        let at = self.next_ts(now);
        let place = self.channels.get_mut(channel)?;
        place.messages.remove(&ts);
        let thread = place.threads.get_mut(&root).filter(|_| root != ts);
        let last = thread.is_some_and(|thread| {
            thread.replies.retain(|reply| *reply != ts);
            thread.replies.is_empty()
        });
        let empty_tomb = last && place.messages.get(&root).is_some_and(Message::is_tombstone);
        self.happened(channel, root, ts, &user, What::Deleted);
        self.tell_deleted(channel, ts, before, at);
        if empty_tomb {
            self.delete_message(channel, root, now);
        }
        Some(())
    }

    /// Somebody pressed Stop: the app's streams in this thread end, and the app is told.
    pub(crate) fn stop_pressed(&mut self, channel: &ChannelId, root: SlackTs, by: &UserId, now: Timestamp) {
        let at = self.next_ts(now);
        let stopped =
            self.close_streams(StreamState::StoppedByUser, |id, message| id == channel && message.root() == root);
        let stopped: Vec<SlackTs> = stopped.into_iter().map(|(_, ts)| ts).collect();
        self.tell_stopped(channel, root, by, &stopped, at);
    }

    /// Slack ends every running stream.
    pub(crate) fn end_streams(&mut self) {
        self.close_streams(StreamState::Errored, |_, _| true);
    }

    fn close_streams(
        &mut self,
        state: StreamState,
        which: impl Fn(&ChannelId, &Message) -> bool,
    ) -> Vec<(ChannelId, SlackTs)> {
        let mut closed = Vec::new();
        for (id, place) in &mut self.channels {
            for message in place.messages.values_mut().filter(|message| message.is_streaming() && which(id, message)) {
                if let Some(stream) = &mut message.stream {
                    stream.state = state;
                }
                closed.push((id.clone(), message.root(), message.ts, message.user.clone()));
            }
        }
        for (channel, root, ts, user) in &closed {
            self.happened(channel, *root, *ts, user, What::Finished);
        }
        closed.into_iter().map(|(channel, _, ts, _)| (channel, ts)).collect()
    }

    fn event_json(&self, channel: &ChannelId, ts: SlackTs) -> Option<Value> {
        let place = self.channels.get(channel)?;
        Some(message_json(self, place, place.messages.get(&ts)?, Fetched::No))
    }
}

/// What Slack leaves of the root of a thread that goes on.
fn bury(message: &mut Message) {
    message.subtype = Some(TOMBSTONE.to_owned());
    message.text = "This message was deleted.".to_owned();
    message.markdown = false;
    message.user = UserId::parse("USLACKBOT").unwrap_or_else(|_| message.user.clone());
    (message.blocks, message.metadata, message.edited, message.stream) = (None, None, None, None);
    message.files.clear();
}
