//! Readers beside the writer: what they may not do, and what waits for them.

use std::{sync::Arc, time::Duration};

use chathakase_session::store::{Rules, SessionStore, StoreError};
use chathakase_sim::ManualClock;
use futures_util::FutureExt;

use super::{SqliteStore, cells::unavailable, tables::Sql};

fn open(clock: &ManualClock) -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::open(&path, Rules::default(), Arc::new(clock.clone())).unwrap();
    (folder, store)
}

#[tokio::test]
async fn a_read_that_takes_longer_than_it_may_is_broken_off() {
    let clock = ManualClock::new();
    let (_folder, store) = open(&clock);
    let count = |up_to: u32, passes: Duration| {
        let clock = clock.clone();
        store.readers.read(move |sql: &Sql<'_>| {
            clock.advance(passes);
            let sql_text =
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*) FROM n";
            sql.conn.query_row(sql_text, [up_to], |row| row.get::<_, u32>(0)).map_err(unavailable)
        })
    };
    let second = Duration::from_secs(1);
    assert_eq!(count(100_000, second).await.unwrap(), 100_000);
    let error = count(u32::MAX, second + Duration::from_millis(1)).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        "the store cannot write now (a read took longer than it may); it will be tried again"
    );
    assert_eq!(count(100_000, Duration::ZERO).await.unwrap(), 100_000, "the reader is good for the next");
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let (_folder, store) = open(&ManualClock::new());
    let written = store.readers.read(|sql| sql.beat()).await;
    assert!(matches!(written, Err(StoreError::Unavailable { .. })));
}

/// The log cannot be emptied while a reader needs it. Whoever waits for that is told when the reader has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_is_settled_when_the_reader_in_its_way_has_ended() {
    let (_folder, store) = open(&ManualClock::new());
    let (begun, begins) = tokio::sync::oneshot::channel();
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let readers = store.readers.clone();
    let reading = tokio::spawn(async move {
        readers
            .read(move |sql| {
                // The first look at a table is what a reader's moment begins with.
                sql.conn
                    .query_row("SELECT count(*) FROM content", [], |row| row.get::<_, u32>(0))
                    .map_err(unavailable)?;
                begun.send(()).unwrap();
                ends.recv().unwrap();
                Ok(())
            })
            .await
    });
    begins.await.unwrap();
    store.step(0, |sql| sql.erase_nothing()).await.unwrap();
    let mut settled = Box::pin(store.erasures_settled());
    for _ in 0..10 {
        store.check().await.unwrap();
        assert!(settled.as_mut().now_or_never().is_none());
    }
    end.send(()).unwrap();
    settled.await.unwrap();
    reading.await.unwrap().unwrap();
}

impl Sql<'_> {
    /// An erasure as far as the writer can tell.
    fn erase_nothing(&self) -> chathakase_session::store::Result<()> {
        self.state.erased.set(true);
        self.beat()
    }
}
