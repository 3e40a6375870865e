use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::{Value, json};
use vps_breaker::{Overlap, Window};
use vps_retry::JitterStrategy;

use super::*;
use crate::service::ServiceName;

fn read(value: Value) -> Result<Settings, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn faults(value: Value) -> Vec<String> {
    match read(value).unwrap().check() {
        Ok(_) => Vec::new(),
        Err(invalid) => invalid.0.iter().map(ToString::to_string).collect(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "callers read better")]
fn with(group: &str, key: &str, value: Value) -> Value {
    json!({"performance": {group: {key: value}}})
}

#[test]
fn the_defaults_are_the_seeds() {
    let policies = Settings::default().check().unwrap();
    for name in ServiceName::SEED {
        let policy = policies.of(&name.into());
        let mut expected = policies.general().clone();
        if name == ServiceName::APT_REPOSITORY {
            expected.bulkhead.max_concurrent = NonZeroU32::new(8).unwrap();
        }
        assert_eq!(*policy, expected);
        assert_eq!(policy.breaker.failure_threshold().get(), 3);
        assert_eq!(policy.breaker.timeout(), Duration::from_secs(60));
        assert_eq!(policy.breaker.success_threshold().get(), 1);
        assert_eq!(policy.breaker.overlap(), Overlap::Once);
        assert_eq!(policy.breaker.forget_after(), Some(Duration::from_secs(600)));
        assert_eq!(policy.breaker.abandoned_after(), Some(Duration::from_secs(30)));
        assert_eq!(policy.breaker.jitter_seed(), 0);
        assert_eq!(policy.retry, vps_retry::RetryStrategy::new());
    }
    let limits = policies.general().timeouts;
    let seconds =
        [limits.apt_update, limits.apt_install, limits.download, limits.git_clone, limits.http_request];
    assert_eq!(seconds.map(|limit| limit.as_secs()), [300, 600, 600, 300, 30]);
    assert_eq!([limits.command, limits.connect, limits.idle].map(|limit| limit.as_secs()), [600, 30, 30]);
    let bulkhead = policies.general().bulkhead;
    assert_eq!((bulkhead.max_concurrent.get(), bulkhead.max_queue), (4, 1_000));
    assert_eq!(policies.general().budget, vps_retry::BudgetPolicy::new());
    assert_eq!(policies.general().breaker.open_backoff(), None);
    assert_eq!(policies.min_speed(), 1);
}

#[test]
fn what_is_written_is_read_back() {
    let settings = Settings::default();
    let written = serde_json::to_value(&settings).unwrap();
    assert_eq!(written["performance"]["circuit_breaker"]["timeout"], json!(60));
    assert_eq!(read(written).unwrap(), settings);
}

#[test]
fn durations_are_seconds_or_text() {
    for (given, millis) in [
        (json!(60), 60_000),
        (json!(1.5), 1_500),
        (json!("90s"), 90_000),
        (json!("5m"), 300_000),
        (json!("1h 30m"), 5_400_000),
        (json!("250ms"), 250),
        (json!("12"), 12_000),
        (json!("0.5"), 500),
    ] {
        let settings = read(with("circuit_breaker", "timeout", given.clone())).unwrap();
        assert_eq!(settings.performance.circuit_breaker.timeout.0, Duration::from_millis(millis), "{given}");
    }
}

#[test]
fn durations_that_make_no_sense_say_so() {
    for (given, word) in [
        (json!(-1), "negative"),
        (json!(-0.5), "negative"),
        (json!("-1"), "negative"),
        (json!("NaN"), "not a number"),
        (json!("inf"), "longer than a year"),
        (json!(1e300), "longer than a year"),
        (json!(u64::MAX), "longer than a year"),
        (json!(31_536_001), "longer than a year"),
        (json!("366d"), "longer than a year"),
        (json!("soon"), "not a duration"),
        (json!(""), "not a duration"),
        (json!(true), "expected a duration"),
        (json!([1]), "expected a duration"),
        (json!(null), "expected a duration"),
    ] {
        let error = read(with("circuit_breaker", "timeout", given.clone())).unwrap_err();
        assert!(error.contains(word), "{given}: {error}");
    }
}

#[test]
fn unknown_keys_are_refused_at_every_depth() {
    for value in [
        json!({"performanc": {}}),
        json!({"performance": {"retry": {}}}),
        with("network_retry", "jitterr", json!(true)),
        with("circuit_breaker", "redis", json!({})),
        json!({"performance": {"services": {"github": {"rate_limit": {}}}}}),
        with("retry_budget", "tokens", json!(1)),
        json!({"performance": {"services": {"github": {"timeouts": {"downlod": 1}}}}}),
        json!({"state": {"redis": {}}}),
        json!({"download": {"segments": 4}}),
    ] {
        assert!(read(value.clone()).unwrap_err().contains("unknown field"), "{value}");
    }
}

#[test]
fn settings_that_make_no_sense_name_their_key_and_the_way_out() {
    for (value, key, word) in [
        (
            with("network_retry", "max_retries", json!(0)),
            "`performance.network_retry.max_retries`",
            "network_retry.enabled: false",
        ),
        (
            with("network_retry", "max_delay", json!(0.5)),
            "`performance.network_retry.max_delay`",
            "initial_delay",
        ),
        (
            with("network_retry", "exponential_base", json!(0.9)),
            "`performance.network_retry.exponential_base`",
            "1 to 1000",
        ),
        (
            with("circuit_breaker", "failure_threshold", json!(0)),
            "`performance.circuit_breaker.failure_threshold`",
            "enabled: false",
        ),
        (
            with("circuit_breaker", "success_threshold", json!(0)),
            "`performance.circuit_breaker.success_threshold`",
            "at least 1",
        ),
        (with("circuit_breaker", "probes", json!(0)), "`performance.circuit_breaker.probes`", "at least 1"),
        (
            with("circuit_breaker", "timeout", json!(0)),
            "`performance.circuit_breaker.timeout`",
            "longer than nothing",
        ),
        (
            with("circuit_breaker", "probe_lease", json!(0)),
            "`performance.circuit_breaker.probe_lease`",
            "longer than nothing",
        ),
        (
            with("circuit_breaker", "forget_after", json!(0)),
            "`performance.circuit_breaker.forget_after`",
            "longer than nothing",
        ),
        (
            with("circuit_breaker", "max_timeout", json!(59)),
            "`performance.circuit_breaker.max_timeout`",
            "`timeout`",
        ),
        (
            with("circuit_breaker", "failure_rate", json!(50)),
            "`performance.circuit_breaker.failure_rate`",
            "`window`",
        ),
        (
            with("circuit_breaker", "slow_rate", json!(50)),
            "`performance.circuit_breaker.slow_rate`",
            "`slow_after`",
        ),
        (
            with("circuit_breaker", "slow_after", json!(5)),
            "`performance.circuit_breaker.slow_after`",
            "`slow_rate`",
        ),
        (
            with("circuit_breaker", "window", json!({"calls": 9, "min_calls": 3})),
            "`performance.circuit_breaker.window`",
            "`failure_rate`",
        ),
        (with("timeouts", "idle", json!(0)), "`performance.timeouts.idle`", "longer than nothing"),
        (with("timeouts", "download", json!(0)), "`performance.timeouts.download`", "longer than nothing"),
        (
            with("health_checks", "services", json!(["githbu"])),
            "`performance.health_checks.services`",
            "githbu",
        ),
        (json!({"performance": {"services": {"a/b": {}}}}), "`performance.services`", "a/b"),
        (
            json!({"performance": {"services": {"a": {"hosts": ["https://x"]}}}}),
            "`performance.services.a.hosts`",
            "no host name",
        ),
        (
            json!({"performance": {"services": {"a": {"hosts": ["GitHub.com"]}}}}),
            "`performance.services.github.hosts`",
            "`a`",
        ),
        (
            with("circuit_breaker", "exponential_base", json!(2)),
            "`performance.circuit_breaker.exponential_base`",
            "`max_timeout`",
        ),
        (
            with("circuit_breaker", "exponential_base", json!(0.9)),
            "`performance.circuit_breaker.exponential_base`",
            "1 to 1000",
        ),
        (with("retry_budget", "max", json!(0)), "`performance.retry_budget.max`", "enabled: false"),
        (with("retry_budget", "max", json!(1_000_001)), "`performance.retry_budget.max`", "1 to 1000000"),
        (with("retry_budget", "start", json!(101)), "`performance.retry_budget.start`", "`max` (100)"),
        (
            with("retry_budget", "per_operation", json!(-0.1)),
            "`performance.retry_budget.per_operation`",
            "0 to 1000",
        ),
        (
            with("retry_budget", "per_operation", json!(1_000.1)),
            "`performance.retry_budget.per_operation`",
            "0 to 1000",
        ),
        (
            json!({"performance": {"services": {"github": {"retry_budget": {"start": 200}}}}}),
            "`performance.services.github.retry_budget.start`",
            "`max` (100)",
        ),
        (with("bulkhead", "max_concurrent", json!(0)), "`performance.bulkhead.max_concurrent`", "at least 1"),
        (
            json!({"performance": {"services": {"github": {"bulkhead": {"max_concurrent": 0}}}}}),
            "`performance.services.github.bulkhead.max_concurrent`",
            "at least 1",
        ),
        (
            json!({"performance": {"services": {"a": {"hosts": ["x.example.com:0"]}}}}),
            "`performance.services.a.hosts`",
            "no host name",
        ),
        (json!({"download": {"max_retry_after": 0}}), "`download.max_retry_after`", "longer than nothing"),
        (json!({"state": {"dir": ""}}), "`state.dir`", "empty"),
    ] {
        let faults = faults(value.clone());
        assert_eq!(faults.len(), 1, "{value}: {faults:?}");
        assert!(faults[0].starts_with(key) && faults[0].contains(word), "{value}: {faults:?}");
    }
}

#[test]
fn every_fault_is_named_and_a_general_one_only_once() {
    let value = json!({
        "performance": {
            "network_retry": {"max_retries": 0, "exponential_base": 0},
            "services": {"github": {"network_retry": {"max_retries": 0}, "timeouts": {"connect": 0}}},
        },
    });
    let keys: Vec<_> =
        read(value).unwrap().check().unwrap_err().0.into_iter().map(|fault| fault.key).collect();
    assert_eq!(
        keys,
        [
            "performance.network_retry.max_retries",
            "performance.network_retry.exponential_base",
            "performance.services.github.network_retry.max_retries",
            "performance.services.github.timeouts.connect",
        ]
    );
}

#[test]
fn a_service_overrides_field_by_field_and_its_hosts_follow() {
    let settings = read(json!({
        "performance": {
            "circuit_breaker": {"timeout": 10},
            "services": {
                "github": {"circuit_breaker": {"failure_threshold": 9}},
                "external_downloads": {"network_retry": {"max_retries": 7}, "bulkhead": {"max_queue": 0}},
                "mirror": {"hosts": ["mirror.example.com"], "timeouts": {"download": "1h"}},
            },
        },
    }));
    let policies = settings.unwrap().check().unwrap();
    let github = policies.breaker(&"github".into());
    assert_eq!((github.failure_threshold().get(), github.timeout().as_secs()), (9, 10));
    assert_eq!(policies.of(&ServiceName::external("example.com")).retry.max_attempts().get(), 7);
    let bulkhead = policies.of(&ServiceName::external("example.com")).bulkhead;
    assert_eq!((bulkhead.max_concurrent.get(), bulkhead.max_queue), (4, 0));
    assert_eq!(policies.of(&"mirror".into()).timeouts.download.as_secs(), 3_600);
    assert_eq!(policies.of(&"docker_hub".into()), policies.general());
    // Defining one service keeps the others' hosts.
    assert_eq!(policies.table().of_host("github.com", 443, "https").as_str(), "github");
    assert_eq!(policies.table().of_host("mirror.example.com", 443, "https").as_str(), "mirror");
}

#[test]
fn a_services_host_may_be_at_a_port_of_its_own() {
    let value = json!({"performance": {"services": {"mirror": {"hosts": ["x.example.com:8443", ".example.org:81"]}}}});
    let settings = read(value).unwrap();
    assert!(settings.check().is_ok());
    let of = |host, port| settings.service_table().of_host(host, port, "https").as_str().to_owned();
    assert_eq!((of("x.example.com", 8443), of("a.example.org", 81)), ("mirror".into(), "mirror".into()));
    assert_eq!(of("x.example.com", 443), "external_downloads/x.example.com");
}

#[test]
fn an_empty_list_takes_a_services_hosts_away() {
    let value = json!({"performance": {"services": {"github": {"hosts": []}}}});
    let table = read(value).unwrap().service_table();
    assert_eq!(table.of_host("github.com", 443, "https").as_str(), "external_downloads/github.com");
}

#[test]
fn a_group_with_nothing_in_it_is_as_built_in() {
    for value in [
        json!({"performance": null, "download": null, "state": null}),
        json!({"performance": {"circuit_breaker": null, "network_retry": null, "timeouts": null, "health_checks": null, "services": null}}),
        json!({"performance": {"services": {"github": null}}}),
        json!({"performance": {"services": {"github": {"hosts": null, "circuit_breaker": null, "timeouts": null}}}}),
    ] {
        assert_eq!(read(value.clone()).unwrap(), Settings::default(), "{value}");
    }
}

#[test]
fn two_settings_that_do_not_go_together_are_both_named() {
    let settings = read(with("network_retry", "initial_delay", json!(60))).unwrap();
    let fault = settings.check().unwrap_err().0.remove(0);
    assert_eq!(fault.key, "performance.network_retry.max_delay");
    assert_eq!(fault.related.as_deref(), Some("performance.network_retry.initial_delay"));
}

#[test]
fn switches_turn_things_off() {
    let policies = read(json!({"performance": {
        "network_retry": {"enabled": false, "max_retries": 9, "jitter": false},
        "circuit_breaker": {"enabled": false},
    }}));
    let general = policies.unwrap().check().unwrap().general().clone();
    assert_eq!(general.retry.max_attempts(), NonZeroU32::MIN);
    assert_eq!(general.retry.jitter(), JitterStrategy::None);
    assert!(!general.breaker.enabled());
}

#[test]
fn windows_and_rates_reach_the_breaker() {
    let value = json!({"performance": {"circuit_breaker": {
        "window": {"length": "5m", "min_calls": 20}, "failure_rate": 12.5, "slow_after": 10, "slow_rate": 80, "max_timeout": "10m",
    }}});
    let policy = read(value).unwrap().check().unwrap().general().breaker;
    assert!(matches!(policy.window(), Some(Window::Time { length, .. }) if length.as_secs() == 300));
    assert_eq!(policy.failure_rate().unwrap().as_per_mille(), 125);
    assert_eq!(policy.slow_calls().unwrap().after.as_secs(), 10);
    assert_eq!(policy.open_backoff().unwrap().cap.as_secs(), 600);
}

#[test]
fn the_open_time_is_exact_unless_jitter_is_asked_for() {
    let jitter = |value| read(value).unwrap().check().unwrap().general().breaker.jitter();
    assert!(!jitter(json!({})));
    assert!(jitter(json!({"performance": {"circuit_breaker": {"jitter": true}}})));
}

#[test]
fn speeds_are_bytes_or_text() {
    for (given, bytes) in
        [(json!(0), 0), (json!(2048), 2048), (json!("64KiB"), 65_536), (json!("1 MiB/s"), 1 << 20)]
    {
        let settings = read(json!({"download": {"min_speed": given.clone()}})).unwrap();
        assert_eq!(settings.download.min_speed.0, bytes, "{given}");
    }
    for given in [json!(-1), json!("fast"), json!(true), json!("-1KiB")] {
        assert!(read(json!({"download": {"min_speed": given.clone()}})).is_err(), "{given}");
    }
}

#[test]
fn a_wrappers_own_settings_are_checked_too() {
    let policies = Settings::default().check().unwrap();
    let bad = [
        (RetryConfig::new().max_retries(0), "max_retries"),
        (RetryConfig::new().download_timeout(Duration::ZERO), "download_timeout"),
        (RetryConfig::new().command_timeout(Duration::MAX), "command_timeout"),
        (RetryConfig::new().exponential_base(f64::NAN), "exponential_base"),
        (RetryConfig::new().max_delay(Duration::from_millis(1)), "max_delay"),
    ];
    for (config, key) in bad {
        let invalid = config.over(&policies).unwrap_err();
        assert_eq!(invalid.0[0].key, key);
    }
    let config = RetryConfig::new().initial_delay(Duration::ZERO).jitter(false).exponential_base(3.0);
    let general = config.over(&policies).unwrap().general().clone();
    assert_eq!(general.retry.backoff().delay(4), Duration::ZERO);
    assert_eq!(general.retry.jitter(), JitterStrategy::None);
}

#[test]
fn a_calls_options_stand_above_everything() {
    let policies = Settings::default().check().unwrap();
    let options =
        Options::new().attempts(NonZeroU32::MIN).connect(Duration::from_secs(1)).wait_for_circuit(true);
    let policy = options.over(policies.general());
    assert_eq!(policy.retry.max_attempts(), NonZeroU32::MIN);
    assert_eq!(policy.timeouts.connect, Duration::from_secs(1));
    assert!(options.wait_for_circuit.waits());
    assert_eq!(policy.timeouts.idle, policies.general().timeouts.idle);
}
