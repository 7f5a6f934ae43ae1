//! Many conversations in memory.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet, binary_heap::PeekMut},
    sync::Arc,
    time::Duration,
};

use crate::{
    Session, SlackTs, ThreadKey, Timestamp, UserId,
    session::{Inserted, NewMessage},
    store::{SessionInfo, Stats},
};

/// How a [`SessionManager`] works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagerConfig {
    /// How long a session lives after its last message (default 1 h). Past it, it is in no answer any more.
    pub session_timeout: Duration,
    /// A new session triggers a sweep when more than this many exist (default 10).
    pub cleanup_threshold: usize,
    /// Most sessions at a time (default 100,000). Past it, a new one takes the place of the one that expires first.
    pub sessions_max: usize,
    /// Most messages of a session (default 10,000, at least 1). Past it, the oldest eighth is forgotten.
    pub messages_max: usize,
    /// Longest message, in characters (default 40,000, which is Slack's limit). A longer one is refused.
    pub message_chars_max: usize,
    /// The instructions to the model that [`Session::openai_messages`] begins with; none if empty.
    pub system_prompt: Arc<str>,
}

impl Default for ManagerConfig {
    fn default() -> Self {
        Self {
            session_timeout: Duration::from_secs(3600),
            cleanup_threshold: 10,
            sessions_max: 100_000,
            messages_max: 10_000,
            message_chars_max: 40_000,
            system_prompt: Arc::from("You are a helpful assistant in a Slack thread. Be concise."),
        }
    }
}

/// The message was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message has more than {max} characters; send it in several, or as a file")]
pub struct TooLong {
    /// The limit, [`ManagerConfig::message_chars_max`].
    pub max: usize,
}

/// Most sessions that one sweep at the creation of another looks at: creating one never takes long, and still more are swept
/// than are created.
const SWEEP_AT_CREATION: usize = 16;

/// Keeps sessions in memory: creates, finds, counts, clears and expires them. Sessions of different threads never mix.
///
/// It has no clock and does nothing by itself: each call says what time it is. An expired session is in no answer from that
/// moment on; [`SessionManager::cleanup_expired_sessions`] gives its memory back. Finding what is due goes by an ordered
/// index and never looks at the sessions that are not.
#[derive(Debug)]
pub struct SessionManager {
    config: ManagerConfig,
    places: HashMap<ThreadKey, usize>,
    sessions: Vec<Option<Box<Session>>>,
    free: Vec<usize>,
    /// One entry for each session: a moment before which it does not expire. A message puts the true moment off without a
    /// change here; a sweep that meets such an entry puts it where it belongs, at most once per timeout.
    due: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

impl SessionManager {
    /// A manager of no sessions.
    pub fn new(config: ManagerConfig) -> Self {
        let (places, sessions) = (HashMap::new(), Vec::new());
        Self { config, places, sessions, free: Vec::new(), due: BinaryHeap::new() }
    }

    /// How it works.
    pub const fn config(&self) -> &ManagerConfig {
        &self.config
    }

    /// The session of `key`: the one that is active, or a new one.
    pub fn get_or_create_session(&mut self, key: &ThreadKey, now: Timestamp) -> &mut Session {
        let place = match self.places.get(key) {
            Some(place) => *place,
            None => self.new_place(key, now),
        };
        let slot = &mut self.sessions[place];
        // One that is expired and not yet swept begins anew where it is; its entry in the index stays true.
        if slot.as_ref().is_some_and(|session| expires(session, &self.config) <= now) {
            *slot = None;
        }
        let prompt = &self.config.system_prompt;
        slot.get_or_insert_with(|| Box::new(Session::new(key.clone(), now).with_system_prompt(prompt.clone())))
    }

    /// The active session of `key`.
    pub fn session(&self, key: &ThreadKey, now: Timestamp) -> Option<&Session> {
        let place = *self.places.get(key)?;
        self.sessions[place].as_deref().filter(|session| expires(session, &self.config) > now)
    }

    /// Adds what a person wrote at `ts`, and creates the session where there is none.
    pub fn add_user_message(
        &mut self,
        key: &ThreadKey,
        user: &UserId,
        name: Option<&str>,
        text: &str,
        ts: SlackTs,
        now: Timestamp,
    ) -> Result<Inserted, TooLong> {
        self.add(key, &NewMessage::from_user(user, name, text, ts), now)
    }

    /// Adds our answer to what was said up to `ts`, the timestamp of the last message that it answers.
    pub fn add_assistant_message(
        &mut self,
        key: &ThreadKey,
        text: &str,
        ts: SlackTs,
        now: Timestamp,
    ) -> Result<Inserted, TooLong> {
        self.add(key, &NewMessage::answer(text, ts), now)
    }

    /// Gives back the memory of all sessions that expired by `now`, in the order in which they did. Returns how many.
    pub fn cleanup_expired_sessions(&mut self, now: Timestamp) -> usize {
        self.sweep(now, usize::MAX)
    }

    /// Numbers over all active sessions.
    pub fn session_stats(&self, now: Timestamp) -> Stats {
        let mut stats = Stats::default();
        let mut people = HashSet::new();
        for session in self.active(now) {
            stats.active_sessions += 1;
            stats.messages += session.message_count();
            people.extend(session.participants().map(|(id, _)| (&session.key().workspace, id)));
            let began = session.created_at();
            stats.oldest = Some(stats.oldest.map_or(began, |oldest| oldest.min(began)));
            stats.newest = stats.newest.max(Some(began));
        }
        stats.participants = people.len() as u64;
        stats
    }

    /// The active session of `key` as a person may see it.
    pub fn session_info(&self, key: &ThreadKey, now: Timestamp) -> Option<SessionInfo> {
        self.session(key, now).map(|session| session.info(self.config.session_timeout))
    }

    /// All active sessions, newest activity first.
    pub fn all_sessions(&self, now: Timestamp) -> Vec<SessionInfo> {
        let mut all: Vec<_> = self.active(now).map(|session| session.info(self.config.session_timeout)).collect();
        all.sort_by(|a, b| b.last_activity.cmp(&a.last_activity).then_with(|| a.key.cmp(&b.key)));
        all
    }

    /// Takes all messages out of the active session of `key`; they are refused when they come again. Returns how many went.
    pub fn clear_session(&mut self, key: &ThreadKey, now: Timestamp) -> usize {
        let Some(newest) = self.session(key, now).and_then(|session| session.messages().next_back()) else { return 0 };
        let ts = newest.ts;
        self.get_or_create_session(key, now).clear(ts)
    }

    /// How many sessions it holds, with those that are expired and not yet swept.
    pub fn held(&self) -> usize {
        self.places.len()
    }

    fn add(&mut self, key: &ThreadKey, message: &NewMessage<'_>, now: Timestamp) -> Result<Inserted, TooLong> {
        let max = self.config.message_chars_max;
        if message.text.len() > max && message.text.chars().count() > max {
            return Err(TooLong { max });
        }
        let messages_max = self.config.messages_max;
        let session = self.get_or_create_session(key, now);
        let inserted = session.insert(message, now);
        if session.len() > messages_max {
            session.forget_oldest((messages_max / 8).max(1));
        }
        Ok(inserted)
    }

    fn new_place(&mut self, key: &ThreadKey, now: Timestamp) -> usize {
        if self.places.len() > self.config.cleanup_threshold {
            self.sweep(now, SWEEP_AT_CREATION);
        }
        if self.places.len() >= self.config.sessions_max {
            self.drop_first_to_expire();
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.sessions.push(None);
            self.sessions.len() - 1
        });
        self.places.insert(key.clone(), place);
        self.due.push(Reverse((now + self.config.session_timeout, place)));
        place
    }

    /// Drops what expired by `now`, looking at no more than `looks` entries of the index.
    fn sweep(&mut self, now: Timestamp, looks: usize) -> usize {
        let held = self.places.len();
        for _ in 0..looks {
            let Some(first) = self.due.peek_mut().filter(|first| first.0.0 <= now) else { break };
            let Reverse((_, place)) = PeekMut::pop(first);
            match self.expires_at(place) {
                Some(later) if later > now => self.due.push(Reverse((later, place))),
                _ => self.drop_session(place),
            }
        }
        held - self.places.len()
    }

    fn drop_first_to_expire(&mut self) {
        while let Some(Reverse((moment, place))) = self.due.pop() {
            match self.expires_at(place) {
                Some(later) if later > moment => self.due.push(Reverse((later, place))),
                _ => return self.drop_session(place),
            }
        }
    }

    fn expires_at(&self, place: usize) -> Option<Timestamp> {
        self.sessions[place].as_deref().map(|session| expires(session, &self.config))
    }

    fn drop_session(&mut self, place: usize) {
        if let Some(session) = self.sessions[place].take() {
            self.places.remove(session.key());
        }
        self.free.push(place);
    }

    fn active(&self, now: Timestamp) -> impl Iterator<Item = &Session> {
        self.sessions.iter().flatten().map(|session| &**session).filter(move |s| expires(s, &self.config) > now)
    }
}

/// The moment from which on a session is expired.
fn expires(session: &Session, config: &ManagerConfig) -> Timestamp {
    session.last_activity() + config.session_timeout
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hours_flow_of_sessions_uses_the_same_places_again() {
        let mut manager = SessionManager::new(ManagerConfig::default());
        let key = |n: i64| ThreadKey {
            workspace: "T1".parse().unwrap(),
            channel: "C1".parse().unwrap(),
            root: SlackTs::from_micros(n).unwrap(),
        };
        for n in 0..5000 {
            manager.get_or_create_session(&key(n), Timestamp::from_secs(n * 36));
        }
        let held = [manager.places.len(), manager.sessions.len(), manager.due.len()];
        assert_eq!(held, [100; 3], "one every 36 s makes 100 in an hour");
    }
}
