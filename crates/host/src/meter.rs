//! Calls, events and jobs as metrics and as spans of a trace.

use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bus::Delivery;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use metrics::{Counter, Histogram};
use store::jobs::Claimed;
use store::{Access, Actor, Caller, Method};
use telemetry::trace;
use tonic::Code;
use tonic::body::Body;
use tracing::Span;
use tracing::field::{Empty, display};

/// The codes of gRPC, from OK to UNAUTHENTICATED.
const CODES: usize = 17;

/// A method with what is counted of it.
pub(crate) struct Meter {
    pub access: Access,
    /// `erp.orders.v1.OrderService.PlaceOrder`
    rpc: String,
    /// `orders`
    service: &'static str,
    /// Those that occurred stay at hand, by code.
    used: [OnceLock<(Counter, Histogram)>; CODES],
}

impl Meter {
    pub fn new(method: &'static Method) -> Self {
        Self {
            access: method.access,
            rpc: method.path.trim_start_matches('/').replace('/', "."),
            service: method.path.split('.').nth(1).unwrap_or_default(),
            used: [const { OnceLock::new() }; CODES],
        }
    }

    /// The span of a call, a child of whatever its caller says.
    pub fn span(&self, headers: &HeaderMap) -> Span {
        let span = tracing::debug_span!(
            target: trace::TARGET,
            parent: None,
            "rpc",
            otel.name = self.rpc,
            otel.kind = "server",
            otel.status_code = Empty,
            rpc.system = "grpc",
            rpc.grpc.status_code = Empty,
            service = self.service,
            tenant_id = Empty,
            user_id = Empty,
        );
        if let Some(parent) = headers.get(store::TRACE_HEADER).and_then(|value| value.to_str().ok()) {
            trace::continue_from(&span, parent);
        }
        span
    }

    fn record(&self, code: Code, took: Duration) {
        let place = code as usize;
        let (counter, histogram) = self.used[place.min(CODES - 1)].get_or_init(|| {
            let labels = [
                metrics::Label::new("service", self.service),
                metrics::Label::new("rpc", self.rpc.clone()),
                metrics::Label::new("grpc_status", place.to_string()),
            ];
            let counter = metrics::counter!("tessera_rpc_requests_total", labels.to_vec());
            (counter, metrics::histogram!("tessera_rpc_request_seconds", labels.to_vec()))
        });
        counter.increment(1);
        histogram.record(took.as_secs_f64());
    }
}

/// Notes who calls.
pub(crate) fn called_by(span: &Span, caller: &Caller) {
    if span.is_disabled() {
        return;
    }
    if let Some(tenant) = caller.tenant {
        span.record("tenant_id", display(tenant));
    }
    if let Actor::User { id, .. } = &caller.actor {
        span.record("user_id", display(id));
    }
}

/// A call under way; when it is dropped before its end, its caller has gone.
pub(crate) struct Under {
    meter: std::sync::Arc<Meter>,
    span: Span,
    started: Instant,
    code: Code,
}

impl Under {
    pub fn new(meter: std::sync::Arc<Meter>, span: Span) -> Self {
        Self { meter, span, started: Instant::now(), code: Code::Cancelled }
    }

    /// The end of the call is the end of its answer.
    pub fn answered(mut self, response: http::Response<Body>) -> http::Response<Body> {
        if let Some(code) = grpc_status(response.headers()) {
            self.code = code;
            return response;
        }
        response.map(|body| Body::new(Answer { body, under: Some(self) }))
    }

    /// It reached nobody.
    pub fn failed(mut self) {
        self.code = Code::Unavailable;
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        self.meter.record(self.code, self.started.elapsed());
        if self.span.is_disabled() {
            return;
        }
        self.span.record("rpc.grpc.status_code", self.code as i32);
        // Refusals are the caller's own; what these say is ours.
        if matches!(
            self.code,
            Code::Unknown | Code::DeadlineExceeded | Code::Internal | Code::Unavailable | Code::DataLoss
        ) {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

fn grpc_status(headers: &HeaderMap) -> Option<Code> {
    Some(Code::from_bytes(headers.get("grpc-status")?.as_bytes()))
}

/// An answer that ends its call.
struct Answer {
    body: Body,
    under: Option<Under>,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        // What a stream does for its next message belongs to its trace.
        let span = self.under.as_ref().map_or_else(Span::none, |under| under.span.clone());
        let _inside = span.enter();
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        let code = match &frame {
            Some(Ok(frame)) => {
                frame.trailers_ref().map(|trailers| grpc_status(trailers).unwrap_or(Code::Unknown))
            }
            Some(Err(status)) => Some(status.code()),
            None => Some(Code::Unknown),
        };
        if let Some(code) = code
            && let Some(mut under) = self.under.take()
        {
            under.code = code;
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

/// The span in which an event is handled, a child of whatever told it.
pub(crate) fn event_span(service: &str, delivery: &Delivery) -> Span {
    let span = tracing::debug_span!(
        target: trace::TARGET,
        parent: None,
        "event",
        otel.name = format!("process {}", delivery.event_type()),
        otel.kind = "consumer",
        otel.status_code = Empty,
        messaging.destination.name = delivery.topic,
        service,
        tenant_id = delivery.tenant_id().map(display),
        user_id = Empty,
    );
    trace::continue_from(&span, delivery.traceparent());
    span
}

/// Begins to count what becomes of the events of these topics.
pub(crate) fn expect_events(group: &str, topics: &[String]) {
    for topic in topics {
        for name in ["handled", "retried", "dead"] {
            let name = format!("tessera_consumer_{name}_total");
            metrics::counter!(name, "group" => group.to_owned(), "topic" => topic.clone()).increment(0);
        }
    }
}

/// Notes that an event was handled, or not.
pub(crate) fn event_ended(service: &'static str, event_type: &str, well: bool, took: Duration) {
    let labels = [
        metrics::Label::new("service", service),
        metrics::Label::new("event_type", event_type.to_owned()),
        metrics::Label::new("outcome", outcome(well)),
    ];
    metrics::counter!("tessera_events_handled_total", labels.to_vec()).increment(1);
    metrics::histogram!("tessera_event_seconds", labels.to_vec()).record(took.as_secs_f64());
}

/// The span in which a job runs, a child of whatever wanted it.
pub(crate) fn job_span(service: &str, job: &Claimed) -> Span {
    let span = tracing::debug_span!(
        target: trace::TARGET,
        parent: None,
        "job",
        otel.name = format!("job {}", job.kind),
        otel.kind = "consumer",
        otel.status_code = Empty,
        service,
        tenant_id = %job.tenant,
        user_id = Empty,
    );
    trace::continue_from(&span, &job.traceparent);
    span
}

/// Notes that a job has run.
pub(crate) fn job_ended(service: &'static str, kind: &str, well: bool, took: Duration) {
    let labels = [
        metrics::Label::new("service", service),
        metrics::Label::new("kind", kind.to_owned()),
        metrics::Label::new("outcome", outcome(well)),
    ];
    if !well {
        Span::current().record("otel.status_code", "ERROR");
    }
    metrics::counter!("tessera_jobs_run_total", labels.to_vec()).increment(1);
    metrics::histogram!("tessera_job_seconds", labels.to_vec()).record(took.as_secs_f64());
}

fn outcome(well: bool) -> &'static str {
    if well { "done" } else { "failed" }
}
