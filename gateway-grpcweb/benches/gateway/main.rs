//! `make bench-gateway`: the gateway beside Envoy, in turns within one run.
//!
//! Each proxy has one worker, pinned to the first core. The load and the service behind the proxies share
//! the second core, and are the same for both. Requests a second are what came through; CPU time a request
//! is the proxy's own, which holds on a busy machine, too. `PARTS="compare grow attack"` chooses.

mod attack;
mod backend;
mod load;
mod processes;
mod sets;

#[path = "../../tests/support/envoy.rs"]
#[expect(dead_code, reason = "nothing ends by itself here")]
mod envoy;

use std::time::Duration;

use load::{Load, Measured};
use processes::{BIN, Bin, Proxy};

/// How often each proxy has its turn at each kind of load, and for how long.
const ROUNDS: usize = 5;
const TURN: Duration = Duration::from_secs(2);
const IDLE_CONNECTIONS: usize = 1_000;

fn main() {
    // `cargo bench` and `cargo test` hand over flags of their own.
    if std::env::args().any(|one| one == "--test") {
        return;
    }
    let bytes = std::env::args().skip_while(|one| one != BIN).nth(1);
    if let Some(bytes) = bytes.and_then(|bytes| bytes.parse().ok()) {
        return Bin::run(bytes).unwrap_or_else(|error| panic!("{error}"));
    }
    processes::pin_this();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap_or_else(|error| panic!("{error}")).block_on(async {
        let set = sets::library();
        let upstream = backend::start(sets::book(&set)).await;
        if wants("compare") {
            compare(&set, upstream).await;
        }
        if wants("grow") {
            grow(upstream).await;
        }
        if wants("attack") {
            attack::withstand(&set, upstream).await;
        }
    });
}

/// Whether a part is to be measured: all are when none is named.
fn wants(part: &str) -> bool {
    let named: Vec<_> = std::env::args().skip(1).filter(|one| !one.starts_with('-')).collect();
    named.is_empty() || named.iter().any(|one| one == part)
}

/// Every kind of load, ours and Envoy in turns.
async fn compare(set: &[u8], upstream: u16) {
    let ours = Proxy::ours(set, upstream, 1).await;
    let envoy = envoy::binary().map(|binary| Proxy::envoy(&binary, set, upstream));
    let Some(envoy) = envoy else { panic!("Envoy is not installed; `make tools` does that") };
    let proxies = [&ours, &envoy];
    println!("{:<34} {:>14} {:>14} {:>8}", "", "ours", "Envoy", "times");
    memory(&proxies).await;
    for load in Load::all(set) {
        let mut measured = [Measured::default(), Measured::default()];
        for round in 0..=ROUNDS {
            for (proxy, sum) in proxies.iter().zip(&mut measured) {
                let one = load.run(proxy, TURN).await;
                // The first turn warms up connections, caches and allocators.
                if round > 0 {
                    sum.add(one);
                }
            }
        }
        let [ours, envoy] = &mut measured;
        let line = |figure: &str, ours: f64, envoy: f64, ratio: f64| {
            println!("{:<34} {ours:>14.1} {envoy:>14.1} {ratio:>8.2}", format!("{}: {figure}", load.name));
        };
        line("requests a second", ours.rate(), envoy.rate(), ours.rate() / envoy.rate());
        line("CPU a request, µs", ours.cpu(), envoy.cpu(), envoy.cpu() / ours.cpu());
        line("p50, µs", ours.at(500), envoy.at(500), envoy.at(500) / ours.at(500));
        line("p99, µs", ours.at(990), envoy.at(990), envoy.at(990) / ours.at(990));
    }
}

/// Resident memory at rest, and with connections that have had one answer each.
async fn memory(proxies: &[&Proxy]) {
    let rest: Vec<f64> = proxies.iter().map(|proxy| proxy.memory()).collect();
    let mut held = Vec::new();
    for proxy in proxies {
        let open = load::idle(proxy.port, IDLE_CONNECTIONS).await;
        held.push(proxy.memory());
        drop(open);
    }
    for (name, figures) in [("memory at rest, MiB", rest), ("memory, 1,000 connections, MiB", held)] {
        println!("{name:<34} {:>14.1} {:>14.1} {:>8.2}", figures[0], figures[1], figures[1] / figures[0]);
    }
}

/// The cost of a request as routes grow.
async fn grow(upstream: u16) {
    for routes in [10, 1_000, 13_000] {
        let set = sets::routes(routes);
        let proxy = Proxy::ours(&set, upstream, 1).await;
        let load = Load::route(routes / 2);
        let mut sum = Measured::default();
        load.run(&proxy, TURN).await;
        for _ in 0..ROUNDS {
            sum.add(load.run(&proxy, TURN).await);
        }
        println!("{:<34} {:>14.1}", format!("{routes} routes: CPU a request, µs"), sum.cpu());
    }
}
