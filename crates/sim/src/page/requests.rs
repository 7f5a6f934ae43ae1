//! Which thread each request to the model was about, so that people are shown those of their own window.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
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
    /// By their numbers. A request that is found in no thread is shown to nobody.
    stood: Mutex<BTreeMap<u64, Option<Stood>>>,
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
    pub(crate) fn last(&self, channel: &ChannelId, root: Option<SlackTs>) -> Option<(Exchange, Stood)> {
        self.place_new();
        let stood = self.stood.lock().unwrap_or_else(PoisonError::into_inner);
        let about = |stood: &&Stood| stood.channel == *channel && root.is_none_or(|root| root == stood.root);
        let of = |number: &u64| stood.get(number)?.as_ref().filter(about);
        let exchange = self.relay.newest(|exchange| of(&exchange.number).is_some())?;
        let stood = of(&exchange.number)?.clone();
        Some((exchange, stood))
    }

    fn place_new(&self) {
        let mut stood = self.stood.lock().unwrap_or_else(PoisonError::into_inner);
        let known = stood.last_key_value().map_or(0, |(number, _)| *number);
        for exchange in self.relay.after(known) {
            let people = exchange.request.messages.iter().filter(|message| message.role == "user");
            let said: Vec<&str> = people.map(|message| message.content.as_str()).collect();
            stood.insert(exchange.number, self.slack.thread_of(&said));
        }
        while stood.len() > KNOWN_MAX {
            stood.pop_first();
        }
    }
}
