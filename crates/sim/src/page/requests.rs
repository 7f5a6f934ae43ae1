//! Which thread each request to the model was about, so that people are shown those of their own window.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chathakase_session::{ChannelId, SlackTs};

use crate::{
    relay::{Exchange, Relay},
    slack::{Changes, SmallSlack, Stood},
};

/// Requests whose thread is kept in mind: more than the relay keeps.
const KNOWN_MAX: usize = 50;

pub(crate) struct Requests {
    relay: Relay,
    slack: SmallSlack,
    /// By their numbers the threads that each may be about: one, or several that ask in the same words at the same time. A request
    /// that is found in no thread is shown to nobody.
    stood: Mutex<BTreeMap<u64, Vec<Stood>>>,
}

/// A request, as somebody in a thread is shown it.
pub(crate) struct About {
    pub(crate) exchange: Exchange,
    /// What stood in this thread when it was made.
    pub(crate) stood: Stood,
    /// How many threads it may be about.
    pub(crate) threads: usize,
}

impl Requests {
    pub(crate) fn new(relay: Relay, slack: SmallSlack) -> Self {
        Self { relay, slack, stood: Mutex::default() }
    }

    pub(crate) fn changes(&self) -> Changes {
        self.relay.changes()
    }

    /// Finds out where new requests belong, as long as their messages stand there as they were sent.
    pub(crate) async fn watch(&self) {
        let mut changes = self.changes();
        loop {
            self.place_new();
            changes.next().await;
        }
    }

    /// The newest request about a thread, or about any of the channel.
    pub(crate) fn last(&self, channel: &ChannelId, root: Option<SlackTs>) -> Option<About> {
        self.place_new();
        let stood = self.lock();
        let about = |stood: &&Stood| stood.channel == *channel && root.is_none_or(|root| root == stood.root);
        let of = |number: &u64| stood.get(number)?.iter().find(about);
        let exchange = self.relay.newest(|exchange| of(&exchange.number).is_some())?;
        let (threads, stood) = (stood.get(&exchange.number)?.len(), of(&exchange.number)?.clone());
        Some(About { exchange, stood, threads })
    }

    fn place_new(&self) {
        let mut stood = self.lock();
        let known = stood.last_key_value().map_or(0, |(number, _)| *number);
        for exchange in self.relay.after(known) {
            let messages = &exchange.request.messages;
            let people = messages.iter().filter(|message| message.role == "user");
            let said: Vec<&str> = people.map(|message| message.content.as_str()).collect();
            let sent = messages.iter().filter(|message| message.role != "system").count();
            let mut threads = self.slack.threads_of(&said);
            let answering = self.answering(&stood);
            prefer(&mut threads, |thread| !answering.contains(thread));
            prefer(&mut threads, |thread| thread.messages == sent);
            stood.insert(exchange.number, threads);
        }
        while stood.len() > KNOWN_MAX {
            stood.pop_first();
        }
    }
    /// The questions that requests are surely about whose answers still come: nobody asks them a second time meanwhile.
    fn answering(&self, stood: &BTreeMap<u64, Vec<Stood>>) -> Vec<Stood> {
        let running = self.relay.exchanges().into_iter().filter(|exchange| exchange.end.is_none());
        let sure = running.filter_map(|exchange| match stood.get(&exchange.number).map(Vec::as_slice) {
            Some([sure]) => Some(sure.clone()),
            _ => None,
        });
        sure.collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Vec<Stood>>> {
        self.stood.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps those that fit, if any does.
fn prefer(threads: &mut Vec<Stood>, fits: impl Fn(&Stood) -> bool) {
    if threads.iter().any(&fits) {
        threads.retain(fits);
    }
}
