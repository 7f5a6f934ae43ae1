//! `clear session`: forgets what was said in this thread and stays in it.

use async_trait::async_trait;
use chathakase_session::store::{Cleared, Closing, StoreError};

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
        let cleared = ask.store.clear_and_close(ask.lease, ask.ts, closing, ask.now).await?;
        Ok(Reply::Thread(says(cleared)))
    }
}

fn says(cleared: Cleared) -> String {
    texts::session_cleared(cleared.messages, cleared.waiting)
}

/// Stored in the step that clears: after a death nobody could count again what is gone.
fn closing(cleared: Cleared) -> Closing {
    answered(says(cleared))
}
