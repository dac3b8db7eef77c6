//! A closed loop of clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

/// What a run measured.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Calls a second, all clients together.
    pub rate: f64,
    /// Half of the calls took no longer.
    pub p50: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
}

/// Runs `call` in as many loops as there are clients for a while; a call that fails ends the run.
pub async fn run<F, Fut>(clients: usize, duration: Duration, call: F) -> Result<Measured>
where
    F: Fn(u64) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    let call = Arc::new(call);
    let number = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut loops = Vec::with_capacity(clients);
    for _ in 0..clients {
        let (call, number) = (call.clone(), number.clone());
        loops.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while begun.elapsed() < duration {
                let one = Instant::now();
                call(number.fetch_add(1, Ordering::Relaxed)).await?;
                times.push(one.elapsed());
            }
            anyhow::Ok(times)
        }));
    }
    let mut times = Vec::new();
    for one in loops {
        times.extend(one.await??);
    }
    let elapsed = begun.elapsed().as_secs_f64();
    times.sort_unstable();
    anyhow::ensure!(!times.is_empty(), "no call ended in time");
    let at = |permille: usize| times[(times.len() - 1) * permille / 1_000];
    Ok(Measured { rate: times.len() as f64 / elapsed, p50: at(500), p99: at(990) })
}

/// Prints one line of the table.
pub fn line(figure: &str, measured: &str, limit: &str, reading: &str) {
    println!("{figure:<46} {measured:>12} {limit:>12}  {reading}");
}
