//! Posts read back from Slack.

use std::{collections::HashSet, time::Duration};

use chathakase_session::{
    Kind, Role, SlackTs, ThreadKey, Timestamp, fault_point,
    store::{Learned, ReadBack, Result, Rules},
    turn::{Delivery, Lease, Part, TurnId, TurnState},
};

use super::{
    Incoming, edit, lease,
    receive::note_asked,
    session::{self, Entry},
};
use crate::rows::{MessageRow, Place, Post, PostName, Rows, Thread, TurnRow};

/// How much older than a reading a post must be to count as deleted when it was not seen: Slack's clock is known to a second or two,
/// and a post may be a moment late where it is read.
const SEEN_WITHIN: Duration = Duration::from_secs(60);

/// What was read of a thread, packed.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    posts: Vec<Incoming>,
    stood: HashSet<SlackTs>,
    newest: Option<SlackTs>,
    whole_from: Option<SlackTs>,
    began: Timestamp,
    began_by_slack: Timestamp,
    left_out: u64,
    questions_max: usize,
}

impl Seen {
    pub(crate) fn new(read: ReadBack) -> Self {
        let ReadBack { posts, stood, whole_from, began, began_by_slack, left_out, questions_max } = read;
        let stood: HashSet<_> = stood.into_iter().chain(posts.iter().map(|post| post.ts)).collect();
        let newest = stood.iter().max().copied();
        let posts = posts.into_iter().map(Incoming::new).collect();
        Self { posts, stood, newest, whole_from, began, began_by_slack, left_out, questions_max }
    }
    /// What it adds to a batch (bytes).
    pub(crate) fn bytes(&self) -> usize {
        self.posts.iter().map(Incoming::bytes).sum()
    }

    /// Names of the posts of a thread.
    pub(crate) fn names_of(&self, key: &ThreadKey) -> Vec<PostName> {
        self.posts_of(key).map(Incoming::name_of_post).collect()
    }

    fn posts_of<'a>(&'a self, key: &'a ThreadKey) -> impl Iterator<Item = &'a Incoming> {
        self.posts.iter().filter(move |incoming| incoming.post.key == *key)
    }

    /// Whether a message does not stand there any more. What came while we read may be newer than what we saw.
    fn lacks_message(&self, message: &MessageRow) -> bool {
        self.lacks(message.ts, message.at < self.began && self.is_old(message.ts))
    }

    /// Whether an answer's part does not stand there any more.
    fn lacks_part(&self, part: &Part) -> bool {
        part.ts.is_some_and(|ts| self.lacks(ts, self.is_old(ts)))
    }

    /// Whether a post was there to be seen for as long as that may take.
    fn is_old(&self, ts: SlackTs) -> bool {
        ts.moment() + SEEN_WITHIN < self.began_by_slack
    }

    /// Whether a post would have been seen if it still stood there. Slack's timestamps grow, so what is older than the newest
    /// seen was there to be seen, too.
    fn lacks(&self, ts: SlackTs, was_there: bool) -> bool {
        let Some(from) = self.whole_from else { return false };
        ts >= from && (was_there || self.newest > Some(ts)) && !self.stood.contains(&ts)
    }
}

/// Stores what is new as context, brings the rest up to date, and marks the thread as read, unless it shows less than is known.
/// Questions that never came are the turn's: who answers it sees them, and they are not to be answered again when they are found.
/// Only as many as the turn's window shows; the others are asked when they come.
pub(crate) fn learn(rows: &mut impl Rows, lease: &Lease, seen: &Seen, now: Timestamp) -> Result<Learned> {
    let (mut thread, mut turn) = lease::held(rows, lease)?;
    let opens = thread.joined_from >= Some(turn.first_ts);
    let mut learned = bring_in_line(rows, &mut thread, seen, Some(lease.turn), now)?;
    let is_cleared = seen.posts_of(&lease.key).any(|read| thread.is_cleared(read.post.ts));
    let no = thread.session_mut()?.no;
    let ours = rows.part_times(no)?;
    let mut room = seen.questions_max.saturating_sub(rows.messages_of(no, turn.id, turn.first_seq)?.len());
    thread.unread = false;
    for incoming in seen.posts_of(&lease.key) {
        let name = incoming.name_of_post();
        let known = rows.post(&name)?;
        let shown = incoming.post.role == Role::Assistant && ours.contains(&incoming.post.ts);
        // A younger reply that came before the post that opens the thread is fetched with that post, and may be a question.
        let is_fetched = opens && thread.listens_at(name.ts) && is_passed(known.as_ref());
        if shown || is_fetched || thread.is_cleared(incoming.post.ts) || !may_return(known.as_ref(), &thread) {
            continue;
        }
        // Edited since it was read: the next turn reads the thread once more.
        thread.unread |= known.as_ref().is_some_and(|known| known.edited_ts > incoming.post.edited_ts);
        let entry = if room > 0 && is_missed_question(incoming, known.as_ref(), &thread, &turn) {
            learned.questions += 1;
            room -= 1;
            note_asked(&mut thread, &incoming.post);
            turn.last_ts = turn.last_ts.max(name.ts);
            Entry { incoming, known: known.as_ref(), kind: Kind::Accepted, turn: Some(turn.id) }
        } else {
            Entry { incoming, known: known.as_ref(), kind: Kind::Context, turn: None }
        };
        session::enter(rows, &mut thread, &name, entry, now)?;
        learned.new += 1;
    }
    if learned.questions > 0 {
        rows.save_turn(&turn)?;
    }
    let session = thread.session_mut()?;
    // Who began to read before a clearing counted what is cleared now.
    session.left_out = if is_cleared { 0 } else { seen.left_out };
    session.last_activity = now;
    rows.save_thread(&thread)?;
    fault_point!("learn.uncommitted");
    Ok(learned)
}

/// Brings what is known of a thread in line with what Slack showed. A session that is over has nothing left to change.
pub(crate) fn reconcile(
    rows: &mut impl Rows,
    rules: &Rules,
    key: &ThreadKey,
    seen: &Seen,
    now: Timestamp,
) -> Result<Learned> {
    let Some(mut thread) = rows.thread(key)?.filter(|thread| thread.live(now).is_some()) else {
        return Ok(Learned::default());
    };
    let learned = bring_in_line(rows, &mut thread, seen, None, now)?;
    if learned != Learned::default() {
        session::settle(rows, rules, &mut thread, now)?;
        fault_point!("reconcile.uncommitted");
    }
    Ok(learned)
}

/// The messages of the turn that the reading is `served` to stay: its reader knows them by their own delivery, and Slack may
/// show less than there is.
fn bring_in_line(
    rows: &mut impl Rows,
    thread: &mut Thread,
    seen: &Seen,
    served: Option<TurnId>,
    now: Timestamp,
) -> Result<Learned> {
    let mut learned = Learned::default();
    let no = thread.session_mut()?.no;
    for incoming in seen.posts_of(&thread.key) {
        let name = incoming.name_of_post();
        let (Some(post), Some(edited_ts)) = (rows.post(&name)?, incoming.post.edited_ts) else { continue };
        let Place::Stored { session, seq, .. } = post.place else { continue };
        let message = if session == no { rows.message(no, seq)? } else { None };
        if let Some(message) = message
            && edit::rewrite(rows, &name, &post, message, &incoming.body, edited_ts)?
        {
            learned.amended += 1;
        }
    }
    if let Some(from) = seen.whole_from {
        learned.erased = erase_missing(rows, thread, seen, from, served, now)?;
    }
    Ok(learned)
}

/// So many answers to what was said before the first post that was read may stand behind it: that of the turn that ran then, and
/// that of the turn which waited behind it.
const ANSWERS_BEFORE: usize = 2;

/// Erases what is stored and does not stand any more in the thread, which was read from `from` on. Costs time with what was said
/// since then, however much was before.
fn erase_missing(
    rows: &mut impl Rows,
    thread: &mut Thread,
    seen: &Seen,
    from: SlackTs,
    served: Option<TurnId>,
    now: Timestamp,
) -> Result<usize> {
    let no = thread.session_mut()?.no;
    let (answers, messages): (Vec<_>, Vec<_>) =
        rows.messages_from(no, from)?.into_iter().partition(|message| message.answer);
    let mut erased = 0;
    let may_go = |message: &&MessageRow| served.is_none() || message.turn != served;
    for message in messages.iter().filter(may_go).filter(|message| seen.lacks_message(message)) {
        let name = PostName::of(&thread.key, message.ts);
        let known =
            rows.post(&name)?.unwrap_or(Post { asked: false, edited_ts: None, place: Place::Erased { at: now } });
        edit::take_out(rows, thread, &name, known, message, now)?;
        erased += 1;
    }
    for answer in answers.into_iter().chain(rows.answers_before(no, from, ANSWERS_BEFORE)?) {
        let Some(turn) = answer.turn else { continue };
        // One that is still being brought may stand elsewhere by now.
        if rows.parts(turn)?.iter().any(|part| seen.lacks_part(part))
            && rows.turn(turn)?.is_some_and(|turn| turn.delivery == Delivery::Done)
        {
            session::erase(rows, thread.session_mut()?, &answer)?;
            erased += 1;
        }
    }
    Ok(erased)
}

/// Whether a post that was read asks us, and never came. A turn that was stopped answers nothing more.
fn is_missed_question(incoming: &Incoming, known: Option<&Post>, thread: &Thread, turn: &TurnRow) -> bool {
    let post = &incoming.post;
    let is_for_us = post.kind == Kind::Accepted && (!post.joined_only || thread.listens_at(post.ts));
    is_for_us && known.is_none() && turn.state == TurnState::Running && !turn.stop_requested
}

fn is_passed(known: Option<&Post>) -> bool {
    known.is_some_and(|known| matches!(known.place, Place::Passed { .. }))
}

fn may_return(known: Option<&Post>, thread: &Thread) -> bool {
    match known.map(|known| known.place) {
        None | Some(Place::Expired { .. } | Place::Passed { .. } | Place::Refused { .. }) => true,
        Some(Place::Stored { session, .. }) => thread.session.as_ref().is_none_or(|live| live.no != session),
        Some(Place::Erased { .. }) => false,
    }
}
