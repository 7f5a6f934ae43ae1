//! How far back is looked, and which spots looks came to already.

use std::{collections::HashMap, time::Duration};

use chathakase_session::{ChannelId, SlackTs, ThreadKey, Timestamp, store::Looked};

/// How long before the last good moment is looked too: what was on its way then may never have arrived.
const OVERLAP: Duration = Duration::from_secs(5 * 60);

/// A thread, or what stands in a channel itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    pub(super) channel: ChannelId,
    pub(super) root: Option<SlackTs>,
}

impl From<&ThreadKey> for Spot {
    fn from(key: &ThreadKey) -> Self {
        Self { channel: key.channel.clone(), root: Some(key.root) }
    }
}

impl From<&ChannelId> for Spot {
    fn from(channel: &ChannelId) -> Self {
        Self { channel: channel.clone(), root: None }
    }
}

/// How far back a look goes: everywhere equally. What looks before it came to decides only what is next, because those may have begun
/// at another moment.
pub(super) struct Reach {
    /// Until when nothing was missed.
    good: Timestamp,
    /// What is older is not looked for, by our clock and by Slack's: ours may be wrong.
    oldest: Timestamp,
    oldest_ts: SlackTs,
    since: Timestamp,
    since_ts: SlackTs,
    looked: HashMap<Spot, Looked>,
}

impl Reach {
    /// `now` is by our clock and by Slack's.
    pub(super) fn new(
        good: Timestamp,
        oldest: Timestamp,
        looked: Vec<Looked>,
        [now, slack_now]: [Timestamp; 2],
    ) -> Self {
        let by_slack = |ours: Timestamp| SlackTs::at(slack_now - now.since(ours));
        let since = (good - OVERLAP).max(oldest);
        let looked = looked.into_iter().filter(|looked| looked.at > good);
        let looked = looked.map(|looked| (Spot { channel: looked.channel.clone(), root: looked.root }, looked));
        let looked = looked.collect();
        Self { good, oldest, oldest_ts: by_slack(oldest), since, since_ts: by_slack(since), looked }
    }

    /// From when on is looked.
    pub(super) fn since(&self) -> Timestamp {
        self.since
    }

    /// The same in Slack's moments.
    pub(super) fn since_ts(&self) -> SlackTs {
        self.since_ts
    }

    /// When a look came to a spot that did not come to its end; `None`, which is first, if none did.
    pub(super) fn came_to(&self, spot: &Spot) -> Option<Timestamp> {
        self.looked.get(spot).map(|looked| looked.at)
    }

    /// From when on this look, and those that came to the spot before, find what was missed there.
    pub(super) fn found_since(&self, spot: &Spot) -> Timestamp {
        if self.leaves_out(spot) { self.oldest } else { self.good }
    }

    /// Whether something may have been missed in a spot that is too old to be looked for, and was not when a look came to it.
    pub(super) fn leaves_out(&self, spot: &Spot) -> bool {
        let began_since = spot.root.is_some_and(|root| root >= self.oldest_ts);
        let was_found = |looked: &Looked| looked.at >= self.oldest && looked.since.since(self.good) <= OVERLAP;
        self.good < self.oldest && !began_since && !self.looked.get(spot).is_some_and(was_found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(minutes: f64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000) + MINUTE.mul_f64(100.0 + minutes)
    }

    fn thread(root: f64) -> Spot {
        Spot { channel: "C1".parse().unwrap(), root: Some(SlackTs::at(at(root))) }
    }

    #[test]
    fn what_is_too_old_is_left_out_unless_a_look_came_to_it_in_time_from_as_early_on() {
        // Good at minute 0; now it is minute 90, and an hour is looked back.
        for (root, looked, left_out) in [
            (-10.0, None, true),
            (29.0, None, true),
            // Nobody wrote there before.
            (31.0, None, false),
            (-10.0, Some((0.0, 29.0)), true),
            (-10.0, Some((0.0, 31.0)), false),
            // A look goes five minutes further back than it must.
            (-10.0, Some((4.0, 31.0)), false),
            (-10.0, Some((6.0, 31.0)), true),
        ] {
            let spot = thread(root);
            let looked = looked.map(|(since, time)| {
                let Spot { channel, root } = spot.clone();
                Looked { channel, root, since: at(since), at: at(time) }
            });
            let reach = Reach::new(at(0.0), at(30.0), looked.clone().into_iter().collect(), [at(90.0); 2]);
            assert_eq!(reach.leaves_out(&spot), left_out, "{root:?}, {looked:?}");
            assert_eq!(reach.found_since(&spot), if left_out { at(30.0) } else { at(0.0) });
        }
    }
}
