//! The store in one SQLite file: durable before it answers, one writer, readers beside it.

mod cells;
mod copy;
#[cfg(test)]
mod growth;
mod look;
mod migrate;
mod open;
#[cfg(test)]
mod plans;
mod readers;
mod step;
mod store;
mod sweep;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    collections::VecDeque,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    thread::JoinHandle,
};

use chathakase_session::{
    store::{Result, Rules, StoreError},
    time::SharedClock,
};
use tokio::sync::{Semaphore, oneshot};

pub(crate) use copy::{CopyEnd, is_clash};
pub use look::Found;
pub(crate) use look::look;
pub use migrate::SCHEMA;

use crate::{OpenError, queue::Queue};
use readers::Readers;
use step::Item;
use tables::Sql;
use writer::{House, Job, Writer};

/// Steps from this size on (bytes) count against [`Options::queue_bytes_max`]; smaller ones are bounded by their number.
const LARGE_STEP_BYTES: usize = 4096;
/// What one permit of the queue's room stands for (bytes).
const ROOM_UNIT_BYTES: usize = 1024;

/// How a file is opened. The defaults are for production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Connections that read beside the writer, at least 1 (default 2).
    pub readers: usize,
    /// Steps that may queue for the writer (default 1,024). Callers of more wait.
    pub queue_max: usize,
    /// Content that may queue for the writer in steps of 4 KiB and more (default 16 MiB). Callers of more wait.
    pub queue_bytes_max: usize,
    /// The largest the file may grow to, in pages of 4 KiB (default: no limit but the disk's). Past it, steps that need
    /// room fail as on a full disk.
    pub pages_max: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self { readers: 2, queue_max: 1024, queue_bytes_max: 16 << 20, pages_max: None }
    }
}

/// The settings of SQLite that durability and erasure rest on, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `wal`.
    pub journal_mode: String,
    /// `2`: full, each commit is on the disk before it returns.
    pub synchronous: String,
    /// `1`: freed space is overwritten with zeros.
    pub secure_delete: String,
    /// `1`.
    pub foreign_keys: String,
    /// `2`: nothing temporary is written to a file.
    pub temp_store: String,
    /// `0`: a disk error is an error, not a signal that ends the process.
    pub mmap_size: String,
}

/// Keeps sessions in a SQLite file.
///
/// A step returns when it is on the disk (`synchronous=FULL`). A step whose caller has gone is done all the same. One
/// process at a time opens a file; dropping the store, or [`shutdown`](chathakase_session::store::SessionStore::shutdown),
/// gives it free.
pub struct SqliteStore {
    path: PathBuf,
    queue: Arc<Queue<Job>>,
    /// How much content may still queue, in units.
    room: Arc<Semaphore>,
    room_units: u32,
    readers: Arc<Readers>,
    rules: Arc<Rules>,
    writer: Option<JoinHandle<()>>,
}

/// Finishes what is queued, as [`shutdown`](chathakase_session::store::SessionStore::shutdown) does, and waits for it.
impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.readers.close();
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the file at `path`, making it and its folder when missing, with the default [`Options`].
    pub fn open(path: &Path, rules: Rules, clock: SharedClock) -> std::result::Result<Self, OpenError> {
        Self::open_with(path, rules, clock, &Options::default())
    }

    /// Opens the file at `path`.
    pub fn open_with(
        path: &Path,
        rules: Rules,
        clock: SharedClock,
        options: &Options,
    ) -> std::result::Result<Self, OpenError> {
        let opened = open::open(path, options)?;
        let queue = Arc::new(Queue::new(options.queue_max));
        let wants_nudge = Arc::new(AtomicBool::new(false));
        let readers = Readers::new(opened.readers, clock.clone(), wants_nudge.clone(), queue.clone())
            .map_err(|cause| OpenError::Sqlite { path: path.into(), cause })?;
        let writer = Writer {
            conn: opened.writer,
            state: opened.state,
            rules: rules.clone(),
            clock,
            queue: queue.clone(),
            taken: VecDeque::new(),
            last_batch: 0,
            wants_nudge,
            lock: opened.lock,
            house: House::default(),
            stopped: None,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|cause| OpenError::Thread { cause })?;
        let room_units = u32::try_from(options.queue_bytes_max / ROOM_UNIT_BYTES).unwrap_or(u32::MAX).max(1);
        Ok(Self {
            path: path.into(),
            queue,
            room: Arc::new(Semaphore::new(room_units as usize)),
            room_units,
            readers: Arc::new(readers),
            rules: Arc::new(rules),
            writer: Some(thread),
        })
    }

    /// Returns when nothing of what was erased before is in the database file or its write-ahead log any more. It gets
    /// there by itself within seconds; this is for whoever must know.
    pub async fn erasures_settled(&self) -> Result<()> {
        let (caller, settled) = oneshot::channel();
        self.queue.push(Job::Settle(caller)).await?;
        settled.await.map_err(|_| StoreError::Closed)
    }

    /// What the writer's connection really keeps to, asked of SQLite itself.
    pub async fn settings(&self) -> Result<Settings> {
        self.step(0, |sql| {
            Ok(Settings {
                journal_mode: sql.pragma("journal_mode")?,
                synchronous: sql.pragma("synchronous")?,
                secure_delete: sql.pragma("secure_delete")?,
                foreign_keys: sql.pragma("foreign_keys")?,
                temp_store: sql.pragma("temp_store")?,
                mmap_size: sql.pragma("mmap_size")?,
            })
        })
        .await
    }

    /// Queues a step for the writer and waits until it is committed.
    async fn step<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut Sql<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let room = if bytes < LARGE_STEP_BYTES {
            None
        } else {
            let units = u32::try_from(bytes.div_ceil(ROOM_UNIT_BYTES)).unwrap_or(u32::MAX).min(self.room_units);
            Some(self.room.clone().acquire_many_owned(units).await.map_err(|_| StoreError::Closed)?)
        };
        let (caller, given) = oneshot::channel();
        let item = Item { work: Some(work), bytes, given: None, caller, _room: room };
        self.queue.push(Job::Step(Box::new(item))).await?;
        given.await.map_err(|_| StoreError::Closed)?
    }
}
