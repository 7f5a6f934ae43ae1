//! From when on each place is to be looked through.

use std::{collections::HashMap, time::Duration};

use chathakase_session::{ChannelId, SlackTs, ThreadKey, Timestamp, store::Looked};

/// How long before the last good moment is looked too: what was on its way then may never have arrived.
const OVERLAP: Duration = Duration::from_secs(5 * 60);

/// A thread, or what stands in a channel itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) channel: ChannelId,
    pub(super) root: Option<SlackTs>,
}

impl From<&ThreadKey> for Place {
    fn from(key: &ThreadKey) -> Self {
        Self { channel: key.channel.clone(), root: Some(key.root) }
    }
}

impl From<&ChannelId> for Place {
    fn from(channel: &ChannelId) -> Self {
        Self { channel: channel.clone(), root: None }
    }
}

/// How far back is looked.
pub(super) struct Reach {
    /// Until when nothing was missed anywhere.
    good: Timestamp,
    /// What is older is not looked for.
    oldest: Timestamp,
    /// Until when nothing was missed in a place: looks that died were there since.
    good_there: HashMap<Place, Timestamp>,
    /// Our clock, and Slack's: ours may be wrong.
    now: Timestamp,
    slack_now: Timestamp,
}

impl Reach {
    pub(super) fn new(
        good: Timestamp,
        oldest: Timestamp,
        looked: Vec<Looked>,
        [now, slack_now]: [Timestamp; 2],
    ) -> Self {
        let later = looked.into_iter().filter(|place| place.until > good);
        let good_there = later.map(|place| (Place { channel: place.channel, root: place.root }, place.until)).collect();
        Self { good, oldest, good_there, now, slack_now }
    }

    /// From when on is looked where no look was yet.
    pub(super) fn since(&self) -> Timestamp {
        (self.good - OVERLAP).max(self.oldest)
    }

    /// Until when nothing was missed in a place.
    pub(super) fn good(&self, place: &Place) -> Timestamp {
        self.good_there.get(place).copied().unwrap_or(self.good)
    }

    /// Whether a look that died came through a place.
    pub(super) fn was_in(&self, place: &Place) -> bool {
        self.good_there.contains_key(place)
    }

    /// From when on a place is to be looked through, in Slack's moments; and whether that leaves out what is too old.
    pub(super) fn since_in(&self, place: &Place) -> (SlackTs, bool) {
        let by_slack = |ours: Timestamp| self.slack_now - self.now.since(ours);
        let (good, oldest) = (by_slack(self.good(place)), by_slack(self.oldest));
        // Nobody wrote in a thread before it began.
        let good = place.root.map_or(good, |root| root.moment().min(self.slack_now).max(good));
        (SlackTs::at((good - OVERLAP).max(oldest)), good < oldest)
    }
}
