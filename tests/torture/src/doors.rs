//! The balancer before the processes: signed requests go to those that listen, in turn.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chathakase_session::time::SharedClock;
use chathakase_sim::slack::SmallSlack;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A port where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1";

/// How often a load balancer looks.
const LOOK: Duration = Duration::from_secs(1);

/// Who listens, by the process's number. Clones are the same.
#[derive(Clone)]
pub(crate) struct Doors {
    slack: SmallSlack,
    open: Arc<Mutex<BTreeMap<usize, SocketAddr>>>,
}

impl Doors {
    /// Doors to which that Slack brings its events, if it does not wait for connections.
    pub(crate) fn of(slack: &SmallSlack) -> Self {
        Self { slack: slack.clone(), open: Arc::default() }
    }

    /// A process is ready.
    pub(crate) fn opened(&self, replica: usize, at: SocketAddr) {
        let mut open = self.lock();
        open.insert(replica, at);
        self.deliver(&open);
    }

    /// It is gone, and its port may belong to somebody else by now.
    pub(crate) fn closed(&self, replica: usize) {
        let mut open = self.lock();
        open.remove(&replica);
        self.deliver(&open);
    }

    /// Looks at `/readyz` every second as a load balancer does. Does not end.
    pub(crate) async fn watch(self, clock: SharedClock) {
        loop {
            clock.sleep(LOOK).await;
            let listening: Vec<(usize, SocketAddr)> = self.lock().iter().map(|(number, at)| (*number, *at)).collect();
            for (number, at) in listening {
                if !is_ready(at).await.unwrap_or(false) {
                    self.closed(number);
                }
            }
        }
    }

    fn deliver(&self, open: &BTreeMap<usize, SocketAddr>) {
        let urls: Vec<String> = open.values().map(|address| format!("http://{address}")).collect();
        if urls.is_empty() { self.slack.deliver_to(NOWHERE) } else { self.slack.deliver_to_any(&urls) }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, SocketAddr>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn is_ready(at: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(at).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: balancer\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
