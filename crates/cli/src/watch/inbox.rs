//! The inbox, watched: what Slack delivers, how long it waits for its acknowledgement, when it last delivered anything, and what
//! was turned away for its signature since.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

use async_trait::async_trait;
use axum::{Router, http::StatusCode, middleware::map_response, response::Response};
use chathakase_metrics::{ACK_SECONDS, EVENTS, NOT_ACKNOWLEDGED};
use chathakase_session::{Timestamp, time::SharedClock};
use chathakase_slack::payload::{Delivery, Event, Inbox, NotStored};

/// What came to the doors lately; clones look at the same.
#[derive(Clone, Debug, Default)]
pub struct Arrivals(Arc<Lately>);

/// Times in milliseconds; 0 for never.
#[derive(Debug, Default)]
struct Lately {
    event_at: AtomicI64,
    /// Since the last event.
    refused: AtomicU64,
    refused_at: AtomicI64,
}

/// Requests that were turned away for their signature since the last event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) requests: u64,
    pub(super) last_at: Timestamp,
}

impl Arrivals {
    pub(super) fn last_event(&self) -> Option<Timestamp> {
        moment(&self.0.event_at)
    }

    pub(super) fn refused(&self) -> Option<Refused> {
        let requests = self.0.refused.load(Relaxed);
        let last_at = moment(&self.0.refused_at)?;
        (requests > 0).then_some(Refused { requests, last_at })
    }

    /// `door`, with a note of each request that it turns away for its signature.
    pub(crate) fn noted(&self, door: Router, clock: &SharedClock) -> Router {
        let (arrivals, clock) = (self.clone(), clock.clone());
        door.layer(map_response(move |response: Response| {
            if response.status() == StatusCode::UNAUTHORIZED {
                arrivals.0.refused_at.store(clock.now().as_millis(), Relaxed);
                arrivals.0.refused.fetch_add(1, Relaxed);
            }
            std::future::ready(response)
        }))
    }
}

fn moment(ms: &AtomicI64) -> Option<Timestamp> {
    let ms = ms.load(Relaxed);
    (ms != 0).then(|| Timestamp::from_millis(ms))
}

pub(super) struct Watched {
    pub(super) inbox: Arc<dyn Inbox>,
    pub(super) clock: SharedClock,
    pub(super) arrivals: Arrivals,
}

#[async_trait]
impl Inbox for Watched {
    async fn deliver(&self, delivery: Delivery) -> Result<(), NotStored> {
        let began = self.clock.monotonic();
        self.arrivals.0.event_at.store(self.clock.now().as_millis(), Relaxed);
        self.arrivals.0.refused.store(0, Relaxed);
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
