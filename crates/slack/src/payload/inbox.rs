//! Where deliveries go.

use std::{error::Error, fmt};

use async_trait::async_trait;
use chathakase_session::{EventId, chain};
use tracing::{error, info, warn};

use super::Delivery;

/// Takes what Slack delivers. The doors ([`crate::http`], [`crate::socket`]) acknowledge a delivery only after this has
/// returned `Ok`.
#[async_trait]
pub trait Inbox: Send + Sync + 'static {
    /// Returns when all that must be kept of `delivery` is durably stored. Whatever takes longer (a model, an answer)
    /// is started and not waited for: Slack waits three seconds (Slack: Events API, "Responding to events").
    ///
    /// Called many times at once. While the process lives a call is never dropped half-way, also when Slack hangs up.
    /// In Socket Mode the calls of one connection are first polled in the order of arrival, so an inbox that queues
    /// before its first wait keeps that order.
    async fn deliver(&self, delivery: Delivery) -> Result<(), NotStored>;
}

/// The delivery is not, or not wholly, stored. Slack is not told that it arrived, so it sends it again.
pub struct NotStored {
    cause: Box<dyn Error + Send + Sync>,
    why: Hindrance,
}

/// What keeps a delivery from being stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// The store does not take it.
    Store,
    /// Slack does not show now what must be looked up before it can be stored.
    LookUp,
    /// Nothing is wrong: the process is about to end, and takes nothing new.
    Ending,
}

impl Hindrance {
    /// What it comes to in one word; stable: also the value of a metric's label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Store => "not_stored",
            Self::LookUp => "held_up",
            Self::Ending => "ending",
        }
    }
}

impl NotStored {
    /// Names what stood in the way of storing it. Its text goes to the log, never to Slack.
    pub fn because(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), why: Hindrance::Store }
    }

    /// Something must be looked up in Slack first, and Slack does not show it now, for this reason.
    pub fn until_looked_up(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), why: Hindrance::LookUp }
    }

    /// The process is about to end; whoever is there next takes it.
    pub fn at_the_end() -> Self {
        Self { cause: "the process is ending".into(), why: Hindrance::Ending }
    }

    /// What stands in the way.
    pub const fn why(&self) -> Hindrance {
        self.why
    }

    /// Tells the log; as an error only what somebody must see to.
    pub(crate) fn log(&self, event_id: Option<&EventId>) {
        match self.why {
            Hindrance::Store => error!(?event_id, error = %chain(self), "a delivery was not stored"),
            Hindrance::LookUp => {
                warn!(?event_id, error = %chain(self), "a delivery is held up: Slack does not show what belongs to it");
            }
            Hindrance::Ending => {
                info!(?event_id, "a delivery is left to whoever is there next: the process is ending");
            }
        }
    }
}

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.why {
            Hindrance::Store => "the delivery was not stored; Slack will send it again",
            Hindrance::LookUp => "the delivery waits for what Slack does not show now; Slack will send it again",
            Hindrance::Ending => "the delivery is left to whoever is there next; Slack will send it again",
        })
    }
}

impl fmt::Debug for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NotStored({:?})", self.cause)
    }
}

impl Error for NotStored {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}
