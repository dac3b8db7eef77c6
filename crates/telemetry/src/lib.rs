//! Logs to stderr, traces and metrics by OTLP where `OTEL_EXPORTER_OTLP_ENDPOINT` says, metrics for Prometheus.
//! What a process is told, and what it tells, stands in `docs/telemetry.md`.

mod instruments;
mod lines;
mod measures;
mod statements;
pub mod trace;

use std::net::SocketAddr;

use kit::{Error, Result};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use lines::Lines;
pub use measures::{BUCKETS, Kind, describe};

/// What must be flushed before the process ends.
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    measures: Option<SdkMeterProvider>,
}

/// Starts logs (`RUST_LOG`, as JSON with `TESSERA_LOG_FORMAT=json`), traces and metrics. Once per process, and
/// inside a runtime.
pub fn start(metrics_listen: Option<SocketAddr>) -> Result<Telemetry> {
    let json = std::env::var("TESSERA_LOG_FORMAT").is_ok_and(|format| format == "json");
    let mut telemetry = start_without_metrics(json)?;
    telemetry.measures = exports().then(|| measures::exporter(resource())).transpose()?.flatten();
    measures::install(metrics_listen, telemetry.measures.as_ref())?;
    Ok(telemetry)
}

fn resource() -> Resource {
    Resource::builder().with_service_name(process_name()).build()
}

fn exports() -> bool {
    std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_some_and(|value| !value.is_empty())
}

/// Starts logs, as JSON or for people, and traces, for a process that shows its metrics by itself.
pub fn start_without_metrics(json: bool) -> Result<Telemetry> {
    let traces = exports().then(|| exporter(resource())).transpose()?;
    let told = std::env::var(EnvFilter::DEFAULT_ENV).ok();
    subscriber(told.as_deref(), traces.as_ref(), json).try_init().map_err(Error::internal)?;
    Ok(Telemetry { traces, measures: None })
}

/// What takes spans and events. `told` says which events are to be logged.
fn subscriber(
    told: Option<&str>,
    traces: Option<&SdkTracerProvider>,
    json: bool,
) -> impl Subscriber + Into<Dispatch> {
    let filter = || {
        let told = told.and_then(|told| EnvFilter::try_new(told).ok());
        told.unwrap_or_else(|| EnvFilter::new("info,sqlx=warn,h2=warn,hyper=warn"))
    };
    // Spans are there for traces and for lines as JSON; lines for people are none the better for them.
    let spans = || {
        let ours = filter_fn(|data| data.is_span() && data.target() == trace::TARGET);
        ours.with_max_level_hint(LevelFilter::DEBUG)
    };
    if json || traces.is_some() {
        trace::activate();
    }
    let mut layers: Box<dyn Layer<Registry> + Send + Sync> = match json {
        true => {
            // Lines name the trace they belong to, be it sent anywhere or not.
            let lines = Lines::new(&process_name(), Box::new(lines::to_stderr), traces.is_none());
            lines.with_filter(filter().or(spans())).boxed()
        }
        false => {
            let text = tracing_subscriber::fmt::layer().compact().with_writer(std::io::stderr);
            text.with_filter(filter()).boxed()
        }
    };
    // Only what is wanted becomes a layer: one that stood in for what is missing would cost each span something, and
    // without a filter ask for all that any package has to tell.
    if let Some(provider) = traces {
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tessera"));
        // Whoever wants a span's context asks for the current span; and each entering of one would read the clock.
        let traced = layer
            .with_context_activation(false)
            .with_tracked_inactivity(false)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_filter(spans());
        let wanted = filter_fn(statements::wanted).with_max_level_hint(LevelFilter::DEBUG);
        let statements = statements::Statements::new(provider.tracer("tessera")).with_filter(wanted);
        layers = layers.and_then(traced).and_then(statements).boxed();
    }
    tracing_subscriber::registry().with(layers)
}

fn exporter(resource: Resource) -> Result<SdkTracerProvider> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .build()
        .map_err(|error| Error::invalid("OTEL_EXPORTER_OTLP_ENDPOINT", error.to_string()))?;
    Ok(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build())
}

/// `OTEL_SERVICE_NAME`, or the name of the program.
fn process_name() -> String {
    let named = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
    named.unwrap_or_else(|| {
        let program = std::env::current_exe().ok();
        let name = program.as_ref().and_then(|path| path.file_stem()).and_then(|name| name.to_str());
        name.unwrap_or("tessera").to_owned()
    })
}

impl Telemetry {
    /// Sends what is still held back.
    pub fn flush(self) {
        if let Some(traces) = self.traces
            && let Err(error) = traces.shutdown()
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
        if let Some(measures) = self.measures
            && let Err(error) = measures.shutdown()
        {
            tracing::warn!(%error, "the last metrics were not sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// What places in the code are asked for is known once for all threads: a test has them to itself.
    static ALONE: Mutex<()> = Mutex::new(());

    #[test]
    fn packages_are_not_asked_for_what_nobody_reads() {
        // HTTP/2 alone has dozens of spans for each call, and asking for them doubles what a call costs.
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let provider = SdkTracerProvider::builder().build();
        for (traces, json) in [(None, false), (None, true), (Some(&provider), false), (Some(&provider), true)]
        {
            tracing::subscriber::with_default(subscriber(None, traces, json), || {
                let case = format!("sent: {}, JSON: {json}", traces.is_some());
                assert!(tracing::trace_span!(target: "h2::codec", "poll").is_disabled(), "{case}");
                assert!(!tracing::enabled!(target: "h2::codec", tracing::Level::DEBUG), "{case}");
                assert!(tracing::enabled!(target: "tessera", tracing::Level::INFO), "{case}");
                let call = tracing::debug_span!(target: trace::TARGET, "call");
                assert_eq!(call.is_disabled(), traces.is_none() && !json, "{case}");
            });
        }
    }

    #[test]
    fn a_trace_goes_on_whether_it_is_sent_or_not() {
        // What a call sets off carries its trace and the caller's wish to keep it; a call of nobody begins one.
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let provider = SdkTracerProvider::builder().build();
        for traces in [None, Some(&provider)] {
            tracing::subscriber::with_default(subscriber(None, traces, true), || {
                for flags in ["00", "01"] {
                    let call = tracing::debug_span!(target: trace::TARGET, parent: None, "call");
                    let given = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
                    trace::continue_from(&call, &given);
                    let _inside = call.enter();
                    let told = trace::current().unwrap();
                    let inner = tracing::debug_span!(target: trace::TARGET, "inner");
                    let within = trace::of(&inner).unwrap();
                    for one in [&told, &within] {
                        assert_eq!((one.len(), &one[..35], &one[53..]), (55, &given[..35], flags), "{one}");
                    }
                    assert!(told != given && told != within, "{told} {within}");
                }
                let begun = [(); 2].map(|()| {
                    let call = tracing::debug_span!(target: trace::TARGET, parent: None, "call");
                    trace::of(&call).unwrap()
                });
                assert!(begun[0][..35] != begun[1][..35] && begun[0].ends_with("-01"), "{begun:?}");
            });
        }
    }
}
