//! A file with rows of every table in every state.

use std::{path::Path, sync::Arc};

use chathakase_session::{
    store::{Closing, NewPost, Press, Rules, SessionStore},
    turn::{Outcome, PartMode},
};
use chathakase_sim::ManualClock;
use chathakase_store::SqliteStore;

use crate::kit::*;

/// A word of a message that can be erased.
pub(crate) const SECRET: &str = "xyzzy-the-secret-word";

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Rules::default(), Arc::new(ManualClock::new())).unwrap()
}

pub(crate) async fn make(path: &Path) {
    let store = open(path);
    // Long before: expired, and swept; and one that was cleared.
    for channel in ["C1", "C9"] {
        let old = runs(&store, asks(&thread_of("T1", channel, -9000), -9000, "long ago"), at(-9000)).await;
        answers(&store, &old, "gone", at(-9000)).await;
    }
    store.expire(0, 10, at(-5000)).await.unwrap();
    let cleared = thread_of("T1", "C1", 1000);
    let turn = runs(&store, asks(&cleared, 1000, "to be cleared"), at(0)).await;
    answers(&store, &turn, "cleared", at(1)).await;
    store.clear(&cleared, ts(1100), at(1)).await.unwrap();
    answered(&store).await;
    open_turns(&store).await;
    // Enough for several batches of each.
    for n in 0..250 {
        let post = NewPost {
            text: "words ".repeat(1 + 40 * (n % 9)),
            ..tells(&thread_of("T2", "C3", 0), 5000 + n as i64, "")
        };
        receipt(&store, by(&format!("U{n:03}"), &format!("Person {n}"), post), at(10)).await;
    }
    store.note_good(&us(), at(60), at(60)).await.unwrap();
    store.shutdown().await;
    drop(store);
    discard(path);
}

/// Answered threads, with edits, deletions, commands and failures.
async fn answered(store: &SqliteStore) {
    let talk = thread_of("E1", "C2", 2000);
    let turn = runs(store, asks(&talk, 2000, SECRET), at(2)).await;
    store.part_open(&turn.lease, 0, PartMode::Stream, ts(2001)).await.unwrap();
    let words =
        Closing { note: Some("a note".to_owned()), model: Some("zero\0inside".to_owned()), ..says("an answer") };
    store.close(&turn.lease, words, at(3)).await.unwrap();
    store.delivered(&turn.lease, &[part(0, 2001), part(1, 2002)], None, at(3)).await.unwrap();
    store.amend(edit(&talk, 2000, SECRET, 2005), at(4)).await.unwrap();
    // One of a post that is still to come.
    store.amend(edit(&talk, 2098, "words", 2100), at(4)).await.unwrap();
    receipt(store, by("U2BEN", "Ben 🌿", tells(&talk, 2010, "aside")), at(5)).await;
    receipt(store, tells(&talk, 2011, "to be erased"), at(5)).await;
    store.erase(&talk.workspace, &talk.channel, ts(2011), at(6)).await.unwrap();
    store.erase(&talk.workspace, &talk.channel, ts(2099), at(6)).await.unwrap();
    let failed = runs(store, asks(&talk, 2012, "fails"), at(6)).await;
    let words = Closing { outcome: Outcome::Failed, text: String::new(), model: None, ..says("") };
    store.close(&failed.lease, words, at(7)).await.unwrap();
    store.delivered(&failed.lease, &[part(0, 2013)], None, at(7)).await.unwrap();
    let retracted = runs(store, asks(&talk, 2014, "retracted"), at(7)).await;
    store.close(&retracted.lease, says("taken back"), at(8)).await.unwrap();
    store.delivered(&retracted.lease, &[part(0, 2015)], None, at(8)).await.unwrap();
    assert!(store.retract(&talk, ts(2015), at(8)).await.unwrap());
    let command = runs(store, commands(&talk, 2016, "help"), at(8)).await;
    answers(store, &command, "this is help", at(9)).await;
}

/// A running turn with half an answer and one that waits behind it, one that is closed, one that is free, and a stop.
async fn open_turns(store: &SqliteStore) {
    let half = thread_of("T1", "C1", 3000);
    let turn = runs(store, asks(&half, 3000, "running"), at(10)).await;
    store.part_open(&turn.lease, 0, PartMode::Stream, ts(3001)).await.unwrap();
    store.part_done(&turn.lease, 0, 77).await.unwrap();
    store.part_intended(&turn.lease, 1, PartMode::Update).await.unwrap();
    receipt(store, asks(&half, 3002, "waits"), at(11)).await;
    store.stop(&half, &Press::at(ts(3003))).await.unwrap();
    let closed = runs(store, asks(&thread_of("T1", "C1", 3100), 3100, "closed"), at(10)).await;
    store.close(&closed.lease, says(&"a long answer ".repeat(200)), at(11)).await.unwrap();
    store.receive(asks(&thread_of("T1", "C4", 3200), 3200, "nobody runs it"), None, at(12)).await.unwrap();
    let released = runs(store, asks(&thread_of("T2", "C1", 3300), 3300, "given back"), at(12)).await;
    store.release(&[released.lease], SECOND, at(13)).await.unwrap();
}

/// Two sessions are over and not yet erased, as when a sweep was cut.
fn discard(path: &Path) {
    let conn = rusqlite::Connection::open(path).unwrap();
    for channel in ["C2", "C3"] {
        let sql = "INSERT INTO discarded (session, thread, at) SELECT session, no, 5 FROM thread WHERE channel = ?1 AND workspace IN ('T9', 'T2')";
        conn.execute(sql, [channel]).unwrap();
    }
    conn.execute_batch(
        "INSERT INTO discarded (session, thread, at) SELECT session, no, 6 FROM thread WHERE workspace = 'T1' AND channel = 'C4';
         UPDATE turn SET due = NULL, state = 2, delivery = 1 WHERE session IN (SELECT session FROM discarded);
         UPDATE thread SET session = NULL, created_at = NULL, last_activity = NULL, expires_at = NULL, users = NULL,
         answers = NULL, commands = NULL, waiting_messages = NULL, running = NULL, waiting = NULL, open = NULL,
         rested_at = 9 WHERE session IN (SELECT session FROM discarded);",
    )
    .unwrap();
}

/// Erases [`SECRET`] where it was said.
pub(crate) async fn erase_a_secret(path: &Path) {
    let store = open(path);
    let talk = thread_of("E1", "C2", 2000);
    store.erase(&talk.workspace, &talk.channel, ts(2000), at(70)).await.unwrap();
    store.shutdown().await;
}

/// A file with something else in it.
pub(crate) async fn make_another(path: &Path) {
    let store = open(path);
    receipt(&store, tells(&thread_of("T7", "C7", 0), 0, "hello"), at(0)).await;
    store.shutdown().await;
}
