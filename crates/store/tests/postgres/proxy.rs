//! A wire between a store and its database that is cut where a test says.

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
};

/// Where the wire is cut, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// What the client sends with these words does not arrive.
    Before(&'static str),
    /// It arrives, and its answer does not come back.
    After(&'static str),
}

pub(crate) struct Proxy {
    address: SocketAddr,
    cut: Arc<Mutex<Option<Cut>>>,
    cuts: Arc<AtomicUsize>,
    closed: Arc<AtomicBool>,
}

impl Proxy {
    /// A wire to the server of this URL.
    pub(crate) async fn to(url: &str) -> Self {
        let server = place(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            cut: Arc::default(),
            cuts: Arc::default(),
            closed: Arc::default(),
        };
        let (cut, cuts, closed) = (proxy.cut.clone(), proxy.cuts.clone(), proxy.closed.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if closed.load(Ordering::SeqCst) {
                    continue;
                }
                tokio::spawn(carry(client, server.clone(), cut.clone(), cuts.clone()));
            }
        });
        proxy
    }

    /// The URL with this wire in it.
    pub(crate) fn url(&self, url: &str) -> String {
        // It counts messages, which it could not if they were encrypted.
        format!("{}?sslmode=disable", url.replace(place(url), &self.address.to_string()))
    }

    pub(crate) fn cut(&self, cut: Cut) {
        *self.cut.lock().unwrap() = Some(cut);
    }

    /// Takes no connection any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
    pub(crate) fn open(&self) {
        self.closed.store(false, Ordering::SeqCst);
    }

    /// How often it was cut.
    pub(crate) fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

/// Host and port of a URL.
fn place(url: &str) -> &str {
    url.split(['@', '/']).nth(3).unwrap()
}

async fn carry(mut client: TcpStream, server: String, cut: Arc<Mutex<Option<Cut>>>, cuts: Arc<AtomicUsize>) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(read @ 1..) = read else { return };
                let has = |words: &str| up[..read].windows(words.len()).any(|window| window == words.as_bytes());
                let here = cut.lock().unwrap().take_if(|(Cut::Before(words) | Cut::After(words))| has(words));
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
