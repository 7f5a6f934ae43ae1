//! Many callers, one commit.

use std::sync::Arc;

use chathakase_session::store::{Receipt, Rules, SessionStore, StoreError};
use chathakase_sim::ManualClock;
use chathakase_store::{SqliteStore, sqlite::Options};

use crate::{kit::*, open};

#[tokio::test]
async fn one_step_that_fails_takes_nothing_from_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).unwrap());
    let lost = runs(&*store, asks(&thread_of("T9", "C9", 0), 0, "question"), at(0)).await;
    store.release(std::slice::from_ref(&lost.lease), std::time::Duration::ZERO, at(0)).await.unwrap();
    let callers: Vec<_> = (0..64)
        .map(|n| {
            let (store, lease) = (store.clone(), lost.lease.clone());
            tokio::spawn(async move {
                if n == 31 {
                    return store.close(&lease, says("not mine"), at(1)).await;
                }
                store.receive(asks(&thread_of("T1", "C1", n), n, "question"), Some(&us()), at(1)).await.map(drop)
            })
        })
        .collect();
    let mut failed = Vec::new();
    for (n, caller) in callers.into_iter().enumerate() {
        if let Err(error) = caller.await.unwrap() {
            assert!(matches!(error, StoreError::LeaseLost { .. }), "{error}");
            failed.push(n);
        }
    }
    assert_eq!(failed, [31]);
    assert_eq!(store.stats(Some(&"T1".parse().unwrap()), at(2)).await.unwrap().messages, 63);
}

#[tokio::test]
async fn a_full_disk_fails_what_needs_room_and_the_store_goes_on_when_there_is_some() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { pages_max: Some(200), ..Options::default() };
    let path = folder.path().join("sessions.db");
    let store =
        Arc::new(SqliteStore::open_with(&path, Rules::default(), Arc::new(ManualClock::new()), &options).unwrap());
    let key = thread();
    let noise = |seed: u32| -> String {
        let words = (0..20_000u32).map(|n| n.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 8);
        words.map(|word| char::from_u32(0x4e00 + word % 20_000).unwrap()).collect()
    };
    let mut stored = 0;
    let error = loop {
        match store.receive(tells(&key, stored, &noise(stored as u32)), None, at(0)).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 100, "the disk never filled up");
    };
    assert!(error.is_retryable());
    assert_eq!(error.to_string(), "the store cannot write now (the disk is full); it will be tried again");
    assert!(std::error::Error::source(&error).is_some());

    // Every step of a batch that meets it fails: nothing is acknowledged that is not there.
    let callers: Vec<_> = (0..16)
        .map(|n| {
            let store = store.clone();
            let post = tells(&thread_of("T1", "C2", 0), n, &noise(1000 + n as u32));
            tokio::spawn(async move { store.receive(post, None, at(1)).await.is_ok() })
        })
        .collect();
    let mut acknowledged = 0;
    for caller in callers {
        acknowledged += u64::from(caller.await.unwrap());
    }
    let there = store.session(&thread_of("T1", "C2", 0), at(1)).await.unwrap();
    assert_eq!(there.map_or(0, |info| info.user_messages), acknowledged);
    assert_eq!(store.session(&key, at(1)).await.unwrap().unwrap().user_messages, stored as u64);

    // Room comes back.
    store.expire(0, 10, at(9000)).await.unwrap();
    assert_eq!(store.receive(tells(&key, 900, &noise(7)), None, at(9000)).await.unwrap().receipt, Receipt::Kept);
    assert_eq!(window(&*store, &key, at(9001)).await, [noise(7)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_does_not_wait_for_a_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).unwrap());
    let posts: Vec<_> = (0..3000)
        .map(|n| {
            let store = store.clone();
            let post = tells(&thread_of("T1", "C1", n / 1000), n, &format!("told {n}"));
            tokio::spawn(async move { store.receive(post, None, at(0)).await.unwrap() })
        })
        .collect();
    for post in posts {
        post.await.unwrap();
    }
    let sweep = tokio::spawn({
        let store = store.clone();
        async move { store.expire(0, 10, at(9000)).await.unwrap() }
    });
    // Out of sight is at once; erasing takes many slices, and posts go between them.
    let other = thread_of("T1", "C2", 0);
    let mut between = 0;
    while !sweep.is_finished() {
        store.receive(tells(&other, between, "now"), None, at(9000)).await.unwrap();
        between += 1;
    }
    assert_eq!(sweep.await.unwrap().sessions, 3);
    assert!(between > 10, "only {between} posts were taken during the sweep");
    assert_eq!(store.session(&other, at(9001)).await.unwrap().unwrap().user_messages, between as u64);
}

#[tokio::test]
async fn a_queue_with_little_room_holds_callers_up_and_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { queue_max: 2, queue_bytes_max: 8 << 10, ..Options::default() };
    let path = folder.path().join("sessions.db");
    let store =
        Arc::new(SqliteStore::open_with(&path, Rules::default(), Arc::new(ManualClock::new()), &options).unwrap());
    let posts: Vec<_> = (0..100)
        .map(|n| {
            let store = store.clone();
            // Some larger than all the room there is.
            let text: String = (0..n * 200)
                .map(|m: u32| char::from(b'!' + (m.wrapping_mul(2_654_435_761) >> 24) as u8 % 90))
                .collect();
            let post = tells(&thread(), n.into(), &text);
            tokio::spawn(async move { store.receive(post, None, at(0)).await.unwrap() })
        })
        .collect();
    for post in posts {
        assert_eq!(post.await.unwrap().receipt, Receipt::Kept);
    }
}
