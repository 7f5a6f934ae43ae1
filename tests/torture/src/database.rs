//! The database of a run, on the server of `scripts/with_postgres`: its time passes as fast as the run's, and the wire to it can
//! be cut.
//!
//! What a crash of the server would cost is not asked here: PostgreSQL keeps its own promise, and that a commit of ours waits for
//! it (`synchronous_commit`) is asserted by the store's tests.

use std::net::{Ipv4Addr, SocketAddr};

use test_database::TestDatabase;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::clock::Pace;

pub(crate) struct Database {
    database: TestDatabase,
    url: String,
    wire: watch::Sender<Wire>,
}

/// The state of the wire between the processes and the server.
#[derive(Clone, Copy, Default)]
struct Wire {
    cuts: u64,
    down: bool,
}

impl Database {
    /// An empty one, reached through a pgbouncer if it is `pooled`.
    pub(crate) async fn new(pace: Pace, pooled: bool) -> anyhow::Result<Self> {
        anyhow::ensure!(TestDatabase::is_there(), "there is no server; begin the command with scripts/with_postgres");
        let database = TestDatabase::new();
        database.run(&pace.for_database());
        let url = if pooled { database.pooled_url() } else { database.url() };
        let wire = watch::Sender::default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (server, here) = (place(&url).to_owned(), listener.local_addr()?);
        let url = url.replace(&server, &here.to_string());
        tokio::spawn(carry_all(listener, server.parse()?, wire.subscribe()));
        Ok(Self { database, url, wire })
    }

    /// Its address, with the wire in it.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// Ends all connections as a restart of the server does.
    pub(crate) fn ends_connections(&self) {
        self.database.cut_connections();
    }

    /// Cuts all connections: what was on its way is lost, also the word that a commit has happened.
    pub(crate) fn cut(&self) {
        self.wire.send_modify(|wire| wire.cuts += 1);
    }

    /// Cuts all connections, and takes no new ones until it is no longer `down`.
    pub(crate) fn set_down(&self, down: bool) {
        self.wire.send_modify(|wire| *wire = Wire { cuts: wire.cuts + 1, down });
    }
}

/// Host and port of a URL.
fn place(url: &str) -> &str {
    url.split(['@', '/']).nth(3).unwrap_or_default()
}

/// Until the other end of `wire` is gone.
async fn carry_all(listener: TcpListener, server: SocketAddr, mut wire: watch::Receiver<Wire>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                let mut wire = wire.clone();
                if !wire.borrow_and_update().down {
                    tokio::spawn(carry(client, server, wire));
                }
            }
            changed = wire.changed() => if changed.is_err() { return },
        }
    }
}

async fn carry(mut client: TcpStream, server: SocketAddr, mut wire: watch::Receiver<Wire>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    // A write must not wait until it can be sent with the next.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = wire.changed() => {}
    }
}
