//! What the mesh costs a call, and how it behaves when instances fail or come and go: figures of one run, each beside its
//! goal. `PARTS="calls storm eject restart start"` chooses; `RESTARTS` says how often an instance is restarted.

#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/sidecars/suite.rs"]
mod suite;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/sidecars/support.rs"]
mod support;

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use mesh::program::Program;
use tonic::transport::{Channel, Endpoint};

use suite::Desk;
use support::{Ask, Ground, READ, STABLE, WRITE, calls_while_all_fail, eventually, restart};

/// Calls whose times are compared.
const CALLS: usize = 4_000;

#[tokio::main]
async fn main() {
    let parts: Vec<String> = std::env::args().skip(1).filter(|part| !part.starts_with('-')).collect();
    let wants = |part: &str| parts.is_empty() || parts.iter().any(|one| one == part);
    println!("{:<58} {:>14}  goal", "the mesh, with Envoy before every program", "measured");
    if wants("calls") {
        calls().await;
    }
    if wants("storm") {
        storm().await;
    }
    if wants("eject") {
        eject().await;
    }
    if wants("restart") {
        let restarts = std::env::var("RESTARTS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
        restarts_lose(restarts).await;
    }
    if wants("start") {
        start().await;
    }
}

fn line(what: &str, measured: impl Display, goal: &str) {
    println!("{what:<58} {:>14}  {goal}", measured.to_string());
}

/// One call after the other, by turns past the sidecars and through both.
async fn calls() {
    let mut ground = Ground::new();
    let mut instance = ground.instance(&[]).await;
    ground.publish(&[&instance]);
    let mut caller = ground.caller("gateway").await;
    let at = instance.pod.addresses.program(instance.pod.workload.port);
    let direct = Endpoint::from_shared(format!("http://{at}")).expect("it is an address").connect_lazy();
    let meshed = caller.channel.clone();
    let mut times = [Vec::with_capacity(CALLS), Vec::with_capacity(CALLS)];
    for way in [&direct, &meshed] {
        timed(&ground, way, 200).await;
    }
    let mut sidecars = Duration::ZERO;
    for _ in 0..CALLS / 100 {
        times[0].extend(timed(&ground, &direct, 100).await);
        let before = cpu(caller.sidecar.program()) + cpu(instance.sidecar.program());
        times[1].extend(timed(&ground, &meshed, 100).await);
        sidecars += cpu(caller.sidecar.program()) + cpu(instance.sidecar.program()) - before;
    }
    for (name, times) in ["past the sidecars", "through both sidecars"].iter().zip(&mut times) {
        times.sort_unstable();
        let at = |share: usize| times[times.len() * share / 1_000].as_micros();
        line(&format!("a call {name}: p50, p99, µs"), format!("{}, {}", at(500), at(990)), "");
    }
    let added = times[1][CALLS / 2].saturating_sub(times[0][CALLS / 2]);
    line("what both sidecars add to the p50, µs", added.as_micros(), "");
    line("CPU of both sidecars for a call, µs", sidecars.as_micros() / CALLS as u128, "");
}

async fn timed(ground: &Ground, way: &Channel, calls: usize) -> Vec<Duration> {
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begun = Instant::now();
        ground.send(way.clone(), READ, &Ask::default()).await.expect("the instance answers");
        times.push(begun.elapsed());
    }
    times
}

/// What a program has used of the cores, by the kernel's count in hundredths of a second.
fn cpu(program: &Program) -> Duration {
    let stat = read(program.id(), "stat");
    // The name in brackets may hold blanks.
    let (_, numbers) = stat.rsplit_once(')').expect("stat has a name");
    let ticks = numbers.split_whitespace().skip(11).take(2).map(|one| one.parse::<u64>().expect("a number"));
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

fn read(process: Option<u32>, file: &str) -> String {
    let process = process.expect("the program runs");
    std::fs::read_to_string(format!("/proc/{process}/{file}")).expect("the kernel tells of processes")
}

/// Every instance fails, and callers ask on.
async fn storm() {
    let (calls, executed) = calls_while_all_fail().await;
    let factor = f64::from(executed) / f64::from(calls);
    line("executions of a call when all instances fail", format!("{factor:.2}"), "< 1.2");
}

/// One of two instances fails, until it is left out; then how long that lasts.
async fn eject() {
    let mut ground = Ground::new();
    let instances = ground.instances(2).await;
    ground.publish(&[&instances[0], &instances[1]]);
    let caller = ground.caller("gateway").await;
    let active = async || {
        let stats =
            caller.sidecar.stats("outlier_detection.ejections_active").await.expect("the admin answers");
        stats.iter().filter(|(name, _)| name.contains(STABLE)).map(|(_, count)| count).sum::<u64>()
    };
    let ask = Ask::fail(&instances[0].pod.name, 14);
    let mut failing = None;
    let begun = loop {
        if ground.call(&caller, WRITE, &ask).await.is_err() {
            failing.get_or_insert_with(Instant::now);
        }
        if let (Some(begun), true) = (failing, active().await > 0) {
            break begun;
        }
    };
    line("from its first error until an instance is left out, ms", begun.elapsed().as_millis(), "5 errors");
    let out = Instant::now();
    eventually("the instance is back", async || (active().await == 0).then_some(())).await;
    line("until it is called again, s", format!("{:.1}", out.elapsed().as_secs_f64()), "30 to 40");
}

/// One instance of two after the other is restarted as Kubernetes does it, under load.
async fn restarts_lose(restarts: usize) {
    let mut ground = Ground::new();
    let mut instances = ground.instances(2).await;
    ground.publish(&[&instances[0], &instances[1]]);
    let caller = ground.caller("gateway").await;
    let over = AtomicBool::new(false);
    let worker = |number: u64| {
        let (ground, caller, over) = (&ground, &caller, &over);
        async move {
            let path = if number.is_multiple_of(2) { READ } else { WRITE };
            let (mut calls, mut lost) = (0_usize, 0_usize);
            while !over.load(Ordering::Relaxed) {
                lost += usize::from(ground.call(caller, path, &Ask::wait(number * 10)).await.is_err());
                calls += 1;
            }
            (calls, lost)
        }
    };
    let restarting = async {
        for number in 0..restarts {
            restart(&ground, &caller, &mut instances, number % 2).await;
        }
        over.store(true, Ordering::Relaxed);
    };
    let (counts, ()) = futures::join!(join_all((0..8).map(worker)), restarting);
    let (calls, lost) = counts.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    // A call that was lost may have been executed all the same, so that they are counted by name.
    let executed = ground.executed();
    let names: HashSet<&str> = executed.iter().map(|one| one.call.as_str()).collect();
    let repeated = executed.len() - names.len();
    line(&format!("calls lost in {restarts} restarts, of {calls}"), lost, "0");
    line("calls executed twice in them", repeated, "0");
}

/// The services as they are started and left alone.
async fn start() {
    let Desk { folder: _folder, mut suite } = Desk::start().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let memory: Vec<(String, u64)> =
        suite.processes().into_iter().map(|(pod, id)| (pod, memory(id))).collect();
    for (pod, kib) in &memory {
        line(&format!("memory of {pod} at rest, MiB"), format!("{:.1}", *kib as f64 / 1024.0), "< 25");
    }
    for service in ["catalog", "orders", "identity"] {
        let mut times = Vec::new();
        for _ in 0..5 {
            times.push(suite.cold_start(service).await.unwrap_or_else(|error| panic!("{error:#}")));
        }
        times.sort_unstable();
        line(&format!("start of {service} until it is ready, ms"), times[2].as_millis(), "< 300");
    }
    suite.stop().await.unwrap_or_else(|error| panic!("{error:#}"));
}

/// What a process holds that no other does, and its share of the rest, in KiB.
fn memory(process: u32) -> u64 {
    let rollup = read(Some(process), "smaps_rollup");
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).expect("the kernel counts it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
