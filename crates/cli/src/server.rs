//! The HTTP server: as `axum::serve`, with limits for those who connect and do not speak.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use chathakase_session::{chain, time::SharedClock};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a client may take for the head of a request, and how long a connection may rest between two.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// Connections at once; more wait until one ends.
const CONNECTIONS_MAX: usize = 4096;
/// The pause after the system had no connection to give, because too many files are open for example.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Why nobody can listen there, and what to do.
pub(crate) fn cannot_listen(cause: &io::Error) -> (String, &'static str) {
    match cause.kind() {
        io::ErrorKind::AddrInUse => {
            let next = "end it, or name another port with http.listen or PORT";
            ("another program uses that port".to_owned(), next)
        }
        io::ErrorKind::AddrNotAvailable => (
            "that is no address of this machine".to_owned(),
            "name one of its own with http.listen: 127.0.0.1 behind a proxy on this machine, 0.0.0.0 for all it has",
        ),
        io::ErrorKind::PermissionDenied => (
            "the system does not let you have that port".to_owned(),
            "name one from 1024 on with http.listen or PORT, and let the proxy in front send requests there",
        ),
        _ => (cause.to_string(), "name another address or port with http.listen or PORT"),
    }
}

/// Serves until `stop`, then lets the requests under way end.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Router,
    head_within: Duration,
    clock: SharedClock,
    stop: CancellationToken,
) -> io::Result<()> {
    let (room, connections) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), TaskTracker::new());
    loop {
        let next = async {
            let permit = room.clone().acquire_owned().await;
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            () = stop.cancelled() => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, _)) => {
                let serving = attend(stream, routes.clone(), head_within, stop.clone());
                connections.spawn(async move {
                    serving.await;
                    drop(permit);
                });
            }
            Err(cause) => {
                tracing::warn!(error = %chain(&cause), "no connection could be taken; trying again");
                clock.sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
    Ok(())
}

async fn attend(stream: TcpStream, routes: Router, head_within: Duration, stop: CancellationToken) {
    let _ = stream.set_nodelay(true);
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(head_within);
    let mut connection =
        std::pin::pin!(server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %chain(&error), "a connection ended badly");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn who_sends_a_request_drop_by_drop_is_hung_up_on_and_others_are_served() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (routes, stop) = (Router::new().route("/healthz", get(async || "ok\n")), CancellationToken::new());
        let clock = Arc::new(SystemClock::new());
        let served = tokio::spawn(serve(listener, routes, Duration::from_millis(200), clock, stop.clone()));
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"POST /slack/events HTTP/1.1\r\nHost: a\r\nX-Slow: ").await.unwrap();
        let mut quick = TcpStream::connect(address).await.unwrap();
        quick.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        quick.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("ok\n"), "{answer}");
        let mut left = Vec::new();
        slow.read_to_end(&mut left).await.unwrap();
        assert!(!String::from_utf8_lossy(&left).contains("200"), "{left:?}");
        stop.cancel();
        served.await.unwrap().unwrap();
    }
}
