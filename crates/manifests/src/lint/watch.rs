//! What watches: alerts that ask for what is scraped, and traces that somebody keeps.

use std::collections::BTreeSet;

use super::world::{Template, World};
use super::{Report, Size};
use crate::objects::{Object, at, list, text, texts};

/// Checks alerts, what is scraped for them, dashboards, and the way of traces.
pub fn check(world: &World<'_>, report: &mut Report) {
    let jobs = scraped(world, report);
    let mut rules = 0;
    for object in world.of_kind("PrometheusRule") {
        let groups = object.list("/spec/groups").iter();
        for rule in groups.flat_map(|group| list(group, "/rules")) {
            rules += 1;
            for job in asked(text(rule, "/expr")).filter(|job| !jobs.contains(*job)) {
                report.add(object, format!("asks for the job `{job}`, which nothing that is scraped has"));
            }
        }
    }
    if rules == 0 {
        report.missing("PrometheusRule", "there is none: nobody is told when something is wrong");
    }
    let shown = |object: &&Object| object.at("/metadata/labels")["grafana_dashboard"] == "1";
    if !world.of_kind("ConfigMap").any(|object| shown(&object)) {
        report.missing("ConfigMap", "none is a dashboard, so that Grafana shows nothing");
    }
    for object in world.of_kind("OpenTelemetryCollector") {
        traces(object, world.size, report);
    }
}

/// The jobs that the pods of the mesh are scraped as. A program that nothing scrapes is told.
fn scraped(world: &World<'_>, report: &mut Report) -> BTreeSet<String> {
    let mut jobs = BTreeSet::new();
    for template in world.templates().filter(|template| template.in_mesh() && is_ours(template)) {
        let monitor = world.of_kind("PodMonitor").find(|monitor| {
            texts(&monitor.0, "/spec/namespaceSelector/matchNames").contains(&template.owner.namespace())
                && template.fits(monitor.at("/spec/selector/matchLabels"))
        });
        match monitor {
            None => report.add(template.owner, "nothing scrapes its pods"),
            // Without a label to take it from, a job is called like what scrapes it.
            Some(monitor) if monitor.text("/spec/jobLabel").is_empty() => {
                jobs.insert(format!("{}/{}", monitor.namespace(), monitor.name()));
            }
            Some(monitor) => {
                jobs.insert(template.label(monitor.text("/spec/jobLabel")).to_owned());
            }
        }
    }
    jobs
}

/// Whether its pods run a program of the suite.
fn is_ours(template: &Template<'_>) -> bool {
    template.label("app.kubernetes.io/part-of") == "tessera"
}

/// The jobs that an expression names.
fn asked(expression: &str) -> impl Iterator<Item = &str> {
    expression.split("job=\"").skip(1).filter_map(|rest| rest.split('"').next())
}

/// Traces go where somebody keeps them. On a desk they may be told in the log.
fn traces(object: &Object, size: Size, report: &mut Report) {
    let exporters = object.at("/spec/config/exporters");
    let named = texts(&object.0, "/spec/config/service/pipelines/traces/exporters");
    for name in named.iter().filter(|name| exporters.get(name).is_none()) {
        report.add(object, format!("sends traces to `{name}`, which is not there"));
    }
    let endpoint = |name: &str| text(&exporters[name], "/endpoint");
    if size == Size::Full && named.iter().all(|name| endpoint(name).is_empty()) {
        report.add(object, "sends traces nowhere that keeps them");
    }
    for name in named {
        let Some(variable) = endpoint(name).strip_prefix("${env:").and_then(|rest| rest.strip_suffix('}'))
        else {
            continue;
        };
        let given = |one| text(one, "/name") == variable && !at(one, "/value").is_null();
        if !object.list("/spec/env").iter().any(given) {
            report.add(object, format!("is not told `{variable}`, where its traces go"));
        }
    }
}
