//! `all sessions`: every active session of the workspace, for admins, shown to the asker alone.

use async_trait::async_trait;
use chathakase_session::store::{Page, StoreError};

use super::{Ask, Command, Reply};
use crate::texts;

/// Sessions on one page: what fits a screen, and far below what a message holds.
const PAGE_SIZE: usize = 10;

pub(super) struct AllSessions;

#[async_trait]
impl Command for AllSessions {
    fn say(&self) -> &'static str {
        "all sessions"
    }
    fn does(&self) -> &'static str {
        "show all active sessions (admins)"
    }
    fn has_pages(&self) -> bool {
        true
    }
    async fn run(&self, ask: &Ask<'_>) -> Result<Reply, StoreError> {
        let Some(asker) = ask.asker else { return Ok(Reply::Thread(texts::not_an_admin())) };
        if !ask.settings.admins.contains(asker) && !ask.people.is_admin(asker, &ask.key().workspace).await {
            return Ok(Reply::Asker(texts::not_an_admin()));
        }
        let workspace = &ask.key().workspace;
        let stats = ask.store.stats(Some(workspace), ask.now).await?;
        let page = Page { workspace: Some(workspace.clone()), number: ask.page - 1, size: PAGE_SIZE };
        let mut rows = ask.store.sessions(&page, ask.now).await?;
        let names = ask.people.names(rows.iter().flat_map(|row| row.people.keys().cloned()).collect()).await;
        for (id, known) in rows.iter_mut().flat_map(|row| &mut row.people) {
            if let Some(name) = names.get(id) {
                known.clone_from(name);
            }
        }
        // Where this was asked, nothing expires while it is being answered; then the time begins anew.
        for row in rows.iter_mut().filter(|row| row.key == *ask.key()) {
            row.expires_at.get_or_insert(ask.now + ask.settings.session_timeout);
        }
        let pages = usize::try_from(stats.active_sessions).unwrap_or(usize::MAX).div_ceil(PAGE_SIZE);
        Ok(Reply::Asker(texts::all_sessions(&stats, &rows, ask.page, pages, ask.now)))
    }
}
