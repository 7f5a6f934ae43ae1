//! What readers ask of the tables in memory.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use chathakase_session::{
    Kind, Message, Timestamp, UserId, WorkspaceId, chain,
    store::{Page, Result, Stats},
    turn::TurnId,
};

use super::rows::{Content, Tables};
use crate::rows::{Lists, MessageRow, MessageRows, Thread};

impl Tables {
    fn message_with_text(&self, row: &MessageRow) -> Option<Message> {
        let text = self.content(row.content).ok().flatten()?.text();
        match text {
            Ok(text) => Some(row.clone().with(text)),
            Err(error) => {
                tracing::error!(session = row.session, seq = row.seq, error = %chain(&error), "a message cannot be read");
                None
            }
        }
    }
    /// Live sessions of a workspace, or of all.
    fn live<'a>(&'a self, workspace: Option<&'a WorkspaceId>, now: Timestamp) -> impl Iterator<Item = &'a Thread> {
        let threads = self.active.iter().filter_map(|no| self.threads.get(no));
        threads
            .filter(move |thread| workspace.is_none_or(|wanted| thread.key.workspace == *wanted))
            .filter(move |thread| thread.live(now).is_some_and(|session| session.users + session.answers > 0))
    }
}

/// Rows that a window may show, in window order.
fn visible(content: &Content, hidden: Option<TurnId>) -> impl DoubleEndedIterator<Item = &MessageRow> {
    let rows = content.window.iter().filter_map(|(_, _, seq)| content.messages.get(seq));
    rows.filter(move |row| row.kind != Kind::Command && (hidden.is_none() || row.turn != hidden))
}

impl Lists for Tables {
    fn newest(&self, session: u64, hidden: Option<TurnId>, limit: usize) -> Result<Vec<Message>> {
        let Some(content) = self.sessions.get(&session) else { return Ok(Vec::new()) };
        let newest = visible(content, hidden).rev().take(limit).filter_map(|row| self.message_with_text(row));
        let mut newest: Vec<Message> = newest.collect();
        newest.reverse();
        Ok(newest)
    }
    fn first(&self, session: u64, hidden: Option<TurnId>) -> Result<Option<Message>> {
        let content = self.sessions.get(&session);
        let first = content.and_then(|content| visible(content, hidden).next());
        Ok(first.and_then(|row| self.message_with_text(row)))
    }
    fn messages_after(&self, session: u64, after: u64, limit: usize) -> Result<Vec<Message>> {
        let Some(content) = self.sessions.get(&session) else { return Ok(Vec::new()) };
        let rows = content.messages.range(after.saturating_add(1)..).map(|(_, row)| row);
        Ok(rows.take(limit).filter_map(|row| self.message_with_text(row)).collect())
    }
    fn people(&self, session: u64) -> Result<BTreeMap<UserId, String>> {
        let Some(content) = self.sessions.get(&session) else { return Ok(BTreeMap::new()) };
        let named = |(user, person): (&UserId, &crate::rows::Person)| {
            let name = person.name.and_then(|name| self.content(name).ok().flatten()).and_then(|name| name.text().ok());
            (user.clone(), name.unwrap_or_else(|| user.as_str().to_owned()))
        };
        Ok(content.people.iter().map(named).collect())
    }
    fn page(&self, page: &Page, now: Timestamp) -> Result<Vec<Thread>> {
        let mut threads: Vec<&Thread> = self.live(page.workspace.as_ref(), now).collect();
        threads
            .sort_by_key(|thread| Reverse((thread.session.as_ref().map(|session| session.last_activity), thread.no)));
        let pages_before = page.number.saturating_mul(page.size);
        Ok(threads.into_iter().skip(pages_before).take(page.size).cloned().collect())
    }
    fn joined_since(&self, workspace: &WorkspaceId, since: Timestamp, limit: usize) -> Result<Vec<Thread>> {
        let ours = self.threads.values().filter(|thread| thread.joined && thread.key.workspace == *workspace);
        let mut recent: Vec<&Thread> = ours.filter(|thread| thread.active_at() >= Some(since)).collect();
        recent.sort_by_key(|thread| Reverse((thread.active_at(), thread.no)));
        Ok(recent.into_iter().take(limit).cloned().collect())
    }
    fn stats(&self, workspace: Option<&WorkspaceId>, now: Timestamp) -> Result<Stats> {
        let mut stats = Stats::default();
        let mut people = BTreeSet::new();
        for session in self.live(workspace, now).filter_map(|thread| thread.session.as_ref()) {
            stats.active_sessions += 1;
            stats.messages += session.users + session.answers;
            stats.oldest = Some(stats.oldest.map_or(session.created_at, |oldest| oldest.min(session.created_at)));
            stats.newest = stats.newest.max(Some(session.created_at));
            people.extend(self.sessions.get(&session.no).into_iter().flat_map(|content| content.people.keys()));
        }
        stats.participants = people.len() as u64;
        Ok(stats)
    }
}
