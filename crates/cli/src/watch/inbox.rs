//! The inbox, watched: what Slack delivers, how long it waits for its acknowledgement, and when it last delivered anything.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use async_trait::async_trait;
use chathakase_metrics::{ACK_SECONDS, EVENTS, NOT_ACKNOWLEDGED};
use chathakase_session::{Timestamp, time::SharedClock};
use chathakase_slack::payload::{Delivery, Event, Inbox, NotStored};

/// When Slack last delivered an event; clones look at the same one. Milliseconds; 0 for never.
#[derive(Clone, Debug, Default)]
pub struct LastEvent(Arc<AtomicI64>);

impl LastEvent {
    pub(super) fn at(&self) -> Option<Timestamp> {
        let ms = self.0.load(Relaxed);
        (ms != 0).then(|| Timestamp::from_millis(ms))
    }
}

pub(super) struct Watched {
    pub(super) inbox: Arc<dyn Inbox>,
    pub(super) clock: SharedClock,
    pub(super) last: LastEvent,
}

#[async_trait]
impl Inbox for Watched {
    async fn deliver(&self, delivery: Delivery) -> Result<(), NotStored> {
        let began = self.clock.monotonic();
        self.last.0.store(self.clock.now().as_millis(), Relaxed);
        EVENTS.count([kind(&delivery.event)]);
        let stored = self.inbox.deliver(delivery).await;
        match &stored {
            Ok(()) => ACK_SECONDS.took(self.clock.monotonic().saturating_sub(began), []),
            Err(not_stored) => NOT_ACKNOWLEDGED.count([not_stored.why().name()]),
        }
        stored
    }
}

fn kind(event: &Event) -> &'static str {
    match event {
        Event::Mention(_) => "mention",
        Event::Message(_) => "message",
        Event::Changed(_) => "changed",
        Event::Deleted(_) => "deleted",
        Event::Stopped { .. } => "stopped",
        Event::RateLimited { .. } => "rate_limited",
        Event::Other { .. } => "other",
    }
}
