//! One address of a service, called over HTTP/2 by h2 itself: a call is neither queued for a task of the connection
//! nor given one of its own, unless it goes on sending while it is answered.
//!
//! Callers who read slowly, or stay for long, keep nobody else waiting: each call may have [`WINDOW`] under way, all
//! together as much as they like, and where a service takes no more of them on a connection another one is opened.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Ping, PingPong, Reason, RecvStream, SendStream};
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use http_body::{Body as _, Frame, SizeHint};
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::sync::OnceCell;
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt as _;

use crate::Body;
use crate::backend::BoxError;
use crate::gather::Gathered;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// What a service may send of one answer before its caller has taken it.
const WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;
/// A service that limits the calls of a connection gets more of them, as far as this.
const MAX_CONNECTIONS: usize = 8;
/// Headers and trailers of an answer, as HTTP/2 counts them.
const MAX_HEADER_BYTES: u32 = 64 * 1024;
/// A host that is gone without a word is noticed by its silence.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_WITHIN: Duration = Duration::from_secs(10);

/// An address, and the connections to it.
pub(crate) struct Remote {
    authority: Authority,
    lines: [Line; MAX_CONNECTIONS],
}

/// A connection, from when it is first needed, and another one once it has ended.
#[derive(Default)]
struct Line(Mutex<Arc<Opening>>);

/// A connection, or why there is none, once it is known.
type Opening = OnceCell<Result<Connection, Arc<str>>>;

#[derive(Clone)]
struct Connection {
    sender: SendRequest<Bytes>,
    /// Held by each call.
    calls: Arc<()>,
}

impl Connection {
    /// Whether the service takes another call at once. Of those who hold it two are none: this one and, until another
    /// one takes its place, the line's.
    fn has_room(&self) -> bool {
        Arc::strong_count(&self.calls) < self.sender.current_max_send_streams().saturating_add(2)
    }
}

impl Remote {
    /// # Errors
    /// When it is not like `http://host:port`.
    pub(crate) fn new(address: &str) -> Result<Self, String> {
        let uri = address.parse::<Uri>().map_err(|error| error.to_string())?;
        let parts = uri.into_parts();
        let bare = parts.path_and_query.is_none_or(|path| path == "/");
        match parts.authority {
            Some(authority) if parts.scheme == Some(Scheme::HTTP) && bare => {
                Ok(Self { authority, lines: Default::default() })
            }
            _ => Err("an address must be like http://host:port".to_owned()),
        }
    }

    /// Sends a call, and waits for the headers of its answer.
    ///
    /// # Errors
    /// When there is no connection, or it ends before the answer begins.
    pub(crate) async fn call(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let (mut head, body) = request.into_parts();
        let mut parts = head.uri.into_parts();
        (parts.scheme, parts.authority) = (Some(Scheme::HTTP), Some(self.authority.clone()));
        head.uri = Uri::from_parts(parts)?;
        let whole = body.is_end_stream();
        let Connection { mut sender, calls } = self.connection().await?;
        let (answer, stream) = sender.send_request(Request::from_parts(head, ()), whole)?;
        let upload = if whole { None } else { Upload { body, stream, next: None }.begin().await };
        Ok(answer.await?.map(|stream| Body::new(Download { stream, ended: false, _held: (calls, upload) })))
    }

    /// The first connection that takes another call; the last one makes calls wait.
    async fn connection(&self) -> Result<Connection, BoxError> {
        let [lines @ .., last] = &self.lines;
        for line in lines {
            let connection = line.connection(&self.authority).await?;
            if connection.has_room() {
                return Ok(connection);
            }
        }
        last.connection(&self.authority).await
    }
}

impl Line {
    async fn connection(&self, authority: &Authority) -> Result<Connection, BoxError> {
        loop {
            let opening = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let known = opening.initialized();
            let why = match opening.get_or_init(|| Box::pin(open(authority))).await.clone() {
                Ok(Connection { sender, calls }) => match sender.ready().await {
                    Ok(sender) => return Ok(Connection { sender, calls }),
                    Err(error) => error.into(),
                },
                Err(why) => BoxError::from(&*why),
            };
            let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if Arc::ptr_eq(&current, &opening) {
                *current = Arc::default();
            }
            // One that served others before, and has ended since, is no reason to fail.
            if !known {
                return Err(why);
            }
        }
    }
}

async fn open(authority: &Authority) -> Result<Connection, Arc<str>> {
    let opened = tokio::time::timeout(CONNECT_TIMEOUT, connect(authority)).await;
    let opened = opened.unwrap_or_else(|_| Err("no connection in time".into()));
    opened.map(|sender| Connection { sender, calls: Arc::default() }).map_err(|error| {
        let causes = std::iter::successors(Some(&*error as &dyn std::error::Error), |error| error.source());
        let causes: Vec<_> = causes.map(ToString::to_string).collect();
        format!("{authority}: {}", causes.join(": ")).into()
    })
}

async fn connect(authority: &Authority) -> Result<SendRequest<Bytes>, BoxError> {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    let address =
        Uri::builder().scheme(Scheme::HTTP).authority(authority.clone()).path_and_query("/").build()?;
    let stream = Gathered::opened(tcp.oneshot(address).await?.into_inner());
    let handshake = Builder::new()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADER_BYTES)
        .enable_push(false)
        // What still comes of calls whose callers left is no fault of the service.
        .max_local_error_reset_streams(None)
        .handshake(stream)
        .await?;
    let (sender, mut connection) = handshake;
    let mut pings = connection.ping_pong().expect("it is taken once");
    let connection = AbortOnDropHandle::new(tokio::spawn(connection));
    // What comes before the answer is how many calls the service takes.
    pings.ping(Ping::opaque()).await?;
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => tracing::debug!(?ended, "a connection to a service ended"),
            () = silence(pings) => tracing::warn!("a connection to a service was silent, and is given up"),
        }
    });
    Ok(sender)
}

/// Waits until nobody answers at the other end.
async fn silence(mut pings: PingPong) {
    loop {
        tokio::time::sleep(PING_EVERY).await;
        match tokio::time::timeout(PING_WITHIN, pings.ping(Ping::opaque())).await {
            Ok(Ok(_)) => {}
            // The connection tells its own end.
            Ok(Err(_)) => std::future::pending().await,
            Err(_) => return,
        }
    }
}

/// Sends a request's body as the service takes it.
struct Upload {
    body: Body,
    stream: SendStream<Bytes>,
    /// What waits for the service.
    next: Option<Bytes>,
}

impl Upload {
    /// Sends what has come. The rest is sent by a task, which ends with what is returned.
    async fn begin(mut self) -> Option<AbortOnDropHandle<()>> {
        let sent = std::future::poll_fn(|context| Poll::Ready(self.poll_send(context).is_ready())).await;
        let rest = async move { std::future::poll_fn(|context| self.poll_send(context)).await };
        (!sent).then(|| AbortOnDropHandle::new(tokio::spawn(rest)))
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.next.is_some() && self.stream.capacity() == 0 {
                match ready!(self.stream.poll_capacity(context)) {
                    Some(Ok(_)) => continue,
                    // The answer tells what is wrong.
                    Some(Err(_)) | None => return Poll::Ready(()),
                }
            }
            if let Some(data) = self.next.take() {
                let last = self.body.is_end_stream();
                if self.stream.send_data(data, last).is_err() || last {
                    return Poll::Ready(());
                }
            }
            if self.stream.poll_reset(context).is_ready() {
                return Poll::Ready(());
            }
            // Nothing is reserved before it is there: of what one call holds, others get nothing.
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    // A request of gRPC has no trailers.
                    let data = frame.into_data().unwrap_or_default();
                    if !data.is_empty() {
                        self.stream.reserve_capacity(data.len());
                        self.next = Some(data);
                    }
                }
                Some(Err(_)) => {
                    self.stream.send_reset(Reason::CANCEL);
                    return Poll::Ready(());
                }
                None => {
                    // It fails when the answer came first.
                    let _ = self.stream.send_data(Bytes::new(), true);
                    return Poll::Ready(());
                }
            }
        }
    }
}

/// The body of an answer. Dropping it ends the call.
struct Download {
    stream: RecvStream,
    /// All data have come.
    ended: bool,
    _held: (Arc<()>, Option<AbortOnDropHandle<()>>),
}

impl http_body::Body for Download {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if !self.ended {
            match ready!(self.stream.poll_data(context)) {
                Some(Ok(data)) => {
                    // It fails when the connection has ended, and nobody is left to be told.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(failed(error)),
                None => self.ended = true,
            }
        }
        Poll::Ready(match ready!(self.stream.poll_trailers(context)) {
            Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
            Err(error) => failed(error),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}

/// A service that resets its stream in peace says that no more will come; whether that was all, the status tells.
fn failed(error: h2::Error) -> Option<Result<Frame<Bytes>, h2::Error>> {
    let ends = matches!(error.reason(), Some(Reason::NO_ERROR | Reason::CANCEL));
    (!ends).then_some(Err(error))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_host_that_falls_silent_is_noticed() {
        // Calls would otherwise go to a host without power for as long as the system goes on sending, a quarter of an hour.
        let (near, far) = tokio::io::duplex(64 * 1024);
        let fall_silent = Arc::new(Notify::new());
        let told = fall_silent.clone();
        tokio::spawn(async move {
            let mut connection = h2::server::handshake(far).await.unwrap();
            tokio::select! {
                call = connection.accept() => panic!("{call:?}"),
                () = told.notified() => std::future::pending().await,
            }
        });
        let (_sender, mut connection) = h2::client::handshake(near).await.unwrap();
        let pings = connection.ping_pong().unwrap();
        tokio::spawn(connection);
        let mut silence = pin!(silence(pings));
        let hour = Duration::from_secs(3_600);
        assert!(timeout(hour, &mut silence).await.is_err(), "it answered, and was given up");
        fall_silent.notify_one();
        timeout(PING_EVERY + PING_WITHIN, silence).await.expect("it is given up");
    }
}
