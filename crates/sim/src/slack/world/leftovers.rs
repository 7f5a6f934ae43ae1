//! What a story must not leave behind.

use std::time::Duration;

use super::{Channel, Message, World};

impl World {
    /// What the app wrote and no test looked at.
    pub(crate) fn unlooked(&self) -> Vec<String> {
        let posts = self.ours().filter(|(_, message)| !message.looked_at).map(|(_, message)| message.text.clone());
        let whispers = self.channels.values().flat_map(|place| &place.ephemerals).filter(|seen| !seen.looked_at);
        posts.chain(whispers.map(|seen| format!("(only {} sees) {}", self.name_of(&seen.to), seen.text))).collect()
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
