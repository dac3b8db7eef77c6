//! `tessera demo`: a small company in the demo tenant.

use kit::{Clock as _, SystemClock};

use crate::Result;
use crate::cli::Demo;
use crate::client::{Client, Profile};
use crate::commands::import::list;
use crate::failure::Failure;
use crate::output::Output;
use crate::{demo, load};

/// Loads the company, and holds the books against it.
pub async fn run(options: &Demo, address: Option<&str>, output: Output) -> Result<()> {
    let broken = |reason: String| Failure::new(format!("the demo company is broken: {reason}"));
    let plan = demo::plan(SystemClock.now().date()).map_err(broken)?;
    let client = client(options, address).await?;
    let tenant = client.current_user().await?.tenant.unwrap_or_default();
    eprintln!(
        "{}, a maker of bicycles, into the tenant {} at {}",
        demo::company_name().map_err(broken)?,
        tenant.slug,
        client.address()
    );
    let loaded = Box::pin(load::run(&client, &plan, options.in_flight)).await?;
    list(&loaded.problems);
    let summary = Box::pin(load::reconcile(&client, &plan, &loaded)).await?;
    summary.print(plan.source, &loaded, loaded.problems.len(), output)?;
    eprintln!();
    eprintln!("next: tessera call crm.ListAccounts '{{\"page_size\": 5}}'");
    eprintln!("      tessera call orders.ListOrders '{{\"filter\": \"state = FAILED\"}}'");
    eprintln!("      tessera call finance.GetTrialBalance");
    eprintln!("      tessera events tail --since 10");
    Ok(())
}

/// The demo user: made-up orders have no place in the books of a real company.
async fn client(options: &Demo, address: Option<&str>) -> Result<Client> {
    let has_token = std::env::var_os("TESSERA_TOKEN").is_some_and(|token| !token.is_empty());
    let profile = Profile::load()?;
    if options.here || profile.as_ref().is_some_and(|profile| profile.demo) {
        return Client::open(address).await;
    }
    let foreign = match profile {
        Some(profile) => Some(format!("you are signed in to the tenant {}", profile.tenant)),
        None => has_token.then(|| "TESSERA_TOKEN may belong to a real company".to_owned()),
    };
    match foreign {
        Some(reason) => {
            Err(Failure::usage(format!("{reason}, which the demo would fill with made-up orders"))
                .next("tessera login    (the demo login), or tessera demo --here"))
        }
        None => Client::open_demo(address).await,
    }
}
