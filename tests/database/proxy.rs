//! A wire between a store and its database that is cut where a test says, or passes nothing on for a while.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Where the wire is cut, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// What the client sends with these words does not arrive.
    Before(&'static str),
    /// It arrives, and its answer does not come back.
    After(&'static str),
    /// It arrives, and nothing comes back, not even the end of the connection.
    Swallowed(&'static str),
    /// It does not arrive, and from then on nothing passes on this wire: see [`Proxy::sticks`]. What it was for ends.
    Sticks(&'static str),
}

/// A wire.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    stuck: Arc<watch::Sender<bool>>,
    cut: Planned,
    cuts: Arc<AtomicUsize>,
    commits: Arc<AtomicUsize>,
    closed: Arc<watch::Sender<bool>>,
}

/// As a client sends it.
const COMMIT: &[u8] = b"COMMIT\0";

/// The next cut, and how many such places are left alone before it.
type Planned = Arc<Mutex<Option<(Cut, usize)>>>;

impl Proxy {
    /// A wire to the server of this URL.
    pub async fn to(url: &str) -> Self {
        let server = place(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            cut: Arc::default(),
            cuts: Arc::default(),
            commits: Arc::default(),
            closed: Arc::new(watch::Sender::new(false)),
            stuck: Arc::new(watch::Sender::new(false)),
        };
        let stuck = proxy.stuck.clone();
        let (cut, cuts, closed) =
            (proxy.cut.clone(), [&proxy.cuts, &proxy.commits].map(Arc::clone), proxy.closed.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mut closed = closed.subscribe();
                let carried = carry(client, server.clone(), cut.clone(), cuts.clone(), stuck.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        biased;
                        _ = closed.wait_for(|closed| *closed) => {}
                        () = carried => {}
                    }
                });
            }
        });
        proxy
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL with this wire in it.
    pub fn url(&self, url: &str) -> String {
        // It counts messages, which it could not if they were encrypted.
        format!("{}?sslmode=disable", url.replace(place(url), &self.address.to_string()))
    }

    /// Cuts it at the next such place.
    pub fn cut(&self, cut: Cut) {
        self.cut_later(cut, 0);
    }

    /// Cuts it at such a place, after `spared` others.
    pub fn cut_later(&self, cut: Cut, spared: usize) {
        *self.cut.lock().unwrap() = Some((cut, spared));
    }

    /// Cuts it no more; tells whether it was cut where it was to be.
    pub fn was_cut(&self) -> bool {
        self.cut.lock().unwrap().take().is_none()
    }

    /// Ends all connections, and every one that is made from now on.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }
    /// Lets new connections live again.
    pub fn open(&self) {
        self.closed.send_replace(false);
    }

    /// Whether it passes nothing on any more, neither way. It takes what is sent all the same, and new connections.
    pub fn sticks(&self, stuck: bool) {
        self.stuck.send_replace(stuck);
    }

    /// How many commits were sent over it.
    pub fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }

    /// How often it was cut.
    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

/// Host and port of a URL.
fn place(url: &str) -> &str {
    url.split(['@', '/']).nth(3).unwrap()
}

/// The cut, if these bytes are where it is planned.
fn place_in(bytes: &[u8], planned: &Planned) -> Option<Cut> {
    let has = |words: &str| bytes.windows(words.len()).any(|window| window == words.as_bytes());
    let is_here = |(cut, spared): &mut (Cut, usize)| {
        let (Cut::Before(words) | Cut::After(words) | Cut::Swallowed(words) | Cut::Sticks(words)) = cut;
        has(words) && spared.checked_sub(1).map(|left| *spared = left).is_none()
    };
    planned.lock().unwrap().take_if(is_here).map(|(cut, _)| cut)
}

async fn carry(
    mut client: TcpStream,
    server: String,
    cut: Planned,
    [cuts, commits]: [Arc<AtomicUsize>; 2],
    stick: Arc<watch::Sender<bool>>,
) {
    let mut stuck = stick.subscribe();
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        if stuck.wait_for(|stuck| !stuck).await.is_err() {
            return;
        }
        tokio::select! {
            () = async { drop(stuck.wait_for(|stuck| *stuck).await) } => {}
            read = client.read(&mut up) => {
                let Ok(read @ 1..) = read else { return };
                let sent = up[..read].windows(COMMIT.len()).filter(|window| *window == COMMIT).count();
                commits.fetch_add(sent, Ordering::SeqCst);
                let here = place_in(&up[..read], &cut);
                if here.is_some() {
                    cuts.fetch_add(1, Ordering::SeqCst);
                }
                match here {
                    Some(Cut::Before(_)) => return,
                    Some(Cut::After(_)) => {
                        server.write_all(&up[..read]).await.unwrap();
                        // Answered, and so done.
                        let _ = server.read(&mut down).await;
                        return;
                    }
                    Some(Cut::Swallowed(_)) => {
                        server.write_all(&up[..read]).await.unwrap();
                        let _ = server.read(&mut down).await;
                        while let Ok(1..) = client.read(&mut up).await {}
                        return;
                    }
                    Some(Cut::Sticks(_)) => {
                        stick.send_replace(true);
                        while let Ok(1..) = client.read(&mut up).await {}
                        return;
                    }
                    None if server.write_all(&up[..read]).await.is_err() => return,
                    None => {}
                }
            }
            read = server.read(&mut down) => {
                let Ok(read @ 1..) = read else { return };
                if client.write_all(&down[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}
