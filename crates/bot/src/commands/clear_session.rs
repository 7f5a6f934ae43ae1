//! `clear session`: forgets what was said in this thread and stays in it.

use async_trait::async_trait;
use chathakase_session::{
    chain,
    store::{Cleared, Closing, StoreError},
};

use super::{Ask, Command, Reply};
use crate::{texts, turn::answered};

pub(super) struct ClearSession;

#[async_trait]
impl Command for ClearSession {
    fn say(&self) -> &'static str {
        "clear session"
    }
    fn does(&self) -> &'static str {
        "forget what was said in this thread"
    }
    async fn run(&self, ask: &Ask<'_>) -> Result<Reply, StoreError> {
        match ask.store.clear_and_close(ask.lease, ask.ts, closing, ask.now).await {
            Ok(cleared) => Ok(Reply::Thread(says(cleared))),
            // It may be done all the same. Then it is stored what to say, and whoever takes the turn up says it.
            Err(error) if error.is_retryable() => {
                tracing::warn!(error = %chain(&error), thread.key = %ask.key(), "whether a session was cleared is not known; trying again soon");
                Ok(Reply::Later)
            }
            Err(error) => Err(error),
        }
    }
}

fn says(cleared: Cleared) -> String {
    texts::session_cleared(cleared.messages, cleared.waiting)
}

/// Stored in the step that clears: after a death nobody could count again what is gone.
fn closing(cleared: Cleared) -> Closing {
    answered(says(cleared))
}
