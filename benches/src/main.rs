//! `make bench`: every figure in one run on one machine, each beside what limits it.
//!
//! The suite runs as on a laptop, with its private PostgreSQL and fsync on; the load comes over TCP from the
//! same two cores. Figures are for ratios and for comparing versions, not for data sheets.

mod binds;
mod cases;
mod load;
mod pgbench;
mod stack;
mod validation;

use std::time::Duration;

/// How long each case runs.
const RUN: Duration = Duration::from_secs(6);

fn main() -> anyhow::Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let known = ["start", "checks", "create", "binds", "read", "journal", "orders"];
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
        anyhow::bail!("there is no case {unknown}: choose among {}", known.join(", "));
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let suite = stack::Suite::start().await?;
        load::line("figure", "measured", "limit", "reading");
        if is_wanted("start") {
            cases::start_and_memory(&suite)?;
        }
        if is_wanted("checks") {
            validation::typical_create();
        }
        if is_wanted("create") {
            cases::create_contact(&suite).await?;
        }
        if is_wanted("binds") {
            suite.rest().await?;
            binds::compare(&suite).await?;
        }
        if is_wanted("read") {
            suite.rest().await?;
            cases::get_and_list(&suite).await?;
        }
        if is_wanted("journal") {
            suite.rest().await?;
            cases::journal(&suite).await?;
        }
        if is_wanted("orders") {
            suite.rest().await?;
            cases::orders(&suite).await?;
        }
        suite.stop().await
    })
}
