//! A receiver of OTLP that keeps what it is sent.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

/// What was sent.
#[derive(Clone, Default)]
pub struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
    metrics: Arc<Mutex<HashSet<String>>>,
}

impl Collector {
    /// Receives on a port of its own; the second is the address.
    pub async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self::default();
        let traces = TraceServiceServer::new(collector.clone()).max_decoding_message_size(64 << 20);
        let metrics = MetricsServiceServer::new(collector.clone()).max_decoding_message_size(64 << 20);
        let server = tonic::transport::Server::builder().add_service(traces).add_service(metrics);
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        tokio::spawn(server.serve_with_incoming(incoming));
        (collector, address)
    }

    /// The traces, by id.
    pub fn traces(&self) -> Vec<Trace> {
        let mut traces: HashMap<Vec<u8>, Vec<Span>> = HashMap::new();
        for span in self.spans.lock().unwrap().iter() {
            traces.entry(span.trace_id.clone()).or_default().push(span.clone());
        }
        traces.into_values().map(Trace).collect()
    }

    /// The names of metrics.
    pub fn metrics(&self) -> HashSet<String> {
        self.metrics.lock().unwrap().clone()
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        self.spans.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let resources = request.into_inner().resource_metrics.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_metrics);
        self.metrics.lock().unwrap().extend(scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name));
        Ok(Response::new(Default::default()))
    }
}

/// The spans of a trace.
pub struct Trace(pub Vec<Span>);

/// An attribute of a span that is a text.
pub fn text<'a>(span: &'a Span, name: &str) -> &'a str {
    let found = span.attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

impl Trace {
    /// Those that began with nobody.
    pub fn roots(&self) -> Vec<&Span> {
        self.0.iter().filter(|span| span.parent_span_id.is_empty()).collect()
    }

    /// Those whose parent is not in the trace.
    pub fn orphans(&self) -> Vec<&Span> {
        let ids: HashSet<&[u8]> = self.0.iter().map(|span| &*span.span_id).collect();
        let lost = |span: &&Span| !span.parent_span_id.is_empty() && !ids.contains(&*span.parent_span_id);
        self.0.iter().filter(lost).collect()
    }

    /// One of this service, kind and name.
    pub fn find(&self, service: &str, kind: i32, name: &str) -> Option<&Span> {
        let fits = |span: &&Span| span.name == name && span.kind == kind && text(span, "service") == service;
        self.0.iter().find(fits)
    }

    /// Whether there is a statement right below a span of this service.
    pub fn has_statement_of(&self, service: &str) -> bool {
        let of = |id: &[u8]| self.0.iter().any(|span| span.span_id == id && text(span, "service") == service);
        self.0.iter().any(|span| text(span, "db.system.name") == "postgresql" && of(&span.parent_span_id))
    }

    /// Whether it names a transaction of this service, in the trace of another call that shared it.
    pub fn shares_transaction_of(&self, service: &str, traces: &[Trace]) -> bool {
        let links: HashSet<&[u8]> =
            self.0.iter().flat_map(|span| &span.links).map(|link| &*link.span_id).collect();
        let shared = traces.iter().filter(|trace| trace.has_statement_of(service)).flat_map(|trace| &trace.0);
        let mut shared =
            shared.filter(|span| span.name == "group commit" && text(span, "service") == service);
        shared.any(|span| links.contains(&*span.span_id))
    }

    /// `service kind name`, one a line, for whoever reads a failure.
    pub fn listing(&self) -> String {
        let line = |span: &Span| format!("{} {} {}", text(span, "service"), span.kind, span.name);
        let lines: std::collections::BTreeSet<String> =
            self.0.iter().filter(|span| text(span, "db.system.name").is_empty()).map(line).collect();
        lines.into_iter().collect::<Vec<_>>().join("\n")
    }
}
