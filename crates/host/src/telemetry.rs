//! Logs to stderr, traces by OTLP where `OTEL_EXPORTER_OTLP_ENDPOINT` says, metrics for Prometheus.

use std::net::SocketAddr;

use kit::{Error, Result};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// What must be flushed before the process ends.
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

/// Starts logs (`RUST_LOG`, as JSON with `TESSERA_LOG_FORMAT=json`), traces and metrics. Once per process.
pub fn start(metrics_listen: Option<SocketAddr>) -> Result<Telemetry> {
    let filter = || {
        EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,h2=warn,hyper=warn"))
    };
    let json = std::env::var("TESSERA_LOG_FORMAT").is_ok_and(|format| format == "json");
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if json { lines.json().boxed() } else { lines.compact().boxed() };
    let traces = exporter()?;
    let spans = traces.as_ref().map(|provider| {
        tracing_opentelemetry::layer().with_tracer(provider.tracer("tessera")).with_filter(filter())
    });
    tracing_subscriber::registry()
        .with(lines.with_filter(filter()))
        .with(spans)
        .try_init()
        .map_err(Error::internal)?;
    if let Some(address) = metrics_listen {
        metrics_exporter_prometheus::PrometheusBuilder::new()
            .with_http_listener(address)
            .install()
            .map_err(|error| Error::invalid("TESSERA_METRICS_LISTEN", error.to_string()))?;
    }
    Ok(Telemetry { traces })
}

fn exporter() -> Result<Option<SdkTracerProvider>> {
    if std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_none() {
        return Ok(None);
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .build()
        .map_err(|error| Error::invalid("OTEL_EXPORTER_OTLP_ENDPOINT", error.to_string()))?;
    Ok(Some(SdkTracerProvider::builder().with_batch_exporter(exporter).build()))
}

impl Telemetry {
    /// Sends what is still held back.
    pub fn flush(self) {
        if let Some(traces) = self.traces
            && let Err(error) = traces.shutdown()
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}
