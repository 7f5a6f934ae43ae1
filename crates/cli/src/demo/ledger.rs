//! Whether the assistant has still something to do, as its own store knows it.

use std::sync::{Arc, Mutex, PoisonError};

use chathakase_session::store::{Page, SessionStore};
use chathakase_session::time::Timestamp;

/// Sessions that are looked at: those with the newest activity.
const SESSIONS_MAX: usize = 100;

/// The store of the life that runs now, for whoever only looks. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Option<Arc<dyn SessionStore>>>>);

impl Ledger {
    /// Another life has begun, or none is there.
    pub(crate) fn turn_to(&self, store: Option<Arc<dyn SessionStore>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = store;
    }

    pub(crate) fn store(&self) -> Option<Arc<dyn SessionStore>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether every message is answered. An open turn keeps its session from expiring.
    pub(crate) async fn is_idle(&self, now: Timestamp) -> bool {
        let Some(store) = self.store() else { return false };
        let page = Page { workspace: None, number: 0, size: SESSIONS_MAX };
        let sessions = store.sessions(&page, now).await;
        sessions.is_ok_and(|sessions| sessions.iter().all(|session| session.expires_at.is_some()))
    }
}
