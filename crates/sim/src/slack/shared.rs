//! What the parts of a small Slack share: the world behind a lock, the clock, and the word that something changed.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::{
    api::{limits::Limits, method::METHODS},
    calls::Calls,
    events::{Courier, Waited},
    fault::Faults,
    options::Options,
    world::{Happening, World},
};

/// Tokens and the secret of the app under test; they open nothing but a small Slack.
pub(crate) const APP_TOKEN: &str = "xapp-1-A0000001-not-a-secret";
pub(crate) const SIGNING_SECRET: &str = "5ma11-51ack-51gn1ng-not-a-secret";

/// Happenings that a slow listener may fall behind before it misses some.
const FEED_MAX: usize = 4096;

pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) port: u16,
    pub(crate) calls: Calls,
    pub(crate) faults: Faults,
    pub(crate) limits: Limits,
    pub(crate) courier: Courier,
    /// Cancelled when the last handle is gone: every connection and task ends.
    pub(crate) stop: CancellationToken,
    /// What happens, for those who listen.
    pub(crate) feed: broadcast::Sender<Happening>,
    world: Mutex<World>,
    version: watch::Sender<u64>,
    busy: AtomicUsize,
}

impl Shared {
    pub(crate) fn new(options: Options, port: u16) -> Arc<Self> {
        debug_assert!(METHODS.is_sorted_by_key(|method| method.name));
        let mut world = World::new();
        world.echoes = options.echoes();
        Arc::new(Self {
            calls: Calls::new(options.is_real()),
            faults: Faults::default(),
            limits: Limits::default(),
            courier: Courier::new(),
            stop: CancellationToken::new(),
            feed: broadcast::Sender::new(FEED_MAX),
            world: Mutex::new(world),
            version: watch::Sender::new(0),
            busy: AtomicUsize::new(0),
            options,
            port,
        })
    }

    /// Reads the world.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&World) -> R) -> R {
        look(&self.lock())
    }

    /// Reads the world and leaves marks that are no news to anybody.
    pub(crate) fn examine<R>(&self, look: impl FnOnce(&mut World) -> R) -> R {
        look(&mut self.lock())
    }

    /// Changes the world. What the app has to hear of it is on its way when this returns; the answer ends with its first attempt.
    pub(crate) fn change<R>(self: &Arc<Self>, change: impl FnOnce(&mut World) -> R) -> (R, Waited) {
        let (result, outbox) = {
            let mut world = self.lock();
            world.listened_to = self.feed.receiver_count() > 0;
            let result = change(&mut world);
            // Sent under the lock, so that listeners hear things in the order in which they happened.
            for happening in world.happenings.drain(..) {
                let _ = self.feed.send(happening);
            }
            (result, std::mem::take(&mut world.outbox))
        };
        self.changed();
        let waited = if outbox.is_empty() { Waited::nothing() } else { self.courier.send(self, outbox) };
        (result, waited)
    }

    /// Wakes whoever waits for something to be shown.
    pub(crate) fn changed(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Marks work under way (a call, a delivery), so that a waiting test does not move the clock under it.
    pub(crate) fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Busy(self.clone())
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst) > 0
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work under way, until dropped.
pub(crate) struct Busy(Arc<Shared>);

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.changed();
        }
    }
}
