//! Taking a post in.

use chathakase_session::{
    Kind, SlackTs, Timestamp, UserId, WorkspaceId, fault_point,
    store::{NewPost, PASSED_MAX, Receipt, Received, Result, Rules},
    turn::{Claimant, Delivery, TurnKind, TurnState},
};

use super::{
    Incoming, aside, edit, lease,
    session::{self, Entry},
};
use crate::codec::Packed;
use crate::rows::{AT_ONCE, Lists, MessageRow, Place, Post, PostName, Rows, Thread, TurnRow};

/// How a post that is taken in comes into its session.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// It is new to us.
    Enter,
    /// It is stored as context and now asks.
    Raise { session: u64, seq: u64 },
}

/// The step. One post costs the same however much its thread holds, apart from the history that the claimant wants.
pub(crate) fn receive(
    rows: &mut impl Lists,
    rules: &Rules,
    incoming: &Incoming,
    claimant: Option<&Claimant>,
    now: Timestamp,
) -> Result<Received> {
    let (post, name) = (&incoming.post, incoming.name_of_post());
    let known = rows.post(&name)?;
    let thread = rows.thread(&post.key)?;
    let way = match judge(known.as_ref(), thread.as_ref(), incoming, claimant.is_some(), rules, now) {
        Ok(way) => way,
        Err(receipt) => {
            match receipt {
                Receipt::NotJoined => {
                    edit::pass_over(rows, &name, post.key.root, known.as_ref(), post.edited_ts, now)?;
                }
                Receipt::Full | Receipt::TooManyBots => refuse(rows, &name, post, known, now)?,
                _ => {}
            }
            let passed = passed(rows, thread.as_ref(), post)?;
            return Ok(Received { receipt, created: false, passed });
        }
    };
    let mut thread = match thread {
        Some(thread) => thread,
        None => rows.add_thread(&post.key)?,
    };
    let created = session::ensure(rows, &mut thread, asked_at(post), now)?;
    note_asked(&mut thread, post);
    let mut receipt = match way {
        Way::Raise { session, seq } => {
            let known_post = known.unwrap_or(Post { asked: false, edited_ts: None, place: Place::Erased { at: now } });
            raise(rows, &mut thread, incoming, (&name, known_post), (session, seq), claimant, now)?
        }
        Way::Enter => {
            let asking = Asking {
                seq: thread.next_seq,
                ts: post.ts,
                author: post.author.as_ref(),
                team: post.author_team.as_ref(),
                body: &incoming.body,
            };
            let (turn, receipt) = ask(rows, &mut thread, post.kind, asking, claimant, now)?;
            let entry = Entry { incoming, known: known.as_ref(), kind: post.kind, turn };
            session::enter(rows, &mut thread, &name, entry, now)?;
            receipt
        }
    };
    thread.session_mut()?.last_activity = now;
    session::settle(rows, rules, &mut thread, now)?;
    if let (Receipt::Run(claimed), Some(claimant)) = (&mut receipt, claimant) {
        lease::add_history(rows, &thread, claimed, claimant, now)?;
    }
    fault_point!("receive.uncommitted");
    Ok(Received { receipt, created, passed: passed(rows, Some(&thread), post)? })
}

/// Whoever asks us makes us take part in the thread.
pub(super) fn note_asked(thread: &mut Thread, post: &NewPost) {
    if post.kind != Kind::Context {
        // A thread that was joined before this was kept has no such moment, and needs none.
        let asked_at = asked_at(post);
        if !post.joined_only && (!thread.joined || thread.joined_from.is_some_and(|from| asked_at < from)) {
            thread.joined_from = Some(asked_at);
        }
        thread.joined = true;
    }
    if post.kind == Kind::Accepted {
        thread.bots_in_row = if post.by_bot { thread.bots_in_row.saturating_add(1) } else { 0 };
    }
}

/// When a post asked us in, if it did.
fn asked_at(post: &NewPost) -> SlackTs {
    post.asked_by_edit.unwrap_or(post.ts)
}

/// The posts that were passed over because the one that opens their thread to us came after them.
fn passed(rows: &impl Rows, thread: Option<&Thread>, post: &NewPost) -> Result<Vec<SlackTs>> {
    let opens = !post.joined_only && thread.is_some_and(|thread| thread.joined_from == Some(asked_at(post)));
    if opens { rows.passed(&post.key, asked_at(post), PASSED_MAX) } else { Ok(Vec::new()) }
}

/// Whether a post is taken in, and how; else what its sender is told.
fn judge(
    known: Option<&Post>,
    thread: Option<&Thread>,
    incoming: &Incoming,
    claims: bool,
    rules: &Rules,
    now: Timestamp,
) -> std::result::Result<Way, Receipt> {
    let post = &incoming.post;
    if thread.is_some_and(|thread| thread.is_cleared(post.ts)) {
        return Err(Receipt::Gone);
    }
    if post.joined_only && thread.is_none_or(|thread| !thread.listens_at(post.ts)) {
        return Err(Receipt::NotJoined);
    }
    let live = thread.and_then(|thread| thread.live(now));
    let way = match known {
        None => Way::Enter,
        Some(Post { place: Place::Erased { .. }, .. }) => return Err(Receipt::Gone),
        Some(known) if known.is_refused() && post.kind != Kind::Context && !post.by_bot => {
            return Err(Receipt::Refused);
        }
        Some(Post { asked: true, .. }) => return Err(Receipt::Known),
        Some(known) if post.kind == Kind::Context && !matches!(known.place, Place::Passed { .. }) => {
            return Err(Receipt::Known);
        }
        Some(Post { place: Place::Stored { session, seq, .. }, .. })
            if live.is_some_and(|live| live.no == *session) =>
        {
            Way::Raise { session: *session, seq: *seq }
        }
        // Passed over, or expired: its words are not kept, and those that come may be older than what is known of it.
        Some(Post { edited_ts: Some(edited_ts), .. }) if post.edited_ts < Some(*edited_ts) => {
            return Err(Receipt::Outdated(*edited_ts));
        }
        Some(_) => Way::Enter,
    };
    // Asked in the step that counts: bots may write at the same moment.
    if post.by_bot && thread.is_some_and(|thread| thread.bots_in_row >= rules.bots_in_row_max) {
        return Err(Receipt::TooManyBots);
    }
    let full = live.is_some_and(|live| {
        let runs_at_once = claims && live.running.is_none();
        !runs_at_once && live.waiting_messages >= rules.waiting_max as u64
    });
    if post.kind == Kind::Accepted && full { Err(Receipt::Full) } else { Ok(way) }
}

/// Leaves a mark of a post that is refused. What was only told before stays in its session, with that mark, and asks nothing.
fn refuse(rows: &mut impl Rows, name: &PostName, post: &NewPost, known: Option<Post>, now: Timestamp) -> Result<()> {
    let (place, edited_ts) = match known {
        Some(Post { place: Place::Stored { thread, session, seq, .. }, edited_ts, .. }) => {
            (Place::Stored { thread, session, seq, refused: true }, edited_ts)
        }
        _ => (Place::Refused { at: now }, post.edited_ts),
    };
    rows.put_post(name, &Post { asked: post.kind != Kind::Context, edited_ts, place })
}

/// The message that a turn is to answer.
#[derive(Clone, Copy, Debug)]
struct Asking<'a> {
    seq: u64,
    ts: SlackTs,
    author: Option<&'a UserId>,
    team: Option<&'a WorkspaceId>,
    body: &'a Packed,
}

/// Opens a turn for a message, or lets it join the one that waits. The caller stores the message and saves the thread.
fn ask(
    rows: &mut impl Rows,
    thread: &mut Thread,
    kind: Kind,
    asking: Asking<'_>,
    claimant: Option<&Claimant>,
    now: Timestamp,
) -> Result<(Option<chathakase_session::turn::TurnId>, Receipt)> {
    let waiting = aside::waiting(rows, thread)?;
    let (mut turn, is_new) = match (kind, waiting) {
        (Kind::Context, _) => return Ok((None, Receipt::Kept)),
        (Kind::Accepted, Some(turn)) => (join(turn, asking), false),
        (Kind::Accepted | Kind::Command, _) => {
            let kind = if kind == Kind::Command { TurnKind::Command } else { TurnKind::Answer };
            (new_turn(rows.next_turn(), thread, kind, asking)?, true)
        }
    };
    let session = thread.session_mut()?;
    if kind == Kind::Accepted {
        session.waiting = Some(turn.id);
        session.waiting_messages += 1;
    }
    session.open += u32::from(is_new);
    session.expires_at = None;
    let free = kind == Kind::Command || session.running.is_none();
    let lease = match claimant {
        Some(claimant) if free => Some(lease::start(thread, &mut turn, claimant, now)?),
        _ => {
            // A command is found by whoever looks for those without an owner: of what was never begun only so many are taken as the
            // model has room for.
            turn.due = free.then_some(if kind == Kind::Command { now } else { AT_ONCE });
            None
        }
    };
    if is_new {
        rows.add_turn(&turn)?
    } else {
        rows.save_turn(&turn)?
    }
    let receipt = match lease {
        Some(lease) => {
            let command = if kind == Kind::Command { asking.body.text().ok() } else { None };
            Receipt::Run(Box::new(lease::begun(thread, &turn, lease, command)))
        }
        None => Receipt::Waiting(turn.id),
    };
    Ok((Some(turn.id), receipt))
}

fn join(mut turn: TurnRow, asking: Asking<'_>) -> TurnRow {
    turn.first_seq = turn.first_seq.min(asking.seq);
    if asking.ts < turn.first_ts {
        turn.first_ts = asking.ts;
        turn.asker = asking.author.cloned();
        turn.asker_team = asking.team.cloned();
    }
    turn.last_ts = turn.last_ts.max(asking.ts);
    turn
}

fn new_turn(
    id: chathakase_session::turn::TurnId,
    thread: &mut Thread,
    kind: TurnKind,
    asking: Asking<'_>,
) -> Result<TurnRow> {
    Ok(TurnRow {
        id,
        thread: thread.no,
        session: thread.session_mut()?.no,
        kind,
        state: TurnState::Queued,
        delivery: Delivery::Pending,
        deaths: 0,
        asker: asking.author.cloned(),
        asker_team: asking.team.cloned(),
        first_ts: asking.ts,
        last_ts: asking.ts,
        started_at: None,
        first_seq: asking.seq,
        owner: None,
        fence: 0,
        due: None,
        stop_requested: false,
        repeated: false,
        closing: None,
    })
}

/// Makes a known context message one that asks. Its stored text stays: it may have been edited since.
fn raise(
    rows: &mut impl Rows,
    thread: &mut Thread,
    incoming: &Incoming,
    (name, known): (&PostName, Post),
    (session, seq): (u64, u64),
    claimant: Option<&Claimant>,
    now: Timestamp,
) -> Result<Receipt> {
    let Some(mut message) = rows.message(session, seq)? else { return Ok(Receipt::Known) };
    session::count_out(rows, thread.session_mut()?, &message)?;
    if message.author.is_none() {
        message.author.clone_from(&incoming.post.author);
    }
    if message.team.is_none() {
        message.team.clone_from(&incoming.post.author_team);
    }
    message.kind = incoming.post.kind;
    let MessageRow { ts, author, team, .. } = &message;
    let asking = Asking { seq, ts: *ts, author: author.as_ref(), team: team.as_ref(), body: &incoming.body };
    let (turn, receipt) = ask(rows, thread, message.kind, asking, claimant, now)?;
    message.turn = turn;
    rows.save_message(&message)?;
    session::count_in(rows, thread.session_mut()?, &message, incoming.name.as_ref())?;
    rows.put_post(name, &Post { asked: true, ..known })?;
    Ok(receipt)
}
