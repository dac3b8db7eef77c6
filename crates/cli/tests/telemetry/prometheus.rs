//! A real Prometheus that scrapes a suite by the rules of the repository.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::suite::free_port;

const PATIENCE: Duration = Duration::from_secs(90);

/// Where rules and dashboards are.
pub fn observability() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../observability")
}

/// Whether a program of Prometheus is installed; says so where it is not.
pub fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        skip::skipped(format!("{program} is not installed; `make tools` does that"));
    }
    found
}

/// A rule, and how it fares.
#[derive(Debug)]
pub struct Rule {
    pub name: String,
    pub query: String,
    pub health: String,
    pub error: String,
}

/// A running Prometheus.
pub struct Prometheus {
    child: Child,
    port: u16,
    _folder: TempDir,
}

/// What is at this path of a server of this machine.
pub fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(std::io::Error::other(format!("{path}: {answer}"))),
    }
}

impl Prometheus {
    /// Scrapes the suite twice a second.
    pub fn start(metrics_port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = observability().join("prometheus").canonicalize().unwrap();
        let config = format!(
            "global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}\n\
             rule_files: ['{0}/objectives.yaml', '{0}/alerts.yaml']\n\
             scrape_configs: [{{job_name: tessera, static_configs: [{{targets: ['127.0.0.1:{metrics_port}']}}]}}]\n",
            rules.display(),
        );
        let file = folder.path().join("prometheus.yaml");
        std::fs::write(&file, config).unwrap();
        let port = free_port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, port, _folder: folder }
    }

    /// What its API answers.
    pub fn api(&self, path: &str) -> std::io::Result<Value> {
        let answer: Value = serde_json::from_str(&get(self.port, path)?)?;
        Ok(answer["data"].clone())
    }

    /// What a query finds.
    pub fn query(&self, query: &str) -> Vec<Value> {
        let encode = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        let text: String = query.bytes().map(encode).collect();
        let answer = self.api(&format!("/api/v1/query?query={text}")).unwrap();
        answer["result"].as_array().unwrap().clone()
    }

    /// Waits until a query finds something.
    pub fn await_some(&self, query: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.api("/api/v1/rules").is_err() || self.query(query).is_empty() {
            assert!(Instant::now() < deadline, "in vain awaited: {query}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Every rule, as soon as all have been looked at.
    pub fn rules(&self) -> Vec<Rule> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rules = self.rules_now();
            if rules.iter().all(|rule| rule.health != "unknown") {
                return rules;
            }
            assert!(Instant::now() < deadline, "rules that nobody looks at: {rules:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn rules_now(&self) -> Vec<Rule> {
        let data = self.api("/api/v1/rules").unwrap();
        let groups = data["groups"].as_array().unwrap();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        let text = |rule: &Value, name: &str| rule[name].as_str().unwrap_or_default().to_owned();
        let read = |rule| Rule {
            name: text(rule, "name"),
            query: text(rule, "query"),
            health: text(rule, "health"),
            error: text(rule, "lastError"),
        };
        rules.map(read).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop((self.child.kill(), self.child.wait()));
    }
}
