//! SQL in traces: a span for each statement, made of what sqlx logs when the statement has ended.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use kit::{Clock as _, SystemClock};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, SpanKind, TraceContextExt as _, Tracer as _};
use opentelemetry_sdk::trace::SdkTracer;
use tracing::dispatcher::WeakDispatch;
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::trace;

const TARGET: &str = "sqlx::query";

/// What the layer must see: statements, and the spans that they run in.
pub(crate) fn wanted(data: &Metadata<'_>) -> bool {
    match data.is_span() {
        true => data.target() == trace::TARGET,
        false => data.target() == TARGET && *data.level() <= Level::DEBUG,
    }
}

/// Makes the spans.
pub(crate) struct Statements {
    tracer: SdkTracer,
    dispatch: OnceLock<WeakDispatch>,
}

impl Statements {
    pub(crate) fn new(tracer: SdkTracer) -> Self {
        Self { tracer, dispatch: OnceLock::new() }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Statements {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // There is one subscriber for the life of the process.
        let _ = self.dispatch.set(dispatch.downgrade());
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        // Outside of any call there is nothing that the statement would belong to.
        let Some(span) = context.event_span(event) else { return };
        let Some(dispatch) = self.dispatch.get().and_then(WeakDispatch::upgrade) else { return };
        let Some(parent) = tracing_opentelemetry::get_otel_context(&span.id(), &dispatch) else { return };
        if !parent.span().span_context().is_sampled() {
            return;
        }
        let mut statement = Statement::default();
        event.record(&mut statement);
        let end = SystemTime::from(SystemClock.now());
        let start = end.checked_sub(statement.elapsed).unwrap_or(end);
        // Values are bound apart from the text, so that none of them is in it.
        let text = if statement.text.trim().is_empty() { &statement.summary } else { &statement.text };
        let builder = self.tracer.span_builder(statement.summary.clone());
        let builder = builder.with_kind(SpanKind::Client).with_start_time(start).with_attributes([
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("db.query.text", text.trim().to_owned()),
            KeyValue::new("db.response.returned_rows", statement.rows),
        ]);
        builder.start_with_context(&self.tracer, &parent).end_with_timestamp(end);
    }
}

/// The fields of a statement's event.
#[derive(Default)]
struct Statement {
    summary: String,
    text: String,
    rows: i64,
    elapsed: Duration,
}

impl Visit for Statement {
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.text),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows_returned" {
            self.rows = i64::try_from(value).unwrap_or(i64::MAX);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.elapsed = Duration::try_from_secs_f64(value).unwrap_or_default();
        }
    }
}
