//! Several processes on one database.

use std::{collections::BTreeSet, time::Duration};

use chathakase_session::{
    ThreadKey,
    store::{Erased, Looked, Press, ReadBack, Receipt, Rules, SessionStore},
    turn::TurnId,
};
use chathakase_store::PostgresStore;
use futures_util::future::join_all;

use crate::{channels, kit::*, process_at, rows, with_database};

with_database! {
    async fn five_processes_never_hold_one_turn_and_leave_none(database) {
        let stores = ["one", "two", "three", "four", "five"].map(|name| (process_at(&database.url()), name));
        for channel in channels(60) {
            stores[0].0.receive(asks(&thread_of("T1", &channel, 0), 0, "hello"), None, at(0)).await.unwrap();
        }
        let claims = |store: std::sync::Arc<PostgresStore>, name: &'static str| async move {
            let mut mine: Vec<TurnId> = Vec::new();
            loop {
                let claimed = store.claim(&process(name), 4, at(1)).await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.iter().map(|claimed| claimed.turn.id));
            }
        };
        let tasks = stores.iter().chain(&stores).map(|(store, name)| tokio::spawn(claims(store.clone(), name)));
        let claimed: Vec<TurnId> = join_all(tasks).await.into_iter().flat_map(|claimed| claimed.unwrap()).collect();
        assert_eq!(claimed.len(), 60);
        assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), 60);
    }

    async fn a_post_that_comes_to_two_processes_at_once_is_stored_once(database) {
        let (one, other) = (process_at(&database.url()), process_at(&database.url()));
        for (secs, channel) in (0..).zip(channels(30)) {
            let post = asks(&thread_of("T1", &channel, 0), secs, "hello");
            let (mine, theirs) = (process("one"), process("other"));
            let (a, b) = tokio::join!(one.receive(post.clone(), Some(&mine), at(0)), other.receive(post, Some(&theirs), at(0)));
            let receipts = [a.unwrap().receipt, b.unwrap().receipt];
            assert_eq!(receipts.iter().filter(|receipt| matches!(receipt, Receipt::Run(_))).count(), 1, "{receipts:?}");
            assert!(receipts.contains(&Receipt::Known));
        }
        assert_eq!(rows(&database, "message"), 30);
    }

    async fn turns_of_a_thread_never_overlap_whichever_process_takes_its_posts_in(database) {
        let stores = [process_at(&database.url()), process_at(&database.url())];
        let posts = (0..40).map(|secs| {
            let (store, name) = (stores[secs % 2].clone(), ["one", "other"][secs % 2]);
            async move {
                let post = asks(&thread(), secs as i64, "hello");
                store.receive(post, Some(&process(name)), at(0)).await.unwrap().receipt
            }
        });
        let receipts = join_all(posts).await;
        let mut run: Vec<_> = receipts.iter().filter_map(|receipt| match receipt {
            Receipt::Run(claimed) => Some((**claimed).clone()),
            _ => None,
        }).collect();
        assert_eq!(run.len(), 1);
        let first = run.pop().unwrap();
        stores[0].close(&first.lease, says("one"), at(1)).await.unwrap();
        let next = stores[1].delivered(&first.lease, &shown(), Some(&us()), at(1)).await.unwrap().unwrap();
        let answered = stores[0].messages(&thread(), 0, 100, at(1)).await.unwrap();
        assert_eq!(answered.iter().filter(|message| message.turn == Some(next.turn.id)).count(), 39);
    }

    async fn a_deletion_that_meets_its_post_on_its_way_in_leaves_no_word_of_it(database) {
        let (one, other) = (process_at(&database.url()), process_at(&database.url()));
        for (secs, channel) in (0..).zip(channels(40)) {
            let key = thread_of("T1", &channel, 0);
            let (arrives, erases) = (one.receive(asks(&key, secs, "secret"), None, at(0)), other.erase(&key.workspace, &key.channel, ts(secs), at(0)));
            let (received, erased) = tokio::join!(arrives, erases);
            match received.unwrap().receipt {
                Receipt::Gone => assert_eq!(erased.unwrap(), Erased::Marked),
                Receipt::Waiting(_) => assert!(matches!(erased.unwrap(), Erased::Done { .. })),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(rows(&database, "message"), 0);
    }

    async fn a_stop_reaches_the_process_that_runs_the_turn(database) {
        for url in [database.url(), database.pooled_url()] {
            let (one, other) = (process_at(&url), process_at(&url));
            let key = thread_of("T1", if url == database.url() { "C1" } else { "C2" }, 0);
            let turn = runs(&*one, asks(&key, 0, "hello"), at(0)).await;
            let lease = std::slice::from_ref(&turn.lease);
            assert_eq!(one.stopped(lease).await.unwrap(), []);
            assert_eq!(other.stop(&key, &Press::at(ts(1))).await.unwrap(), Some(turn.turn.id));
            assert_eq!(one.stopped(lease).await.unwrap(), [turn.turn.id], "it looks so every 1.5 s");
            let renewed = one.renew(lease, 30 * SECOND, at(1)).await.unwrap();
            assert_eq!((renewed.stopped, renewed.lost), (vec![turn.turn.id], vec![]));
        }
    }

    /// The clocks of the two differ by an hour from each other and from the database's.
    async fn deadlines_go_by_the_databases_clock_however_wrong_a_processs_is(database) {
        let (slow, fast) = (at(0), at(7200));
        let [one, other] = [0, 1].map(|_| PostgresStore::open(&database.url(), Rules::default()).unwrap());
        let turn = runs(&one, asks(&thread(), 0, "hello"), slow).await;
        assert!(other.claim(&process("other"), 9, fast).await.unwrap().is_empty(), "the lease is not over");
        one.renew(std::slice::from_ref(&turn.lease), 30 * SECOND, slow).await.unwrap();
        assert!(other.claim(&process("other"), 9, fast).await.unwrap().is_empty(), "the lease was renewed");
        assert_eq!(other.expire(0, 9, fast + HOUR).await.unwrap().sessions, 0);
        assert!(answers(&one, &turn, "hi", slow).await.is_none());
        assert_eq!(other.expire(0, 9, fast + HOUR).await.unwrap().sessions, 0, "nobody was silent for an hour");
        assert_eq!(window(&other, &thread(), fast + HOUR).await, ["hello", "hi"]);
        // A lease that is over is over, whatever the one who looks believes.
        let short = chathakase_session::turn::Claimant { lease: Duration::ZERO, ..us() };
        one.receive(asks(&thread(), 1, "again"), Some(&short), fast).await.unwrap();
        assert_eq!(other.claim(&process("other"), 9, at(-7200)).await.unwrap().len(), 1);
    }

    async fn until_when_nothing_was_missed_goes_by_the_databases_clock(database) {
        let [one, other] = [0, 1].map(|_| PostgresStore::open(&database.url(), Rules::default()).unwrap());
        let dead = chathakase_session::turn::Claimant { lease: Duration::ZERO, ..us() };
        one.note_good(&dead, at(-600), at(0)).await.unwrap();
        let good = other.good_until(&process("other"), at(7200)).await.unwrap().expect("it was noted");
        let ago = at(7200).since(good);
        assert!((600..660).contains(&ago.as_secs()), "ten minutes ago, by either clock, and not {ago:?}");
    }

    async fn when_a_look_came_to_a_spot_goes_by_the_databases_clock(database) {
        let [one, other] = [0, 1].map(|_| PostgresStore::open(&database.url(), Rules::default()).unwrap());
        let ThreadKey { workspace, channel, .. } = thread();
        let spot = Looked { channel, root: None, since: at(-600), at: at(-60) };
        one.note_looked(&workspace, &spot, at(0)).await.unwrap();
        let [found] = other.looked(&workspace, at(7200)).await.unwrap().try_into().unwrap();
        let ago = [found.since, found.at].map(|time| at(7200).since(time).as_secs());
        assert!((600..660).contains(&ago[0]) && (60..120).contains(&ago[1]), "by either clock, and not {ago:?}");
    }

    /// A database that is away holds the end of a reading up; the process's own clock says nothing of that.
    async fn what_came_while_a_reading_waited_to_be_stored_stays_and_what_was_there_before_goes(database) {
        database.own_clock();
        let store = PostgresStore::open(&database.url(), Rules::default()).unwrap();
        store.receive(tells(&thread(), 0, "deleted"), None, at(0)).await.unwrap();
        database.put_clock_forward(1);
        let read = ReadBack { began: store.time(at(0)).await.unwrap(), ..whole(Vec::new(), 100) };
        database.put_clock_forward(1);
        store.receive(tells(&thread(), 1, "new"), None, at(0)).await.unwrap();
        database.put_clock_forward(60);
        store.reconcile(&thread(), read, at(0)).await.unwrap();
        assert_eq!(window(&store, &thread(), at(0)).await, ["new"]);
    }

    async fn two_processes_may_make_the_tables_at_once(database) {
        let url = database.url();
        let opens = (0..4).map(|_| {
            let url = url.clone();
            std::thread::spawn(move || PostgresStore::open(&url, Rules::default()).map(drop))
        });
        for opened in opens.collect::<Vec<_>>() {
            opened.join().unwrap().unwrap();
        }
    }
}
