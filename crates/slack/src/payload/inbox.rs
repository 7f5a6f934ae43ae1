//! Where deliveries go.

use std::{error::Error, fmt};

use async_trait::async_trait;

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

/// The delivery could not be stored. Slack is not told that it arrived, so it sends it again.
pub struct NotStored {
    cause: Box<dyn Error + Send + Sync>,
    /// Nothing is wrong: we are about to end, and take nothing new.
    pub(crate) is_ending: bool,
}

impl NotStored {
    /// Names what stood in the way. Its text goes to the log, never to Slack.
    pub fn because(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), is_ending: false }
    }

    /// The process is about to end; whoever is there next takes it.
    pub fn at_the_end() -> Self {
        Self { is_ending: true, ..Self::because("the process is ending") }
    }
}

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the delivery was not stored; Slack will send it again")
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
