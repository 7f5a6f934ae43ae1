//! The server's side: takes a request, finds the turn that answers it, plays it.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, Response, StatusCode, header},
};
use bytes::Bytes;
use chathakase_session::time::SharedClock;
use futures_util::stream;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{
    book::{Book, Reply},
    player::{Ending, Player},
    request::RequestSeen,
    script::{Answer, Progress, Step, TurnScript},
    wire::{self, DONE, Writer},
};

/// The longest request body it reads, 16 MiB; a longer one gets status 413.
const BODY_BYTES_MAX: usize = 16 << 20;

/// What the handle and the connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: SharedClock,
    book: Mutex<Book>,
}

impl Shared {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self { clock, book: Mutex::new(Book::default()) }
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes connections until `stop`.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    while let Some(Ok((connection, _))) = stop.run_until_cancelled(listener.accept()).await {
        tokio::spawn(stop.clone().run_until_cancelled_owned(talk(connection, Arc::clone(&shared))));
    }
}

async fn talk(connection: TcpStream, shared: Arc<Shared>) {
    // Deltas are small and each is to be seen at once; a failure costs only time.
    let _ = connection.set_nodelay(true);
    let service = service_fn(|request| handle(Arc::clone(&shared), request));
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await {
        tracing::debug!(%error, "a connection to the scripted model ended early");
    }
}

/// An error closes the connection without an answer.
async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(Body::new(body), BODY_BYTES_MAX).await else {
        return Ok(refusal(413, "the request is too long"));
    };
    let path = parts.uri.path();
    if (&parts.method, path) != (&Method::POST, "/v1/chat/completions") {
        shared.book().unexpected(format!("{} {path}: there is no such path", parts.method));
        return Ok(refusal(404, &format!("Invalid URL ({} {path})", parts.method)));
    }
    let request = match RequestSeen::parse(parts.headers, body, shared.clock.now()) {
        Ok(request) => request,
        Err(error) => {
            shared.book().broken(format!("the body is no chat-completions request: {error}"));
            return Ok(refusal(400, &format!("We could not parse the JSON body of your request: {error}")));
        }
    };
    reply(&shared, request).await
}

async fn reply(shared: &Shared, request: RequestSeen) -> io::Result<Response<Body>> {
    let broken = request.broken_rules();
    let (number, reply) = shared.book().take(&request, broken);
    let writer = Writer::new(number, &request, shared.clock.now().as_secs());
    match reply {
        Reply::Turn(turn) => play(shared, turn, writer).await,
        Reply::Computed { answer, pace } => {
            let text = answer(&request);
            if pace.is_zero() {
                return Ok(event_stream(at_once(&text, writer)));
            }
            let words = wire::words(&text).flat_map(|word| [Step::Text(word.to_owned()), Step::Pause(pace)]);
            let steps = words.chain([Step::Finish("stop".to_owned()), Step::Done]).collect();
            Ok(event_stream(Body::from_stream(Player::new(steps, writer, shared.clock.clone()).into_stream())))
        }
        // The official clients take this header as advice not to try again.
        Reply::Unexpected => {
            let mut refusal = refusal(500, "no turn was scripted for this request");
            refusal.headers_mut().insert("x-should-retry", header::HeaderValue::from_static("false"));
            Ok(refusal)
        }
    }
}

async fn play(shared: &Shared, turn: TurnScript, writer: Writer) -> io::Result<Response<Body>> {
    let (answer, piece_bytes_max) = turn.take();
    match answer {
        Answer::Stream(steps) => {
            let player = Player::new(steps, writer, shared.clock.clone()).for_turn(turn, piece_bytes_max);
            Ok(event_stream(Body::from_stream(player.into_stream())))
        }
        Answer::Plain { status, headers, body } => {
            turn.progress_to(Progress::Played);
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body.to_string())).map_err(io::Error::other)
        }
        Answer::HangUp => {
            turn.progress_to(Progress::Played);
            Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the script hangs up here"))
        }
        Answer::Nothing => {
            let _ending = Ending(turn);
            std::future::pending().await
        }
    }
}

/// The whole stream in one write: what a model without latency would send.
fn at_once(text: &str, mut writer: Writer) -> Body {
    let mut out = Vec::with_capacity(writer.bytes_for(text));
    wire::words(text).for_each(|word| writer.delta(&mut out, word));
    writer.finish(&mut out, "stop");
    out.extend_from_slice(DONE.as_bytes());
    Body::from_stream(stream::iter([io::Result::Ok(Bytes::from(out))]))
}

fn event_stream(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-cache"));
    response
}

fn refusal(status: u16, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(wire::error_body(status, message).to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
