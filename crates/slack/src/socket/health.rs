//! How the link is, for health pages and metrics.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chathakase_metrics::{SOCKET_LINKS, SOCKET_RECONNECTS};
use chathakase_session::Timestamp;
use tokio::sync::{Notify, watch};

use crate::payload::Hello;

/// A handle on how the link is; clones look at the same one.
#[derive(Clone, Debug, Default)]
pub struct LinkHealth {
    state: Arc<Mutex<State>>,
    came_up: Arc<Notify>,
    stretch: Arc<watch::Sender<Option<u64>>>,
}

#[derive(Debug, Default)]
struct State {
    report: LinkReport,
    came_up_before: bool,
    stretches: u64,
}

/// How the link is at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkReport {
    /// Since when events can come without a gap; `None` while no link is up.
    pub connected_since: Option<Timestamp>,
    /// When Slack was last heard: any frame, also a ping.
    pub last_frame_at: Option<Timestamp>,
    /// Our links that are up: two for the moment of an overlap.
    pub links: u32,
    /// Links of this app on all machines, as Slack last said; it allows 10.
    pub num_connections: Option<u32>,
    /// How often a link came up after the first one.
    pub reconnects: u64,
    /// Deliveries that were not, or not wholly, stored and so not acknowledged.
    pub not_stored: u64,
    /// Why there was no link when there was none; cleared when one comes up.
    pub last_trouble: Option<String>,
}

impl LinkHealth {
    /// How the link is now.
    pub fn report(&self) -> LinkReport {
        self.lock().report.clone()
    }

    /// The stretch of time, by number, in which there is always a link and so no gap; `None` while there is none.
    pub fn stretch(&self) -> watch::Receiver<Option<u64>> {
        self.stretch.subscribe()
    }

    /// Ends when a link is up.
    pub async fn connected(&self) {
        loop {
            let came_up = self.came_up.notified();
            if self.lock().report.links > 0 {
                return;
            }
            came_up.await;
        }
    }

    pub(super) fn up(&self, hello: &Hello, first: &mut bool, now: Timestamp) {
        let State { report, came_up_before, stretches } = &mut *self.lock();
        if hello.num_connections.is_some() {
            report.num_connections = hello.num_connections;
        }
        // A second hello on one link changes nothing else.
        if !std::mem::take(first) {
            return;
        }
        if std::mem::replace(came_up_before, true) {
            report.reconnects += 1;
            SOCKET_RECONNECTS.count([]);
        }
        report.links += 1;
        SOCKET_LINKS.is(report.links.into(), []);
        report.connected_since.get_or_insert(now);
        if report.links == 1 {
            *stretches += 1;
            self.stretch.send_replace(Some(*stretches));
        }
        report.last_trouble = None;
        self.came_up.notify_waiters();
    }

    pub(super) fn down(&self) {
        let report = &mut self.lock().report;
        report.links = report.links.saturating_sub(1);
        SOCKET_LINKS.is(report.links.into(), []);
        if report.links == 0 {
            report.connected_since = None;
            self.stretch.send_replace(None);
        }
    }

    pub(super) fn heard(&self, now: Timestamp) {
        self.lock().report.last_frame_at = Some(now);
    }

    pub(super) fn not_stored(&self) {
        self.lock().report.not_stored += 1;
    }

    pub(super) fn trouble(&self, why: String) {
        self.lock().report.last_trouble = Some(why);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
