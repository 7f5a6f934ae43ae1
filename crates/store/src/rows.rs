//! What a store keeps, as rows: the one picture of the data that every store and all steps share.

use std::collections::{BTreeMap, HashSet};

use chathakase_session::{
    Kind, Message, Role, SlackTs, ThreadKey, Timestamp, UserId, WorkspaceId,
    message::Ending,
    store::{Count, Looked, Page, Result, Stats, StoreError, Usage},
    turn::{Delivery, Outcome, OwnerId, Part, Turn, TurnId, TurnKind, TurnState},
};

use crate::codec::Packed;

/// Names one piece of content. Never used twice, so that an erased one stays erased.
pub(crate) type ContentNo = u64;

/// What is known of a thread. Never removed: it holds no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thread {
    pub(crate) no: u64,
    pub(crate) key: ThreadKey,
    pub(crate) joined: bool,
    /// The oldest post (or edit) that asked us in. What others wrote before it was not for us.
    pub(crate) joined_from: Option<SlackTs>,
    pub(crate) cleared_before: Option<SlackTs>,
    pub(crate) bots_in_row: u32,
    /// The number of the last lease given; only grows.
    pub(crate) fence: u64,
    /// The `seq` of the next message; goes on counting from one session of the thread to the next.
    pub(crate) next_seq: u64,
    /// Whether posts of the thread may exist that were never read, or whose content has expired.
    pub(crate) unread: bool,
    /// The last activity of a session that expired; `None` while there is a session.
    pub(crate) rested_at: Option<Timestamp>,
    /// The session, if there is one. It may be due: see [`Thread::live`].
    pub(crate) session: Option<Session>,
}

/// Our memory of a thread, from its first message until it expires or is emptied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// Keys its messages. A thread that begins anew gets a new number, so that old content is out of sight at once.
    pub(crate) no: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) last_activity: Timestamp,
    /// `None` while a turn is open.
    pub(crate) expires_at: Option<Timestamp>,
    /// Messages of people; commands are counted apart.
    pub(crate) users: u64,
    pub(crate) answers: u64,
    pub(crate) commands: u64,
    /// How many messages the waiting turn has.
    pub(crate) waiting_messages: u64,
    /// The turn that runs, or is closed and not yet delivered. Commands are not counted here.
    pub(crate) running: Option<TurnId>,
    /// The turn that waits, and which messages may still join.
    pub(crate) waiting: Option<TurnId>,
    /// Turns of both kinds that are not delivered.
    pub(crate) open: u32,
    /// Posts of the thread that were not read when the others were.
    pub(crate) left_out: u64,
    pub(crate) model: Option<String>,
}

impl Session {
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.users + self.answers + self.commands == 0
    }
    /// Messages that a window of `turn` may show: all but commands, and without those that wait for another turn.
    pub(crate) fn visible(&self, hidden: Option<TurnId>) -> u64 {
        (self.users + self.answers).saturating_sub(if hidden.is_some() { self.waiting_messages } else { 0 })
    }
}

impl Thread {
    /// A thread that nothing is known of.
    pub(crate) fn unknown(no: u64, key: &ThreadKey) -> Self {
        Self {
            no,
            key: key.clone(),
            joined: false,
            joined_from: None,
            cleared_before: None,
            bots_in_row: 0,
            fence: 0,
            next_seq: 1,
            unread: true,
            rested_at: None,
            session: None,
        }
    }
    /// The session, unless there is none or its time is over.
    pub(crate) fn live(&self, now: Timestamp) -> Option<&Session> {
        self.session.as_ref().filter(|session| !session.is_due(now))
    }
    pub(crate) fn is_cleared(&self, ts: SlackTs) -> bool {
        self.cleared_before.is_some_and(|before| ts <= before)
    }
    /// Whether a turn that reads it is under way: what Slack showed of it may be older than what we hear meanwhile.
    pub(crate) fn is_being_read(&self, now: Timestamp) -> bool {
        self.unread && self.live(now).is_some_and(|live| live.running.is_some())
    }
    /// When its session, or the last one that expired, was last active.
    pub(crate) fn active_at(&self) -> Option<Timestamp> {
        self.session.as_ref().map(|session| session.last_activity).or(self.rested_at)
    }
    /// Whether a post at `ts` that does not name us is for us.
    pub(crate) fn listens_at(&self, ts: SlackTs) -> bool {
        self.joined && self.joined_from.is_none_or(|from| ts > from)
    }
    /// Its number, its next `seq`, and the session that an open turn needs.
    pub(crate) fn opened(&mut self) -> Result<(u64, &mut u64, &mut Session)> {
        let Self { no, next_seq, session, .. } = self;
        match session {
            Some(session) => Ok((*no, next_seq, session)),
            None => Err(StoreError::BadRow { table: "thread", column: "session", row: no.to_string(), cause: None }),
        }
    }
    pub(crate) fn session_mut(&mut self) -> Result<&mut Session> {
        self.opened().map(|(_, _, session)| session)
    }
}

/// The name of a Slack post: unique over what is stored and what is only marked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PostName {
    pub(crate) workspace: WorkspaceId,
    pub(crate) channel: chathakase_session::ChannelId,
    pub(crate) ts: SlackTs,
}

impl PostName {
    pub(crate) fn of(thread: &ThreadKey, ts: SlackTs) -> Self {
        Self { workspace: thread.workspace.clone(), channel: thread.channel.clone(), ts }
    }
}

/// What is known of a post: where it is stored, or that it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Post {
    /// Whether it was accepted, carried out as a command, or refused: then never again.
    pub(crate) asked: bool,
    pub(crate) edited_ts: Option<SlackTs>,
    pub(crate) place: Place,
}

impl Post {
    /// Whether what it asked was refused: who sent it may not know that yet, also where it is context by now.
    pub(crate) fn is_refused(&self) -> bool {
        self.asked && matches!(self.place, Place::Refused { .. } | Place::Stored { refused: true, .. })
    }
}

/// Where a post is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Stored; only as context, if it was `refused` when it asked. Counts as expired when `session` is not its thread's any more.
    Stored { thread: u64, session: u64, seq: u64, refused: bool },
    /// Its session expired. It may be read back, as context.
    Expired { at: Timestamp },
    /// Erased, by its author or by clearing the thread: it never comes back.
    Erased { at: Timestamp },
    /// Not taken in: a reply in the thread of `root`, which was not ours then, or a post of which only an edit arrived.
    Passed { root: SlackTs, at: Timestamp },
    /// Refused: too much waited, or too many bots spoke. It may be read back, as context.
    Refused { at: Timestamp },
}

/// A message without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessageRow {
    pub(crate) session: u64,
    pub(crate) seq: u64,
    pub(crate) ts: SlackTs,
    /// Whether it is an answer of a turn: it then stands directly behind the post with its `ts`.
    pub(crate) answer: bool,
    pub(crate) role: Role,
    pub(crate) kind: Kind,
    pub(crate) author: Option<UserId>,
    pub(crate) team: Option<WorkspaceId>,
    pub(crate) turn: Option<TurnId>,
    pub(crate) content: ContentNo,
    pub(crate) bytes: u64,
    pub(crate) ending: Ending,
    pub(crate) tokens: Option<u32>,
    pub(crate) at: Timestamp,
}

/// Someone who wrote in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) name: Option<ContentNo>,
    pub(crate) messages: u64,
}

/// A process that works on the store, or did and left something to be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProcessRow {
    pub(crate) owner: OwnerId,
    /// It lives until then, unless it says so again.
    pub(crate) until: Timestamp,
    /// Until when it missed nothing of what Slack had to say.
    pub(crate) good_until: Option<Timestamp>,
}

/// A turn, its lease, and what it closed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TurnRow {
    pub(crate) id: TurnId,
    pub(crate) thread: u64,
    pub(crate) session: u64,
    pub(crate) kind: TurnKind,
    pub(crate) state: TurnState,
    pub(crate) delivery: Delivery,
    pub(crate) deaths: u32,
    pub(crate) asker: Option<UserId>,
    pub(crate) asker_team: Option<WorkspaceId>,
    pub(crate) first_ts: SlackTs,
    pub(crate) last_ts: SlackTs,
    pub(crate) started_at: Option<Timestamp>,
    /// The smallest `seq` among its messages.
    pub(crate) first_seq: u64,
    /// Who holds it; `None` while it is queued, and when its lease was given back.
    pub(crate) owner: Option<OwnerId>,
    pub(crate) fence: u64,
    /// From when on it may be claimed; `None` while it waits behind another turn, and when it is delivered.
    pub(crate) due: Option<Timestamp>,
    pub(crate) stop_requested: bool,
    pub(crate) repeated: bool,
    pub(crate) closing: Option<ClosingRow>,
}

/// The moment from which a queued turn with nothing before it may be claimed: always.
pub(crate) const AT_ONCE: Timestamp = Timestamp::from_millis(0);

/// How many turns one claim takes at most: of the model, and commands, which wait for no room of the model's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) answers: usize,
    pub(crate) commands: usize,
}

impl Room {
    /// Whether there is any for one of this kind.
    pub(crate) fn takes(self, is_command: bool) -> bool {
        if is_command { self.commands > 0 } else { self.answers > 0 }
    }
}

/// A turn that may be claimed, and whether it is a command.
pub(crate) type Claimable = (TurnId, bool);

/// Which of those that were found are claimed: of each kind the oldest. Oldest first.
pub(crate) fn oldest(mut found: Vec<Claimable>, room: Room) -> Vec<TurnId> {
    found.sort_unstable();
    let mut left = [room.answers, room.commands];
    let taken = found.into_iter().filter(|(_, command)| {
        let left = &mut left[usize::from(*command)];
        left.checked_sub(1).map(|fewer| *left = fewer).is_some()
    });
    taken.map(|(id, _)| id).collect()
}

/// From so many dead owners on a turn is a suspect: it may be what they died of.
pub(crate) const SUSPECT_DEATHS: u32 = 2;

/// How many suspects a process may hold while the worst of them is one that two owners died over, or three; one of more it holds
/// alone. So what kills is found among few after each death, and those that only ran beside it wait for nobody long.
const SUSPECTS_MAX: [usize; 2] = [16, 4];

/// The suspects that a process holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Suspects {
    pub(crate) held: usize,
    /// How many owners died over the worst of them.
    pub(crate) worst: u32,
}

impl Suspects {
    /// How many owners may have died over a suspect that joins them; 0 when none may.
    pub(crate) fn deaths_max(self) -> u32 {
        if self.held == 0 {
            return u32::MAX;
        }
        let has_room = |deaths: &u32| self.held < suspects_max(self.worst.max(*deaths));
        (SUSPECT_DEATHS..).take_while(has_room).last().unwrap_or_default()
    }
}

/// How many suspects a process may hold with one that so many owners died over.
fn suspects_max(deaths: u32) -> usize {
    SUSPECTS_MAX.get(deaths.saturating_sub(SUSPECT_DEATHS) as usize).copied().unwrap_or(1)
}

impl TurnRow {
    /// How many owners died over it, at a moment when it may be claimed: the one it still has is dead then.
    pub(crate) fn deaths_by_now(&self) -> u32 {
        self.deaths + u32::from(self.owner.is_some())
    }
    /// The turn as the contract shows it.
    pub(crate) fn turn(&self, key: &ThreadKey) -> Turn {
        Turn {
            id: self.id,
            key: key.clone(),
            kind: self.kind,
            state: self.state,
            outcome: self.closing.as_ref().map(|closing| closing.outcome),
            delivery: self.delivery,
            deaths: self.deaths,
            asker: self.asker.clone(),
            asker_team: self.asker_team.clone(),
            first_ts: self.first_ts,
            last_ts: self.last_ts,
            started_at: self.started_at,
            stop_requested: self.stop_requested,
            repeated: self.repeated,
        }
    }
}

impl MessageRow {
    /// The message with its text.
    pub(crate) fn with(self, text: String) -> Message {
        let Self { seq, ts, role, kind, author, turn, ending, tokens, at, .. } = self;
        Message { seq, ts, role, kind, author, turn, text, ending, tokens, at }
    }
}

/// What a turn closed with; the words are content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClosingRow {
    pub(crate) outcome: Outcome,
    pub(crate) ending: Ending,
    /// Shared with the answer's message, if there is one.
    pub(crate) text: Option<ContentNo>,
    pub(crate) note: Option<ContentNo>,
    pub(crate) model: Option<String>,
    pub(crate) usage: Usage,
}

/// Reads and writes single rows. A step is a handful of these, and one transaction around them.
///
/// `put_*` writes a row whether or not it exists; `add_*` is for new ones, `save_*` for known ones.
pub(crate) trait Rows: ThreadRows + PostRows + MessageRows + TurnRows {}

impl<T: ThreadRows + PostRows + MessageRows + TurnRows> Rows for T {}

/// Processes on the store, and what they looked through, apart from all else: who asks for them needs nothing of threads.
pub(crate) trait ProcessRows {
    /// Those that are known, a handful. Nobody else gets them until the step is done.
    fn processes(&self) -> Result<Vec<ProcessRow>>;
    fn put_process(&mut self, process: &ProcessRow) -> Result<()>;
    fn remove_process(&mut self, owner: &OwnerId) -> Result<()>;
    fn looked(&self, workspace: &WorkspaceId) -> Result<Vec<Looked>>;
    /// Never goes back.
    fn put_looked(&mut self, workspace: &WorkspaceId, looked: &Looked) -> Result<()>;
    fn remove_looked(&mut self, up_to: Timestamp) -> Result<()>;
}

/// Threads and their sessions.
pub(crate) trait ThreadRows {
    fn thread(&self, key: &ThreadKey) -> Result<Option<Thread>>;
    fn thread_no(&self, no: u64) -> Result<Option<Thread>>;
    /// The thread of a turn, which need not be readable.
    fn thread_of(&self, turn: TurnId) -> Result<Option<Thread>>;
    /// A thread that nothing is known of: not joined, unread, no session.
    fn add_thread(&mut self, key: &ThreadKey) -> Result<Thread>;
    fn save_thread(&mut self, thread: &Thread) -> Result<()>;
    /// Threads whose session is due, soonest first.
    fn due_threads(&self, now: Timestamp, limit: usize) -> Result<Vec<Thread>>;
    /// How many threads have a session, due or not; counts no further than `up_to`.
    fn sessions_held(&self, up_to: usize) -> Result<usize>;

    /// A number for a session that begins.
    fn next_session(&mut self) -> u64;

    /// Leaves a session's rows to [`ThreadRows::purge`]. They are out of sight already.
    fn discard_session(&mut self, session: u64, thread: &Thread, at: Timestamp) -> Result<()>;
    /// Erases up to `limit` messages of discarded sessions; `true` when something is left.
    fn purge(&mut self, limit: usize) -> Result<bool>;
}

/// Marks of posts.
pub(crate) trait PostRows {
    fn post(&self, name: &PostName) -> Result<Option<Post>>;
    fn put_post(&mut self, name: &PostName, post: &Post) -> Result<()>;
    /// Posts of a thread after `after` that were not taken in, oldest first.
    fn passed(&self, key: &ThreadKey, after: SlackTs, limit: usize) -> Result<Vec<SlackTs>>;
    /// Forgets up to `limit` marks of posts that went before `before`; `true` when some are left.
    fn forget_posts(&mut self, before: Timestamp, limit: usize) -> Result<bool>;
}

/// Messages, their texts, and the people who wrote them.
pub(crate) trait MessageRows {
    fn add_message(&mut self, message: &MessageRow) -> Result<()>;
    fn message(&self, session: u64, seq: u64) -> Result<Option<MessageRow>>;
    /// Writes what can change: kind, turn, author, content, bytes, tokens.
    fn save_message(&mut self, message: &MessageRow) -> Result<()>;
    fn remove_message(&mut self, message: &MessageRow) -> Result<()>;
    /// Messages up to and including `until`, in window order.
    fn messages_until(&self, session: u64, until: SlackTs) -> Result<Vec<MessageRow>>;
    /// Messages from `from` on, in window order.
    fn messages_from(&self, session: u64, from: SlackTs) -> Result<Vec<MessageRow>>;
    /// The newest answers to what was said before `before`, at most `limit`.
    fn answers_before(&self, session: u64, before: SlackTs, limit: usize) -> Result<Vec<MessageRow>>;
    /// What `turn` answered: it stands behind the post at `ts`, the last that it answers.
    fn answer_of(&self, session: u64, turn: TurnId, ts: SlackTs) -> Result<Option<MessageRow>>;
    /// The messages that `turn` answers, by `seq`.
    fn messages_of(&self, session: u64, turn: TurnId, first_seq: u64) -> Result<Vec<MessageRow>>;
    /// Keeps a count, unless the text is longer or shorter by now.
    fn save_tokens(&mut self, session: u64, count: Count) -> Result<()>;

    fn add_content(&mut self, content: &Packed) -> Result<ContentNo>;
    fn erase_content(&mut self, no: ContentNo) -> Result<()>;
    /// `None` when it is erased.
    fn content(&self, no: ContentNo) -> Result<Option<Packed>>;

    fn person(&self, session: u64, user: &UserId) -> Result<Option<Person>>;
    fn put_person(&mut self, session: u64, user: &UserId, person: &Person) -> Result<()>;
    fn remove_person(&mut self, session: u64, user: &UserId) -> Result<()>;
}

/// Turns and the parts of their answers.
pub(crate) trait TurnRows {
    /// A number for a new turn.
    fn next_turn(&mut self) -> TurnId;
    fn turn(&self, id: TurnId) -> Result<Option<TurnRow>>;
    fn add_turn(&mut self, turn: &TurnRow) -> Result<()>;
    fn save_turn(&mut self, turn: &TurnRow) -> Result<()>;
    /// Changes only when a turn may be claimed; `None` for never again. It need not be readable.
    fn save_due(&mut self, id: TurnId, due: Option<Timestamp>) -> Result<()>;
    /// Removes a turn with its parts.
    fn remove_turn(&mut self, id: TurnId) -> Result<()>;
    /// The [suspects](SUSPECT_DEATHS) that `owner` holds.
    fn suspects_of(&self, owner: &OwnerId, now: Timestamp) -> Result<Suspects>;
    /// Turns that may be claimed, oldest first, as many as there is `room` for. Of suspects no more than one: of those that there is room for
    /// that which the fewest owners died over, if they were no more than `deaths_max`.
    fn claimable(&self, deaths_max: u32, now: Timestamp, room: Room) -> Result<Vec<TurnId>>;
    /// Delivered turns whose last message is no newer than `until`.
    fn delivered_until(&self, session: u64, until: SlackTs) -> Result<Vec<TurnRow>>;

    /// The turn of a session of whose answer the post `ts` is a part.
    fn turn_shown_at(&self, session: u64, ts: SlackTs) -> Result<Option<TurnId>>;

    fn parts(&self, turn: TurnId) -> Result<Vec<Part>>;
    fn put_part(&mut self, turn: TurnId, part: &Part) -> Result<()>;
    fn remove_parts(&mut self, turn: TurnId) -> Result<()>;
    /// What Slack calls the parts of a session's turns.
    fn part_times(&self, session: u64) -> Result<HashSet<SlackTs>>;
}

/// What only readers ask for. A row that cannot be read is left out and logged.
pub(crate) trait Lists: Rows {
    /// The newest messages but commands and those of `hidden`, in window order.
    fn newest(&self, session: u64, hidden: Option<TurnId>, limit: usize) -> Result<Vec<Message>>;
    /// The first of them.
    fn first(&self, session: u64, hidden: Option<TurnId>) -> Result<Option<Message>>;
    fn messages_after(&self, session: u64, after: u64, limit: usize) -> Result<Vec<Message>>;
    fn people(&self, session: u64) -> Result<BTreeMap<UserId, String>>;
    fn page(&self, page: &Page, now: Timestamp) -> Result<Vec<Thread>>;
    /// Joined threads of a workspace whose session was active since `since`, there or expired; newest activity first.
    fn joined_since(&self, workspace: &WorkspaceId, since: Timestamp, limit: usize) -> Result<Vec<Thread>>;
    fn stats(&self, workspace: Option<&WorkspaceId>, now: Timestamp) -> Result<Stats>;
}
