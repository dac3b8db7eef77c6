//! The listener: HTTP/1.1 and HTTP/2 without TLS on one port, bounded, with a graceful stop.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Body, Gateway};

/// A client that takes longer to send its headers is cut off.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// An idle HTTP/2 connection is asked this often whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_WITHIN: Duration = Duration::from_secs(20);
/// Calls at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 256;

impl Gateway {
    /// Serves the listener until `shutdown` resolves; then takes no more connections, and lets the
    /// open requests finish for as long as [`crate::Options::drain`] allows.
    ///
    /// # Errors
    /// When the listener is of no more use.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let mut shutdown = pin!(shutdown);
        let graceful = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(self.options().max_connections));
        let server = server();
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = accept(&listener, &slots) => accepted,
            };
            match accepted {
                Ok((stream, slot)) => self.spawn(&server, &graceful, stream, slot),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Out of file descriptors, most likely: closing connections frees some.
                    tracing::error!(%error, "no connection could be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        self.set_ready(false);
        drop(listener);
        let open = graceful.count();
        if tokio::time::timeout(self.options().drain, graceful.shutdown()).await.is_err() {
            tracing::warn!(open, "requests were cut off by the stop");
        }
        Ok(())
    }

    fn spawn(
        &self,
        server: &Builder<TokioExecutor>,
        graceful: &GracefulShutdown,
        stream: TcpStream,
        slot: OwnedSemaphorePermit,
    ) {
        // Small answers must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let gateway = self.clone();
        let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
            let gateway = gateway.clone();
            async move { Ok::<_, Infallible>(gateway.handle(request.map(Body::new)).await) }
        });
        let connection = server.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection ended badly");
            }
            drop(slot);
        });
    }
}

fn server() -> Builder<TokioExecutor> {
    let mut server = Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_WITHIN)
        .max_concurrent_streams(MAX_STREAMS);
    server
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, slot))
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
