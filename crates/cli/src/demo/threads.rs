//! The threads of a demo, numbered in the order in which they began.

use chathakase_session::{ChannelId, SlackTs};
use chathakase_sim::slack::Happening;

/// The numbered threads.
#[derive(Debug, Default)]
pub(crate) struct Threads(Vec<Seen>);

/// A thread that something happened in.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Where it is.
    pub(crate) channel: ChannelId,
    pub(crate) root: SlackTs,
    /// How people call the channel.
    pub(crate) place: String,
    /// Who began it.
    pub(crate) by: String,
}

impl Seen {
    /// Only the person who began it and the assistant can write here.
    pub(crate) fn is_direct(&self) -> bool {
        !self.place.starts_with('#')
    }
}

impl Threads {
    /// The number of the thread that this happened in, from 1; a new one if it is the first that happens there.
    pub(crate) fn number(&mut self, happening: &Happening) -> usize {
        self.find(&happening.channel, happening.thread).unwrap_or_else(|| {
            self.0.push(Seen {
                channel: happening.channel.clone(),
                root: happening.thread,
                place: happening.place.clone(),
                by: happening.who.clone(),
            });
            self.0.len()
        })
    }

    /// The number of a known thread.
    pub(crate) fn find(&self, channel: &ChannelId, root: SlackTs) -> Option<usize> {
        self.0.iter().position(|seen| seen.root == root && seen.channel == *channel).map(|at| at + 1)
    }

    /// The thread with this number.
    pub(crate) fn get(&self, number: usize) -> Option<&Seen> {
        self.0.get(number.checked_sub(1)?)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Seen)> {
        (1..).zip(&self.0)
    }
}
