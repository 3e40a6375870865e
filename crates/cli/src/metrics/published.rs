//! What is published about the metrics is true: the list in `docs/metrics.md`, which `cargo xtask docs` writes, the
//! dashboard, and the alerts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::names::{ALL, Metric, Type};

/// Set to `write`, what is committed is replaced instead of compared.
const VARIABLE: &str = "VPS_CONFIGURATOR_DOCS";
/// Between these lines of `docs/metrics.md` stands the list.
const MARKS: [&str; 2] = ["<!-- metrics -->\n", "<!-- /metrics -->\n"];
/// How the names of ours begin.
const PREFIX: &str = "vps_configurator_";
/// Labels that Prometheus adds.
const ADDED: [&str; 2] = ["instance", "job"];

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

fn list() -> String {
    let rows = ALL.iter().map(|metric| {
        let kind = match metric.kind {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
            Type::Info => "gauge, always 1",
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        format!("| `{}` | {kind} | {} | {} |\n", metric.name(), labels.join(", "), metric.help)
    });
    format!("| metric | type | labels | |\n|---|---|---|---|\n{}", rows.collect::<String>())
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test is told by whoever runs it")]
fn the_list_is_of_all_metrics() {
    let page = fs::read_to_string(docs("metrics.md")).unwrap();
    let (before, rest) = page.split_once(MARKS[0]).expect("the list has a place");
    let (_, after) = rest.split_once(MARKS[1]).expect("the list's place ends");
    let wanted = format!("{before}{}{}{}{after}", MARKS[0], list(), MARKS[1]);
    if std::env::var(VARIABLE).is_ok_and(|value| value == "write") {
        fs::write(docs("metrics.md"), &wanted).unwrap();
    }
    let found = fs::read_to_string(docs("metrics.md")).unwrap();
    assert!(found == wanted, "run `cargo xtask docs` and look at the difference");
}

#[test]
fn names_are_as_prometheus_wants_them() {
    let names: BTreeSet<String> = ALL.iter().map(|metric| metric.name()).collect();
    assert_eq!(names.len(), ALL.len());
    for metric in ALL {
        let family = metric.family;
        assert!(family.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{family}");
        assert!(!family.ends_with("_total") && !family.ends_with("_info"), "{family}: its type adds that");
        assert!(metric.unit.is_none_or(|unit| family.ends_with(&format!("_{unit}"))), "{family}");
        let is_unit = |unit: &&str| family.ends_with(&format!("_{unit}"));
        assert_eq!(["seconds", "bytes"].into_iter().find(is_unit), metric.unit, "{family}");
        assert!(metric.labels.len() <= super::names::MOST_LABELS, "{family}");
        assert!(!metric.help.contains(['\n', '\\', '|']) && metric.help.ends_with('.'), "{family}");
        for label in metric.labels {
            let forbidden = ["url", "host", "address", "reason", "package", "le", "instance", "job"];
            assert!(!forbidden.contains(label), "{family}: {label}");
        }
    }
}

/// The metric whose samples have this name.
fn named(sample: &str) -> Option<&'static Metric> {
    ALL.iter().copied().find(|metric| {
        let endings: &[&str] =
            if metric.kind == Type::Histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
        endings.iter().any(|ending| format!("{}{ending}", metric.name()) == sample)
    })
}

/// What is wrong with an expression: metrics that there are not, and labels that those it names do not have.
fn faults(expression: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut known: BTreeSet<&str> = ADDED.into();
    let mut rest = expression;
    let mut is_of_ours = false;
    while let Some((_, from)) = rest.find(PREFIX).and_then(|at| rest.split_at_checked(at)) {
        let end =
            from.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(from.len());
        let (name, after) = from.split_at(end);
        rest = after;
        is_of_ours = true;
        let Some(metric) = named(name) else {
            faults.push(format!("there is no {name}"));
            continue;
        };
        known.extend(metric.labels);
        let le = if name.ends_with("_bucket") { Some("le") } else { None };
        known.extend(le);
        let Some(selected) = after.strip_prefix('{').and_then(|inner| inner.split_once('}')) else {
            continue;
        };
        for matcher in selected.0.split(',') {
            let label = matcher.split(['=', '!']).next().unwrap_or_default().trim();
            if !metric.labels.contains(&label) && !ADDED.contains(&label) && Some(label) != le {
                faults.push(format!("{name} has no label {label}"));
            }
        }
    }
    if !is_of_ours {
        faults.push("it asks for no metric of ours".to_owned());
    }
    for grouped in expression.split("by (").skip(1) {
        let labels = grouped.split(')').next().unwrap_or_default();
        let strange = labels.split(',').map(str::trim).filter(|label| !known.contains(label));
        faults.extend(strange.map(|label| format!("nothing has a label {label}")));
    }
    faults
}

/// All values of a key, wherever it stands.
fn all_of<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key).and_then(Value::as_str));
            fields.values().for_each(|value| all_of(value, key, found));
        }
        Value::Array(values) => values.iter().for_each(|value| all_of(value, key, found)),
        _ => {}
    }
}

fn check(file: &str, expressions: &[&str]) {
    for expression in expressions {
        assert_eq!(faults(expression), [""; 0], "{file}: {expression}");
    }
}

#[test]
fn an_expression_with_a_name_or_label_that_there_is_not_is_found() {
    for (expression, fault) in [
        ("sum(vps_configurator_operation_total)", "there is no vps_configurator_operation_total"),
        (
            "vps_configurator_operation_duration_seconds",
            "there is no vps_configurator_operation_duration_seconds",
        ),
        (
            r#"vps_configurator_operations_total{outcome!="x",host="y"}"#,
            "vps_configurator_operations_total has no label host",
        ),
        ("sum by (le, service) (vps_configurator_operations_total)", "nothing has a label le"),
        ("up == 1", "it asks for no metric of ours"),
    ] {
        assert_eq!(faults(expression), [fault]);
    }
    let right = r#"sum by (le, instance) (rate(vps_configurator_operation_duration_seconds_bucket{le="1.0",service=~"$service"}[5m]))"#;
    assert_eq!(faults(right), [""; 0]);
}

#[test]
fn the_dashboard_asks_for_metrics_that_there_are() {
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(docs("grafana.json")).unwrap()).unwrap();
    assert_eq!(dashboard["schemaVersion"], 41);
    let panels = dashboard["panels"].as_array().unwrap();
    let titles = |kind: &str| panels.iter().filter(|panel| panel["type"] == kind).count();
    assert!(titles("row") >= 8 && titles("stat") >= 3 && titles("timeseries") >= 8, "it is not all there");
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let variables: Vec<&str> = dashboard["templating"]["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| variable["name"].as_str().unwrap())
        .collect();
    assert_eq!(variables, ["datasource", "instance", "service"]);
    for (key, at_least) in [("expr", 20), ("definition", 2)] {
        let mut expressions = Vec::new();
        all_of(&dashboard, key, &mut expressions);
        assert!(expressions.len() >= at_least, "{key}: {}", expressions.len());
        check("grafana.json", &expressions);
    }
    // Where the data comes from is the reader's choice.
    let mut sources = Vec::new();
    all_of(&dashboard["panels"], "uid", &mut sources);
    assert!(!sources.is_empty() && sources.iter().all(|uid| *uid == "${datasource}"));
}

#[test]
fn the_alerts_ask_for_metrics_that_there_are() {
    let alerts: Value = serde_saphyr::from_str(&fs::read_to_string(docs("alerts.yml")).unwrap()).unwrap();
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    let mut expressions = Vec::new();
    all_of(&alerts, "expr", &mut expressions);
    assert_eq!(expressions.len(), rules.len());
    check("alerts.yml", &expressions);
    for rule in rules {
        assert_eq!(
            (rule["for"].as_str(), rule["keep_firing_for"].as_str()),
            (Some("2m"), Some("5m")),
            "{rule}"
        );
    }
    assert!(expressions.iter().any(|expression| expression.starts_with("absent(")));
}
