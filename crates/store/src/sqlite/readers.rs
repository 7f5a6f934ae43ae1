//! Readers: connections that cannot write, used beside the writer on blocking threads.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use chathakase_session::{
    store::{Result, StoreError},
    time::SharedClock,
};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{
    cells::unavailable,
    tables::{Sql, State},
    writer::Job,
};
use crate::queue::Queue;

/// The longest that one read may take (1 s): a reader keeps the write-ahead log from shrinking.
const READ_WITHIN: Duration = Duration::from_secs(1);
/// How many steps of SQLite's machine pass between two looks at the clock.
const OPS_BETWEEN_LOOKS: i32 = 10_000;

struct Reader {
    conn: Connection,
    /// When its read must end, in microseconds of the monotonic clock.
    until: Arc<AtomicU64>,
}

/// The readers that are free; one more read than there are waits for its turn.
pub(super) struct Readers {
    free: Mutex<Vec<Reader>>,
    permits: Arc<Semaphore>,
    clock: SharedClock,
    closed: AtomicBool,
    wants_nudge: Arc<AtomicBool>,
    queue: Arc<Queue<Job>>,
}

impl Readers {
    pub(super) fn new(
        conns: Vec<Connection>,
        clock: SharedClock,
        wants_nudge: Arc<AtomicBool>,
        queue: Arc<Queue<Job>>,
    ) -> rusqlite::Result<Self> {
        let permits = Arc::new(Semaphore::new(conns.len()));
        let free = conns.into_iter().map(|conn| watched(conn, clock.clone())).collect::<rusqlite::Result<_>>()?;
        Ok(Self { free: Mutex::new(free), permits, clock, closed: AtomicBool::new(false), wants_nudge, queue })
    }

    /// Runs `work` in one read transaction: all it sees is of one moment.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Sql<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let readers = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            // Held until the connection is back, even when the caller has gone.
            let _permit = permit;
            let Some(reader) = readers.lock().pop() else { return Err(StoreError::Closed) };
            let until = readers.clock.monotonic() + READ_WITHIN;
            reader.until.store(u64::try_from(until.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            let given = in_transaction(&reader.conn, work);
            readers.give_back(reader);
            given
        });
        read.await.map_err(|cause| StoreError::Unavailable {
            what: "a read was broken off".to_owned(),
            cause: Some(Box::new(cause)),
        })?
    }

    /// Lets no read begin any more, and closes what is free.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.permits.close();
        self.lock().clear();
    }

    fn give_back(&self, reader: Reader) {
        if !self.closed.load(Ordering::SeqCst) {
            self.lock().push(reader);
        }
        if self.wants_nudge.swap(false, Ordering::SeqCst) {
            self.queue.nudge();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_transaction<T>(conn: &Connection, work: impl FnOnce(&Sql<'_>) -> Result<T>) -> Result<T> {
    let transaction = conn.unchecked_transaction().map_err(unavailable)?;
    // Dropped, it is rolled back: there is nothing to commit.
    work(&Sql { conn: &transaction, state: &State::default() })
}

fn watched(mut conn: Connection, clock: SharedClock) -> rusqlite::Result<Reader> {
    let until = Arc::new(AtomicU64::new(u64::MAX));
    let limit = until.clone();
    let late = move || clock.monotonic().as_micros() > u128::from(limit.load(Ordering::Relaxed));
    conn.progress_handler(OPS_BETWEEN_LOOKS, Some(late))?;
    Ok(Reader { conn, until })
}
