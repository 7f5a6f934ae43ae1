//! Connections that are lost inside steps, and transactions that clash: each step is done once, and its caller told so.

use std::{sync::Arc, time::Duration};

use chathakase_session::{
    store::{Amended, Claimed, Erased, Press, Receipt, SessionStore},
    turn::PartMode,
};
use chathakase_store::{PostgresStore, postgres::Options};
use futures_util::future::join_all;
use test_database::{Cut, Proxy};

use crate::{channels, kit::*, process_at, process_with, rows, with_database};

/// Where a transaction can be lost: at its beginning, with its writes on their way, in its commit, and after it.
const CUTS: [Cut; 6] = [
    Cut::Before("BEGIN"),
    Cut::After("BEGIN"),
    Cut::Before("COMMIT"),
    Cut::After("COMMIT"),
    Cut::Before("ROLLBACK"),
    Cut::After("ROLLBACK"),
];

/// The life of a thread, each step of which loses its connection at `cut` if it comes past there.
async fn lives_through(store: &PostgresStore, proxy: &Proxy, cut: Cut) {
    let lose = || proxy.cut(cut);
    lose();
    let turn = runs(store, asks(&thread(), 0, "hello"), at(0)).await;
    lose();
    assert_eq!(receipt(store, asks(&thread(), 0, "hello"), at(0)).await, Receipt::Known);
    lose();
    assert!(matches!(receipt(store, asks(&thread(), 1, "and?"), at(1)).await, Receipt::Waiting(_)));
    lose();
    assert_eq!(store.learn(&turn.lease, read(vec![tells(&thread(), -5, "before")]), at(1)).await.unwrap().new, 1);
    lose();
    assert!(store.renew(std::slice::from_ref(&turn.lease), 30 * SECOND, at(1)).await.unwrap().lost.is_empty());
    lose();
    store.part_intended(&turn.lease, 1, PartMode::Stream).await.unwrap();
    lose();
    store.part_open(&turn.lease, 0, PartMode::Stream, ts(2)).await.unwrap();
    lose();
    store.part_done(&turn.lease, 0, 7).await.unwrap();
    lose();
    assert_eq!(store.stop(&thread(), &Press::at(ts(2))).await.unwrap(), Some(turn.turn.id));
    lose();
    store.release(std::slice::from_ref(&turn.lease), Duration::ZERO, at(2)).await.unwrap();
    lose();
    let claimed: Vec<Claimed> = store.claim(&us(), 9, at(2)).await.unwrap();
    let [again] = &claimed[..] else { panic!("{claimed:?}") };
    assert!(again.adopted && again.turn.stop_requested && again.turn.deaths == 0);
    lose();
    store.close(&again.lease, says("hi"), at(3)).await.unwrap();
    lose();
    let next = store.delivered(&again.lease, &[part(0, 2)], Some(&us()), at(4)).await.unwrap().unwrap();
    lose();
    let key = thread();
    assert_eq!(store.amend(edit(&key, 0, "hello!", 9), at(5)).await.unwrap(), Amended::Done);
    lose();
    assert_eq!(window(store, &key, at(5)).await, ["before", "hello!", "hi", "and?"]);
    lose();
    assert!(answers(store, &next, "well", at(6)).await.is_none());
    lose();
    assert_eq!(store.erase(&key.workspace, &key.channel, ts(0), at(7)).await.unwrap(), Erased::Done { stops: None });
    lose();
    assert_eq!(store.clear(&key, ts(1), at(8)).await.unwrap().messages, 4);
    lose();
    assert_eq!(store.session(&key, at(9)).await.unwrap(), None);
    lose();
    store.check().await.unwrap();
}

with_database! {
    async fn a_connection_lost_at_any_point_of_any_step_costs_nothing(database) {
        for cut in CUTS {
            let database = test_database::TestDatabase::new();
            let proxy = Proxy::to(&database.url()).await;
            let store = process_at(&proxy.url(&database.url()));
            lives_through(&store, &proxy, cut).await;
            assert!(proxy.cuts() >= 2, "{cut:?} came {} times", proxy.cuts());
            store.shutdown().await;
        }
        drop(database);
    }

    async fn a_server_that_ends_all_connections_costs_nothing(database) {
        let store = process_at(&database.url());
        let turn = runs(&*store, asks(&thread(), 0, "hello"), at(0)).await;
        assert!(database.cut_connections() > 0);
        store.part_open(&turn.lease, 0, PartMode::Stream, ts(2)).await.unwrap();
        assert!(database.cut_connections() > 0);
        assert_eq!(window(&*store, &thread(), at(1)).await, ["hello"]);
    }

    async fn callers_of_one_transaction_are_not_hurt_by_one_that_fails(database) {
        let store = process_at(&database.url());
        let turn = runs(&*store, asks(&thread(), 0, "hello"), at(0)).await;
        let mut stranger = turn.lease.clone();
        stranger.fence += 1;
        let refused = store.close(&stranger, says("no"), at(1));
        let received = (1..64).map(|secs| store.receive(tells(&thread(), secs, "more"), None, at(1)));
        let (refused, received) = tokio::join!(refused, join_all(received));
        assert!(matches!(refused, Err(chathakase_session::store::StoreError::LeaseLost { .. })));
        assert!(received.into_iter().all(|received| received.unwrap().receipt == Receipt::Kept));
        assert_eq!(rows(&database, "message"), 64);
    }

    /// The first writes of this database fail as two transactions in each other's way do.
    async fn a_transaction_that_has_to_yield_is_done_again(database) {
        let store = process_at(&database.url());
        database.run("CREATE SEQUENCE failures; CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('failures') <= 3 THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF; RETURN NEW; END $$;
            CREATE TRIGGER fail BEFORE INSERT ON chathakase.message FOR EACH ROW EXECUTE FUNCTION fail()");
        let received = channels(8).map(|channel| {
            let store = Arc::clone(&store);
            async move { store.receive(tells(&thread_of("T1", &channel, 0), 0, "hello"), None, at(0)).await }
        });
        assert!(join_all(received).await.into_iter().all(|received| received.unwrap().receipt == Receipt::Kept));
        assert_eq!(rows(&database, "message"), 8);
    }

    async fn a_deadlock_with_another_program_is_lived_through(database) {
        let store = process_at(&database.url());
        store.receive(tells(&thread(), 0, "hello"), None, at(0)).await.unwrap();
        let other = test_database::connect(&database.url()).await;
        other.batch_execute("SET deadlock_timeout = '1h'; BEGIN; SELECT no FROM chathakase.thread FOR UPDATE").await.unwrap();
        let step = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.receive(tells(&thread(), 1, "more"), None, at(1)).await }
        });
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        while database.run(waits)[0] == "0" {
            tokio::task::yield_now().await;
        }
        // The store holds the channel and wants the row; this wants the channel and holds the row.
        let channel = "SELECT pg_advisory_xact_lock(hashtextextended('T1/C1', 20260101)); COMMIT";
        other.batch_execute(channel).await.unwrap();
        assert_eq!(step.await.unwrap().unwrap().receipt, Receipt::Kept);
    }

    async fn a_database_that_is_away_is_said_to_be_and_comes_back(database) {
        let proxy = Proxy::to(&database.url()).await;
        let store = process_at(&proxy.url(&database.url()));
        proxy.close();
        database.cut_connections();
        let error = store.receive(asks(&thread(), 0, "hello"), None, at(0)).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        proxy.open();
        assert!(matches!(receipt(&*store, asks(&thread(), 0, "hello"), at(0)).await, Receipt::Run(_)));
    }

    /// It takes connections and words, and says nothing.
    async fn a_database_that_hangs_is_said_to_be_away_and_comes_back(database) {
        let proxy = Proxy::to(&database.url()).await;
        let options = Options { answered_within: Duration::from_millis(200), ..Options::default() };
        let store = process_with(&format!("{}&connect_timeout=1", proxy.url(&database.url())), options);
        assert_eq!(window(&*store, &thread(), at(0)).await, [""; 0]);
        proxy.sticks(true);
        let key = thread();
        let (kept, read) = tokio::join!(
            store.receive(asks(&key, 0, "hello"), None, at(0)),
            store.session(&key, at(0)),
        );
        for error in [kept.unwrap_err(), read.unwrap_err()] {
            assert!(error.is_retryable() && error.to_string().contains("does not answer"), "{error}");
        }
        proxy.sticks(false);
        assert!(matches!(receipt(&*store, asks(&thread(), 0, "hello"), at(0)).await, Receipt::Run(_)));
        assert_eq!(window(&*store, &thread(), at(0)).await, ["hello"]);
    }

    /// The words of the commit arrive, and their answer does not.
    async fn a_commit_that_hangs_is_asked_for_and_done_once(database) {
        let proxy = Proxy::to(&database.url()).await;
        let options = Options { answered_within: Duration::from_millis(200), ..Options::default() };
        let store = process_with(&proxy.url(&database.url()), options);
        let turn = runs(&*store, asks(&thread(), 0, "hello"), at(0)).await;
        proxy.cut(Cut::Swallowed("COMMIT"));
        store.part_open(&turn.lease, 0, PartMode::Stream, ts(2)).await.unwrap();
        assert_eq!(proxy.cuts(), 1);
        assert_eq!(rows(&database, "part"), 1);
    }

    async fn who_falls_silent_in_a_transaction_does_not_lock_a_channel_for_ever(database) {
        let store = process_at(&database.url());
        store.receive(asks(&thread(), 0, "hello"), None, at(0)).await.unwrap();
        database.run("CREATE TABLE seen (value text); CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO seen VALUES (current_setting('idle_in_transaction_session_timeout')); RETURN NEW; END $$;
            CREATE TRIGGER see BEFORE INSERT ON chathakase.message FOR EACH ROW EXECUTE FUNCTION see()");
        store.receive(tells(&thread(), 1, "more"), None, at(1)).await.unwrap();
        assert_eq!(database.run("SELECT value FROM seen"), ["30s"]);
    }
}
