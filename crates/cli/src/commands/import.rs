//! `tessera import`: data of another system, through the public API.

use std::path::Path;

use kit::Currency;

use crate::Result;
use crate::cli::Northwind;
use crate::client::Client;
use crate::failure::{Failure, of_file};
use crate::import::{Options, read};
use crate::load::{self, Problem};
use crate::output::Output;

/// More refused rows than these are only written to `--errors`.
const SHOWN_MAX: usize = 50;

/// Reads the folder, loads it, and holds the books against it.
pub async fn northwind(options: &Northwind, address: Option<&str>, output: Output) -> Result<()> {
    let currency = Currency::parse(&options.currency, "--currency")
        .map_err(|error| Failure::usage(error.text().to_owned()))?;
    let read = read(&options.from, Options { currency, rows: options.rows })?;
    let plan = &read.plan;
    eprintln!(
        "{}: {} accounts, {} products, {} orders with {} lines",
        options.from.display(),
        plan.accounts.len(),
        plan.products.len(),
        plan.orders.len(),
        plan.orders.iter().map(|row| row.value.lines.len()).sum::<usize>()
    );
    list(&read.problems);
    if options.strict && !read.problems.is_empty() {
        write_errors(options.errors.as_deref(), &read.problems)?;
        return Err(Failure::not_well(format!(
            "{} rows were refused; nothing was sent",
            read.problems.len()
        ))
        .next("mend the rows, or leave --strict away to load the others"));
    }
    let client = Client::open(address).await?;
    let tenant = client.current_user().await?.tenant.unwrap_or_default();
    eprintln!("into the tenant {} ({}) at {}", tenant.slug, tenant.display_name, client.address());
    let loaded = Box::pin(load::run(&client, plan, options.in_flight)).await?;
    list(&loaded.problems);
    let problems = [read.problems.as_slice(), loaded.problems.as_slice()].concat();
    write_errors(options.errors.as_deref(), &problems)?;
    let summary = Box::pin(load::reconcile(&client, plan, &loaded)).await?;
    summary.print(plan.source, &loaded, problems.len(), output)?;
    eprintln!("next: tessera call orders.ListOrders '{{\"page_size\": 5}}'");
    Ok(())
}

/// Lists refused rows on stderr.
pub fn list(problems: &[Problem]) {
    if problems.is_empty() {
        return;
    }
    eprintln!("{} rows are not loaded:", problems.len());
    for problem in problems.iter().take(SHOWN_MAX) {
        eprintln!("  {problem}");
    }
    if problems.len() > SHOWN_MAX {
        eprintln!("  … and {} more; --errors FILE lists them all", problems.len() - SHOWN_MAX);
    }
}

fn write_errors(path: Option<&Path>, problems: &[Problem]) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let write = || -> csv::Result<()> {
        let mut writer = csv::Writer::from_path(path)?;
        writer.write_record(["file", "line", "reason"])?;
        for problem in problems {
            let line = problem.origin.line.to_string();
            writer.write_record([problem.origin.file.as_str(), &line, &problem.reason])?;
        }
        writer.flush()?;
        Ok(())
    };
    write().map_err(|error| of_file("write", path, error))
}
