//! The tables in memory, and the order they are kept in.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chathakase_session::{
    ChannelId, SlackTs, ThreadKey, Timestamp, UserId, WorkspaceId,
    store::{Count, Load, Looked, Result},
    turn::{Delivery, OwnerId, Part, TurnId, TurnKind, TurnState},
};

use crate::{
    codec::Packed,
    rows::{
        ContentNo, MessageRow, MessageRows, Person, Place, Post, PostName, PostRows, ProcessRow, ProcessRows, Room,
        SUSPECT_DEATHS, Suspects, Thread, ThreadRows, TurnRow, TurnRows, oldest,
    },
};

/// All rows. A missing row is never an error here: nothing but these steps writes them.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) threads: BTreeMap<u64, Thread>,
    by_key: HashMap<ThreadKey, u64>,
    expiry: BTreeSet<(Timestamp, u64)>,
    /// Threads that have a session.
    pub(crate) active: BTreeSet<u64>,
    pub(crate) sessions: HashMap<u64, Content>,
    posts: HashMap<PostName, Post>,
    gone: BTreeSet<(Timestamp, PostName)>,
    passed: HashMap<ThreadKey, BTreeSet<SlackTs>>,
    texts: HashMap<ContentNo, Packed>,
    turns: BTreeMap<TurnId, TurnRow>,
    claimable: BTreeSet<(Timestamp, TurnId)>,
    /// Those among them that an owner has died over.
    fallen: BTreeSet<TurnId>,
    parts: HashMap<TurnId, BTreeMap<u32, Part>>,
    /// Which turn has a part that stands at a moment.
    shown: BTreeSet<(SlackTs, TurnId)>,
    last_session: u64,
    last_turn: u64,
    last_content: ContentNo,
    processes: Vec<ProcessRow>,
    looked: HashMap<(WorkspaceId, ChannelId, Option<SlackTs>), Looked>,
}

/// The rows of one session.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) messages: BTreeMap<u64, MessageRow>,
    /// Window order: Slack's, an answer behind the post with its timestamp.
    pub(crate) window: BTreeSet<(SlackTs, bool, u64)>,
    pub(crate) people: BTreeMap<UserId, Person>,
    turns: BTreeSet<TurnId>,
}

impl Tables {
    fn file_thread(&mut self, thread: &Thread, there: bool) {
        let Some(session) = &thread.session else { return };
        if let Some(at) = session.expires_at {
            if there {
                self.expiry.insert((at, thread.no))
            } else {
                self.expiry.remove(&(at, thread.no))
            };
        }
        if there {
            self.active.insert(thread.no)
        } else {
            self.active.remove(&thread.no)
        };
    }
    /// What there is and what waits.
    pub(crate) fn load(&self, sessions_max: u64, now: Timestamp) -> Load {
        let due = self.expiry.range(..=(now, u64::MAX)).count();
        let active = (self.active.len() - due) as u64;
        let mut load = Load { active_sessions: active.min(sessions_max), ..Load::default() };
        let mut threads = BTreeSet::new();
        for turn in self.claimable.iter().filter_map(|(_, id)| self.turns.get(id)) {
            if turn.owner.is_none() {
                load.turns_waiting += 1
            } else {
                load.turns_running += 1
            }
            threads.insert(turn.thread);
        }
        for session in threads.iter().filter_map(|no| self.threads.get(no)?.session.as_ref()) {
            let behind = session.waiting.and_then(|id| self.turns.get(&id)).is_some_and(|turn| turn.due.is_none());
            load.turns_waiting += u64::from(behind);
            load.messages_waiting += session.waiting_messages;
        }
        load
    }
    fn file_post(&mut self, name: &PostName, post: &Post, there: bool) {
        let (Place::Expired { at } | Place::Erased { at } | Place::Passed { at, .. } | Place::Refused { at }) =
            post.place
        else {
            return;
        };
        if there {
            self.gone.insert((at, name.clone()))
        } else {
            self.gone.remove(&(at, name.clone()))
        };
        let Place::Passed { root, .. } = post.place else { return };
        let key = ThreadKey { workspace: name.workspace.clone(), channel: name.channel.clone(), root };
        let passed = self.passed.entry(key.clone()).or_default();
        if there {
            passed.insert(name.ts);
        } else if passed.remove(&name.ts) && passed.is_empty() {
            self.passed.remove(&key);
        }
    }
    fn file_turn(&mut self, turn: &TurnRow, there: bool) {
        if let Some(due) = turn.due {
            if there {
                self.claimable.insert((due, turn.id))
            } else {
                self.claimable.remove(&(due, turn.id))
            };
            if there && turn.deaths > 0 {
                self.fallen.insert(turn.id)
            } else {
                self.fallen.remove(&turn.id)
            };
        }
    }
}

impl ProcessRows for Tables {
    fn processes(&self) -> Result<Vec<ProcessRow>> {
        Ok(self.processes.clone())
    }
    fn put_process(&mut self, process: &ProcessRow) -> Result<()> {
        self.remove_process(&process.owner)?;
        self.processes.push(process.clone());
        Ok(())
    }
    fn remove_process(&mut self, owner: &OwnerId) -> Result<()> {
        self.processes.retain(|process| process.owner != *owner);
        Ok(())
    }
    fn looked(&self, workspace: &WorkspaceId) -> Result<Vec<Looked>> {
        let here = self.looked.iter().filter(|((place, ..), _)| place == workspace);
        Ok(here.map(|(_, looked)| looked.clone()).collect())
    }
    fn put_looked(&mut self, workspace: &WorkspaceId, looked: &Looked) -> Result<()> {
        let known = self.looked.entry((workspace.clone(), looked.channel.clone(), looked.root));
        let known = known.or_insert_with(|| looked.clone());
        if looked.at > known.at {
            *known = looked.clone();
        }
        Ok(())
    }
    fn remove_looked(&mut self, up_to: Timestamp) -> Result<()> {
        self.looked.retain(|_, looked| looked.at > up_to);
        Ok(())
    }
}

impl ThreadRows for Tables {
    fn thread(&self, key: &ThreadKey) -> Result<Option<Thread>> {
        Ok(self.by_key.get(key).and_then(|no| self.threads.get(no)).cloned())
    }
    fn thread_no(&self, no: u64) -> Result<Option<Thread>> {
        Ok(self.threads.get(&no).cloned())
    }
    fn thread_of(&self, turn: TurnId) -> Result<Option<Thread>> {
        Ok(self.turns.get(&turn).and_then(|turn| self.threads.get(&turn.thread)).cloned())
    }
    fn add_thread(&mut self, key: &ThreadKey) -> Result<Thread> {
        let thread = Thread::unknown(self.threads.len() as u64 + 1, key);
        self.by_key.insert(key.clone(), thread.no);
        self.threads.insert(thread.no, thread.clone());
        Ok(thread)
    }
    fn save_thread(&mut self, thread: &Thread) -> Result<()> {
        if let Some(old) = self.threads.insert(thread.no, thread.clone()) {
            self.file_thread(&old, false);
        }
        self.file_thread(thread, true);
        Ok(())
    }
    fn due_threads(&self, now: Timestamp, limit: usize) -> Result<Vec<Thread>> {
        let due = self.expiry.iter().take_while(|(at, _)| *at <= now).take(limit);
        Ok(due.filter_map(|(_, no)| self.threads.get(no)).cloned().collect())
    }
    fn sessions_held(&self, up_to: usize) -> Result<usize> {
        Ok(self.active.len().min(up_to))
    }

    fn next_session(&mut self) -> u64 {
        self.last_session += 1;
        self.last_session
    }
    fn discard_session(&mut self, session: u64, thread: &Thread, at: Timestamp) -> Result<()> {
        let Some(content) = self.sessions.remove(&session) else { return Ok(()) };
        for message in content.messages.values() {
            self.texts.remove(&message.content);
            let name = PostName::of(&thread.key, message.ts);
            // One that was erased stays so, and one that was read back since is another session's.
            let ours = |post: &&Post| matches!(post.place, Place::Stored { session: of, .. } if of == session);
            if let Some(post) = self.posts.get(&name).filter(ours).cloned() {
                let place = if post.is_refused() { Place::Refused { at } } else { Place::Expired { at } };
                self.put_post(&name, &Post { place, ..post })?;
            }
        }
        for name in content.people.values().filter_map(|person| person.name) {
            self.texts.remove(&name);
        }
        for id in content.turns {
            let closing = self.turns.get(&id).and_then(|turn| turn.closing.as_ref());
            for text in closing.map(|closing| [closing.text, closing.note]).into_iter().flatten().flatten() {
                self.texts.remove(&text);
            }
            self.remove_turn(id)?;
        }
        Ok(())
    }
    fn purge(&mut self, _limit: usize) -> Result<bool> {
        Ok(false)
    }
}

impl PostRows for Tables {
    fn post(&self, name: &PostName) -> Result<Option<Post>> {
        Ok(self.posts.get(name).cloned())
    }
    fn put_post(&mut self, name: &PostName, post: &Post) -> Result<()> {
        if let Some(old) = self.posts.insert(name.clone(), post.clone()) {
            self.file_post(name, &old, false);
        }
        self.file_post(name, post, true);
        Ok(())
    }
    fn passed(&self, key: &ThreadKey, after: SlackTs, limit: usize) -> Result<Vec<SlackTs>> {
        let passed = self.passed.get(key).into_iter().flatten();
        Ok(passed.copied().filter(|ts| *ts > after).take(limit).collect())
    }
    fn forget_posts(&mut self, before: Timestamp, limit: usize) -> Result<bool> {
        for _ in 0..limit {
            match self.gone.first() {
                Some((at, _)) if *at < before => {}
                _ => return Ok(false),
            }
            if let Some((_, name)) = self.gone.pop_first()
                && let Some(post) = self.posts.remove(&name)
            {
                self.file_post(&name, &post, false);
            }
        }
        Ok(true)
    }
}

impl MessageRows for Tables {
    fn add_message(&mut self, message: &MessageRow) -> Result<()> {
        let content = self.sessions.entry(message.session).or_default();
        content.window.insert((message.ts, message.answer, message.seq));
        content.messages.insert(message.seq, message.clone());
        Ok(())
    }
    fn message(&self, session: u64, seq: u64) -> Result<Option<MessageRow>> {
        Ok(self.sessions.get(&session).and_then(|content| content.messages.get(&seq)).cloned())
    }
    fn save_message(&mut self, message: &MessageRow) -> Result<()> {
        if let Some(content) = self.sessions.get_mut(&message.session) {
            content.messages.insert(message.seq, message.clone());
        }
        Ok(())
    }
    fn remove_message(&mut self, message: &MessageRow) -> Result<()> {
        if let Some(content) = self.sessions.get_mut(&message.session) {
            content.window.remove(&(message.ts, message.answer, message.seq));
            content.messages.remove(&message.seq);
        }
        Ok(())
    }
    fn messages_until(&self, session: u64, until: SlackTs) -> Result<Vec<MessageRow>> {
        let Some(content) = self.sessions.get(&session) else { return Ok(Vec::new()) };
        let window = content.window.iter().take_while(|(ts, ..)| *ts <= until);
        Ok(window.filter_map(|(_, _, seq)| content.messages.get(seq)).cloned().collect())
    }
    fn messages_from(&self, session: u64, from: SlackTs) -> Result<Vec<MessageRow>> {
        let Some(content) = self.sessions.get(&session) else { return Ok(Vec::new()) };
        let window = content.window.range((from, false, 0)..);
        Ok(window.filter_map(|(_, _, seq)| content.messages.get(seq)).cloned().collect())
    }
    fn answers_before(&self, session: u64, before: SlackTs, limit: usize) -> Result<Vec<MessageRow>> {
        let Some(content) = self.sessions.get(&session) else { return Ok(Vec::new()) };
        let answers = content.window.range(..(before, false, 0)).rev().filter(|(_, answer, _)| *answer).take(limit);
        Ok(answers.filter_map(|(_, _, seq)| content.messages.get(seq)).cloned().collect())
    }
    fn answer_of(&self, session: u64, turn: TurnId, ts: SlackTs) -> Result<Option<MessageRow>> {
        let Some(content) = self.sessions.get(&session) else { return Ok(None) };
        let behind = content.window.range((ts, true, 0)..=(ts, true, u64::MAX));
        let mut answers = behind.filter_map(|(.., seq)| content.messages.get(seq));
        Ok(answers.find(|message| message.turn == Some(turn)).cloned())
    }
    fn messages_of(&self, session: u64, turn: TurnId, first_seq: u64) -> Result<Vec<MessageRow>> {
        let Some(content) = self.sessions.get(&session) else { return Ok(Vec::new()) };
        let from = content.messages.range(first_seq..).map(|(_, message)| message);
        Ok(from.filter(|message| message.turn == Some(turn) && !message.answer).cloned().collect())
    }
    fn save_tokens(&mut self, session: u64, count: Count) -> Result<()> {
        let content = self.sessions.get_mut(&session);
        let message = content.and_then(|content| content.messages.get_mut(&count.seq));
        if let Some(message) = message.filter(|message| message.bytes == count.bytes as u64) {
            message.tokens = Some(count.tokens);
        }
        Ok(())
    }

    fn add_content(&mut self, content: &Packed) -> Result<ContentNo> {
        self.last_content += 1;
        self.texts.insert(self.last_content, content.clone());
        Ok(self.last_content)
    }
    fn erase_content(&mut self, no: ContentNo) -> Result<()> {
        self.texts.remove(&no);
        Ok(())
    }
    fn content(&self, no: ContentNo) -> Result<Option<Packed>> {
        Ok(self.texts.get(&no).cloned())
    }

    fn person(&self, session: u64, user: &UserId) -> Result<Option<Person>> {
        Ok(self.sessions.get(&session).and_then(|content| content.people.get(user)).cloned())
    }
    fn put_person(&mut self, session: u64, user: &UserId, person: &Person) -> Result<()> {
        self.sessions.entry(session).or_default().people.insert(user.clone(), person.clone());
        Ok(())
    }
    fn remove_person(&mut self, session: u64, user: &UserId) -> Result<()> {
        if let Some(content) = self.sessions.get_mut(&session) {
            content.people.remove(user);
        }
        Ok(())
    }
}

impl TurnRows for Tables {
    fn next_turn(&mut self) -> TurnId {
        self.last_turn += 1;
        TurnId(self.last_turn)
    }
    fn turn(&self, id: TurnId) -> Result<Option<TurnRow>> {
        Ok(self.turns.get(&id).cloned())
    }
    fn add_turn(&mut self, turn: &TurnRow) -> Result<()> {
        self.sessions.entry(turn.session).or_default().turns.insert(turn.id);
        self.save_turn(turn)
    }
    fn save_turn(&mut self, turn: &TurnRow) -> Result<()> {
        if let Some(old) = self.turns.insert(turn.id, turn.clone()) {
            self.file_turn(&old, false);
        }
        self.file_turn(turn, true);
        Ok(())
    }
    fn save_due(&mut self, id: TurnId, due: Option<Timestamp>) -> Result<()> {
        match self.turns.get(&id).cloned() {
            Some(turn) => self.save_turn(&TurnRow { due, ..turn }),
            None => Ok(()),
        }
    }
    fn remove_turn(&mut self, id: TurnId) -> Result<()> {
        self.remove_parts(id)?;
        let Some(turn) = self.turns.remove(&id) else { return Ok(()) };
        self.file_turn(&turn, false);
        if let Some(content) = self.sessions.get_mut(&turn.session) {
            content.turns.remove(&id);
        }
        Ok(())
    }
    fn suspects_of(&self, owner: &OwnerId, now: Timestamp) -> Result<Suspects> {
        let fallen = self.fallen.iter().filter_map(|id| self.turns.get(id));
        let is_held = |turn: &&TurnRow| turn.owner.as_ref() == Some(owner) && turn.due > Some(now);
        let suspects = fallen.filter(is_held).filter(|turn| turn.deaths >= SUSPECT_DEATHS);
        Ok(suspects
            .fold(Suspects::default(), |all, turn| Suspects { held: all.held + 1, worst: all.worst.max(turn.deaths) }))
    }
    fn claimable(&self, deaths_max: u32, now: Timestamp, room: Room) -> Result<Vec<TurnId>> {
        let due = self.claimable.range(..=(now, TurnId(u64::MAX))).filter_map(|(_, id)| self.turns.get(id));
        let (suspects, others): (Vec<_>, Vec<_>) = due.partition(|turn| turn.deaths_by_now() >= SUSPECT_DEATHS);
        let is_command = |turn: &TurnRow| turn.kind == TurnKind::Command;
        let may = |turn: &&TurnRow| turn.deaths_by_now() <= deaths_max && room.takes(is_command(turn));
        let suspects = suspects.into_iter().filter(may);
        let suspect = suspects.min_by_key(|turn| (turn.deaths, turn.id));
        Ok(oldest(others.into_iter().chain(suspect).map(|turn| (turn.id, is_command(turn))).collect(), room))
    }
    fn delivered_until(&self, session: u64, until: SlackTs) -> Result<Vec<TurnRow>> {
        let Some(content) = self.sessions.get(&session) else { return Ok(Vec::new()) };
        let turns = content.turns.iter().filter_map(|id| self.turns.get(id));
        let delivered = |turn: &&TurnRow| turn.state == TurnState::Closed && turn.delivery == Delivery::Done;
        Ok(turns.filter(delivered).filter(|turn| turn.last_ts <= until).cloned().collect())
    }

    fn turn_shown_at(&self, session: u64, ts: SlackTs) -> Result<Option<TurnId>> {
        let shown = self.shown.range((ts, TurnId(0))..=(ts, TurnId(u64::MAX))).map(|(_, id)| *id);
        Ok(shown.into_iter().find(|id| self.turns.get(id).is_some_and(|turn| turn.session == session)))
    }

    fn parts(&self, turn: TurnId) -> Result<Vec<Part>> {
        Ok(self.parts.get(&turn).map(|parts| parts.values().cloned().collect()).unwrap_or_default())
    }
    fn put_part(&mut self, turn: TurnId, part: &Part) -> Result<()> {
        let old = self.parts.entry(turn).or_default().insert(part.index, part.clone());
        if let Some(ts) = old.and_then(|old| old.ts) {
            self.shown.remove(&(ts, turn));
        }
        self.shown.extend(part.ts.map(|ts| (ts, turn)));
        Ok(())
    }
    fn remove_parts(&mut self, turn: TurnId) -> Result<()> {
        for ts in self.parts.remove(&turn).iter().flat_map(BTreeMap::values).filter_map(|part| part.ts) {
            self.shown.remove(&(ts, turn));
        }
        Ok(())
    }
    fn part_times(&self, session: u64) -> Result<HashSet<SlackTs>> {
        let Some(content) = self.sessions.get(&session) else { return Ok(HashSet::new()) };
        let parts = content.turns.iter().filter_map(|id| self.parts.get(id)).flat_map(BTreeMap::values);
        Ok(parts.filter_map(|part| part.ts).collect())
    }
}
