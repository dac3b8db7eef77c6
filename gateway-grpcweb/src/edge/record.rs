//! What is kept of every request when it is over: one line in the access log, and the metrics.
//!
//! The line is an event of the target `access`. Its fields:
//! `protocol` (`rest`, `grpc`, `grpc-web`, `connect`, `mcp` for the call of a tool), `http_method`,
//! `rpc` (full name of the method, absent for paths that are none), `status` (of HTTP; 499 when the
//! caller left before the answer), `grpc_status` (the number, where the protocol has one), `micros`
//! (from the request's headers to the answer's end), `request_id`, `trace_id`, `tenant_id` and
//! `user_id` (of whoever was let in by a token or key), `cache` (`hit` or `miss`, where answers are
//! kept), and `ended` (`whole`, or `cut` when the caller left or the connection broke before the
//! end). Paths, queries, addresses and tokens are not in it: they hold personal data.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::{Frame, SizeHint};
use tokens::Claims;
use tracing::Span;
use tracing::field::{Empty, display};

use crate::Body;
use crate::edge::auth::Caller;
use crate::edge::cache::Kept;
use crate::edge::connections::Busy;
use crate::edge::identity::Names;
use crate::edge::metrics::{self, Ending};
use crate::error::ApiError;
use crate::protocol::Protocol;
use crate::snapshot::{Matched, MethodPlan, Snapshot};

/// The status of a caller that did not wait for its answer.
const GONE: u16 = 499;
/// No code of gRPC is this high.
const UNKNOWN: u8 = u8::MAX;

/// The `grpc-status` of an answer whose trailers are shown to the caller in another form: put into
/// the answer's extensions by whoever changes the form.
#[derive(Clone, Debug)]
pub(crate) struct Outcome(Arc<AtomicU8>);

impl Outcome {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU8::new(UNKNOWN)))
    }

    /// Notes the status out of trailers.
    pub(crate) fn note(&self, trailers: &HeaderMap) {
        if let Some(status) = grpc_status(trailers) {
            self.0.store(status, Ordering::Relaxed);
        }
    }

    /// Notes a status that is known.
    pub(crate) fn note_code(&self, code: tonic::Code) {
        self.0.store(code as u8, Ordering::Relaxed);
    }

    /// The status, once it is known.
    pub(crate) fn code(&self) -> Option<tonic::Code> {
        self.get().map(|status| tonic::Code::from_i32(status.into()))
    }

    fn get(&self) -> Option<u8> {
        Some(self.0.load(Ordering::Relaxed)).filter(|status| *status != UNKNOWN)
    }
}

/// A request under way. Dropping it ends it.
pub(crate) struct Record {
    pub(crate) names: Names,
    pub(crate) snapshot: Arc<Snapshot>,
    /// Index of the method that was asked for.
    method: Option<usize>,
    /// The rule that a REST request fits.
    pub(crate) matched: Option<Matched>,
    pub(crate) protocol: Protocol,
    /// Who was let in.
    pub(crate) caller: Option<Caller>,
    /// The call of a tool, within a request that was counted already.
    pub(crate) tool: bool,
    http_method: Method,
    started: Instant,
    status: u16,
    grpc_status: Option<u8>,
    outcome: Option<Outcome>,
    kept: Option<Kept>,
    whole: bool,
    /// The network address at the other end of the connection.
    pub(crate) peer: Option<IpAddr>,
    busy: Option<Busy>,
    pub(crate) span: Span,
}

impl Record {
    pub(crate) fn begin(request: &mut Request<Body>, snapshot: Arc<Snapshot>) -> Box<Self> {
        let started = Instant::now();
        metrics::IN_FLIGHT.increment(1.0);
        let protocol = Protocol::of(request, &snapshot);
        let path = request.uri().path();
        let matched = match protocol {
            Protocol::Rest { .. } => snapshot.matched(request.method(), path),
            _ => None,
        };
        let method = match &matched {
            Some(matched) => Some(snapshot.route(matched).method),
            None => snapshot.index_at(path),
        };
        let mut names = Names::settle(request.headers_mut());
        let span = span(method.map(|method| &*snapshot.methods()[method].full_name), request.method());
        if !names.begun {
            telemetry::trace::continue_from(&span, names.traceparent());
        }
        if let Some(own) = telemetry::trace::of(&span) {
            names.go_on_from(own, request.headers_mut());
        }
        Box::new(Self {
            names,
            span,
            protocol,
            http_method: request.method().clone(),
            snapshot,
            method,
            matched,
            caller: None,
            tool: false,
            started,
            status: GONE,
            grpc_status: None,
            outcome: None,
            kept: None,
            whole: false,
            peer: None,
            busy: None,
        })
    }

    /// The method that was asked for; none for paths that are no method's.
    pub(crate) fn method(&self) -> Option<&MethodPlan> {
        Some(&self.snapshot.methods()[self.method?])
    }

    /// Notes the connection, which is busy until the record ends.
    pub(crate) fn came_from(&mut self, peer: IpAddr, busy: Busy) {
        self.peer = Some(peer);
        self.busy = Some(busy);
    }

    /// Makes it the call of a tool, for somebody whom the edge has let in.
    pub(crate) fn for_tool(&mut self, caller: Option<Caller>, peer: Option<IpAddr>) {
        self.tool = true;
        self.caller = caller;
        self.peer = peer;
    }

    /// Notes that the request was refused, or failed.
    pub(crate) fn refused(&mut self, error: &ApiError) {
        self.status = error.http_status().as_u16();
        self.grpc_status = Some(error.code as u8);
        self.whole = true;
    }

    /// Notes the answer; the record ends with its body.
    pub(crate) fn answered(mut self: Box<Self>, mut response: Response<Body>) -> Response<Body> {
        self.status = response.status().as_u16();
        self.grpc_status = grpc_status(response.headers());
        self.kept = response.extensions_mut().remove::<Kept>();
        self.outcome = response.extensions_mut().remove::<Outcome>();
        if http_body::Body::size_hint(response.body()).exact().is_some() {
            self.whole = true;
            return response;
        }
        response.map(|body| Body::new(Recorded { body, record: Some(self) }))
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let grpc_status = self.grpc_status.or_else(|| self.outcome.as_ref()?.get());
        let took = self.started.elapsed();
        metrics::IN_FLIGHT.decrement(1.0);
        let protocol = if self.tool { "mcp" } else { self.protocol.name() };
        let ending = Ending { protocol, status: self.status, grpc_status };
        match self.method() {
            Some(method) => method.meter.record(&method.full_name, ending, took),
            None => metrics::STRAYS.record("", ending, took),
        }
        let claims = self.caller.as_ref().map(|caller| &caller.token.claims);
        let _inside = self.span.enter();
        self.trace(claims, grpc_status);
        tracing::info!(
            target: "access",
            protocol,
            http_method = self.http_method.as_str(),
            rpc = self.method().map(|method| &*method.full_name),
            status = self.status,
            grpc_status,
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            request_id = self.names.request_id(),
            trace_id = self.names.trace_id(),
            tenant_id = claims.and_then(|claims| claims.tenant_id).map(tracing::field::display),
            user_id = claims.map(|claims| &*claims.sub),
            cache = self.kept.map(Kept::name),
            ended = if self.whole { "whole" } else { "cut" },
        );
    }
}

/// The span of a request. A path that is no method's is not told: it may hold personal data.
fn span(rpc: Option<&str>, http_method: &Method) -> Span {
    tracing::debug_span!(
        target: telemetry::trace::TARGET,
        parent: None,
        "request",
        otel.name = rpc.unwrap_or(http_method.as_str()),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = http_method.as_str(),
        http.response.status_code = Empty,
        rpc.grpc.status_code = Empty,
        service = "gateway",
        tenant_id = Empty,
        user_id = Empty,
    )
}

impl Record {
    fn trace(&self, claims: Option<&Claims>, grpc_status: Option<u8>) {
        if self.span.is_disabled() {
            return;
        }
        self.span.record("http.response.status_code", self.status);
        self.span.record("rpc.grpc.status_code", grpc_status);
        if self.status >= 500 {
            self.span.record("otel.status_code", "ERROR");
        }
        if let Some(claims) = claims {
            self.span.record("tenant_id", claims.tenant_id.map(display));
            self.span.record("user_id", &*claims.sub);
        }
    }
}

fn grpc_status(headers: &HeaderMap) -> Option<u8> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// A body that ends its record.
struct Recorded {
    body: Body,
    record: Option<Box<Record>>,
}

impl http_body::Body for Recorded {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let trailers = matches!(&frame, Some(Ok(frame)) if frame.is_trailers());
        if let (Some(Ok(frame)), Some(record)) = (&frame, &mut self.record)
            && let Some(status) = frame.trailers_ref().and_then(grpc_status)
        {
            record.grpc_status = Some(status);
        }
        // Nothing comes behind trailers, and not everybody asks.
        if (frame.is_none() || trailers || self.body.is_end_stream())
            && let Some(mut record) = self.record.take()
        {
            record.whole = !matches!(frame, Some(Err(_)));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
