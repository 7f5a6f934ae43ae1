//! A wire between a store and its database that is cut where a test says, or passes nothing on for a while.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
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
}

/// A wire.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    stuck: watch::Sender<bool>,
    cut: Arc<Mutex<Option<Cut>>>,
    cuts: Arc<AtomicUsize>,
    closed: Arc<AtomicBool>,
}

impl Proxy {
    /// A wire to the server of this URL.
    pub async fn to(url: &str) -> Self {
        let server = place(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            cut: Arc::default(),
            cuts: Arc::default(),
            closed: Arc::default(),
            stuck: watch::Sender::new(false),
        };
        let stuck = proxy.stuck.subscribe();
        let (cut, cuts, closed) = (proxy.cut.clone(), proxy.cuts.clone(), proxy.closed.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if closed.load(Ordering::SeqCst) {
                    continue;
                }
                tokio::spawn(carry(client, server.clone(), cut.clone(), cuts.clone(), stuck.clone()));
            }
        });
        proxy
    }

    /// The URL with this wire in it.
    pub fn url(&self, url: &str) -> String {
        // It counts messages, which it could not if they were encrypted.
        format!("{}?sslmode=disable", url.replace(place(url), &self.address.to_string()))
    }

    /// Cuts it at the next such place.
    pub fn cut(&self, cut: Cut) {
        *self.cut.lock().unwrap() = Some(cut);
    }

    /// Takes no connection any more.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
    /// Takes connections again.
    pub fn open(&self) {
        self.closed.store(false, Ordering::SeqCst);
    }

    /// Whether it passes nothing on any more, neither way. It takes what is sent all the same, and new connections.
    pub fn sticks(&self, stuck: bool) {
        self.stuck.send_replace(stuck);
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

async fn carry(
    mut client: TcpStream,
    server: String,
    cut: Arc<Mutex<Option<Cut>>>,
    cuts: Arc<AtomicUsize>,
    mut stuck: watch::Receiver<bool>,
) {
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
                let has = |words: &str| up[..read].windows(words.len()).any(|window| window == words.as_bytes());
                let here = cut.lock().unwrap().take_if(|(Cut::Before(words) | Cut::After(words) | Cut::Swallowed(words))| has(words));
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
