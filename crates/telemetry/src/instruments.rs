//! The metrics facade on instruments of OpenTelemetry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use crate::BUCKETS;

/// Records into the instruments of a meter.
pub(crate) struct Instruments {
    meter: Meter,
    /// A gauge is one value, whoever asks for it.
    gauges: Mutex<HashMap<Key, Arc<Level>>>,
}

impl Instruments {
    pub(crate) fn new(meter: Meter) -> Self {
        Self { meter, gauges: Mutex::default() }
    }
}

impl Recorder for Instruments {
    // Texts are for those who read Prometheus' page.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let counter = self.meter.u64_counter(key.name().to_owned()).build();
        Counter::from_arc(Arc::new(Count { counter, labels: labels(key) }))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let mut gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        let level = gauges.entry(key.clone()).or_insert_with(|| {
            let gauge = self.meter.f64_gauge(key.name().to_owned()).build();
            Arc::new(Level { gauge, labels: labels(key), value: Mutex::new(0.0) })
        });
        Gauge::from_arc(level.clone())
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let histogram = self.meter.f64_histogram(key.name().to_owned());
        let histogram = histogram.with_unit("s").with_boundaries(BUCKETS.to_vec()).build();
        Histogram::from_arc(Arc::new(Times { histogram, labels: labels(key) }))
    }
}

fn labels(key: &Key) -> Vec<KeyValue> {
    key.labels().map(|label| KeyValue::new(label.key().to_owned(), label.value().to_owned())).collect()
}

struct Count {
    counter: opentelemetry::metrics::Counter<u64>,
    labels: Vec<KeyValue>,
}

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.counter.add(value, &self.labels);
    }

    fn absolute(&self, _: u64) {
        debug_assert!(false, "nothing here counts after somebody else's counter");
    }
}

struct Level {
    gauge: opentelemetry::metrics::Gauge<f64>,
    labels: Vec<KeyValue>,
    value: Mutex<f64>,
}

impl Level {
    fn change(&self, change: impl FnOnce(f64) -> f64) {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        *value = change(*value);
        self.gauge.record(*value, &self.labels);
    }
}

impl GaugeFn for Level {
    fn increment(&self, value: f64) {
        self.change(|old| old + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|old| old - value);
    }

    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

struct Times {
    histogram: opentelemetry::metrics::Histogram<f64>,
    labels: Vec<KeyValue>,
}

impl HistogramFn for Times {
    fn record(&self, value: f64) {
        self.histogram.record(value, &self.labels);
    }
}

/// Two handles, told the same.
pub(crate) struct BothCounter(pub Counter, pub Counter);
/// Two handles, told the same.
pub(crate) struct BothGauge(pub Gauge, pub Gauge);
/// Two handles, told the same.
pub(crate) struct BothHistogram(pub Histogram, pub Histogram);

impl From<BothCounter> for Counter {
    fn from(both: BothCounter) -> Self {
        Counter::from_arc(Arc::new(both))
    }
}

impl From<BothGauge> for Gauge {
    fn from(both: BothGauge) -> Self {
        Gauge::from_arc(Arc::new(both))
    }
}

impl From<BothHistogram> for Histogram {
    fn from(both: BothHistogram) -> Self {
        Histogram::from_arc(Arc::new(both))
    }
}

impl CounterFn for BothCounter {
    fn increment(&self, value: u64) {
        self.0.increment(value);
        self.1.increment(value);
    }

    fn absolute(&self, value: u64) {
        self.0.absolute(value);
        self.1.absolute(value);
    }
}

impl GaugeFn for BothGauge {
    fn increment(&self, value: f64) {
        self.0.increment(value);
        self.1.increment(value);
    }

    fn decrement(&self, value: f64) {
        self.0.decrement(value);
        self.1.decrement(value);
    }

    fn set(&self, value: f64) {
        self.0.set(value);
        self.1.set(value);
    }
}

impl HistogramFn for BothHistogram {
    fn record(&self, value: f64) {
        self.0.record(value);
        self.1.record(value);
    }
}
