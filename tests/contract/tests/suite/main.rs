//! The contract suite: every rule of the engine, for every method of every service, without naming one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod access;
mod calls;
mod events;
mod furnished;
mod mutations;
mod operators;
mod pacts;
mod reading;
mod records;
mod repeats;
mod report;
mod requests;
mod schema;

use std::path::PathBuf;

/// The services, each with a database of its own.
const SERVICES: [&str; 9] =
    ["audit", "crm", "catalog", "inventory", "payments", "finance", "orders", "notification", "identity"];

/// A mesh of all services on fresh databases.
async fn mesh() -> testkit::Mesh {
    let mail = std::env::temp_dir().join("tessera-contract-mail");
    std::fs::create_dir_all(&mail).expect("the temporary folder can be written to");
    testkit::Mesh::start(services(mail)).await
}

fn services(mail: PathBuf) -> Vec<host::Service> {
    vec![
        audit::service(),
        crm::service(),
        catalog::service(),
        inventory::service(),
        payments::service(),
        finance::service(),
        orders::service(),
        notification::service(notification::Mail::Folder(mail)),
    ]
}
