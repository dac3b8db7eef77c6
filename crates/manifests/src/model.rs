//! Who there is and who talks to whom, from what the services say of themselves in code: `Service::calls`, their
//! reactions, their methods and topics.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use host::{ASKED_OF_PEERS, Service};
use serde::Serialize;

use crate::contract::{self, Kind, Method, Topic};
use crate::settings::{Setting, Settings};

/// The service that gives tokens; every other asks it for the keys that verify them.
const IDENTITY: &str = "identity";
const KEYS: &str = "/erp.identity.v1.AuthService/GetJwks";
/// Only services ask for it, so the gateway does not let it pass.
const SERVICE_TOKEN: &str = "/erp.identity.v1.AuthService/IssueServiceToken";
/// The domain of the event log as operators see it. Every process offers it, and one service answers for all.
const OPERATIONS: &str = "ops";

/// The gateway's name; it is no [`Service`], and calls all of them.
pub const GATEWAY: &str = "gateway";
const GATEWAY_NAMESPACE: &str = "tessera-gateway";

/// All services, by name.
#[derive(Debug, Serialize)]
pub struct Model {
    /// The gateway's place.
    pub gateway: Place,
    /// The service that answers operators for all.
    pub operations: Place,
    /// The services.
    pub services: Vec<Node>,
}

/// Where something runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Its name, which is also that of its ServiceAccount.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
}

/// A caller, and what it may call.
#[derive(Debug, Serialize)]
pub struct Edge {
    /// Who calls.
    pub caller: Place,
    /// The methods it may call.
    pub paths: Vec<&'static str>,
}

/// One service.
#[derive(Debug, Serialize)]
pub struct Node {
    /// Where it runs.
    #[serde(flatten)]
    pub place: Place,
    /// What it has otherwise than others.
    pub setting: Setting,
    /// Its methods, and those of the event log that are asked of it.
    pub methods: Vec<Method>,
    /// Who calls it.
    pub callers: Vec<Edge>,
    /// Whom it calls.
    pub peers: Vec<Place>,
    /// Whether it answers operators for all services.
    pub is_for_operators: bool,
    /// The permissions of its own identity.
    pub permissions: Vec<&'static str>,
    /// Those of every service, for the one that gives tokens.
    pub identities: BTreeMap<String, Vec<&'static str>>,
    /// The topics it owns.
    pub topics: Vec<Topic>,
    /// The topics it listens to.
    pub listens: BTreeSet<&'static str>,
}

impl Model {
    /// The whole suite.
    pub fn of_suite(settings: &Settings) -> Result<Self> {
        let (services, _) = all::services(notification::Mail::Folder("mail".into()));
        Self::new(&services, settings)
    }

    /// These services.
    pub fn new(services: &[Service], settings: &Settings) -> Result<Self> {
        let known: BTreeSet<&str> = services.iter().map(Service::name).collect();
        for name in settings.names() {
            ensure!(known.contains(name), "k8s/services.toml tells of `{name}`, which is no service");
        }
        let place = |name: &str| Place {
            name: name.to_owned(),
            namespace: settings.of(name).tier.namespace().to_owned(),
        };
        let gateway = Place { name: GATEWAY.to_owned(), namespace: GATEWAY_NAMESPACE.to_owned() };
        let for_operators: Vec<&Service> =
            services.iter().filter(|service| service.is_for_operators()).collect();
        let [for_operators] = for_operators[..] else {
            bail!("{} services answer operators for all, where one must", for_operators.len());
        };
        let mut nodes = services
            .iter()
            .map(|service| {
                let name = service.name();
                Ok(Node {
                    place: place(name),
                    setting: settings.of(name),
                    methods: methods(service)?,
                    callers: Vec::new(),
                    peers: peers(service, &known)?.into_iter().map(place).collect(),
                    is_for_operators: service.is_for_operators(),
                    permissions: service.permissions(),
                    identities: BTreeMap::new(),
                    topics: contract::topics(name),
                    listens: service.listens_to().into_iter().map(|(topic, _)| topic).collect(),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        nodes.sort_by(|one, other| one.place.name.cmp(&other.place.name));
        for node in &mut nodes {
            node.callers = callers(node, services, &gateway, place)?;
            if node.place.name == IDENTITY {
                node.identities = identities(services);
            }
        }
        Ok(Self { gateway, operations: place(for_operators.name()), services: nodes })
    }
}

impl Node {
    /// The methods that are treated alike.
    pub fn paths(&self, kind: Kind) -> Vec<&'static str> {
        self.methods.iter().filter(|method| method.kind == kind).map(|method| method.path).collect()
    }
}

/// The methods of its domain, and what it is asked about the event log: everything where it answers operators for
/// all, else what the service that does asks its peers.
fn methods(service: &Service) -> Result<Vec<Method>> {
    let mut methods = contract::methods(service.name())?;
    let operations = contract::methods(OPERATIONS)?.into_iter();
    methods.extend(
        operations.filter(|method| service.is_for_operators() || ASKED_OF_PEERS.contains(&method.path)),
    );
    Ok(methods)
}

/// The services whose permissions it holds, and the one that gives tokens and keys.
fn peers<'a>(service: &Service, known: &BTreeSet<&'a str>) -> Result<BTreeSet<&'a str>> {
    let mut wanted = BTreeSet::from([IDENTITY]);
    for permission in service.permissions() {
        let (domain, _) =
            permission.split_once('.').with_context(|| format!("`{permission}` has no domain"))?;
        if domain == OPERATIONS {
            return Ok(known.iter().copied().filter(|name| *name != service.name()).collect());
        }
        ensure!(known.contains(domain), "{} calls with `{permission}`, of no service", service.name());
        wanted.insert(domain);
    }
    Ok(known.iter().copied().filter(|name| wanted.contains(name) && *name != service.name()).collect())
}

/// What services prove to identity that they may call.
fn identities(services: &[Service]) -> BTreeMap<String, Vec<&'static str>> {
    let calling = services.iter().filter(|service| !service.permissions().is_empty());
    calling.map(|service| (service.name().to_owned(), service.permissions())).collect()
}

fn callers(
    node: &Node,
    services: &[Service],
    gateway: &Place,
    place: impl Fn(&str) -> Place,
) -> Result<Vec<Edge>> {
    let from_outside = node.methods.iter().map(|method| method.path);
    let from_outside = from_outside
        .filter(|path| *path != SERVICE_TOKEN && (node.is_for_operators || !ASKED_OF_PEERS.contains(path)));
    let mut edges = vec![Edge { caller: gateway.clone(), paths: from_outside.collect() }];
    for service in services.iter().filter(|service| service.name() != node.place.name) {
        let paths = called(node, service)?;
        if !paths.is_empty() {
            edges.push(Edge { caller: place(service.name()), paths });
        }
    }
    edges[1..].sort_by(|one, other| one.caller.name.cmp(&other.caller.name));
    Ok(edges)
}

/// The methods of a service that another may call.
fn called(node: &Node, by: &Service) -> Result<Vec<&'static str>> {
    let mut paths = BTreeSet::new();
    if node.place.name == IDENTITY {
        paths.insert(KEYS);
        if !by.permissions().is_empty() {
            paths.insert(SERVICE_TOKEN);
        }
    }
    let [own, operations] = [node.place.name.as_str(), OPERATIONS].map(|domain| format!("{domain}."));
    let permissions = by.permissions().into_iter();
    for permission in permissions.filter(|one| one.starts_with(&own) || one.starts_with(&operations)) {
        let opened: Vec<_> =
            node.methods.iter().filter(|method| method.permission == Some(permission)).collect();
        if opened.is_empty() {
            bail!("{} calls with `{permission}`, which opens no method of {}", by.name(), node.place.name);
        }
        paths.extend(opened.iter().map(|method| method.path));
    }
    Ok(paths.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite() -> Model {
        Model::of_suite(&Settings::default()).unwrap()
    }

    fn node<'a>(model: &'a Model, name: &str) -> &'a Node {
        model.services.iter().find(|node| node.place.name == name).unwrap()
    }

    #[test]
    fn an_edge_is_as_wide_as_its_permission() {
        // What a service may not call by its permissions, the mesh must not let pass either.
        let model = suite();
        let edges = &node(&model, "catalog").callers;
        assert_eq!(
            edges.iter().map(|edge| edge.caller.name.as_str()).collect::<Vec<_>>(),
            ["gateway", "audit", "orders"]
        );
        assert!(edges[2].paths.contains(&"/erp.catalog.v1.ProductService/GetProduct"));
        assert!(!edges[2].paths.contains(&"/erp.catalog.v1.ProductService/CreateProduct"));
    }

    #[test]
    fn tokens_of_services_are_not_to_be_had_from_outside() {
        // Whoever guesses a service's secret must also run in the mesh as that service.
        let model = suite();
        for edge in &node(&model, IDENTITY).callers {
            let may = edge.paths.contains(&SERVICE_TOKEN);
            let calls = model
                .services
                .iter()
                .any(|one| one.place.name == edge.caller.name && !one.permissions.is_empty());
            assert_eq!(may, calls, "{}", edge.caller.name);
            assert!(edge.paths.contains(&KEYS), "{}", edge.caller.name);
        }
    }

    #[test]
    fn every_declared_topic_has_an_owner() {
        // A topic without a service would exist in no cluster.
        let model = suite();
        let owned: BTreeSet<&str> = model
            .services
            .iter()
            .flat_map(|node| node.topics.iter().map(|topic| topic.name.as_str()))
            .collect();
        for topic in contracts::TOPICS {
            assert!(owned.contains(topic.name), "{}", topic.name);
            assert!(owned.contains(format!("{}.dlq", topic.name).as_str()), "{}", topic.name);
        }
    }

    #[test]
    fn operators_reach_every_service_through_one() {
        // Dead letters of a service that nobody may ask for them would be found in no list.
        let model = suite();
        assert_eq!(model.operations.name, "audit");
        for node in &model.services {
            let of = |caller: &str| node.callers.iter().find(|edge| edge.caller.name == caller);
            let operations = |caller: &str| {
                let paths = of(caller).into_iter().flat_map(|edge| edge.paths.iter().copied());
                paths.filter(|path| path.starts_with("/erp.ops.")).collect::<Vec<_>>()
            };
            if node.place == model.operations {
                assert_eq!(operations("gateway").len(), contract::methods(OPERATIONS).unwrap().len());
                assert_eq!(node.peers.len(), model.services.len() - 1);
                continue;
            }
            // Neither past that one, nor to what it answers by itself.
            assert_eq!(operations("gateway"), Vec::<&str>::new(), "{}", node.place.name);
            assert_eq!(operations("audit"), ASKED_OF_PEERS, "{}", node.place.name);
        }
    }

    #[test]
    fn settings_of_nobody_are_refused() {
        // A service that was renamed would lose its tier and its secrets without a word.
        let settings: Settings = toml::from_str("[crn]\ntier = \"core\"").unwrap();
        assert!(Model::of_suite(&settings).unwrap_err().to_string().contains("`crn`"));
    }
}
