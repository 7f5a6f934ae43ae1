//! What is there after a restart, a crash, and on a copy.

use chathakase_session::store::{Receipt, SessionStore, StoreError};
use futures_util::{FutureExt, future::join_all};

use crate::{kit::*, open};

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let key = thread();
    let turn = runs(&store, asks(&key, 0, "question"), at(0)).await;
    answers(&store, &turn, "answer", at(1)).await;
    receipt(&store, by("U2BEN", "Ben", tells(&key, 2, &"long ".repeat(2000))), at(2)).await;
    store.erase(&key.workspace, &key.channel, ts(9), at(2)).await.unwrap();
    let before = (store.session(&key, at(3)).await.unwrap(), store.history(&key, None, 20, at(3)).await.unwrap());
    store.shutdown().await;
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(
        (store.session(&key, at(3)).await.unwrap(), store.history(&key, None, 20, at(3)).await.unwrap()),
        before
    );
    assert_eq!(receipt(&store, asks(&key, 0, "question"), at(3)).await, Receipt::Known);
    assert_eq!(receipt(&store, asks(&key, 9, "erased"), at(3)).await, Receipt::Gone);
    assert!(store.mark(&key, at(3)).await.unwrap().joined);
    // Numbers go on: no turn has the name of an earlier one.
    assert!(runs(&store, asks(&key, 10, "next"), at(10)).await.turn.id > turn.turn.id);
}

#[tokio::test]
async fn a_turn_number_is_not_used_again_after_its_turn_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let turn = runs(&store, asks(&thread(), 0, "question"), at(0)).await;
    answers(&store, &turn, "answer", at(1)).await;
    store.expire(0, 10, at(9000)).await.unwrap();
    drop(store);
    let store = open(folder.path()).unwrap();
    let other = thread_of("T1", "C2", 0);
    assert!(runs(&store, asks(&other, 0, "question"), at(9000)).await.turn.id > turn.turn.id);
}

#[tokio::test]
async fn leases_of_an_earlier_boot_are_void_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let dead = runs(&store, asks(&thread(), 0, "question"), at(0)).await;
    drop(store);
    let store = open(folder.path()).unwrap();
    let adopted = store.claim(&process("new"), 10, at(1)).await.unwrap();
    assert_eq!((adopted.len(), adopted[0].turn.id, adopted[0].turn.deaths), (1, dead.turn.id, 1));
    let late = store.close(&dead.lease, says("late"), at(2)).await;
    assert!(matches!(late, Err(StoreError::LeaseLost { .. })));
}

/// A kill leaves the files as they are at that moment, and so does a copy of them.
#[tokio::test]
async fn what_was_acknowledged_is_in_a_copy_taken_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let store = std::sync::Arc::new(open(folder.path()).unwrap());
    let writers: Vec<_> = (0..8)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                for secs in 0..40 {
                    let key = thread_of("T1", "C1", n);
                    store
                        .receive(tells(&key, 100 * (n + 1) + secs, &format!("{n}/{secs}")), None, at(secs))
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    let key = thread_of("T9", "C9", 0);
    for round in 0..10 {
        store.receive(tells(&key, round, &format!("round {round}")), None, at(round)).await.unwrap();
        let copy = tempfile::tempdir().unwrap();
        // Both of one moment: the log is emptied only after its pages went into the database file.
        let (file, log) = (folder.path().join("sessions.db"), folder.path().join("sessions.db-wal"));
        let of_one_moment = || {
            let (before, log) = (std::fs::read(&file).unwrap(), std::fs::read(&log).unwrap());
            (std::fs::read(&file).unwrap() == before).then_some((before, log))
        };
        let (file, log) = std::iter::repeat_with(of_one_moment).flatten().next().unwrap();
        std::fs::write(copy.path().join("sessions.db"), file).unwrap();
        std::fs::write(copy.path().join("sessions.db-wal"), log).unwrap();
        let copied = open(copy.path()).unwrap();
        let found = copied.messages(&key, 0, 100, at(round)).await.unwrap();
        assert_eq!(found.len() as i64, round + 1, "round {round}");
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_step_whose_caller_has_gone_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let key = thread();
    // Polled once, it is queued; then its caller goes away.
    assert!(store.receive(tells(&key, 0, "told"), None, at(0)).now_or_never().is_none());
    store.check().await.unwrap();
    assert_eq!(window(&store, &key, at(1)).await, ["told"]);
}

#[tokio::test]
async fn what_was_queued_before_a_shutdown_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let key = thread();
    let steps = join_all((0..50).map(|secs| store.receive(tells(&key, secs, "told"), None, at(0))));
    // Polled in this order: all steps are queued when the store is told to stop.
    let (done, ()) = futures_util::future::join(steps, store.shutdown()).await;
    assert_eq!(done.iter().filter(|step| step.is_ok()).count(), 50);
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(store.session(&key, at(1)).await.unwrap().unwrap().user_messages, 50);
}
