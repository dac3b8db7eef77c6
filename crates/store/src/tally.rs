//! What a service counts of its calls: the events that they have told, and how long they waited for the database.

use std::collections::HashMap;
use std::sync::{LazyLock, RwLock};
use std::time::Duration;

use metrics::{Counter, Histogram};

use crate::flush::OutboxRow;

/// The counter of an event: `order.completed` is counted by `orders_completed_total`.
pub fn counter_name(event_type: &str) -> String {
    let (noun, change) = event_type.split_once('.').unwrap_or((event_type, "told"));
    let plural = match noun.as_bytes() {
        [.., b'a' | b'e' | b'i' | b'o' | b'u', b'y'] => format!("{noun}s"),
        [.., b'y'] => format!("{}ies", &noun[..noun.len() - 1]),
        [.., b's' | b'x'] | [.., b'c' | b's', b'h'] => format!("{noun}es"),
        _ => format!("{noun}s"),
    };
    format!("{plural}_{change}_total")
}

/// Begins to count an event that a service tells, so that its counter is there before the first one.
pub fn counter(service: &'static str, event_type: &str) -> Counter {
    metrics::counter!(counter_name(event_type), "service" => service)
}

/// Counts events that are committed.
pub(crate) fn told<'a>(service: &'static str, events: impl Iterator<Item = &'a OutboxRow>) {
    static COUNTERS: LazyLock<RwLock<HashMap<String, Counter>>> = LazyLock::new(RwLock::default);
    for event in events {
        if let Some(counter) =
            COUNTERS.read().expect("nothing panics while holding it").get(&event.event_type)
        {
            counter.increment(1);
            continue;
        }
        let counter = counter(service, &event.event_type);
        counter.increment(1);
        let mut counters = COUNTERS.write().expect("nothing panics while holding it");
        counters.insert(event.event_type.clone(), counter);
    }
}

/// Notes how long a transaction took to begin: a free connection, and one round trip.
pub(crate) fn began(service: &'static str, took: Duration) {
    static HISTOGRAMS: LazyLock<RwLock<HashMap<&'static str, Histogram>>> = LazyLock::new(RwLock::default);
    if let Some(histogram) = HISTOGRAMS.read().expect("nothing panics while holding it").get(service) {
        histogram.record(took.as_secs_f64());
        return;
    }
    let histogram = metrics::histogram!("tessera_transaction_begin_seconds", "service" => service);
    histogram.record(took.as_secs_f64());
    HISTOGRAMS.write().expect("nothing panics while holding it").insert(service, histogram);
}

#[cfg(test)]
mod tests {
    use super::counter_name;

    #[test]
    fn counters_are_named_in_the_plural() {
        // Dashboards and rules know the counters by these names.
        for (event, name) in [
            ("contact.created", "contacts_created_total"),
            ("order.completed", "orders_completed_total"),
            ("journal_entry.posted", "journal_entries_posted_total"),
            ("api_key.created", "api_keys_created_total"),
            ("address.updated", "addresses_updated_total"),
            ("branch.created", "branches_created_total"),
        ] {
            assert_eq!(counter_name(event), name);
        }
    }
}
