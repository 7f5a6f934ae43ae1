//! A row that cannot be read says where it is, and hides none beside it.

use chathakase_session::store::{Page, SessionStore, StoreError};

use crate::{kit::*, open, sql};

#[tokio::test]
async fn a_bad_message_is_left_out_of_a_history() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let key = thread();
    for (secs, text) in [(0, "zero"), (1, "one"), (2, "two"), (3, "three"), (4, "four")] {
        receipt(&store, tells(&key, secs, text), at(secs)).await;
    }
    drop(store);
    sql(
        folder.path(),
        "UPDATE message SET role = 9 WHERE seq = 2; UPDATE message SET author = 'nobody' WHERE seq = 3;
         UPDATE content SET body = x'ff' WHERE no = (SELECT content FROM message WHERE seq = 4);",
    );
    let store = open(folder.path()).unwrap();
    assert_eq!(window(&store, &key, at(5)).await, ["zero", "four"]);
    assert_eq!(texts(&store.messages(&key, 0, 10, at(5)).await.unwrap()), ["zero", "four"]);
    // The thread goes on.
    let turn = runs(&store, asks(&key, 6, "question"), at(6)).await;
    answers(&store, &turn, "answer", at(7)).await;
    assert_eq!(window(&store, &key, at(7)).await, ["zero", "four", "question", "answer"]);
}

#[tokio::test]
async fn a_bad_thread_is_named_and_left_out_of_lists() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    for n in 0..3 {
        receipt(&store, tells(&thread_of("T1", "C1", n), n, "told"), at(n)).await;
    }
    drop(store);
    sql(folder.path(), "UPDATE thread SET cleared_before = -5 WHERE no = 2");
    let store = open(folder.path()).unwrap();
    let error = store.session(&thread_of("T1", "C1", 1), at(5)).await.unwrap_err();
    let StoreError::BadRow { table, column, row, .. } = &error else { panic!("{error}") };
    assert_eq!((*table, *column, row.as_str()), ("thread", "cleared_before", "2/T1/C1/1700000001000000"));
    assert!(!error.is_retryable());
    let page = Page { workspace: None, number: 0, size: 10 };
    assert_eq!(store.sessions(&page, at(5)).await.unwrap().len(), 2);
    // Others expire; the bad one fails only whoever needs it.
    assert_eq!(store.expire(0, 10, at(9000)).await.unwrap().sessions, 2);
}

#[tokio::test]
async fn a_turn_whose_thread_is_bad_is_looked_at_once_an_hour_and_goes_on_when_that_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let bad = thread_of("T1", "C1", 0);
    for key in [&bad, &thread_of("T1", "C2", 0)] {
        store.receive(asks(key, 0, "hello"), None, at(0)).await.unwrap();
    }
    sql(folder.path(), "UPDATE thread SET cleared_before = -5 WHERE no = 1");
    assert_eq!(store.claim(&us(), 9, at(1)).await.unwrap().len(), 1, "the one beside it");
    sql(folder.path(), "UPDATE thread SET cleared_before = NULL WHERE no = 1");
    assert!(store.claim(&process("other"), 9, at(3600)).await.unwrap().iter().all(|claimed| claimed.turn.key != bad));
    let claimed = store.claim(&us(), 9, at(3601)).await.unwrap();
    assert_eq!(claimed.iter().map(|claimed| &claimed.turn.key).collect::<Vec<_>>(), [&bad]);
    assert_eq!(claimed[0].turn.deaths, 0);
}

#[tokio::test]
async fn a_bad_turn_is_set_aside_and_its_thread_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let bad = runs(&store, asks(&thread(), 0, "one"), at(0)).await;
    receipt(&store, asks(&thread(), 1, "two"), at(1)).await;
    store.receive(asks(&thread_of("T1", "C2", 0), 0, "beside it"), None, at(2)).await.unwrap();
    drop(store);
    sql(folder.path(), "UPDATE turn SET asker = '?' WHERE id = 1");
    let store = open(folder.path()).unwrap();
    assert_eq!(store.claim(&us(), 1, at(5)).await.unwrap(), []);
    let claimed = store.claim(&us(), 9, at(5)).await.unwrap();
    assert_eq!(claimed.len(), 2, "what waited behind it, and the one beside it");
    for turn in &claimed {
        answers(&store, turn, "answer", at(6)).await;
    }
    assert_eq!(window(&store, &thread(), at(6)).await, ["one", "two", "answer"]);
    assert_eq!(store.claim(&us(), 9, at(9000)).await.unwrap(), [], "it is never tried again");
    // Nothing else of the thread hangs on it.
    store.erase(&bad.lease.key.workspace, &bad.lease.key.channel, ts(0), at(7)).await.unwrap();
    assert_eq!(window(&store, &thread(), at(7)).await, ["two", "answer"]);
    assert_eq!(store.expire(0, 10, at(9000)).await.unwrap().sessions, 2);
}

#[tokio::test]
async fn a_bad_turn_that_waits_is_set_aside_when_it_is_met() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let [joined, handed] = ["C1", "C2"].map(|channel| thread_of("T1", channel, 0));
    let first =
        [runs(&store, asks(&joined, 0, "one"), at(0)).await, runs(&store, asks(&handed, 0, "one"), at(0)).await];
    for key in [&joined, &handed] {
        receipt(&store, asks(key, 1, "two"), at(1)).await;
    }
    sql(folder.path(), "UPDATE turn SET asker = '?' WHERE state = 0");
    // A message would join the one, the other is handed over.
    receipt(&store, asks(&joined, 2, "three"), at(2)).await;
    let next = answers(&store, &first[0], "answer", at(3)).await.unwrap();
    assert!(answers(&store, &first[1], "answer", at(3)).await.is_none());
    assert!(answers(&store, &next, "another", at(4)).await.is_none());
    let again = runs(&store, asks(&handed, 5, "three"), at(5)).await;
    assert!(answers(&store, &again, "another", at(6)).await.is_none());
    for key in [&joined, &handed] {
        assert!(store.session(key, at(7)).await.unwrap().unwrap().expires_at.is_some(), "nothing is open");
    }
}

#[tokio::test]
async fn a_bad_turn_is_lost_and_the_other_leases_are_renewed_and_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let bad = runs(&store, asks(&thread_of("T1", "C1", 0), 0, "question"), at(0)).await;
    let good = runs(&store, asks(&thread_of("T1", "C1", 1), 1, "question"), at(1)).await;
    sql(folder.path(), "UPDATE turn SET asker = '?' WHERE id = 1");
    let leases = [bad.lease, good.lease];
    let renewed = store.renew(&leases, 30 * SECOND, at(5)).await.unwrap();
    assert_eq!((renewed.lost, renewed.stopped), (vec![bad.turn.id], Vec::new()));
    assert!(store.claim(&process("other"), 10, at(32)).await.unwrap().is_empty(), "the good one is held until 35");
    store.release(&leases, std::time::Duration::ZERO, at(33)).await.unwrap();
    assert_eq!(store.claim(&process("other"), 10, at(33)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_damaged_page_fails_steps_and_not_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let key = thread();
    for n in 0..20 {
        receipt(&store, tells(&key, n, "told"), at(0)).await;
    }
    drop(store);
    let path = folder.path().join("sessions.db");
    let mut bytes = std::fs::read(&path).unwrap();
    // Every page but the first, which holds the schema.
    let pages = 4096..bytes.len();
    bytes[pages].fill(0x5a);
    std::fs::write(&path, &bytes).unwrap();
    match open(folder.path()) {
        Err(error) => assert!(error.to_string().contains("is damaged"), "{error}"),
        Ok(store) => {
            let error = store.receive(tells(&key, 5000, "more"), None, at(1)).await.unwrap_err();
            assert!(error.to_string().contains("damaged"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_step_that_fails_half_way_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let key = thread();
    let turn = runs(&store, asks(&key, 5, "question"), at(5)).await;
    receipt(&store, tells(&key, 6, "told"), at(6)).await;
    drop(store);
    sql(folder.path(), "UPDATE post SET place = 9 WHERE ts = 1700000006000000");
    let store = open(folder.path()).unwrap();
    let lease = store.claim(&us(), 1, at(7)).await.unwrap().remove(0).lease;
    assert_eq!(lease.turn, turn.turn.id);
    // Those that share its transaction are not concerned.
    let (learned, beside) = futures_util::future::join(
        store.learn(&lease, read(vec![tells(&key, 1, "one"), tells(&key, 6, "told")]), at(7)),
        store.receive(tells(&key, 8, "beside"), None, at(8)),
    )
    .await;
    let error = learned.unwrap_err();
    assert_eq!(
        error.to_string(),
        "row T1/C1/1700000006000000 of post cannot be read: bad place; restore it from a backup or erase that session"
    );
    beside.unwrap();
    assert_eq!(window(&store, &key, at(8)).await, ["question", "told", "beside"]);
    assert_eq!(store.session(&key, at(8)).await.unwrap().unwrap().user_messages, 3);
}
