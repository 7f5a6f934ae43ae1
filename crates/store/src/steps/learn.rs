//! Posts read back from Slack.

use chathakase_session::{Kind, Role, Timestamp, store::Result, turn::Lease};

use super::{
    Incoming, lease,
    session::{self, Entry},
};
use crate::rows::{Place, Post, Rows, Thread};

/// Stores what is new of `posts` as context, and marks the thread as read. Returns how many were new.
pub(crate) fn learn(rows: &mut impl Rows, lease: &Lease, posts: &[Incoming], now: Timestamp) -> Result<usize> {
    let (mut thread, _) = lease::held(rows, lease)?;
    let ours = rows.part_times(thread.session_mut()?.no)?;
    let mut learned = 0;
    for incoming in posts.iter().filter(|incoming| incoming.post.key == lease.key) {
        let name = incoming.name_of_post();
        let known = rows.post(&name)?;
        let shown = incoming.post.role == Role::Assistant && ours.contains(&incoming.post.ts);
        if shown || thread.is_cleared(incoming.post.ts) || !may_return(known.as_ref(), &thread) {
            continue;
        }
        // An answer of ours is never a question; a question that expired was asked already.
        let asked = incoming.post.role != Role::User || known.is_some_and(|known| known.asked);
        let entry = Entry { incoming, kind: Kind::Context, turn: None, asked };
        session::enter(rows, &mut thread, &name, entry, now)?;
        learned += 1;
    }
    thread.unread = false;
    thread.session_mut()?.last_activity = now;
    rows.save_thread(&thread)?;
    Ok(learned)
}

fn may_return(known: Option<&Post>, thread: &Thread) -> bool {
    match known.map(|known| known.place) {
        None | Some(Place::Expired { .. }) => true,
        Some(Place::Stored { session, .. }) => thread.session.as_ref().is_none_or(|live| live.no != session),
        Some(Place::Erased { .. }) => false,
    }
}
