//! Traces across processes, the event log and jobs: W3C trace context in and out of spans.
//!
//! Spans are made with `tracing::debug_span!(target: telemetry::trace::TARGET, ...)`. They cost nothing unless traces
//! are sent or lines are JSON; in the first case OpenTelemetry names them, in the second they name themselves. Those of
//! them that stand for a call, an event or a job have the fields `service`, `tenant_id` and `user_id`, which every line
//! logged inside then tells.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

/// The target of spans that belong to traces.
pub const TARGET: &str = "trace";

static ACTIVE: AtomicBool = AtomicBool::new(false);

pub(crate) fn activate() {
    ACTIVE.store(true, Ordering::Relaxed);
}

/// What a span is called that is sent nowhere: lines name it, and so does whatever it sets off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ids {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    flags: TraceFlags,
}

impl Ids {
    /// Those of a new span.
    pub(crate) fn within(parent: Option<Self>) -> Self {
        let make = RandomIdGenerator::default();
        let trace = parent.map_or_else(|| make.new_trace_id(), |parent| parent.trace);
        let flags = parent.map_or(TraceFlags::SAMPLED, |parent| parent.flags);
        Self { trace, span: make.new_span_id(), flags }
    }

    fn with<T>(span: &Span, act: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let found = span.with_subscriber(|(id, dispatch)| {
            let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
            span.extensions_mut().get_mut::<Self>().map(act)
        });
        found.flatten()
    }
}

/// Makes a span the child of one elsewhere, named by its `traceparent`. One that is malformed, or none, leaves the
/// span the root of a trace of its own.
pub fn continue_from(span: &Span, traceparent: &str) {
    let Some(parent) = parse(traceparent) else { return };
    let named = Ids::with(span, |ids| (ids.trace, ids.flags) = (parent.trace_id(), parent.trace_flags()));
    if named.is_none() {
        // Fails for a span that nobody wants to see.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

/// Has a span name another one, perhaps of another trace, that did its work together with that of others.
pub fn link(span: &Span, to: &Span) {
    if ACTIVE.load(Ordering::Relaxed) && !span.is_disabled() && !to.is_disabled() {
        span.add_link(to.context().span().span_context().clone());
    }
}

/// The `traceparent` of the current span, for whatever it sets off; `None` where nothing is traced.
pub fn current() -> Option<String> {
    if !ACTIVE.load(Ordering::Relaxed) {
        return None;
    }
    of(&Span::current())
}

/// The `traceparent` of a span.
pub fn of(span: &Span) -> Option<String> {
    if !ACTIVE.load(Ordering::Relaxed) || span.is_disabled() {
        return None;
    }
    let shown = |trace: TraceId, span: SpanId, flags: TraceFlags| {
        format!("00-{trace}-{span}-{:02x}", flags.to_u8() & 1)
    };
    Ids::with(span, |ids| shown(ids.trace, ids.span, ids.flags)).or_else(|| {
        let context = span.context();
        let span = context.span();
        let context = span.span_context();
        context.is_valid().then(|| shown(context.trace_id(), context.span_id(), context.trace_flags()))
    })
}

/// Reads a `traceparent` of version 00: trace id, parent id, flags.
fn parse(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version.len() != 2 || trace.len() != 32 || parent.len() != 16 || flags.len() != 2 {
        return None;
    }
    let trace = TraceId::from_hex(trace).ok()?;
    let parent = SpanId::from_hex(parent).ok()?;
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1;
    let context = SpanContext::new(trace, parent, TraceFlags::new(sampled), true, TraceState::default());
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_traceparents_are_continued() {
        // What a stranger sends must not become the parent of anything unless it is one.
        let good = parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        assert_eq!(good.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(good.is_sampled() && good.is_remote());
        assert!(!parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").unwrap().is_sampled());
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-01",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
