//! Databases, topics and secrets: what operators make for the services.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Report;
use super::world::World;
use crate::objects::{Object, at, list, text, texts};

pub fn check(world: &World<'_>, report: &mut Report) {
    databases(world, report);
    topics(world, report);
    for secret in world.of_kind("ExternalSecret") {
        let mut stores = vec![secret.text("/spec/secretStoreRef/name")];
        stores.extend(
            secret
                .list("/spec/data")
                .iter()
                .filter_map(|one| one.pointer("/sourceRef/storeRef/name").and_then(Value::as_str)),
        );
        for store in stores {
            if world.find("ClusterSecretStore", "", store).is_none() {
                report.add(secret, format!("the ClusterSecretStore `{store}` does not exist"));
            }
        }
    }
    addresses(world, report);
    for binding in world.of_kind("RoleBinding") {
        if world.find("Role", binding.namespace(), binding.text("/roleRef/name")).is_none() {
            report.add(binding, "binds a Role that does not exist");
        }
    }
}

/// Addresses of databases lead somewhere, and the certificate there names them.
fn addresses(world: &World<'_>, report: &mut Report) {
    let named: BTreeSet<&str> = world
        .of_kind("Cluster")
        .flat_map(|cluster| texts(cluster.at("/spec"), "/certificates/serverAltDNSNames"))
        .collect();
    for secret in world.of_kind("ExternalSecret") {
        let url = secret.text("/spec/target/template/data/url");
        let Some((_, rest)) = url.rsplit_once('@') else { continue };
        let host = rest.split([':', '/']).next().unwrap_or_default();
        if !world.is_made_by_operators(host) {
            report.add(secret, format!("the host `{host}` does not exist"));
        }
        if !url.contains("sslmode=verify-full") || !named.contains(host) {
            report.add(secret, format!("the certificate of `{host}` is not checked, or does not name it"));
        }
    }
}

fn databases(world: &World<'_>, report: &mut Report) {
    let roles: BTreeSet<&str> = world.of_kind("DatabaseRole").map(|role| role.text("/spec/name")).collect();
    for database in world.of_kind("Database") {
        cluster(world, database, report);
        let (name, owner) = (database.text("/spec/name"), database.text("/spec/owner"));
        // The engine derives the other names from the owner's.
        if owner != format!("{name}_owner") {
            report.add(database, format!("its owner must be `{name}_owner`"));
        }
        for role in [owner, name, &format!("{name}_system")] {
            if !roles.contains(role) {
                report.add(database, format!("the role `{role}` does not exist"));
            }
        }
        if database.text("/spec/databaseReclaimPolicy") != "retain" {
            report.add(database, "its data go when the object does");
        }
    }
    for role in world.of_kind("DatabaseRole") {
        cluster(world, role, report);
        for right in ["superuser", "bypassrls", "createrole", "createdb", "replication"] {
            if role.at("/spec")[right] == true {
                report.add(role, format!("has the right `{right}`, which lifts the walls between tenants"));
            }
        }
        for parent in texts(role.at("/spec"), "/inRoles") {
            if !roles.contains(parent) {
                report.add(role, format!("the role `{parent}` does not exist"));
            }
            if role.at("/spec/inherit") != false {
                report.add(role, "has the system role's rights without asking for them");
            }
        }
    }
}

fn cluster(world: &World<'_>, object: &Object, report: &mut Report) {
    let name = object.text("/spec/cluster/name");
    if world.find("Cluster", object.namespace(), name).is_none() {
        report.add(object, format!("the Cluster `{name}` does not exist"));
    }
}

fn topics(world: &World<'_>, report: &mut Report) {
    let brokers: i64 = world
        .of_kind("KafkaNodePool")
        .filter(|pool| texts(pool.at("/spec"), "/roles").contains(&"broker"))
        .filter_map(|pool| pool.at("/spec/replicas").as_i64())
        .sum();
    let names: BTreeSet<&str> = world.of_kind("KafkaTopic").map(Object::name).collect();
    for topic in world.of_kind("KafkaTopic") {
        let copies = topic.at("/spec/replicas").as_i64().unwrap_or(0);
        if copies > brokers {
            report.add(topic, format!("wants {copies} copies of {brokers} brokers"));
        }
        let in_sync = at(topic.at("/spec/config"), "/min.insync.replicas").as_i64().unwrap_or(1);
        if brokers > 1 && (in_sync < 2 || copies <= in_sync) {
            report
                .add(topic, "an event counts as published when one broker has it, or never when one is away");
        }
    }
    for user in world.of_kind("KafkaUser") {
        if user.text("/spec/authentication/type") != "tls" {
            report.add(user, "proves itself with less than a certificate");
        }
        for acl in user.list("/spec/authorization/acls") {
            let (kind, name) = (text(acl, "/resource/type"), text(acl, "/resource/name"));
            let operations = texts(acl, "/operations");
            let all = name == "*" || text(acl, "/resource/patternType") != "literal";
            if all && operations.iter().any(|operation| *operation != "Describe") {
                report.add(user, format!("may do more than look at every {kind}"));
            } else if !all && kind == "topic" && !names.contains(name) {
                report.add(user, format!("the topic `{name}` does not exist"));
            }
            if kind == "cluster" || operations.contains(&"All") {
                report.add(user, "may do what only operators should");
            }
        }
    }
    let clusters: Vec<&Object> = world.of_kind("Kafka").collect();
    for kafka in &clusters {
        for listener in kafka.list("/spec/kafka/listeners") {
            if at(listener, "/tls") != true || text(listener, "/authentication/type") != "tls" {
                report.add(
                    kafka,
                    format!("the listener `{}` takes callers without a certificate", text(listener, "/name")),
                );
            }
        }
        if kafka.text("/spec/kafka/authorization/type") != "simple" {
            report.add(kafka, "does not check what its users may do");
        }
        if list(kafka.at("/spec/kafka"), "/listeners").is_empty() {
            report.add(kafka, "has no listener");
        }
    }
}
