//! `tessera release` against a mesh on this machine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use support::{Ran, Suite};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const RELEASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../releases");
const SERVICES: [&str; 9] =
    ["audit", "catalog", "crm", "finance", "identity", "inventory", "notification", "orders", "payments"];

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_out_in_stages_and_stops_at_the_first_that_is_not_well() {
    // What the workflow calls must hold before a mesh that answers, and before one of which a part does not.
    let suite = Suite::start().await;
    plans_the_stages(&suite).await;
    goes_through_a_mesh_that_is_well(&suite).await;
    stops_at_one_that_is_away(&suite).await;
    rolls_back_by_the_program(&suite).await;
    pins_what_was_pushed(&suite).await;
    is_tried_as_its_users_would(&suite).await;
    names_what_is_wrong(&suite).await;
    suite.stop().await;
}

async fn plans_the_stages(suite: &Suite) {
    let plan = suite.run(&["release", "plan", VERSION, "--releases", RELEASES]).await.ok();
    let stage = |name: &str| {
        plan.as_array().unwrap().iter().find(|row| row["service"] == name).unwrap()["stage"].clone()
    };
    assert_eq!(stage("identity"), 1);
    assert_eq!(stage("crm"), 2);
    assert_eq!(stage("orders"), 3);
    assert_eq!(stage("audit"), 4);
    assert_eq!(stage("gateway"), 5);
}

/// All services are in one process here; `elsewhere` is asked at another address.
async fn apply(suite: &Suite, elsewhere: Option<(&str, &str)>, more: &[&str]) -> Ran {
    let mut at = vec![format!("gateway={}/readyz", suite.address())];
    at.extend(SERVICES.map(|name| match elsewhere {
        Some((other, address)) if other == name => format!("{name}={address}"),
        _ => format!("{name}={}", suite.address()),
    }));
    let mut arguments = vec!["release", "apply", VERSION, "--releases", RELEASES];
    arguments.extend(at.iter().flat_map(|one| ["--at", one.as_str()]));
    arguments.extend(more);
    suite.run(&arguments).await
}

async fn goes_through_a_mesh_that_is_well(suite: &Suite) {
    let ran = apply(suite, None, &["--dry-run"]).await;
    assert_eq!(ran.exit, 0, "{ran:#?}");
    assert!(
        ran.stderr.contains("would migrate orders\nwould roll-out orders\norders is healthy"),
        "{ran:#?}"
    );
    assert!(ran.stderr.ends_with(&format!("release {VERSION}: 5 stages of 5\n")), "{ran:#?}");
}

/// An address of this machine at which nobody is.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn stops_at_one_that_is_away(suite: &Suite) {
    let ran = apply(suite, Some(("payments", &nobody())), &["--dry-run"]).await;
    assert_eq!(ran.exit, 3, "{ran:#?}");
    assert!(ran.stderr.contains("stopped in stage 2 of 5 at payments: http://127.0.0.1:"), "{ran:#?}");
    assert!(ran.stderr.contains("not begun: orders audit gateway"), "{ran:#?}");
    assert!(!ran.stderr.contains("would roll-out orders"), "{ran:#?}");
    assert!(ran.stderr.contains("would roll-back identity"), "{ran:#?}");
}

async fn rolls_back_by_the_program(suite: &Suite) {
    let log = suite.path("rolled.txt");
    let program = suite.write("roll.sh", format!("#!/bin/sh\necho \"$@\" >> {}\n", log.display()));
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = program.display().to_string();
    let more = ["--run", program.as_str(), "--patience", "0"];
    let ran = apply(suite, Some(("orders", &nobody())), &more).await;
    assert_eq!(ran.exit, 3, "{ran:#?}");
    let done = std::fs::read_to_string(&log).unwrap();
    let image = |name: &str| format!("registry.example/tessera/{name}:{VERSION}");
    assert!(
        done.starts_with(&format!("migrate identity {0}\nroll-out identity {0}\n", image("identity"))),
        "{done}"
    );
    assert!(done.ends_with(&format!("roll-back identity {}\n", image("identity"))), "{done}");
    let (out, back) = (done.matches("roll-out ").count(), done.matches("roll-back ").count());
    // Audit asks orders, so that its turn has not come.
    assert_eq!((out, back), (SERVICES.len() - 1, SERVICES.len() - 1), "{done}");
    assert!(ran.stderr.contains("orders: rolled back"), "{ran:#?}");
}

/// What images.yaml does with what was pushed, and deploy.yaml with what becomes of it.
async fn pins_what_was_pushed(suite: &Suite) {
    let image = |name: &str| format!("ghcr.io/owner/tessera/{name}@sha256:{}", "a".repeat(64));
    let images: Vec<String> = SERVICES.iter().chain(&["gateway"]).map(|name| image(name)).collect();
    let pushed = suite.write("digests.txt", images.join("\n")).display().to_string();
    let pin = ["release", "pin", VERSION, "--releases", RELEASES, "--images", pushed.as_str()];
    let pinned = suite.run(&pin).await;
    assert_eq!(pinned.exit, 0, "{pinned:#?}");
    let file = suite.write(&format!("pinned/{VERSION}.yaml"), &pinned.stdout);
    let folder = file.parent().unwrap().display().to_string();
    let plan = suite.run(&["release", "plan", VERSION, "--releases", &folder]).await.ok();
    let told: Vec<&str> = plan.as_array().unwrap().iter().filter_map(|row| row["image"].as_str()).collect();
    assert!(told.len() == images.len() && told.contains(&image("gateway").as_str()), "{told:?}");

    suite.write("digests.txt", images[1..].join("\n"));
    let half = suite.run(&pin).await;
    assert!(half.exit == 1 && half.stderr.contains("audit: has no image"), "{half:#?}");
    assert_eq!(half.stdout, "");
}

/// `scripts/smoke.sh` before a suite that works, one of which nobody may read, and one that is not there.
async fn is_tried_as_its_users_would(suite: &Suite) {
    const PASSWORD: &str = "a password \"of\" some length";
    let sign_up = [
        "login",
        "--address",
        suite.address(),
        "smoke@example.com",
        "--tenant",
        "smoke",
        "--sign-up",
        "--company",
        "Smoke",
        "--password-stdin",
    ];
    assert_eq!(suite.run_as("smoke", &sign_up, &format!("{PASSWORD}\n")).await.exit, 0);
    let smoke = async |url: &str, password: &'static str, services: &'static [&'static str]| {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/smoke.sh"));
        command.args(services).env("SMOKE_URL", url).env("SMOKE_EMAIL", "smoke@example.com");
        command.env("SMOKE_PASSWORD", password);
        let ran = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        (ran.status.success(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let (well, said) = smoke(suite.address(), PASSWORD, &["gateway"]).await;
    assert!(well && said.ends_with(&format!("read of {}\n", SERVICES.join(" "))), "{said}");
    assert!(smoke(suite.address(), PASSWORD, &["orders"]).await.0);
    let (well, said) = smoke(suite.address(), "another password", &[]).await;
    assert!(!well && said.contains("POST auth:login answers 401 instead of 200"), "{said}");
    let (well, said) = smoke(suite.address(), PASSWORD, &["ordres"]).await;
    assert!(!well && said.contains("knows no page of ordres"), "{said}");
    let (well, said) = smoke(&nobody(), PASSWORD, &[]).await;
    assert!(!well && said.contains("GET users?page_size=1: no answer"), "{said}");
    let (well, said) = smoke(suite.address(), "", &["--check"]).await;
    assert!(!well && said.contains("SMOKE_PASSWORD is not set"), "{said}");
    let (well, said) = smoke("none", "", &["gateway"]).await;
    assert!(well && said.contains("NOTHING IS TRIED"), "{said}");
}

async fn names_what_is_wrong(suite: &Suite) {
    let none = suite.run(&["release", "plan", "9.9.9", "--releases", RELEASES]).await;
    assert!(none.exit == 1 && none.stderr.contains("9.9.9.yaml"), "{none:#?}");
    let folder =
        suite.write("releases/1.0.0.yaml", "version: 1.0.0\nregistry: r\nservices:\n  crm: {needs: [hrm]}\n");
    let folder = folder.parent().unwrap().display().to_string();
    let wrong = suite.run(&["release", "plan", "1.0.0", "--releases", &folder]).await;
    assert_eq!(wrong.exit, 1, "{wrong:#?}");
    assert!(wrong.stderr.contains("services.crm.version: is missing"), "{wrong:#?}");
    assert!(wrong.stderr.contains("services.crm.needs[0]: there is no service `hrm`"), "{wrong:#?}");
    let no_program = suite.run(&["release", "apply", VERSION, "--releases", RELEASES]).await;
    assert!(no_program.exit == 2 && no_program.stderr.contains("--run"), "{no_program:#?}");
}
