//! One connection, used by one thread that waits for it.
//!
//! The thread drives the connection itself: an answer wakes nobody but who waits for it. Writes are sent and not waited
//! for; PostgreSQL carries out what comes on a connection in order, so a read sees them, and a commit fails with them.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use chathakase_session::{
    chain,
    store::{Result, StoreError},
};
use futures_util::future::join_all;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};
use tokio_postgres::{
    Client, Connection, Error, Row, Socket, Statement,
    tls::MakeTlsConnect,
    types::{ToSql, Type},
};

use super::{
    address::Address,
    cells::{Unanswered, is_aftermath, unavailable},
    param::Param,
    tls::Tls,
};

/// How long a goodbye may take (1 s).
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);

type Sent = Pin<Box<dyn Future<Output = std::result::Result<(), Error>> + Send>>;

/// What drives a connection.
pub(super) type Driver = Connection<Socket, <Tls as MakeTlsConnect<Socket>>::Stream>;

/// A statement with its values.
pub(super) type Ask = (&'static str, Vec<Param>);

pub(super) struct Link {
    runtime: Runtime,
    driver: JoinHandle<()>,
    client: Arc<Client>,
    /// Whether statements stay prepared.
    keeps: bool,
    statements: RefCell<HashMap<&'static str, Statement>>,
    /// What was sent and not yet waited for.
    sent: RefCell<VecDeque<Sent>>,
    /// How long each answer may take; `None` for as long as it takes.
    answered_within: Option<Duration>,
    /// An answer did not come in time. Whatever still comes is not for anybody.
    hangs: Cell<bool>,
}

/// There is no connection, for a reason that is none of PostgreSQL's own.
fn unconnected(what: &str, cause: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable { what: what.to_owned(), cause: Some(Box::new(cause)) }
}

/// An answer did not come within its limit.
pub(super) fn unanswered(limit: Duration) -> StoreError {
    unconnected("the database does not answer", Unanswered { limit })
}

/// A connection, and what drives it.
pub(super) async fn established(address: &Address) -> Result<(Client, Driver)> {
    let tls = Tls::new(&address.trust);
    let tls = tls.map_err(|cause| unconnected("the certificates named in the address cannot be used", cause))?;
    let connected = within(address.connect_within, address.config.connect(tls)).await;
    connected.map_err(|late| unconnected("the database does not answer", late))?.map_err(unavailable)
}

impl Link {
    pub(super) fn connect(address: &Address) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|cause| unconnected("no connection could be set up", cause))?;
        let (client, connection) = runtime.block_on(established(address))?;
        let driver = runtime.spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(error = %chain(&error), "a connection to the database ended");
            }
        });
        Ok(Self {
            runtime,
            driver,
            client: Arc::new(client),
            keeps: !address.pooled,
            statements: RefCell::default(),
            sent: RefCell::default(),
            answered_within: None,
            hangs: Cell::new(false),
        })
    }

    /// A connection each of whose answers comes in time, or never: a server that hangs, or a network that swallows everything, must
    /// not hold whoever waits for it. Not for what may take long, such as migrations.
    pub(super) fn connect_impatiently(address: &Address) -> Result<Self> {
        Ok(Self::connect(address)?.impatient(address))
    }

    pub(super) fn impatient(self, address: &Address) -> Self {
        Self { answered_within: Some(address.answered_within), ..self }
    }

    /// Says goodbye. Like a drop, only for threads that may wait.
    pub(super) fn close(self) {
        let Self { runtime, driver, client, sent, .. } = self;
        drop((sent, client));
        let _ = runtime.block_on(within(GOODBYE_WITHIN, driver));
    }

    /// Whether the other end is gone, as far as is known.
    pub(super) fn is_lost(&self) -> bool {
        self.client.is_closed() || self.hangs.get()
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let Some(limit) = self.answered_within else { return Ok(self.runtime.block_on(work)) };
        if !self.hangs.get()
            && let Ok(answer) = self.runtime.block_on(within(limit, work))
        {
            return Ok(answer);
        }
        self.hangs.set(true);
        Err(unanswered(limit))
    }

    /// Sends statements that have no values and give no rows.
    pub(super) fn command(&self, sql: &'static str) -> Result<()> {
        let client = self.client.clone();
        self.begin(Box::pin(async move { client.batch_execute(sql).await }))
    }

    /// Sends a statement whose rows nobody wants.
    pub(super) fn send(&self, sql: &'static str, params: Vec<Param>) -> Result<()> {
        let asked = self.asked((sql, params))?;
        self.begin(Box::pin(async move { asked.await.map(drop) }))
    }

    /// Sends a statement and waits for its rows.
    pub(super) fn query(&self, sql: &'static str, params: Vec<Param>) -> Result<Vec<Row>> {
        Ok(self.query_all(vec![(sql, params)])?.pop().unwrap_or_default())
    }

    /// Sends statements together and waits for the rows of all.
    pub(super) fn query_all(&self, asks: Vec<Ask>) -> Result<Vec<Vec<Row>>> {
        let asked = asks.into_iter().map(|ask| self.asked(ask)).collect::<Result<Vec<_>>>()?;
        let given = self.wait(join_all(asked))?;
        // What was sent before is answered before.
        self.settle()?;
        given.into_iter().collect::<std::result::Result<_, _>>().map_err(unavailable)
    }

    /// Waits for all that was sent; its first failure is the one that counts.
    pub(super) fn settle(&self) -> Result<()> {
        let sent = std::mem::take(&mut *self.sent.borrow_mut());
        let mut failed = Ok(());
        for ended in self.wait(join_all(sent))? {
            let ended = ended.map_err(unavailable);
            if failed.as_ref().err().is_none_or(is_aftermath) && ended.is_err() {
                failed = ended;
            }
        }
        failed
    }

    fn begin(&self, mut work: Sent) -> Result<()> {
        // The first poll puts the bytes into the connection's queue.
        match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ended) => ended.map_err(unavailable),
            Poll::Pending => {
                self.sent.borrow_mut().push_back(work);
                Ok(())
            }
        }
    }

    fn asked(&self, (sql, params): Ask) -> Result<impl Future<Output = std::result::Result<Vec<Row>, Error>> + use<>> {
        let statement = if self.keeps { Some(self.prepared(sql, &params)?) } else { None };
        let client = self.client.clone();
        Ok(async move {
            match statement {
                Some(statement) => {
                    let params: Vec<_> = params.iter().map(|param| param as &(dyn ToSql + Sync)).collect();
                    client.query(&statement, &params).await
                }
                None => {
                    let params: Vec<_> =
                        params.iter().map(|param| (param as &(dyn ToSql + Sync), param.kind())).collect();
                    client.query_typed(sql, &params).await
                }
            }
        })
    }

    /// A statement that stays prepared for this connection.
    fn prepared(&self, sql: &'static str, params: &[Param]) -> Result<Statement> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let kinds: Vec<Type> = params.iter().map(Param::kind).collect();
        let prepared = self.wait(self.client.prepare_typed(sql, &kinds))?;
        let statement = match prepared.map_err(unavailable) {
            Ok(statement) => statement,
            // What was sent before has failed, and says why.
            Err(error) if is_aftermath(&error) => return Err(self.settle().err().unwrap_or(error)),
            Err(error) => return Err(error),
        };
        self.statements.borrow_mut().insert(sql, statement.clone());
        Ok(statement)
    }
}

#[expect(clippy::disallowed_methods, reason = "a limit of the network's, on a runtime of its own; no test moves it")]
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = T>,
) -> std::result::Result<T, tokio::time::error::Elapsed> {
    tokio::time::timeout(limit, work).await
}
