//! Metrics: for Prometheus on a port, by OTLP, or both.

use std::net::SocketAddr;

use kit::{Error, Result};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::instruments::{BothCounter, BothGauge, BothHistogram, Instruments};

/// Bounds of the buckets of every histogram, in seconds. Objectives stand on some of them, so that the share of
/// calls within an objective is exact.
pub const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// What the exported metrics mean, for Prometheus and whoever reads its page.
pub fn describe(entries: &[(Kind, &'static str, &'static str)]) {
    for (kind, name, text) in entries {
        match kind {
            Kind::Counter => metrics::describe_counter!(*name, *text),
            Kind::Gauge => metrics::describe_gauge!(*name, *text),
            Kind::Histogram => metrics::describe_histogram!(*name, *text),
        }
    }
}

/// The kinds of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Sends metrics where `OTEL_EXPORTER_OTLP_ENDPOINT` says, as often as `OTEL_METRIC_EXPORT_INTERVAL` says, when
/// `OTEL_METRICS_EXPORTER` is `otlp`: mostly they are scraped, and a collector may take none.
pub(crate) fn exporter(resource: Resource) -> Result<Option<SdkMeterProvider>> {
    if std::env::var_os("OTEL_METRICS_EXPORTER").is_none_or(|exporter| exporter != "otlp") {
        return Ok(None);
    }
    let exporter = opentelemetry_otlp::MetricExporter::builder()
        .with_tonic()
        .build()
        .map_err(|error| Error::invalid("OTEL_EXPORTER_OTLP_ENDPOINT", error.to_string()))?;
    Ok(Some(SdkMeterProvider::builder().with_resource(resource).with_periodic_exporter(exporter).build()))
}

/// Makes metrics go where they are wanted; nowhere costs next to nothing.
pub(crate) fn install(listen: Option<SocketAddr>, provider: Option<&SdkMeterProvider>) -> Result<()> {
    let prometheus = listen.map(prometheus).transpose()?;
    let instruments = provider.map(|provider| Instruments::new(provider.meter("tessera")));
    match (prometheus, instruments) {
        (None, None) => Ok(()),
        (Some(one), None) => metrics::set_global_recorder(one).map_err(Error::internal),
        (None, Some(other)) => metrics::set_global_recorder(other).map_err(Error::internal),
        (Some(one), Some(other)) => metrics::set_global_recorder(Both(one, other)).map_err(Error::internal),
    }
}

fn prometheus(listen: SocketAddr) -> Result<PrometheusRecorder> {
    let refused = |error: &dyn std::fmt::Display| Error::invalid("TESSERA_METRICS_LISTEN", error.to_string());
    let builder = PrometheusBuilder::new().with_http_listener(listen);
    let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS);
    let (recorder, exporter) = builder.and_then(PrometheusBuilder::build).map_err(|error| refused(&error))?;
    tokio::spawn(async move {
        if exporter.await.is_err() {
            tracing::error!("the port for metrics has ended");
        }
    });
    Ok(recorder)
}

/// Two recorders, told the same.
struct Both(PrometheusRecorder, Instruments);

impl Recorder for Both {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.0.describe_counter(key, unit, text);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.0.describe_gauge(key, unit, text);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.0.describe_histogram(key, unit, text);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        BothCounter(self.0.register_counter(key, metadata), self.1.register_counter(key, metadata)).into()
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        BothGauge(self.0.register_gauge(key, metadata), self.1.register_gauge(key, metadata)).into()
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        BothHistogram(self.0.register_histogram(key, metadata), self.1.register_histogram(key, metadata))
            .into()
    }
}
