//! What each key of `network_retry`, `retry_budget` and `download.max_retry_after` does, in virtual time.

use std::time::Duration;

use serde_json::{Value, json};
use vps_retry::{Class, Stop};

use super::virtual_lab::{Tried, performance, virtually, virtually_with};
use crate::pipeline::End;
use crate::process::{Captured, Ended, ProcessSpec, RetryOn};
use crate::settings::{Options, RetryConfig};
use crate::testing::scripted_runner::ScriptedRunner;

/// What comes of an operation that always fails with `class`.
fn tried(settings: Value, class: Class) -> Tried {
    let mut found = None;
    virtually(settings, |lab| {
        let found = &mut found;
        async move { *found = Some(lab.try_in_vain("github", class).await) }
    });
    found.unwrap()
}

fn retry(keys: &Value) -> Value {
    performance(&json!({"network_retry": keys, "circuit_breaker": {"enabled": false}}))
}

#[test]
fn enabled_false_is_one_attempt() {
    let one = tried(retry(&json!({"enabled": false, "max_retries": 9})), Class::Transient);
    assert_eq!(one.at, [0.0]);
}

#[test]
fn max_retries_is_how_many_attempts_there_are() {
    assert_eq!(tried(retry(&json!({})), Class::Transient).at.len(), 3);
    let five = tried(retry(&json!({"max_retries": 5})), Class::Transient);
    assert_eq!((five.at.len(), five.end), (5, End::Stop(Stop::AttemptsUsedUp { attempts: 5 })));
}

#[test]
fn initial_delay_exponential_base_and_max_delay_make_the_pauses() {
    let pauses = |keys: Value| {
        let mut all = json!({"jitter": false, "max_retries": 6});
        all.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        tried(retry(&all), Class::Transient).pauses()
    };
    assert_eq!(pauses(json!({})), [1.0, 2.0, 4.0, 8.0, 16.0]);
    assert_eq!(pauses(json!({"initial_delay": 3})), [3.0, 6.0, 12.0, 24.0, 30.0]);
    assert_eq!(pauses(json!({"initial_delay": 2, "exponential_base": 1.5})), [2.0, 3.0, 4.5, 6.75, 10.125]);
    assert_eq!(pauses(json!({"max_delay": 3})), [1.0, 2.0, 3.0, 3.0, 3.0]);
    assert_eq!(pauses(json!({"initial_delay": 0})), [0.0; 5]);
}

#[test]
fn jitter_adds_up_to_a_tenth() {
    let with = |jitter| {
        let keys = json!({"max_retries": 9, "exponential_base": 1, "jitter": jitter});
        tried(retry(&keys), Class::Transient).pauses()
    };
    assert_eq!(with(false), [1.0; 8]);
    let spread = with(true);
    assert!(spread.iter().all(|pause| (1.0..=1.101).contains(pause)), "{spread:?}");
    assert!(spread.iter().any(|pause| *pause > 1.001), "{spread:?}");
}

#[test]
fn max_retry_after_is_the_longest_wait_a_server_gets() {
    let throttled = Class::Throttled { at_least: Some(Duration::from_secs(20)) };
    let with = |limit: u32| {
        let mut settings = retry(&json!({"jitter": false}));
        settings["download"] = json!({"max_retry_after": limit});
        tried(settings, throttled)
    };
    assert_eq!(with(19).at, [0.0], "longer than allowed");
    let allowed = with(20).pauses();
    assert!(allowed.len() == 2 && allowed.iter().all(|pause| (20.0..=22.0).contains(pause)), "{allowed:?}");
}

/// Attempts of so many operations in a row that always fail, where fifty are allowed of each.
fn cut_by(budget: &Value, operations: u32) -> Vec<usize> {
    let mut found = Vec::new();
    let settings = performance(&json!({
        "network_retry": {"max_retries": 50, "exponential_base": 1, "jitter": false},
        "circuit_breaker": {"enabled": false},
        "retry_budget": budget,
    }));
    virtually(settings, |lab| {
        let found = &mut found;
        async move {
            for _ in 0..operations {
                let tried = lab.try_in_vain("github", Class::Transient).await;
                assert!(matches!(tried.end, End::Budget | End::Stop(Stop::AttemptsUsedUp { .. })));
                found.push(tried.at.len());
            }
        }
    });
    found
}

#[test]
fn retry_budget_start_is_how_many_there_are_at_once() {
    assert_eq!(cut_by(&json!({}), 1), [11], "ten, and a fifth that is no retry yet");
    assert_eq!(cut_by(&json!({"start": 2, "per_operation": 0}), 2), [3, 1]);
    assert_eq!(cut_by(&json!({"start": 0, "per_operation": 0}), 1), [1]);
    assert_eq!(cut_by(&json!({"start": 100}), 1), [50], "all that is allowed");
}

#[test]
fn retry_budget_per_operation_is_what_each_earns() {
    assert_eq!(cut_by(&json!({"start": 0}), 6), [1, 1, 1, 1, 2, 1], "a fifth");
    assert_eq!(cut_by(&json!({"start": 0, "per_operation": 0.5}), 4), [1, 2, 1, 2]);
    assert_eq!(cut_by(&json!({"start": 0, "per_operation": 3}), 2), [4, 4]);
    assert_eq!(
        cut_by(&json!({"start": 0, "per_operation": 0.333}), 4),
        [1, 1, 1, 2],
        "three of them are 0.999"
    );
}

#[test]
fn retry_budget_max_is_the_most_that_is_saved_up() {
    for (max, attempts) in [(2, 3), (7, 8)] {
        let settings = performance(&json!({
            "network_retry": {"max_retries": 50},
            "circuit_breaker": {"enabled": false},
            "retry_budget": {"start": 1, "per_operation": 5, "max": max},
        }));
        virtually(settings, |lab| async move {
            for _ in 0..9 {
                assert_eq!(lab.call("github", true, 0.0).await, super::virtual_lab::Came::Well);
            }
            assert_eq!(lab.try_in_vain("github", Class::Transient).await.at.len(), attempts);
        });
    }
}

#[test]
fn a_service_may_have_an_allowance_of_its_own() {
    let settings = performance(&json!({
        "network_retry": {"max_retries": 50},
        "circuit_breaker": {"enabled": false},
        "retry_budget": {"start": 4, "per_operation": 0},
        "services": {"github": {"retry_budget": {"start": 1}}},
    }));
    virtually(settings, |lab| async move {
        assert_eq!(lab.try_in_vain("github", Class::Transient).await.at.len(), 2);
        assert_eq!(lab.try_in_vain("docker_hub", Class::Transient).await.at.len(), 5);
    });
}

#[test]
fn a_service_has_its_own_retries_and_limits() {
    let settings = performance(&json!({
        "network_retry": {"jitter": false},
        "services": {"github": {"network_retry": {"max_retries": 4}, "timeouts": {"http_request": 4}}},
    }));
    virtually(settings, |lab| async move {
        assert_eq!(lab.try_in_vain("github", Class::Transient).await.pauses(), [1.0, 2.0, 4.0]);
        assert_eq!(lab.try_in_vain("docker_hub", Class::Transient).await.pauses(), [1.0, 2.0]);
        // A call may take half of the whole: with four seconds two, with thirty fifteen.
        for (service, seconds) in [("microsoft_packages", 15), ("github", 2)] {
            let began = lab.env.now();
            let options = Options::new().attempts(std::num::NonZeroU32::MIN);
            lab.network.circuit_breakers().reset_all().await.unwrap();
            let hangs = lab.network.execute_with_retry(service, "hang", &options, |_| {
                std::future::pending::<Result<(), super::virtual_lab::Failed>>()
            });
            assert!(hangs.await.is_err());
            assert_eq!(lab.env.now().since(began).as_secs(), seconds, "{service}");
        }
    });
}

/// A command that calls no service has what the general settings allow, each for itself.
#[test]
fn what_calls_no_service_has_the_general_allowance() {
    let settings = performance(&json!({
        "network_retry": {"max_retries": 50},
        "retry_budget": {"start": 3, "per_operation": 0},
    }));
    let runner = std::sync::Arc::new(ScriptedRunner::new(|_| Captured::new(Ended::Code(1), "", "")));
    let given = std::sync::Arc::clone(&runner);
    virtually_with(
        settings,
        |builder| builder.runner(given),
        |lab| async move {
            for so_far in [4, 8] {
                let (spec, retry_on) = (ProcessSpec::new("x"), RetryOn::default());
                let error = lab.network.run_with_retry(&spec, &retry_on, &Options::new()).await.unwrap_err();
                assert_eq!((error.end, runner.ran().len()), (End::Budget, so_far));
            }
        },
    );
}

#[test]
fn what_somebody_asked_for_is_cut_by_no_allowance() {
    let settings = performance(&json!({
        "circuit_breaker": {"enabled": false},
        "retry_budget": {"start": 0, "per_operation": 0},
    }));
    virtually(settings, |mut lab| async move {
        lab.network = lab.network.with(&RetryConfig::new().max_retries(7)).unwrap();
        assert_eq!(lab.try_in_vain("github", Class::Transient).await.at.len(), 7);
    });
}
