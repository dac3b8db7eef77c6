//! The whole Northwind folder, where there is one.

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::path::{Path, PathBuf};

use support::{Suite, figure};

/// `TESSERA_NORTHWIND`, else the folder beside the checkout.
fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("TESSERA_NORTHWIND").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/northwind");
    [named, Some(beside)].into_iter().flatten().find(|folder| folder.join("orders.csv").is_file())
}

#[tokio::test(flavor = "multi_thread")]
async fn northwind_reconciles_to_the_cent_and_is_loaded_once() {
    // The figures are those of the folder's own README.
    let Some(folder) = folder() else {
        skip::skipped("there is no Northwind folder (TESSERA_NORTHWIND names one)");
        return;
    };
    let suite = Suite::start().await;
    let from = folder.display().to_string();
    let some = suite.run(&["import", "northwind", "--from", &from, "--rows", "20"]).await.ok();
    assert_eq!((&some["placed"], &some["reconciled"]), (&20.into(), &true.into()), "{some:#}");

    let all = suite.run(&["import", "northwind", "--from", &from]).await;
    eprintln!("{}", all.stderr);
    let all = all.ok();
    assert_eq!((&all["placed"], &all["refused"]), (&810.into(), &0.into()), "{all:#}");
    for (name, wanted) in [
        ("orders completed", "830"),
        ("invoices", "830"),
        ("revenue, net of discount", "1,265,793.29"),
        ("freight", "64,942.69"),
        ("receivable", "0.00"),
        ("cash at the payment provider", "1,330,735.98"),
        ("trial balance difference", "0.00"),
    ] {
        assert_eq!(figure(&all, name), (wanted.to_owned(), wanted.to_owned()), "{all:#}");
    }
    let again = suite.run(&["import", "northwind", "--from", &from]).await.ok();
    assert_eq!(again["placed"], 0, "{again:#}");
    assert_eq!(again["figures"], all["figures"]);
    suite.stop().await;
}
