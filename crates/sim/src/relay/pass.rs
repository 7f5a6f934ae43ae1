//! The connections: takes a request, sends it on, hands the answer back piece by piece.

use std::{
    io,
    sync::{Arc, atomic::Ordering::SeqCst},
};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{End, Shared, scan::Scan};
use crate::model::RequestSeen;

/// The longest request that goes through, 16 MiB.
const BODY_BYTES_MAX: usize = 16 << 20;
/// Pieces of an answer that come through before it is cut: enough to be seen.
const DELTAS_BEFORE_CUT: usize = 8;
/// Where the key goes in a header of another name; the client could not know that it speaks to such a host.
const AZURE: &str = ".azure.com";

/// Takes connections until `stop`.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    while let Some(Ok((connection, _))) = stop.run_until_cancelled(listener.accept()).await {
        tokio::spawn(stop.clone().run_until_cancelled_owned(talk(connection, Arc::clone(&shared))));
    }
}

async fn talk(connection: TcpStream, shared: Arc<Shared>) {
    let _ = connection.set_nodelay(true);
    let service = service_fn(|request| pass(Arc::clone(&shared), request));
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await {
        tracing::debug!(%error, "a connection through the pass-through ended early");
    }
}

/// A model that is not reached is not reached through us either: an error closes the connection without an answer.
async fn pass(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(Body::new(body), BODY_BYTES_MAX).await.map_err(io::Error::other)?;
    // Without headers: nothing of a key is kept.
    let seen = RequestSeen::parse(HeaderMap::new(), body.clone(), shared.clock.now()).ok();
    let number = seen.map(|seen| shared.keep(seen, body.len()));
    let cuts = number.is_some() && shared.cuts_next.swap(false, SeqCst);
    let mut ending = Ending { shared: Arc::clone(&shared), number, end: End::Abandoned };

    let mut url = shared.origin.clone();
    url.set_path(parts.uri.path());
    url.set_query(parts.uri.query());
    let headers = onward(parts.headers, shared.origin.host_str().unwrap_or_default());
    let answer = match shared.client.request(parts.method, url).headers(headers).body(body).send().await {
        Ok(answer) => answer,
        Err(error) => {
            ending.end = End::Broken;
            return Err(io::Error::other(error));
        }
    };
    let status = answer.status();
    ending.note(|exchange| exchange.status = Some(status.as_u16()));
    let mut response = Response::builder().status(status);
    for (name, value) in answer.headers().iter().filter(|(name, _)| !is_hop(name)) {
        response = response.header(name, value);
    }
    let flow = Flow { pieces: answer.bytes_stream().boxed(), scan: Scan::default(), cuts, cutting: false, ending };
    response.body(Body::from_stream(flow.into_stream())).map_err(io::Error::other)
}

/// Notes how the exchange ended when it is dropped.
struct Ending {
    shared: Arc<Shared>,
    number: Option<u64>,
    end: End,
}

impl Ending {
    fn note(&self, note: impl FnOnce(&mut super::Exchange)) {
        if let Some(number) = self.number {
            self.shared.note(number, note);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let end = self.end;
        self.note(|exchange| exchange.end = Some(end));
    }
}

/// An answer on its way.
struct Flow {
    pieces: stream::BoxStream<'static, reqwest::Result<Bytes>>,
    scan: Scan,
    cuts: bool,
    cutting: bool,
    ending: Ending,
}

impl Flow {
    fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        stream::unfold(self, async |mut flow| flow.next().await.map(|piece| (piece, flow)))
    }

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            if self.cutting {
                // What was written before goes out while we wait; then the connection closes in the middle of the body.
                tokio::task::yield_now().await;
                self.ending.end = End::Cut;
                return Some(Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut, as asked")));
            }
            let piece = match self.pieces.next().await {
                Some(Ok(piece)) => self.passed(piece),
                Some(Err(error)) => {
                    self.ending.end = End::Broken;
                    return Some(Err(io::Error::other(error)));
                }
                None => {
                    self.ending.end = End::Whole;
                    return None;
                }
            };
            if !piece.is_empty() {
                return Some(Ok(piece));
            }
        }
    }

    /// What of a piece goes through.
    fn passed(&mut self, piece: Bytes) -> Bytes {
        let cut = self.cuts.then(|| self.scan.cut_at(&piece, DELTAS_BEFORE_CUT)).flatten();
        self.cutting = cut.is_some();
        let piece = cut.map_or(piece.clone(), |at| piece.slice(..at));
        self.scan.take(&piece);
        let (length, tokens) = (piece.len(), self.scan.tokens());
        self.ending.note(|exchange| {
            exchange.answer_bytes += length;
            exchange.tokens = tokens.or(exchange.tokens);
        });
        if self.scan.ended {
            // The client may close as soon as it has the end; that is no going away.
            self.ending.end = End::Whole;
        }
        piece
    }
}

/// The headers that go on: all but those of the connection.
fn onward(headers: HeaderMap, host: &str) -> HeaderMap {
    let mut onward: HeaderMap = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter().filter(|(name, _)| !is_hop(name)) {
        onward.append(name, value.clone());
    }
    if host.ends_with(AZURE)
        && let Some(key) = onward.remove(header::AUTHORIZATION).and_then(without_bearer)
    {
        onward.insert(HeaderName::from_static("api-key"), key);
    }
    onward
}

fn without_bearer(value: HeaderValue) -> Option<HeaderValue> {
    let mut key = HeaderValue::from_str(value.to_str().ok()?.strip_prefix("Bearer ")?).ok()?;
    key.set_sensitive(true);
    Some(key)
}

fn is_hop(name: &HeaderName) -> bool {
    [
        header::HOST,
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::TE,
        header::UPGRADE,
        header::ACCEPT_ENCODING,
    ]
    .contains(name)
}
