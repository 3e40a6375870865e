//! What each key of `circuit_breaker` does to calls, in virtual time.

use std::sync::Arc;

use serde_json::{Value, json};

use super::virtual_lab::{Came, Lab, performance, virtually, virtually_with};
use crate::State;
use crate::download::{Dest, DownloadRequest, parse_url};
use crate::settings::Options;
use crate::testing::scripted_download::ScriptedDownloader;

/// Settings of the circuit breaker, where each operation is one attempt.
fn circuit(keys: &Value) -> Value {
    performance(&json!({"circuit_breaker": keys, "network_retry": {"enabled": false}}))
}

async fn opened(lab: &Lab) {
    lab.fail("github", 3).await;
    assert_eq!(lab.state("github").await, State::Open);
}

#[test]
fn enabled_false_refuses_nobody_and_still_counts() {
    virtually(circuit(&json!({"enabled": false})), |lab| async move {
        lab.fail("github", 9).await;
        assert_eq!(lab.call("github", true, 0.0).await, Came::Well);
        assert_eq!(lab.network.get_circuit_breaker_status().await["github"].total_calls, 10);
    });
}

#[test]
fn failure_threshold_is_how_many_open_it() {
    for threshold in [1, 2, 5] {
        virtually(circuit(&json!({"failure_threshold": threshold})), |lab| async move {
            lab.fail("github", threshold).await;
            assert_eq!(lab.call("github", true, 0.0).await, Came::Refused, "after {threshold}");
        });
    }
}

#[test]
fn timeout_is_how_long_it_refuses() {
    for (keys, seconds) in [(json!({}), 60.0), (json!({"timeout": 7}), 7.0)] {
        virtually(circuit(&keys), |lab| async move {
            opened(&lab).await;
            lab.wait(seconds - 0.001).await;
            assert_eq!(lab.call("github", true, 0.0).await, Came::Refused);
            lab.wait(0.001).await;
            assert_eq!(lab.call("github", true, 0.0).await, Came::Well);
        });
    }
}

#[test]
fn success_threshold_is_how_many_close_it() {
    virtually(circuit(&json!({"success_threshold": 2})), |lab| async move {
        opened(&lab).await;
        lab.wait(60.0).await;
        for state in [State::HalfOpen, State::Closed] {
            assert_eq!(lab.call("github", true, 0.0).await, Came::Well);
            assert_eq!(lab.state("github").await, state);
        }
    });
}

#[test]
fn probes_is_how_many_may_try_at_once() {
    for (probes, third) in [(1, Came::Refused), (2, Came::Well)] {
        virtually(circuit(&json!({"probes": probes, "success_threshold": 5})), |lab| async move {
            opened(&lab).await;
            lab.wait(60.0).await;
            let (first, second) =
                tokio::join!(biased; lab.call("github", true, 1.0), lab.call("github", true, 1.0));
            assert_eq!((first, second), (Came::Well, third), "{probes}");
        });
    }
}

#[test]
fn probe_lease_is_how_long_a_lost_probe_bars_the_way() {
    for seconds in [5.0, 60.0] {
        virtually(circuit(&json!({"probe_lease": seconds})), |lab| async move {
            opened(&lab).await;
            lab.wait(60.0).await;
            // Nobody renews it, as of a process that was killed.
            let _lost = lab.network.circuit_breakers().circuit(&"github".into()).enter().await.unwrap();
            lab.wait(seconds - 0.001).await;
            assert_eq!(lab.call("github", true, 0.0).await, Came::Refused);
            lab.wait(0.001).await;
            assert_eq!(lab.call("github", true, 0.0).await, Came::Well);
        });
    }
}

#[test]
fn forget_after_is_how_old_a_failure_may_be() {
    for (pause, state) in [(9.9, State::Open), (10.0, State::Closed)] {
        virtually(circuit(&json!({"forget_after": 10})), |lab| async move {
            lab.fail("github", 2).await;
            lab.wait(pause).await;
            lab.fail("github", 1).await;
            assert_eq!(lab.state("github").await, state, "{pause}");
        });
    }
}

#[test]
fn jitter_spreads_the_open_time_upwards() {
    for (jitter, exact) in [(false, true), (true, false)] {
        virtually(circuit(&json!({"jitter": jitter})), |lab| async move {
            opened(&lab).await;
            let seconds = lab.refuses_for("github").await;
            assert_eq!((seconds - 60.0).abs() < 1e-9, exact, "{seconds}");
            assert!((60.0..=66.0).contains(&seconds), "{seconds}");
        });
    }
}

/// How long it refuses after each failed probe.
fn open_times(keys: &Value) -> Vec<f64> {
    let mut found = Vec::new();
    virtually(circuit(keys), |lab| {
        let found = &mut found;
        async move {
            opened(&lab).await;
            for _ in 0..5 {
                let seconds = lab.refuses_for("github").await;
                found.push(seconds);
                lab.wait(seconds).await;
                lab.fail("github", 1).await;
            }
        }
    });
    found
}

#[test]
fn max_timeout_lets_the_open_time_grow_to_it() {
    assert_eq!(open_times(&json!({})), [60.0; 5]);
    assert_eq!(open_times(&json!({"max_timeout": 200})), [60.0, 120.0, 200.0, 200.0, 200.0]);
    assert_eq!(open_times(&json!({"max_timeout": "5m", "timeout": 10})), [10.0, 20.0, 40.0, 80.0, 160.0]);
}

#[test]
fn exponential_base_is_what_the_open_time_grows_by() {
    let with = |base| open_times(&json!({"max_timeout": 300, "exponential_base": base}));
    assert_eq!(with(1.5), [60.0, 90.0, 135.0, 202.5, 300.0]);
    assert_eq!(with(1.0), [60.0; 5]);
    assert_eq!(with(3.0), [60.0, 180.0, 300.0, 300.0, 300.0]);
}

#[test]
fn a_success_takes_the_open_time_back_to_where_it_began() {
    virtually(circuit(&json!({"max_timeout": 600})), |lab| async move {
        opened(&lab).await;
        lab.wait(60.0).await;
        lab.fail("github", 1).await;
        lab.wait(120.0).await;
        assert_eq!(lab.call("github", true, 0.0).await, Came::Well);
        opened(&lab).await;
        assert_eq!(lab.refuses_for("github").await, 60.0);
    });
}

/// After how many of these calls it is open; each is whether it went well, how long it took, and the pause after.
fn opens_after(keys: &Value, calls: &[(bool, f64, f64)]) -> Option<usize> {
    let mut keys = keys.clone();
    keys["failure_threshold"] = json!(1_000);
    let mut opened = None;
    virtually(circuit(&keys), |lab| {
        let opened = &mut opened;
        async move {
            for (index, (ok, took, pause)) in calls.iter().enumerate() {
                lab.call("github", *ok, *took).await;
                if lab.state("github").await == State::Open {
                    *opened = Some(index + 1);
                    return;
                }
                lab.wait(*pause).await;
            }
        }
    });
    opened
}

const S: (bool, f64, f64) = (true, 0.0, 0.0);
const F: (bool, f64, f64) = (false, 0.0, 0.0);

#[test]
fn window_calls_are_those_a_rate_is_taken_over() {
    let window = |calls| json!({"failure_rate": 50, "window": {"calls": calls, "min_calls": 4}});
    let calls = [F, S, S, S, F, F];
    assert_eq!(opens_after(&window(4), &calls), Some(6), "two of the last four");
    assert_eq!(opens_after(&window(5), &calls), None, "two of the last five");
}

#[test]
fn window_min_calls_are_needed_for_a_rate() {
    let window = |least| json!({"failure_rate": 50, "window": {"calls": 9, "min_calls": least}});
    for least in [1, 3, 6] {
        assert_eq!(opens_after(&window(least), &[F; 9]), Some(least));
    }
}

#[test]
fn window_length_is_the_time_a_rate_is_taken_over() {
    let window = |length| json!({"failure_rate": 50, "window": {"length": length, "min_calls": 2}});
    let calls = [(false, 0.0, 70.0), F];
    assert_eq!(opens_after(&window("1m"), &calls), None);
    assert_eq!(opens_after(&window("2m"), &calls), Some(2));
}

#[test]
fn failure_rate_is_the_share_that_opens_it() {
    let rate = |percent| json!({"failure_rate": percent, "window": {"calls": 10, "min_calls": 4}});
    let calls = [S, F, S, F];
    assert_eq!(opens_after(&rate(50.0), &calls), Some(4));
    assert_eq!(opens_after(&rate(50.1), &calls), None);
}

#[test]
fn slow_after_is_when_a_call_is_slow() {
    let slow = |after| json!({"slow_after": after, "slow_rate": 100, "window": {"calls": 4, "min_calls": 2}});
    let calls = [(true, 5.0, 0.0), (true, 5.0, 0.0)];
    assert_eq!(opens_after(&slow(5.0), &calls), Some(2));
    assert_eq!(opens_after(&slow(5.1), &calls), None);
}

#[test]
fn slow_rate_is_the_share_of_slow_calls_that_opens_it() {
    let slow = |rate| json!({"slow_after": 5, "slow_rate": rate, "window": {"calls": 4, "min_calls": 4}});
    let calls = [S, (true, 5.0, 0.0), S, (true, 5.0, 0.0)];
    assert_eq!(opens_after(&slow(50), &calls), Some(4));
    assert_eq!(opens_after(&slow(60), &calls), None);
}

#[test]
fn a_service_has_its_own_over_the_general_ones() {
    let settings = performance(&json!({
        "network_retry": {"enabled": false},
        "circuit_breaker": {"failure_threshold": 5, "max_timeout": 600},
        "services": {"github": {"circuit_breaker": {"failure_threshold": 2, "exponential_base": 3}}},
    }));
    virtually(settings, |lab| async move {
        lab.fail("github", 2).await;
        assert_eq!(lab.state("github").await, State::Open);
        lab.wait(60.0).await;
        lab.fail("github", 1).await;
        assert_eq!(lab.refuses_for("github").await, 180.0);
        lab.fail("docker_hub", 4).await;
        assert_eq!(lab.state("docker_hub").await, State::Closed);
    });
}

#[test]
fn hosts_say_whose_circuit_a_download_is_behind() {
    let settings = performance(&json!({"services": {"mine": {"hosts": [".example.com"]}}}));
    let downloader = ScriptedDownloader::new(|_, _| Ok(1));
    virtually_with(
        settings,
        |builder| builder.downloader(Arc::new(downloader)),
        |lab| async move {
            for (url, service) in [
                ("https://a.example.com/f", "mine"),
                ("https://github.com/f", "github"),
                ("https://example.net/f", "external_downloads/example.net"),
            ] {
                let request = DownloadRequest::new(parse_url("URL", url).unwrap(), Dest::Path("/x".into()));
                lab.network.download_with_retry(request, &Options::new()).await.unwrap();
                let status = lab.network.get_circuit_breaker_status().await;
                assert_eq!(status[service].total_calls, 1, "{url}");
            }
        },
    );
}
