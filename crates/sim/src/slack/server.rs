//! The loopback server, on connections that can be cut in the middle of a call.

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    extract::connect_info::Connected,
    routing::{any, get},
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{api, events, shared::Shared};

pub(crate) async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Serves until the last handle of the small Slack is gone.
pub(crate) fn serve(shared: &Arc<Shared>, listener: TcpListener) {
    let stop = shared.stop.clone();
    let router = Router::new()
        .route("/api/{method}", any(api::call))
        .route("/link/", get(events::socket::link))
        .with_state(shared.clone())
        .into_make_service_with_connect_info::<Line>();
    let server = axum::serve(Cuttable { listener, stop: stop.clone() }, router);
    tokio::spawn(async move {
        tokio::select! {
            _ = server.into_future() => {}
            () = stop.cancelled() => {}
        }
    });
}

/// A connection as handlers see it.
#[derive(Clone, Debug)]
pub(crate) struct Line(CancellationToken);

impl Line {
    /// Resets the connection: what was not sent yet never will be.
    pub(crate) fn cut(&self) {
        self.0.cancel();
    }
}

impl Connected<IncomingStream<'_, Cuttable>> for Line {
    fn connect_info(stream: IncomingStream<'_, Cuttable>) -> Self {
        Self(stream.io().line.clone())
    }
}

pub(crate) struct Cuttable {
    listener: TcpListener,
    stop: CancellationToken,
}

impl Listener for Cuttable {
    type Io = CuttableIo;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            if let Ok((stream, address)) = self.listener.accept().await {
                let _ = stream.set_nodelay(true);
                let line = self.stop.child_token();
                return (CuttableIo { stream, cut: Box::pin(line.clone().cancelled_owned()), line }, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

pub(crate) struct CuttableIo {
    stream: TcpStream,
    line: CancellationToken,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl CuttableIo {
    fn reset<T>(&self) -> Poll<io::Result<T>> {
        let _ = self.stream.set_zero_linger();
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

impl AsyncRead for CuttableIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return self.reset();
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.line.is_cancelled() {
            return self.reset();
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.line.is_cancelled() {
            return self.reset();
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
