//! `make bench`: every figure in one run on one machine, each beside what limits it.
//!
//! The suite runs as on a laptop, with its private PostgreSQL and fsync on; the load comes over TCP from the
//! same two cores. Figures are for ratios and for comparing versions, not for data sheets.

mod binds;
mod cases;
mod load;
mod pgbench;
mod stack;

use std::time::Duration;

/// How long each case runs.
const RUN: Duration = Duration::from_secs(6);

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let suite = stack::Suite::start().await?;
        load::line("figure", "measured", "limit", "reading");
        cases::start_and_memory(&suite)?;
        cases::create_contact(&suite).await?;
        binds::compare(&suite).await?;
        cases::get_and_list(&suite).await?;
        cases::journal(&suite).await?;
        cases::orders(&suite).await?;
        suite.stop().await
    })
}
