//! What a story must not leave behind.

use std::{collections::BTreeSet, time::Duration};

use chathakase_session::{ChannelId, SlackTs};

use super::{Channel, Home, Message, World};

impl World {
    /// What the app wrote and no test looked at.
    pub(crate) fn unlooked(&self) -> Vec<String> {
        let posts = self.ours().filter(|(_, message)| !message.looked_at).map(|(_, message)| message.text.clone());
        let whispers = self.channels.values().flat_map(|place| &place.ephemerals).filter(|seen| !seen.looked_at);
        posts.chain(whispers.map(|seen| format!("(only {} sees) {}", self.name_of(&seen.to), seen.text))).collect()
    }

    pub(crate) fn is_streaming(&self) -> bool {
        self.ours().any(|(_, message)| message.is_streaming())
    }

    /// Threads with a stream that runs or a status that stands.
    pub(crate) fn busy_threads(&self, now: Duration) -> BTreeSet<(Home, ChannelId, SlackTs)> {
        let streams = self.ours().filter(|(_, message)| message.is_streaming());
        let streams = streams.map(|(place, message)| (place.home, place.id.clone(), message.root()));
        let threads = self.channels.values().flat_map(|place| place.threads.iter().map(move |thread| (place, thread)));
        let statuses =
            threads.filter(|(_, (_, thread))| thread.status.as_ref().is_some_and(|status| status.until > now));
        streams.chain(statuses.map(|(place, (root, _))| (place.home, place.id.clone(), *root))).collect()
    }

    /// Streams that still run and statuses that still stand.
    pub(crate) fn unfinished(&self, now: Duration) -> Vec<String> {
        let streams = self.ours().filter(|(_, message)| message.is_streaming());
        let streams = streams.map(|(place, message)| format!("{}/{} still streams", place.id, message.ts));
        let threads = self.channels.values().flat_map(|place| place.threads.iter().map(move |thread| (place, thread)));
        let statuses = threads.filter_map(|(place, (root, thread))| {
            let status = thread.status.as_ref().filter(|status| status.until > now)?;
            Some(format!("{}/{root} still says {:?}", place.id, status.text))
        });
        streams.chain(statuses).collect()
    }

    fn ours(&self) -> impl Iterator<Item = (&Channel, &Message)> {
        let all = self.channels.values().flat_map(|place| place.messages.values().map(move |message| (place, message)));
        all.filter(|(place, message)| message.user == *self.bot_user(place.home))
    }
}
