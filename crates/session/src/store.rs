//! The contract of a session store.
//!
//! Each method of [`SessionStore`] is one whole step in the words of this crate and one transaction: it happens wholly or
//! not at all, and when it returns, it is durable (a store that keeps nothing on disk is exempt and says so by its name).
//! Callers never open a transaction. Time is an argument.

mod around;
mod error;
mod post;
mod process;
mod receipt;

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;

use crate::{
    ChannelId, Message, SlackTs, ThreadKey, Timestamp, UserId, WorkspaceId,
    message::Ending,
    turn::{Claimant, Lease, Outcome, Part, PartMode, Turn, TurnId},
};

pub use around::{Around, STEPS};
pub use error::{Result, StoreError};
pub use post::{Edit, Learned, NewPost, ReadBack};
pub use process::{Looked, Others};
pub use receipt::{PASSED_MAX, Receipt, Received};

/// What every step is measured by. Given to a store when it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a session lives after its last activity (default 1 h). A session with an open turn does not expire.
    pub session_timeout: Duration,
    /// How many accepted messages of one thread may wait behind a running turn (default 50).
    pub waiting_max: usize,
    /// How long the mark of an erased message is kept (default 25 h): longer than Slack redelivers, which is 24 h.
    pub tombstones_for: Duration,
    /// How many active sessions [`SessionStore::load`] counts at most (default 100,000), so that looking at the load costs no more
    /// where there are more.
    pub sessions_counted_max: u64,
    /// How many questions of bots a thread takes in a row, before a person must have asked again (default 3).
    pub bots_in_row_max: u32,
}

impl Default for Rules {
    fn default() -> Self {
        let hour = Duration::from_secs(3600);
        Self {
            session_timeout: hour,
            waiting_max: 50,
            tombstones_for: 25 * hour,
            sessions_counted_max: 100_000,
            bots_in_row_max: 3,
        }
    }
}

/// A turn that the caller now holds, with all that a stranger to it must know to carry on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The right to work on it.
    pub lease: Lease,
    /// The turn.
    pub turn: Turn,
    /// The parts that stand, or may stand, in the thread. A running turn always has part 0: the commit that set it running
    /// says that its first part may exist.
    pub parts: Vec<Part>,
    /// What is to be said, when that is decided already.
    pub closing: Option<Closing>,
    /// The text of the command, for a command's turn.
    pub command: Option<String>,
    /// Whether another owner held it before: the thread must then be looked at before anything is said.
    pub adopted: bool,
    /// Whether this claim counted a death: the owner before let its lease run out. False for a turn that was given back.
    pub after_death: bool,
    /// Whether the thread has posts from before this session that were not read yet.
    pub unread: bool,
    /// What [`SessionStore::history`] would say now, for a turn of the model that [`SessionStore::receive`] or
    /// [`SessionStore::delivered`] set running and whose claimant wants it. None while the thread is unread: what is read
    /// belongs to it.
    pub history: Option<History>,
}

/// What a turn ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// How it ended.
    pub outcome: Outcome,
    /// The raw words of the model or the command, whole or as far as they came; empty when there are none.
    pub text: String,
    /// How those words ended.
    pub ending: Ending,
    /// Our own words that follow them in the thread: why it stops here, and what to do. Never in a window.
    pub note: Option<String>,
    /// The model that answered, as it names itself.
    pub model: Option<String>,
    /// What it cost, if the model said.
    pub usage: Usage,
}

/// Tokens as the model counted them; zero when it did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens that were sent.
    pub prompt: u64,
    /// Tokens that came back.
    pub completion: u64,
}

/// What is known of a thread that outlives its content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadMark {
    /// We take part in it.
    pub joined: bool,
    /// Its session holds content that is not expired.
    pub active: bool,
    /// The oldest post, or edit, that asked us in; `None` when we take no part.
    pub joined_from: Option<SlackTs>,
    /// Nothing up to this moment may enter a window.
    pub cleared_before: Option<SlackTs>,
    /// How many accepted posts in a row bots wrote, up to the newest.
    pub bots_in_row: u32,
    /// The oldest post that waits for the running turn to end.
    pub waiting_from: Option<SlackTs>,
}

impl ThreadMark {
    /// Whether a post at `ts` that does not name us is for us.
    pub fn listens_at(&self, ts: SlackTs) -> bool {
        self.joined && self.joined_from.is_none_or(|from| ts > from)
    }
}

/// The messages that a window may be made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The newest messages in window order: Slack's, each answer directly behind the last message it answers.
    pub newest: Vec<Message>,
    /// The session's first message, unless it is among the newest.
    pub first: Option<Message>,
    /// How many messages of the session are in neither, and posts of the thread that were never read.
    pub left_out: u64,
    /// Everyone who wrote in the session, with the name last heard of.
    pub people: BTreeMap<UserId, String>,
}

/// How many tokens the text of a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The message.
    pub seq: u64,
    /// How long the text was that was counted (bytes): a count of what was edited since is not kept, unless both are as
    /// long.
    pub bytes: usize,
    /// Its tokens.
    pub tokens: u32,
}

/// A session as a person may see it: no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its thread.
    pub key: ThreadKey,
    /// Everyone who wrote in it, with the name last heard of.
    pub people: BTreeMap<UserId, String>,
    /// How many messages of people it holds (no commands).
    pub user_messages: u64,
    /// How many answers it holds.
    pub assistant_messages: u64,
    /// When it began.
    pub created_at: Timestamp,
    /// When it last changed.
    pub last_activity: Timestamp,
    /// When it expires if nothing more happens; `None` while a turn is open.
    pub expires_at: Option<Timestamp>,
    /// How many messages wait for the running turn to end.
    pub waiting: u64,
    /// The model of the last answer, as it named itself.
    pub model: Option<String>,
}

/// Numbers over all active sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Sessions that are not expired.
    pub active_sessions: u64,
    /// Their messages and answers.
    pub messages: u64,
    /// Distinct people in them.
    pub participants: u64,
    /// When the oldest of them began.
    pub oldest: Option<Timestamp>,
    /// When the newest of them began.
    pub newest: Option<Timestamp>,
}

/// What there is and what waits, at one moment, over all workspaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Sessions that are not expired, also those in which nothing was said yet; counted up to [`Rules::sessions_counted_max`].
    pub active_sessions: u64,
    /// Turns that a process holds, or held when it died.
    pub turns_running: u64,
    /// Turns that wait: behind another one of their thread, for a process with room, or for their next try.
    pub turns_waiting: u64,
    /// Messages that waiting turns will answer.
    pub messages_waiting: u64,
}

/// Which page of sessions is wanted. Newest activity first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Only this workspace's; `None` for all.
    pub workspace: Option<WorkspaceId>,
    /// Pages before this one, from 0.
    pub number: usize,
    /// Sessions on a page, 1 to 100.
    pub size: usize,
}

/// What became of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amended {
    /// No such post was taken in.
    Unknown,
    /// No such post was taken in before; it is context now, because its thread is being read at this moment.
    Entered,
    /// The post is known, and its text is not kept any more: it was erased, or its session is over.
    Gone,
    /// This edit, or a later one, is known already.
    Old,
    /// The text is now the new one.
    Done,
}

/// A person pressed Stop in a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Press {
    /// When, by Slack's clock.
    pub at: SlackTs,
    /// Our posts that were growing then; none while we think, or where posts grow by being changed.
    pub over: Vec<SlackTs>,
}

impl Press {
    /// A press at this moment, when no post was growing.
    pub fn at(at: SlackTs) -> Self {
        Self { at, over: Vec::new() }
    }
}

/// What became of a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erased {
    /// No such post was taken in; a mark was left, so that it counts if it still arrives.
    Marked,
    /// Its content is gone, and a mark is left.
    Done {
        /// The running turn that has nothing left to answer by this; it is marked as stopped.
        stops: Option<TurnId>,
    },
    /// It was gone already.
    Gone,
}

/// What [`SessionStore::renew`] found out about leases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// Turns that are not the caller's any more: it must fall silent about them.
    pub lost: Vec<TurnId>,
    /// Turns that still are, and that a person has stopped.
    pub stopped: Vec<TurnId>,
}

/// What [`SessionStore::clear`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Messages and answers whose content is gone.
    pub messages: u64,
    /// Messages among them that still waited for an answer and now get none.
    pub waiting: u64,
}

/// What [`SessionStore::expire`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Sessions whose content is gone.
    pub sessions: u64,
    /// Whether more are due than one sweep takes.
    pub more: bool,
}

/// Keeps sessions. See the module's documentation for what all steps promise.
///
/// Window order is by Slack timestamp, an answer directly behind the last message it answers. Queue order is `seq`.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Takes a post in: finds or begins the session, stores the message once, and for an accepted one opens a turn or joins
    /// the one that waits behind the running one. With a `claimant`, and when nothing runs in the thread, the turn is set
    /// running at once and is the caller's. A command always opens a turn of its own, which never waits; without a claimant
    /// it is left queued for [`SessionStore::claim`].
    ///
    /// A post known as context that comes again as accepted is accepted, once. Accepted posts and commands make us join
    /// the thread.
    ///
    /// What is refused ([`Receipt::Full`], [`Receipt::TooManyBots`]) stays so, as what is taken in does: neither the same post again
    /// nor an edit that makes it ask is taken in when there is room. Who reads the thread learns it as context, with its newest text,
    /// unless it is deleted. Its mark is forgotten like all others, after [`Rules::tombstones_for`].
    async fn receive(&self, post: NewPost, claimant: Option<&Claimant>, now: Timestamp) -> Result<Received>;

    /// Stores posts read back from Slack as context, skipping what is erased or cleared, does what [`SessionStore::reconcile`]
    /// does, and marks the thread as read. A posts' author need not be a participant before. One of kind `Accepted` of which
    /// nothing was known becomes a message of the lease's turn, unless that is stopped: it is answered with the others.
    async fn learn(&self, lease: &Lease, read: ReadBack, now: Timestamp) -> Result<Learned>;

    /// Brings what is stored of a thread in line with what Slack shows of it: texts that were edited since, and messages and
    /// answers that are gone. Posts that are not known are not taken in.
    async fn reconcile(&self, key: &ThreadKey, read: ReadBack, now: Timestamp) -> Result<Learned>;

    /// Takes turns that wait with nothing running before them, or whose owner's lease is over, oldest first: up to `limit` of the
    /// model, and up to [`Claimant::commands_max`] commands. A turn that ran before, and was not given back, counts one death more.
    ///
    /// One that two owners died over may be what they died of. A process holds 16 such turns at a time, four as soon as three died over
    /// one of them, and one of more alone; it takes up first those that the fewest died over. So a turn that kills whoever runs it
    /// costs another one four deaths at most, and those that are innocent wait for nobody long.
    ///
    /// A turn that cannot be read is set aside, here and wherever it is next in its thread: nobody claims it again, its row stays as it
    /// is, and its thread goes on without an answer to it. That is logged, with what to do.
    async fn claim(&self, claimant: &Claimant, limit: usize, now: Timestamp) -> Result<Vec<Claimed>>;

    /// Extends leases that are still held to `now` + `lease`, and tells what became of their turns meanwhile. A turn that
    /// cannot be read counts as lost; it holds up none beside it.
    async fn renew(&self, leases: &[Lease], lease: Duration, now: Timestamp) -> Result<Renewed>;

    /// Those of the leases' turns that are still held and that a person has stopped. Asked often: it only reads them.
    async fn stopped(&self, leases: &[Lease]) -> Result<Vec<TurnId>>;

    /// Gives leases back, so that their turns can be claimed once `wait` is over, and nobody need wait until they run out. No
    /// death is counted. Leases no longer held are skipped.
    async fn release(&self, leases: &[Lease], wait: Duration, now: Timestamp) -> Result<()>;

    /// Says that part `index` may exist from now on. For all parts but the first, which the claim covers.
    async fn part_intended(&self, lease: &Lease, index: u32, mode: PartMode) -> Result<()>;

    /// Says that part `index` stands in the thread as `ts`.
    async fn part_open(&self, lease: &Lease, index: u32, mode: PartMode, ts: SlackTs) -> Result<()>;

    /// Says that part `index` stands there whole.
    async fn part_done(&self, lease: &Lease, index: u32, hash: u64) -> Result<()>;

    /// Says that the turn's answer is about to be posted although it may stand in the thread already, so that no later owner does that
    /// too ([`Turn::repeated`]).
    async fn repeats(&self, lease: &Lease) -> Result<()>;

    /// Those of our posts in the lease's thread that another turn made, as far as is remembered, or that are forgotten on purpose.
    /// What is left of posts that say nothing of where they come from is the lease's turn's: another's are known before it begins.
    async fn posts_of_others(&self, lease: &Lease, posts: &[SlackTs]) -> Result<Vec<SlackTs>>;

    /// Remembers that a person wants no more of the answer that they pressed Stop over, and says which turn that is; `None` when it
    /// runs no more: one that began later is another answer, of which nobody has had enough.
    /// Its owner learns of it by [`SessionStore::stopped`] or [`SessionStore::renew`], whoever adopts it by [`Turn::stop_requested`]. Messages that wait
    /// behind it are not concerned: they are answered.
    async fn stop(&self, key: &ThreadKey, press: &Press) -> Result<Option<TurnId>>;

    /// Decides what the turn says: closes it with an answer, a failure or a stop. Its text, if any, becomes an assistant
    /// message of the session, unless it is a command's. The first closing stands; a second one is ignored.
    async fn close(&self, lease: &Lease, closing: Closing, now: Timestamp) -> Result<()>;

    /// Says that a closed answer was brought in part only: what is remembered of it is `text`, what the thread shows of it. `ending`
    /// says why: [`Ending::Stopped`] when a person stopped it, which is its outcome too then, else it failed. Nothing is done to a turn
    /// that is not closed, or closed without words.
    async fn cut_short(&self, lease: &Lease, text: &str, ending: Ending, now: Timestamp) -> Result<()>;

    /// Says that the thread shows a closed turn, whose parts now stand as given; ends the lease and keeps the session alive
    /// for another timeout. What was cleared or expired meanwhile is erased now, and so is an answer of which a part was
    /// erased, or of which no part stands: it was not said. Hands over the thread's next waiting turn, if there is one and a `claimant` wants it.
    async fn delivered(
        &self,
        lease: &Lease,
        parts: &[Part],
        claimant: Option<&Claimant>,
        now: Timestamp,
    ) -> Result<Option<Claimed>>;

    /// Changes the text of a known message to that of an edit. A later edit wins whatever the order of arrival; one that comes
    /// before its post keeps the older text out ([`Receipt::Outdated`]); and one that comes while the thread is being read is
    /// the post (see [`Edit::enters`]).
    async fn amend(&self, edit: Edit, now: Timestamp) -> Result<Amended>;

    /// Erases a message and leaves a mark that keeps it out. A waiting turn that lost its last message is dropped, a running
    /// one is marked as stopped.
    async fn erase(&self, workspace: &WorkspaceId, channel: &ChannelId, ts: SlackTs, now: Timestamp) -> Result<Erased>;

    /// Erases the answer of ours that the post `ts` is a part of, if the thread shows it whole; says whether it did.
    async fn retract(&self, key: &ThreadKey, ts: SlackTs, now: Timestamp) -> Result<bool>;

    /// Erases all content of a session up to and including `before`, and drops the turns that wait on it. Stays joined.
    async fn clear(&self, key: &ThreadKey, before: SlackTs, now: Timestamp) -> Result<Cleared>;

    /// [`SessionStore::clear`] of a command's thread, and the closing of its turn with what `says` makes of it, in one step:
    /// whoever carries the turn on after a death says what was done, and does not do it again.
    async fn clear_and_close(
        &self,
        lease: &Lease,
        before: SlackTs,
        says: fn(Cleared) -> Closing,
        now: Timestamp,
    ) -> Result<Cleared>;

    /// Erases the content of up to `limit` sessions that are due, in order of expiry, unless no more than `keep_up_to`
    /// sessions are active at all. Also forgets marks of erased messages that are old enough.
    async fn expire(&self, keep_up_to: usize, limit: usize, now: Timestamp) -> Result<Expired>;

    /// What is known of a thread, whether or not it has content.
    async fn mark(&self, key: &ThreadKey, now: Timestamp) -> Result<ThreadMark>;

    /// The time by the clock that deadlines go by: where several processes share a store, its own, else `now`. When something is
    /// done over it takes this time at its beginning: until it can be stored, a clock of its own says nothing about the store's.
    async fn time(&self, now: Timestamp) -> Result<Timestamp>;

    /// The active session of a thread.
    async fn session(&self, key: &ThreadKey, now: Timestamp) -> Result<Option<SessionInfo>>;

    /// What a window of `turn` may hold: up to `limit` of the newest messages, no commands, and nothing that still waits
    /// for a later turn. If some of the turn's questions are too old to be among them, all of its questions,
    /// up to `limit` of the newest, stand behind them.
    async fn history(&self, key: &ThreadKey, turn: Option<TurnId>, limit: usize, now: Timestamp) -> Result<History>;

    /// All messages of a session with `seq` greater than `after`, in that order, commands too; at most `limit`.
    async fn messages(&self, key: &ThreadKey, after: u64, limit: usize, now: Timestamp) -> Result<Vec<Message>>;

    /// One page of active sessions that hold messages; one in which only commands were given is none to speak of.
    async fn sessions(&self, page: &Page, now: Timestamp) -> Result<Vec<SessionInfo>>;

    /// Numbers over the active sessions that hold messages, of a workspace or of all.
    async fn stats(&self, workspace: Option<&WorkspaceId>, now: Timestamp) -> Result<Stats>;

    /// What there is and what waits. Asked often: it looks at open turns and at a bounded part of an index of expiry, never at
    /// sessions themselves.
    async fn load(&self, now: Timestamp) -> Result<Load>;

    /// Up to `limit` threads of a workspace that we take part in and that had activity since `since`, newest activity first. Also those whose
    /// session has expired since then.
    async fn joined_since(
        &self,
        workspace: &WorkspaceId,
        since: Timestamp,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<ThreadKey>>;

    /// Says that a process lives, for [`Claimant::lease`] from now on, and tells how many do, it among them. Each of the next three
    /// says it too.
    async fn live(&self, process: &Claimant, now: Timestamp) -> Result<u32>;

    /// Says that until `at` this process missed nothing of what Slack had to say; never goes back. Tells of the other ones.
    async fn note_good(&self, process: &Claimant, at: Timestamp, now: Timestamp) -> Result<Others>;

    /// Until when this process missed nothing, and no process that lives no more, whose part it takes over by asking. A new process
    /// has missed what any other has. `None` when nobody ever said so.
    async fn good_until(&self, process: &Claimant, now: Timestamp) -> Result<Option<Timestamp>>;

    /// Says that a look came to a spot, unless a later one did. Kept until all processes have missed nothing since, and for a day at most:
    /// for whoever looks when that look came to no end.
    async fn note_looked(&self, workspace: &WorkspaceId, looked: &Looked, now: Timestamp) -> Result<()>;

    /// The spots of a workspace that are kept so.
    async fn looked(&self, workspace: &WorkspaceId, now: Timestamp) -> Result<Vec<Looked>>;

    /// Says that a process ends. With `good`, it has missed nothing until then: when others live, nothing is left to be looked for.
    async fn leave(&self, process: &Claimant, good: Option<Timestamp>, now: Timestamp) -> Result<()>;

    /// Remembers how many tokens messages have. A hint: it may be lost.
    async fn counted(&self, key: &ThreadKey, counts: &[Count]) -> Result<()>;

    /// Whether the store can write now.
    async fn check(&self) -> Result<()>;

    /// Finishes what was begun and closes. Steps after it fail with [`StoreError::Closed`].
    async fn shutdown(&self);
}
