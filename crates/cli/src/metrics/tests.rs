use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use vps_health::{Phase, Status};
use vps_ops::totals::ServiceTotals;

use super::health::ServiceFigures;
use super::names::ALL;
use super::*;

/// Totals of one service that has everything.
fn totals() -> ServiceTotals {
    let buckets = [1, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0, 3];
    let stored = json!({
        "kinds": {"download": {
            "operations": {"success": 4, "failure": 2, "rejected": 1},
            "durations": {"buckets": buckets, "sum_nanos": 2_250_000_000_u64},
            "attempts": {"none": {"success": 4}, "transient": {"failure": 5, "timeout": 1}},
            "attempt_durations": {"buckets": buckets, "sum_nanos": 1_500_000_000_u64}
        }},
        "transitions": {"closed": {"open": 1}, "half_open": {"closed": 1, "open": 2}, "open": {"half_open": 3}},
        "rejected": 1, "retries_exhausted": 2, "retry_delay_nanos": 1_250_000_000_u64, "received_bytes": 1_048_576
    });
    serde_json::from_value(stored).unwrap()
}

fn service_figures(service: &str, status: Status) -> ServiceFigures {
    ServiceFigures {
        service: service.to_owned(),
        status,
        response: Some(Duration::from_millis(210)),
        phases: Phase::ALL.map(|phase| (phase, Duration::from_millis(52))).into(),
        last_sample_at: Some(Duration::from_secs(1_795_987_165)),
        samples: ["healthy", "degraded", "unhealthy", "local"].into_iter().zip(1..).collect(),
        lost_ratio: Some(0.25),
        certificate_expires_at: Some(Duration::from_secs(1_797_000_000)),
        unstable: false,
    }
}

/// One value of everything.
fn everything() -> Figures {
    let strange = "a \"b\"\\\n";
    let circuit = |service: &str, state| CircuitFigures { service: service.to_owned(), state, failures: 3 };
    let bulkhead = vps_ops::guard::Bulkhead::new(4.try_into().unwrap(), 64);
    let _place = bulkhead.try_enter().unwrap();
    let usage = bulkhead.usage();
    let mut silent = service_figures("quiet", Status::Unknown);
    (silent.response, silent.last_sample_at, silent.lost_ratio, silent.certificate_expires_at) =
        (None, None, None, None);
    silent.phases.clear();
    silent.samples.clear();
    Figures {
        circuits: vec![circuit("github", State::HalfOpen), circuit(strange, State::Closed)],
        totals: TotalsSnapshot::of_labels(
            [("github".to_owned(), totals()), ("other".to_owned(), ServiceTotals::default())].into(),
        ),
        bulkheads: vec![("github".to_owned(), usage)],
        dead_letters: Some(2),
        health: HealthFigures {
            services: vec![service_figures("github", Status::Degraded), silent],
            this_machine_online: Some(true),
            probe_queue: Some(Duration::from_millis(1_500)),
        },
        last_run_at: Some(Duration::from_millis(1_795_987_165_500)),
    }
}

#[test]
fn all_metrics_are_as_they_were_in_both_forms() {
    let mut settings = insta::Settings::new();
    settings.set_prepend_module_to_snapshot(false);
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    settings.bind(|| {
        for (name, format) in [("classic", Format::Classic), ("open_metrics", Format::OpenMetrics)] {
            let text = everything().render(format).unwrap().replace(&version, "version=\"VERSION\"");
            insta::assert_snapshot!(name, text);
        }
    });
}

/// The lines that are no comments, by all that stands before the value.
fn samples(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).collect()
}

#[test]
fn both_forms_say_the_same_of_every_metric() {
    let (classic, open) =
        (everything().render(Format::Classic).unwrap(), everything().render(Format::OpenMetrics).unwrap());
    // The library puts the limit of a bucket first.
    let ordered = open.replace("{le=\"", "{LE").replace('\n', "\u{1}\n");
    assert!(ordered.contains("{LE"));
    let sorted = |text: &str| {
        let parts = samples(text).into_iter().map(|(name, value)| {
            let mut labels: Vec<String> = name
                .split(['{', '}'])
                .flat_map(|part| part.split("\","))
                .map(|part| part.trim_end_matches('"').to_owned())
                .collect();
            labels.sort();
            (labels, value.to_owned())
        });
        parts.collect::<BTreeMap<_, _>>()
    };
    assert_eq!(sorted(&classic), sorted(&open));
    for metric in ALL {
        let (name, family) = (metric.name(), metric.family);
        for text in [&classic, &open] {
            assert!(text.lines().any(|line| line.starts_with(&name)), "{name} has no sample");
        }
        assert_eq!(classic.matches(&format!("# HELP {name} ")).count(), 1, "{name}");
        assert_eq!(classic.matches(&format!("# TYPE {name} ")).count(), 1, "{name}");
        assert_eq!(open.matches(&format!("# TYPE {family} ")).count(), 1, "{family}");
    }
    assert!(open.ends_with("\n# EOF\n") && open.contains("# UNIT "));
    assert!(!classic.contains("# EOF") && !classic.contains("# UNIT") && !classic.contains(" info\n"));
}

#[test]
fn what_is_not_known_is_not_there() {
    for format in [Format::Classic, Format::OpenMetrics] {
        let text = Figures::default().render(format).unwrap();
        assert_eq!(samples(&text).len(), 1, "{text}");
        assert!(text.contains("vps_configurator_build_info{version="), "{text}");
        assert!(!text.contains("health") && !text.contains("last_run"), "{text}");
    }
    assert!(Format::Classic.content_type().contains("version=0.0.4"));
    assert!(Format::OpenMetrics.content_type().contains("openmetrics-text; version=1.0.0"));
}

#[test]
fn a_thousand_services_are_written_in_no_time() {
    let env = vps_ops::env::Env::real();
    let names = (0..1_000).map(|number| format!("service-{number}"));
    let mut figures = everything();
    figures.circuits =
        names.clone().map(|service| CircuitFigures { service, state: State::Closed, failures: 0 }).collect();
    figures.health.services = names.clone().map(|name| service_figures(&name, Status::Healthy)).collect();
    figures.totals = TotalsSnapshot::of_labels(names.map(|name| (name, totals())).collect());
    for format in [Format::Classic, Format::OpenMetrics] {
        let figures = figures.clone();
        let started = env.now();
        let text = figures.render(format).unwrap();
        let took = env.now().since(started);
        assert!(text.lines().count() > 60_000, "{}", text.lines().count());
        // Without optimisation, on a busy machine; a quadratic step would take minutes.
        assert!(took < Duration::from_secs(5), "{format:?}: {took:?}");
    }
}
