//! The balancer before the processes: signed requests go to those that listen, in turn.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chathakase_sim::slack::SmallSlack;

/// A port where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1";

/// Who listens, by the process's number. Clones are the same.
#[derive(Clone)]
pub(crate) struct Doors {
    slack: SmallSlack,
    open: Arc<Mutex<BTreeMap<usize, SocketAddr>>>,
}

impl Doors {
    /// Doors to which that Slack brings its events, if it does not wait for connections.
    pub(crate) fn of(slack: &SmallSlack) -> Self {
        Self { slack: slack.clone(), open: Arc::default() }
    }

    /// A process is ready.
    pub(crate) fn opened(&self, replica: usize, at: SocketAddr) {
        let mut open = self.lock();
        open.insert(replica, at);
        self.deliver(&open);
    }

    /// It is gone, and its port may belong to somebody else by now.
    pub(crate) fn closed(&self, replica: usize) {
        let mut open = self.lock();
        open.remove(&replica);
        self.deliver(&open);
    }

    fn deliver(&self, open: &BTreeMap<usize, SocketAddr>) {
        let urls: Vec<String> = open.values().map(|address| format!("http://{address}")).collect();
        if urls.is_empty() { self.slack.deliver_to(NOWHERE) } else { self.slack.deliver_to_any(&urls) }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, SocketAddr>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
