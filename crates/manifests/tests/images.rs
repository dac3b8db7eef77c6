//! The Dockerfile, compose.yaml and the workflows against what the services say, the manifests of Kubernetes and the
//! Makefile. None of them is run where these tests run, so that what can be known without running must hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use manifests::lint::Lint;
use manifests::model::{GATEWAY, Model};
use manifests::objects::{self, at, list, text};
use manifests::settings::Settings;
use regex::Regex;
use serde_json::{Value, json};

const WORKFLOWS: &str = ".github/workflows";
/// What the containers of compose.yaml must be told as the pods are.
const AS_IN_PODS: [&str; 7] = [
    "TESSERA_LISTEN",
    "TESSERA_METRICS_LISTEN",
    "TESSERA_GATEWAY_ADDRESS",
    "TESSERA_GATEWAY_ADMIN_ADDRESS",
    "TESSERA_CONSOLE",
    "TESSERA_DESCRIPTOR_SET",
    "TESSERA_SERVICE_IDENTITIES",
];

#[test]
fn images_and_containers_fit_the_services() {
    // A service without an image is in no release, and one that is told what it does not read is told nothing.
    let project = Project::read().unwrap();
    assert_eq!(project.check().unwrap(), Vec::<String>::new());
}

#[test]
fn what_does_not_fit_is_named() {
    // A check that lets one of these pass protects nobody from it.
    let spoil = |file: &str, from: &str, to: &str| {
        let mut project = Project::read().unwrap();
        let place = project.files.get_mut(file).unwrap_or_else(|| panic!("{file} is not there"));
        assert!(place.contains(from), "{file} has no {from}");
        *place = place.replacen(from, to, 1);
        project.check().unwrap().join("\n")
    };
    for (file, from, to, said) in [
        ("Dockerfile", "FROM service AS crm", "FROM service AS crn", "Dockerfile: has no target `crm`"),
        ("Dockerfile", "FROM service AS crm", "FROM service AS crn", "`crn` is no program"),
        ("Dockerfile", "--package crm ", "", "Dockerfile: does not build `crm`"),
        ("Dockerfile", "\"/usr/bin/orders\"]", "\"/usr/bin/order\"]", "`orders` does not start its program"),
        ("Dockerfile", "USER 65532:65532", "USER 0:0", "Dockerfile: runs as another user than `crm`"),
        ("Dockerfile", "ARG RUST=1.", "ARG RUST=0.", "Dockerfile: builds with another Rust"),
        ("compose.yaml", "\n  crm:\n", "\n  crn:\n", "compose.yaml: has no container `crm`"),
        (
            "compose.yaml",
            "TESSERA_REDIS_URL",
            "TESSERA_REDDIS_URL",
            "`TESSERA_REDDIS_URL`, which it does not read",
        ),
        ("compose.yaml", "0.0.0.0:9464", "0.0.0.0:9465", "TESSERA_METRICS_LISTEN is not as in its pods"),
        ("compose.yaml", "http://crm:50051", "http://crm:50052", "TESSERA_PEER_CRM does not lead to `crm`"),
        ("compose.yaml", "127.0.0.1:${GRAFANA", "${GRAFANA", "`grafana` is open to other machines"),
        ("compose.yaml", "read_only: true", "read_only: false", "`crm` is not as restricted as its pods"),
        (
            "compose.yaml",
            "mem_limit: 512m",
            "mem_limit: 64m",
            "`gateway` has another memory limit than its pods",
        ),
        (
            "compose.yaml",
            "\"/usr/bin/crm\", \"health\"",
            "\"/usr/bin/crm\"",
            "`crm` is not asked for its health",
        ),
        (
            ".env.example",
            "GRAFANA_PASSWORD=\n",
            "GRAFANA_PASSWORD=admin\n",
            "GRAFANA_PASSWORD is told to everybody",
        ),
        (".env.example", "POSTGRES_PASSWORD=\n", "", ".env.example: lacks POSTGRES_PASSWORD"),
        (".github/workflows/checks.yaml", "make tidy", "make tiddy", "checks.yaml: there is no `make tiddy`"),
        (
            ".github/workflows/checks.yaml",
            "make console-test",
            "make console",
            "checks.yaml: lacks `make console-test`",
        ),
        (
            ".github/workflows/checks.yaml",
            "make test-mesh",
            "make mesh",
            "checks.yaml: lacks `make test-mesh`",
        ),
        ("Makefile", "check: fmt-check ", "check: ", "Makefile: `make check` lacks `make fmt-check`"),
        (".ci/run", "make tidy", "make images", "checks.yaml: lacks `make images`, which .ci/run makes"),
    ] {
        let found = spoil(file, from, to);
        assert!(found.contains(said), "{file} with {to:?} for {from:?}: expected {said:?}, found {found:?}");
    }
}

struct Project {
    files: BTreeMap<String, String>,
    programs: BTreeSet<String>,
    lint: Lint,
}

impl Project {
    fn read() -> Result<Self> {
        let model = Model::of_suite(&Settings::read(&root().join("k8s/services.toml"))?)?;
        let services = model.services.iter().map(|node| node.place.name.clone());
        let mut names: Vec<String> =
            ["Dockerfile", "compose.yaml", ".env.example", "Makefile", ".ci/run"].map(str::to_owned).into();
        for entry in fs::read_dir(root().join(WORKFLOWS))? {
            names.push(format!("{WORKFLOWS}/{}", entry?.file_name().display()));
        }
        let mut files = BTreeMap::new();
        for name in names {
            let text = fs::read_to_string(root().join(&name)).with_context(|| name.clone())?;
            files.insert(name, text);
        }
        Ok(Self {
            files,
            programs: services.chain([GATEWAY.to_owned()]).collect(),
            lint: Lint::new(Path::new("nowhere"), &root()),
        })
    }

    fn check(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        self.targets(&mut found)?;
        let users: Vec<&str> =
            self.files["Dockerfile"].lines().filter(|line| line.starts_with("USER ")).collect();
        let compose = compose(&self.files["compose.yaml"])?;
        for program in &self.programs {
            let pods = Pods::of(program)?;
            if users != [format!("USER {0}:{0}", pods.user)] {
                found.push(format!("Dockerfile: runs as another user than `{program}`"));
            }
            match &compose["services"][program] {
                Value::Null => found.push(format!("compose.yaml: has no container `{program}`")),
                container => self.container(program, container, &pods, &mut found),
            }
        }
        self.strangers(&compose, &mut found)?;
        self.secrets(&mut found)?;
        self.workflows(&mut found)?;
        self.checks(&mut found)?;
        Ok(found)
    }

    /// Each program has its target, which is built and starts it; and there is no other.
    fn targets(&self, found: &mut Vec<String>) -> Result<()> {
        let dockerfile = &self.files["Dockerfile"];
        let targets = words(r"(?m)^FROM (?:service|runtime) AS ([a-z]+)$", dockerfile)?;
        for program in &self.programs {
            let Some((_, rest)) = dockerfile.split_once(&format!(" AS {program}\n")) else {
                found.push(format!("Dockerfile: has no target `{program}`"));
                continue;
            };
            let own = rest.split("\nFROM ").next().unwrap_or_default();
            let starts = own.contains(&format!("ENTRYPOINT [\"/usr/bin/{program}\"]"))
                && own.contains(&format!("COPY --from=builder /out/{program} /usr/bin/{program}\n"));
            if !starts {
                found.push(format!("Dockerfile: the target `{program}` does not start its program"));
            }
            let package = if program == GATEWAY { "gateway-grpcweb" } else { program };
            if !words("--package ([a-z-]+)", dockerfile)?.contains(package) {
                found.push(format!("Dockerfile: does not build `{program}`"));
            }
        }
        let is_program = |name: &str| name == "service" || self.programs.contains(name);
        for target in targets.iter().filter(|target| !is_program(target)) {
            found.push(format!("Dockerfile: the target `{target}` is no program"));
        }
        if !dockerfile.contains(&format!("ARG RUST={}", env!("CARGO_PKG_RUST_VERSION"))) {
            found.push("Dockerfile: builds with another Rust than Cargo.toml says".to_owned());
        }
        Ok(())
    }

    /// A program's container is told, held and asked as its pods are.
    fn container(&self, program: &str, container: &Value, pods: &Pods, found: &mut Vec<String>) {
        let mut want = |holds: bool, what: String| {
            if !holds {
                found.push(format!("compose.yaml: {what}"));
            }
        };
        let environment = container["environment"].as_object().cloned().unwrap_or_default();
        for variable in AS_IN_PODS {
            let same = environment.get(variable) == pods.environment.get(variable);
            want(same, format!("`{program}`: {variable} is not as in its pods"));
        }
        for (name, address) in pods.environment.iter().filter(|(name, _)| name.starts_with("TESSERA_PEER_")) {
            // By the host and not by the variable: one service answers operators for all.
            let host = address.as_str().and_then(|address| address.strip_prefix("http://"));
            let peer = host.and_then(|host| host.split('.').next()).unwrap_or_default();
            let leads = environment.get(name) == Some(&json!(format!("http://{peer}:50051")));
            want(leads, format!("`{program}`: {name} does not lead to `{peer}`"));
        }
        let restricted = container["read_only"] == true
            && container["cap_drop"] == json!(["ALL"])
            && container["user"] == format!("{0}:{0}", pods.user);
        want(restricted, format!("`{program}` is not as restricted as its pods"));
        let memory = text(container, "/mem_limit").replace('m', "Mi") == pods.memory;
        want(memory, format!("`{program}` has another memory limit than its pods"));
        let asked =
            container["healthcheck"]["test"] == json!(["CMD", format!("/usr/bin/{program}"), "health"]);
        want(asked, format!("`{program}` is not asked for its health"));
    }

    /// What all containers keep to: ours read what they are told, and none is open to other machines.
    fn strangers(&self, compose: &Value, found: &mut Vec<String>) -> Result<()> {
        for (name, container) in compose["services"].as_object().context("compose.yaml has no services")? {
            let here = |port: &Value| port.as_str().is_some_and(|port| port.starts_with("127.0.0.1:"));
            if !list(container, "/ports").iter().all(here) {
                found.push(format!("compose.yaml: `{name}` is open to other machines"));
            }
            let Some((_, image)) = text(container, "/image").split_once("/tessera/") else { continue };
            let program = image.split(':').next().unwrap_or_default();
            if !self.programs.contains(program) || name.trim_start_matches("migrate-") != program {
                found.push(format!("compose.yaml: `{name}` has the image of `{program}`"));
                continue;
            }
            for variable in container["environment"].as_object().into_iter().flat_map(|all| all.keys()) {
                if !self.lint.reads(program, variable)? {
                    found
                        .push(format!("compose.yaml: `{name}` is told `{variable}`, which it does not read"));
                }
            }
        }
        Ok(())
    }

    /// What compose.yaml cannot do without is listed in .env.example, without a value.
    fn secrets(&self, found: &mut Vec<String>) -> Result<()> {
        let needed = words(r"\$\{([A-Z_]+):\?\}", &self.files["compose.yaml"])?;
        let listed: BTreeMap<&str, &str> = self.files[".env.example"]
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('='))
            .collect();
        for name in &needed {
            match listed.get(name) {
                None => found.push(format!(".env.example: lacks {name}")),
                Some(&"") => {}
                Some(_) => found.push(format!(".env.example: {name} is told to everybody")),
            }
        }
        for (name, _) in listed.iter().filter(|(name, value)| value.is_empty() && !needed.contains(**name)) {
            found.push(format!(".env.example: nothing needs {name}"));
        }
        Ok(())
    }

    /// The workflows do nothing that a desk could not: what they make is in the Makefile.
    fn workflows(&self, found: &mut Vec<String>) -> Result<()> {
        let rules = words(r"(?m)^([a-z-]+):", &self.files["Makefile"])?;
        for file in self.files.keys().filter(|file| file.starts_with(WORKFLOWS)) {
            let made = self.made_by(file)?;
            let missing = made.iter().filter(|target| !rules.contains(target.as_str()));
            found.extend(missing.map(|target| format!("{file}: there is no `make {target}`")));
        }
        Ok(())
    }

    /// The targets that the steps of a workflow make.
    fn made_by(&self, file: &str) -> Result<BTreeSet<String>> {
        let workflow: Value = serde_yaml_ng::from_str(&self.files[file]).with_context(|| file.to_owned())?;
        let jobs = workflow["jobs"].as_object().with_context(|| format!("{file} has no jobs"))?;
        let steps = jobs.values().flat_map(|job| list(job, "/steps"));
        let commands = steps.flat_map(|step| text(step, "/run").split(['\n', '|', '&', ';']));
        let made = commands.filter_map(|command| command.trim().strip_prefix("make "));
        let targets = made.flat_map(|made| made.split_whitespace().filter(|word| !word.contains('=')));
        Ok(targets.map(str::to_owned).collect())
    }

    /// checks.yaml is what `make check` and .ci/run are, and the mesh, which takes too long for them.
    fn checks(&self, found: &mut Vec<String>) -> Result<()> {
        let made = self.made_by(&format!("{WORKFLOWS}/checks.yaml"))?;
        let line = words(r"(?m)^check: (.*)##", &self.files["Makefile"])?;
        let check: BTreeSet<&str> = line.iter().flat_map(|line| line.split_whitespace()).collect();
        let run = words(r"(?m)\bmake ([a-z-]+)", &self.files[".ci/run"])?;
        let lacks = |target: &&&str| !made.contains(**target);
        let from_check = check.iter().filter(lacks);
        found.extend(
            from_check.map(|target| format!("checks.yaml: lacks `make {target}`, which `make check` makes")),
        );
        found.extend(
            run.iter()
                .filter(lacks)
                .map(|target| format!("checks.yaml: lacks `make {target}`, which .ci/run makes")),
        );
        let not_checked = run.iter().filter(|target| !check.contains(**target));
        found.extend(
            not_checked
                .map(|target| format!("Makefile: `make check` lacks `make {target}`, which .ci/run makes")),
        );
        if !made.contains("test-mesh") {
            found.push("checks.yaml: lacks `make test-mesh`, which nothing else runs".to_owned());
        }
        Ok(())
    }
}

/// What a pattern's one group finds.
fn words<'a>(pattern: &str, text: &'a str) -> Result<BTreeSet<&'a str>> {
    let pattern = Regex::new(pattern)?;
    let found = pattern.captures_iter(text).filter_map(|found| found.get(1));
    Ok(found.map(|word| word.as_str()).collect())
}

/// What the manifests of Kubernetes say of a program's pods.
struct Pods {
    user: i64,
    memory: String,
    environment: BTreeMap<String, Value>,
}

impl Pods {
    fn of(program: &str) -> Result<Self> {
        let path = root().join(format!("k8s/services/{program}/workload.yaml"));
        let objects = objects::parse(&fs::read_to_string(&path)?)?;
        let find = |kind: &str| {
            let found = objects.iter().find(|object| object.kind() == kind);
            found.with_context(|| format!("{} has no {kind}", path.display()))
        };
        let spec = find("Deployment")?.at("/spec/template/spec");
        let environment = find("ConfigMap")?.at("/data").as_object();
        Ok(Self {
            user: at(spec, "/securityContext/runAsUser").as_i64().context("runAsUser is no number")?,
            memory: text(spec, "/containers/0/resources/limits/memory").to_owned(),
            environment: environment.cloned().unwrap_or_default().into_iter().collect(),
        })
    }
}

/// compose.yaml with what its anchors stand for.
fn compose(text: &str) -> Result<Value> {
    let mut value: serde_yaml_ng::Value = serde_yaml_ng::from_str(text)?;
    // What is merged in may itself be merged of others.
    for _ in 0..3 {
        value.apply_merge()?;
    }
    Ok(serde_json::to_value(value)?)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
