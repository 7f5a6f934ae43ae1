//! Readers: connections that only read, used beside the writers on blocking threads.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use chathakase_session::{
    Timestamp,
    store::{Result, StoreError},
};
use tokio::sync::Semaphore;

use super::{
    address::Address,
    cells::is_loss,
    link::Link,
    tables::{Needs, Sql},
};

/// How often a read is begun whose connection is lost.
const ATTEMPTS_MAX: u32 = 5;

/// The connections that are free; one more read than there may be waits for its turn.
pub(super) struct Readers {
    address: Arc<Address>,
    free: Mutex<Vec<Link>>,
    permits: Arc<Semaphore>,
    closed: AtomicBool,
}

impl Readers {
    /// Up to `count` connections, which are made when they are needed.
    pub(super) fn new(address: Arc<Address>, count: usize) -> Self {
        let permits = Arc::new(Semaphore::new(count.max(1)));
        Self { address, free: Mutex::default(), permits, closed: AtomicBool::default() }
    }

    /// Runs `work` in one read transaction: all it sees is of one moment. Its time is the database's.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        needs: Needs,
        work: impl Fn(&Sql<'_>, Timestamp) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let readers = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            // Held until the connection is back, even when the caller has gone.
            let _permit = permit;
            readers.read_now(&needs, work)
        });
        read.await.map_err(|cause| StoreError::Unavailable {
            what: "a read was broken off".to_owned(),
            cause: Some(Box::new(cause)),
        })?
    }

    fn read_now<T>(&self, needs: &Needs, work: impl Fn(&Sql<'_>, Timestamp) -> Result<T>) -> Result<T> {
        let mut attempts = 1;
        loop {
            let known = self.lock().pop().filter(|link| !link.is_lost());
            let link = known.map_or_else(|| Link::connect_impatiently(&self.address), Ok)?;
            match in_transaction(&link, needs, &work) {
                // It may have been lost long ago. Reading again harms nobody.
                Err(error) if is_loss(&error) && attempts < ATTEMPTS_MAX => attempts += 1,
                Err(error) if is_loss(&error) => return Err(error),
                given => {
                    self.give_back(link);
                    return given;
                }
            }
        }
    }

    /// Lets no read begin any more, and closes what is free. Only for threads that may wait.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.permits.close();
        let free = std::mem::take(&mut *self.lock());
        free.into_iter().for_each(Link::close);
    }

    fn give_back(&self, link: Link) {
        if self.closed.load(Ordering::SeqCst) {
            link.close();
        } else {
            self.lock().push(link);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Link>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_transaction<T>(link: &Link, needs: &Needs, work: impl Fn(&Sql<'_>, Timestamp) -> Result<T>) -> Result<T> {
    let given = Sql::read(link, needs).and_then(|(sql, start)| work(&sql, start.now));
    let ended = link.command("ROLLBACK").and_then(|()| link.settle());
    let given = given?;
    ended.map(|()| given)
}
