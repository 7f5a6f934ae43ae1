//! The store in PostgreSQL, for any number of processes at once.
//!
//! The address is libpq's: `postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full`. Add `pgbouncer=true` when a
//! pgbouncer that pools transactions stands before the database. Tables are in a schema of their own, `chathakase`.

mod address;
mod book;
mod cells;
mod copy;
mod fate;
mod link;
mod migrate;
mod numbers;
mod param;
mod readers;
mod step;
mod store;
mod tables;
mod tls;
mod writer;

use std::{
    collections::VecDeque,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use chathakase_session::{
    Timestamp,
    store::{Result, Rules, StoreError},
};
use tokio::sync::{Semaphore, oneshot};

pub(crate) use copy::{CopyEnd, is_double};
pub use migrate::SCHEMA;

use crate::{OpenError, queue::Queue};
use address::Address;
use link::Link;
use numbers::Numbers;
use readers::Readers;
use step::Item;
use tables::{Needs, Sql};
use writer::{Job, Writer};

/// Steps from this size on (bytes) count against [`Options::queue_bytes_max`]; smaller ones are bounded by their number.
const LARGE_STEP_BYTES: usize = 4096;
/// What one permit of the queue's room stands for (bytes).
const ROOM_UNIT_BYTES: usize = 1024;

/// Whose clock deadlines go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadlines {
    /// The database's: the clocks of processes may differ by minutes.
    Database,
    /// The caller's, as each step is given it: for tests that move the time by hand.
    Caller,
}

/// How a database is opened. The defaults are for production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Connections that write, each with a thread of its own, at least 1 (default 4).
    pub writers: usize,
    /// Connections that read, at least 1 (default 4). They are made when they are needed.
    pub readers: usize,
    /// Steps that may queue for one writer (default 1,024). Callers of more wait.
    pub queue_max: usize,
    /// Content that may queue for the writers in steps of 4 KiB and more (default 16 MiB). Callers of more wait.
    pub queue_bytes_max: usize,
    /// Whose clock deadlines go by (default the database's).
    pub deadlines: Deadlines,
    /// Whether tables of an earlier build are brought up to date (default yes). Else they are refused: processes of that build may
    /// be using them.
    pub upgrades: bool,
    /// How long the database may take for one answer (default 10 s). Past it the connection counts as lost: what it was about is done
    /// again over another one, or its callers are told that the database does not answer.
    pub answered_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            writers: 4,
            readers: 4,
            queue_max: 1024,
            queue_bytes_max: 16 << 20,
            deadlines: Deadlines::Database,
            upgrades: true,
            answered_within: address::ANSWERED_WITHIN,
        }
    }
}

/// Keeps sessions in a PostgreSQL database.
///
/// A step returns when its commit has: `synchronous_commit` is looked at in each transaction, and switched on where it is off.
/// A step whose caller has gone is done all the same. Dropping the store, or
/// [`shutdown`](chathakase_session::store::SessionStore::shutdown), closes its connections.
pub struct PostgresStore {
    address: Arc<Address>,
    queues: Vec<Arc<Queue<Job>>>,
    /// How much content may still queue, in units.
    room: Arc<Semaphore>,
    room_units: u32,
    readers: Arc<Readers>,
    rules: Arc<Rules>,
    deadlines: Deadlines,
    writers: Vec<JoinHandle<()>>,
    /// A permit for each writer that has ended.
    ended: Arc<Semaphore>,
}

/// Finishes what is queued, as [`shutdown`](chathakase_session::store::SessionStore::shutdown) does, and waits for it.
impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.queues.iter().for_each(|queue| queue.close());
        for writer in self.writers.drain(..) {
            let _ = writer.join();
        }
        let readers = self.readers.clone();
        let _ = std::thread::spawn(move || readers.close()).join();
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("address", &self.address).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Opens the database at `url` with the default [`Options`], and makes its tables when missing.
    pub fn open(url: &str, rules: Rules) -> std::result::Result<Self, OpenError> {
        Self::open_with(url, rules, &Options::default())
    }

    /// Opens the database at `url`, and makes its tables when missing.
    pub fn open_with(url: &str, rules: Rules, options: &Options) -> std::result::Result<Self, OpenError> {
        let address = Address { answered_within: options.answered_within, ..Address::parse(url)? };
        let address = Arc::new(address);
        let mut first = Some(connect_beside(&address, options.upgrades)?.impatient(&address));
        let numbers = Arc::new(Numbers::default());
        let ended = Arc::new(Semaphore::new(0));
        let (mut queues, mut writers) = (Vec::new(), Vec::new());
        for _ in 0..options.writers.max(1) {
            let queue = Arc::new(Queue::new(options.queue_max));
            let writer = Writer {
                address: address.clone(),
                queue: queue.clone(),
                numbers: numbers.clone(),
                link: first.take(),
                taken: VecDeque::new(),
                // An earlier process may have left some.
                discarded: queues.is_empty(),
            };
            let ended = ended.clone();
            let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
                writer.run();
                ended.add_permits(1);
            });
            writers.push(thread.map_err(|cause| OpenError::Thread { cause })?);
            queues.push(queue);
        }
        let room_units = u32::try_from(options.queue_bytes_max / ROOM_UNIT_BYTES).unwrap_or(u32::MAX).max(1);
        Ok(Self {
            readers: Arc::new(Readers::new(address.clone(), options.readers)),
            address,
            queues,
            room: Arc::new(Semaphore::new(room_units as usize)),
            room_units,
            rules: Arc::new(rules),
            deadlines: options.deadlines,
            writers,
            ended,
        })
    }

    /// How durable a step is when it returns, asked of the connection and the transaction that wrote it: `synchronous_commit` in
    /// PostgreSQL's own words.
    pub async fn durability(&self) -> Result<String> {
        self.alone(Timestamp::default(), |sql, _| sql.beat().and_then(|()| sql.setting("synchronous_commit"))).await
    }

    /// A step about what `needs` names.
    async fn step<T: Send + 'static>(
        &self,
        needs: Needs,
        bytes: usize,
        now: Timestamp,
        work: impl Fn(&mut Sql<'_>, Timestamp) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.queue(needs, false, bytes, now, work).await
    }

    /// A step that finds out itself what it is about.
    async fn alone<T: Send + 'static>(
        &self,
        now: Timestamp,
        work: impl Fn(&mut Sql<'_>, Timestamp) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.queue(Needs::default(), true, 0, now, work).await
    }

    /// Queues a step for the writer of its channel and waits until it is committed.
    async fn queue<T: Send + 'static>(
        &self,
        needs: Needs,
        alone: bool,
        bytes: usize,
        now: Timestamp,
        work: impl Fn(&mut Sql<'_>, Timestamp) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let room = if bytes < LARGE_STEP_BYTES {
            None
        } else {
            let units = u32::try_from(bytes.div_ceil(ROOM_UNIT_BYTES)).unwrap_or(u32::MAX).min(self.room_units);
            Some(self.room.clone().acquire_many_owned(units).await.map_err(|_| StoreError::Closed)?)
        };
        let queue = self.queue_of(&needs);
        let now = (self.deadlines == Deadlines::Caller).then_some(now);
        let (caller, given) = oneshot::channel();
        let item = Item { needs, alone, work, now, bytes, given: None, caller, _room: room };
        queue.push(Box::new(item)).await?;
        given.await.map_err(|_| StoreError::Closed)?
    }

    fn queue_of(&self, needs: &Needs) -> &Queue<Job> {
        let mut hasher = DefaultHasher::new();
        needs.places.first().hash(&mut hasher);
        let writer = hasher.finish() % self.queues.len() as u64;
        &self.queues[usize::try_from(writer).unwrap_or(0)]
    }

    /// Reads, with the time that counts.
    async fn look<T: Send + 'static>(
        &self,
        needs: Needs,
        now: Timestamp,
        work: impl Fn(&Sql<'_>, Timestamp) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let given = (self.deadlines == Deadlines::Caller).then_some(now);
        self.readers.read(needs, move |sql, now| work(sql, given.unwrap_or(now))).await
    }
}

/// Connects and migrates on a thread of its own: the caller's may be one that must not wait.
fn connect_beside(address: &Address, upgrades: bool) -> std::result::Result<Link, OpenError> {
    let open = || {
        let link = Link::connect(address).map_err(|cause| OpenError::postgres(&address.shown, cause))?;
        migrate::run(&link, address, upgrades)?;
        match copy::position(&link).map_err(|cause| OpenError::postgres(&address.shown, cause))? {
            Some(unfinished) => {
                link.close();
                Err(OpenError::Unfinished { at: address.shown.clone(), of: unfinished.source })
            }
            None => Ok(link),
        }
    };
    let opened = std::thread::scope(|scope| scope.spawn(open).join());
    opened.unwrap_or_else(|_| Err(OpenError::Thread { cause: std::io::Error::other("the thread that connects died") }))
}
