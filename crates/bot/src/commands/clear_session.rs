//! `clear session`: forgets what was said in this thread and stays in it.

use async_trait::async_trait;
use chathakase_session::store::StoreError;

use super::{Ask, Command, Reply};
use crate::texts;

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
        let cleared = ask.store.clear(ask.key, ask.ts, ask.now).await?;
        Ok(Reply::Thread(texts::session_cleared(cleared.messages, cleared.waiting)))
    }
}
