//! The listener: HTTP/1.1 and HTTP/2 on one port, with TLS or without, bounded, with a graceful
//! stop.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::edge::address::counted;
use crate::edge::connections::{Activity, PerAddress, Place};
use crate::edge::metrics::CONNECTIONS;
use crate::gather::Gathered;
use crate::headers::MAX_HEADER_BYTES;
use crate::{Body, Gateway, Options};

/// An idle HTTP/2 connection is asked this often whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_WITHIN: Duration = Duration::from_secs(20);
/// How long an idle peer may take to hear that its connection ends.
const FAREWELL: Duration = Duration::from_secs(2);
/// Calls at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 256;
/// What a peer may send of one body before its service takes it, and of all on a connection: an upload that
/// nobody takes leaves room for others, which may be other people's where a proxy stands before the gateway.
const WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 4 * WINDOW;
/// Streams that a peer reset before they were taken up, and errors answered by a reset: a peer with
/// more of them is up to no good, and loses its connection.
const MAX_PENDING_RESETS: usize = 20;
const MAX_ERROR_RESETS: usize = 1024;
/// Headers of a request of HTTP/1.1 by number; more get 431.
const MAX_HEADERS: usize = 100;
/// What HTTP/1.1 buffers of a connection, and HTTP/2 of a stream. Headers that do not fit get 431
/// unread; those that do and are more than [`MAX_HEADER_BYTES`] get it from the gateway.
const MAX_BUFFER: usize = 256 * 1024;

impl Gateway {
    /// Serves the listener until `shutdown` resolves; then tells that it is not ready, goes on for
    /// as long as [`Options::drain_wait`] says, takes no more connections, and lets the open
    /// requests finish for as long as [`Options::drain`] allows.
    ///
    /// # Errors
    /// When the listener is of no more use.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let server = Server::new(self);
        let watch =
            server.gateway.options().tls.clone().map(|tls| AbortOnDropHandle::new(tokio::spawn(tls.watch())));
        let gateway = server.gateway.clone();
        let stop = async {
            shutdown.await;
            gateway.set_ready(false);
            tokio::time::sleep(gateway.options().drain_wait).await;
        };
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = server.accept(&listener) => accepted,
            };
            match accepted {
                Ok((stream, peer, slot)) => server.spawn(stream, peer, slot),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Out of file descriptors, most likely: closing connections frees some.
                    tracing::error!(%error, "no connection could be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop((listener, watch));
        server.finish().await;
        Ok(())
    }
}

/// What all connections share.
struct Server {
    gateway: Gateway,
    http: Arc<Builder<TokioExecutor>>,
    slots: Arc<Semaphore>,
    addresses: Arc<PerAddress>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Server {
    fn new(gateway: Gateway) -> Self {
        Self {
            http: Arc::new(http(gateway.options())),
            slots: Arc::new(Semaphore::new(gateway.options().max_connections)),
            addresses: Arc::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            gateway,
        }
    }

    async fn accept(&self, listener: &TcpListener) -> io::Result<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
        let slot = self.slots.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = listener.accept().await?;
        Ok((stream, peer.ip().to_canonical(), slot))
    }

    fn spawn(&self, stream: TcpStream, peer: IpAddr, slot: OwnedSemaphorePermit) {
        let options = self.gateway.options();
        let place = match options.max_connections_per_address {
            0 => None,
            _ if options.trusted_proxies.contain(peer) => None,
            limit => match self.addresses.enter(counted(peer), limit) {
                Some(place) => Some(place),
                None => return,
            },
        };
        // Small answers must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let connection = Connection {
            gateway: self.gateway.clone(),
            http: self.http.clone(),
            stop: self.stop.clone(),
            peer,
            _held: (slot, place),
        };
        self.tasks.spawn(async move {
            CONNECTIONS.increment(1.0);
            let _open = Counted;
            let options = connection.gateway.options();
            match options.tls.clone() {
                None => connection.serve(stream).await,
                Some(tls) => match tokio::time::timeout(options.handshake, tls.accept(stream)).await {
                    Ok(Ok(stream)) => connection.serve(stream).await,
                    Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
                    Err(_) => tracing::debug!("a handshake took too long"),
                },
            }
        });
    }

    /// Lets open requests finish.
    async fn finish(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(self.gateway.options().drain, self.tasks.wait()).await.is_err() {
            tracing::warn!(open = self.tasks.len(), "connections were cut off by the stop");
        }
    }
}

/// An open connection in the metrics.
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        CONNECTIONS.decrement(1.0);
    }
}

struct Connection {
    gateway: Gateway,
    http: Arc<Builder<TokioExecutor>>,
    stop: CancellationToken,
    peer: IpAddr,
    _held: (OwnedSemaphorePermit, Option<Place>),
}

impl Connection {
    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let activity = Activity::new();
        let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
            let busy = activity.begin();
            let gateway = self.gateway.clone();
            let peer = self.peer;
            async move { Ok::<_, Infallible>(gateway.handle_from(peer, busy, request.map(Body::new)).await) }
        });
        let mut connection =
            pin!(self.http.serve_connection(TokioIo::new(Gathered::accepted(stream)), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            () = activity.idle(self.gateway.options().idle) => {
                connection.as_mut().graceful_shutdown();
                // A peer that does not even hear of the end is left alone.
                let end = tokio::time::timeout(FAREWELL, connection).await;
                end.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error, "a connection ended badly");
        }
    }
}

fn http(options: &Options) -> Builder<TokioExecutor> {
    let mut server = Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_time)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_BUFFER);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_WITHIN)
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADER_BYTES)
        .max_send_buf_size(MAX_BUFFER)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_ERROR_RESETS);
    server
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
