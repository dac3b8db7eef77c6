//! Logs for machines: one JSON object a line, with the same nine fields in each.
//!
//! `service`, `tenantId` and `userId` are those of the call, event or job that the line belongs to, `traceId` and
//! `spanId` those of its span. What else an event has stands in `metadata`, beside its `target`.

use std::fmt::Debug;
use std::io::Write as _;
use std::sync::OnceLock;

use kit::{Clock as _, SystemClock};
use opentelemetry::trace::TraceContextExt as _;
use serde::{Serialize, Serializer};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use tracing::dispatcher::WeakDispatch;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::trace::Ids;

/// Takes a line with its newline.
pub(crate) type Write = Box<dyn Fn(&[u8]) + Send + Sync>;

/// Writes lines.
pub(crate) struct Lines {
    process: String,
    write: Write,
    /// Whether nobody else names spans.
    names: bool,
    dispatch: OnceLock<WeakDispatch>,
}

pub(crate) fn to_stderr(line: &[u8]) {
    // Whoever has closed stderr does not want to hear of it.
    let _ = std::io::stderr().lock().write_all(line);
}

/// Whose a span is, as far as it says so.
#[derive(Default, Clone)]
struct Whose {
    service: String,
    tenant: String,
    user: String,
}

impl Lines {
    /// Lines of a process. Its name stands for the service where no call says which. `names`: spans have no names
    /// of OpenTelemetry, and are to have some.
    pub(crate) fn new(process: &str, write: Write, names: bool) -> Self {
        Self { process: process.to_owned(), write, names, dispatch: OnceLock::new() }
    }

    /// The ids of the trace and the span.
    fn ids<'a, S: LookupSpan<'a>>(&self, span: &SpanRef<'a, S>) -> Option<(String, String)> {
        if let Some(ids) = span.extensions().get::<Ids>() {
            return Some((ids.trace.to_string(), ids.span.to_string()));
        }
        let dispatch = self.dispatch.get().and_then(WeakDispatch::upgrade)?;
        let context = tracing_opentelemetry::get_otel_context(&span.id(), &dispatch)?;
        let span = context.span();
        let context = span.span_context();
        context.is_valid().then(|| (context.trace_id().to_string(), context.span_id().to_string()))
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // There is one subscriber for the life of the process.
        let _ = self.dispatch.set(dispatch.downgrade());
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let inherited = span.parent().and_then(|parent| parent.extensions().get::<Whose>().cloned());
        let mut whose = inherited.unwrap_or_default();
        attributes.record(&mut whose);
        let names = self.names.then(|| {
            let parent = span.parent().and_then(|parent| parent.extensions().get::<Ids>().copied());
            Ids::within(parent)
        });
        let mut extensions = span.extensions_mut();
        extensions.insert(whose);
        if let Some(names) = names {
            extensions.insert(names);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(whose) = span.extensions_mut().get_mut::<Whose>()
        {
            values.record(whose);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let span = context.event_span(event);
        let whose = span.as_ref().and_then(|span| span.extensions().get::<Whose>().cloned());
        let ids = span.as_ref().and_then(|span| self.ids(span));
        let (trace, span) = ids.unwrap_or_default();
        let mut told = Told { whose: whose.unwrap_or_default(), trace, ..Told::default() };
        event.record(&mut told);
        told.other("target", event.metadata().target().into());
        let line = Line {
            timestamp: SystemClock.now().format(&Rfc3339).unwrap_or_default(),
            level: event.metadata().level().as_str(),
            service: if told.whose.service.is_empty() { &self.process } else { &told.whose.service },
            trace_id: &told.trace,
            span_id: &span,
            tenant_id: &told.whose.tenant,
            user_id: &told.whose.user,
            message: &told.message,
            metadata: &told.metadata,
        };
        let mut text = Vec::with_capacity(USUAL_LEN);
        if serde_json::to_writer(&mut text, &line).is_ok() {
            text.push(b'\n');
            (self.write)(&text);
        }
    }
}

/// What a line takes as a rule, in bytes.
const USUAL_LEN: usize = 512;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    timestamp: String,
    level: &'a str,
    service: &'a str,
    trace_id: &'a str,
    span_id: &'a str,
    tenant_id: &'a str,
    user_id: &'a str,
    message: &'a str,
    #[serde(serialize_with = "as_object")]
    metadata: &'a [(&'static str, Value)],
}

fn as_object<S: Serializer>(fields: &[(&'static str, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(name, value)| (name, value)))
}

impl Visit for Whose {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.take(field.name(), || format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field.name(), || value.to_owned());
    }
}

impl Whose {
    /// `false` for a field that says something else.
    fn take(&mut self, name: &str, value: impl FnOnce() -> String) -> bool {
        let place = match name {
            "service" => &mut self.service,
            "tenant_id" => &mut self.tenant,
            "user_id" => &mut self.user,
            _ => return false,
        };
        *place = value();
        true
    }
}

/// The fields of an event.
#[derive(Default)]
struct Told {
    whose: Whose,
    trace: String,
    message: String,
    metadata: Vec<(&'static str, Value)>,
}

impl Told {
    fn text(&mut self, name: &'static str, value: String) {
        match name {
            "message" => self.message = value,
            "trace_id" if !value.is_empty() => self.trace = value,
            "trace_id" => {}
            "service" | "tenant_id" | "user_id" => drop(self.whose.take(name, || value)),
            _ => self.other(name, value.into()),
        }
    }

    fn other(&mut self, name: &'static str, value: Value) {
        self.metadata.push((name, value));
    }
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value.to_owned());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.other(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.other(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.other(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.other(field.name(), value.into());
    }
}
