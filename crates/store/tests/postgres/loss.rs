//! Connections that are lost inside steps, and transactions that clash: each step is done once, and its caller told so.

use std::{sync::Arc, time::Duration};

use chathakase_session::{
    store::{Receipt, SessionStore},
    turn::PartMode,
};
use chathakase_store::postgres::Options;
use futures_util::future::join_all;
use test_database::{Cut, Proxy};

use crate::{COMMIT, channels, kit::*, process_at, process_with, rows, with_database};

/// How long an answer may take where one does not come: longer than those that come take on a busy machine.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// Waits for `work` for so long by the world's clock: PostgreSQL goes by no other.
#[expect(clippy::disallowed_methods, reason = "how long a caller waits is what is measured")]
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, work).await.expect("it takes longer")
}

with_database! {
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
        let options = Options { answered_within: ANSWERED_WITHIN, ..Options::default() };
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
        let options = Options { answered_within: ANSWERED_WITHIN, ..Options::default() };
        let store = process_with(&proxy.url(&database.url()), options);
        let turn = runs(&*store, asks(&thread(), 0, "hello"), at(0)).await;
        proxy.cut(Cut::Swallowed(COMMIT));
        store.part_open(&turn.lease, 0, PartMode::Stream, ts(2)).await.unwrap();
        assert_eq!(proxy.cuts(), 1);
        assert_eq!(rows(&database, "part"), 1);
    }

    /// The words of the commit go nowhere, and no connection comes about any more.
    async fn a_commit_that_nobody_can_be_asked_about_is_said_to_be_unknown_and_the_next_step_is_done(database) {
        let proxy = Proxy::to(&database.url()).await;
        let options = Options { answered_within: ANSWERED_WITHIN, ..Options::default() };
        let store = process_with(&format!("{}&connect_timeout=1", proxy.url(&database.url())), options);
        let turn = runs(&*store, asks(&thread(), 0, "hello"), at(0)).await;
        proxy.cut(Cut::Sticks(COMMIT));
        // Half as long again as an answer may take, and as much again for a busy machine.
        let closed = within(ANSWERED_WITHIN * 3, store.close(&turn.lease, says("hi"), at(1)));
        let unknown = closed.await.unwrap_err();
        assert!(unknown.is_retryable() && unknown.to_string().contains("whether that was done is not known"), "{unknown}");
        proxy.sticks(false);
        // It was not done; had it been, the first closing would stand.
        store.close(&turn.lease, says("well"), at(2)).await.unwrap();
        store.delivered(&turn.lease, &shown(), None, at(2)).await.unwrap();
        assert_eq!(window(&*store, &thread(), at(2)).await, ["hello", "well"]);
    }

    /// The end of a transaction that wrote nothing goes nowhere.
    async fn what_became_of_a_step_that_wrote_nothing_is_known(database) {
        let proxy = Proxy::to(&database.url()).await;
        let options = Options { answered_within: ANSWERED_WITHIN, ..Options::default() };
        let store = process_with(&format!("{}&connect_timeout=1", proxy.url(&database.url())), options);
        runs(&*store, asks(&thread(), 0, "hello"), at(0)).await;
        proxy.cut(Cut::Sticks("ROLLBACK\0"));
        let error = store.receive(asks(&thread(), 0, "hello"), None, at(1)).await.unwrap_err();
        assert!(error.is_retryable() && !error.to_string().contains("is not known"), "{error}");
        proxy.sticks(false);
        assert_eq!(receipt(&*store, asks(&thread(), 0, "hello"), at(2)).await, Receipt::Known);
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
