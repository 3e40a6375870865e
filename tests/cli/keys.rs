//! Every key of the configuration has a test that it does what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use tests::schema;

const CIRCUIT: &str = "crates/ops/src/network/tests/circuit_keys.rs";
const RETRY: &str = "crates/ops/src/network/tests/retry_keys.rs";
const TIME: &str = "crates/ops/src/network/tests/time_keys.rs";
const BULKHEAD: &str = "crates/ops/src/pipeline/tests/bulkhead.rs";
const LETTERS: &str = "crates/ops/src/dead_letter/tests.rs";
const CHECK: &str = "crates/ops/src/settings/tests.rs";
const GIT: &str = "tests/integration/git/adapter/memory.rs";
const STATE: &str = "tests/cli/state.rs";
const APT: &str = "tests/integration/apt/adapter/configured.rs";
const HEALTH: &str = "crates/ops/src/watch/tests/keys.rs";
const HEALTH_CIRCUIT: &str = "crates/ops/src/watch/tests/circuits.rs";
const NOTIFY: &str = "tests/integration/health/notify.rs";
const PROBE: &str = "tests/integration/health/kinds.rs";

/// A key, and the test that would notice if it did nothing: its file, its name.
const PROVEN: &[(&str, &str, &str)] = &[
    ("apt.cache_valid", APT, "lists_are_as_old_as_is_configured"),
    ("download.max_retry_after", RETRY, "max_retry_after_is_the_longest_wait_a_server_gets"),
    ("download.min_speed", TIME, "min_speed_is_what_each_download_asks_of_a_source"),
    ("performance.bulkhead.max_concurrent", BULKHEAD, "so_many_at_once_and_the_others_in_turn"),
    ("performance.bulkhead.max_queue", BULKHEAD, "a_full_queue_refuses_at_once_and_says_what_to_do"),
    ("performance.circuit_breaker.enabled", CIRCUIT, "enabled_false_refuses_nobody_and_still_counts"),
    (
        "performance.circuit_breaker.exponential_base",
        CIRCUIT,
        "exponential_base_is_what_the_open_time_grows_by",
    ),
    ("performance.circuit_breaker.failure_rate", CIRCUIT, "failure_rate_is_the_share_that_opens_it"),
    ("performance.circuit_breaker.failure_threshold", CIRCUIT, "failure_threshold_is_how_many_open_it"),
    ("performance.circuit_breaker.forget_after", CIRCUIT, "forget_after_is_how_old_a_failure_may_be"),
    ("performance.circuit_breaker.jitter", CIRCUIT, "jitter_spreads_the_open_time_upwards"),
    ("performance.circuit_breaker.max_timeout", CIRCUIT, "max_timeout_lets_the_open_time_grow_to_it"),
    ("performance.circuit_breaker.probe_lease", CIRCUIT, "probe_lease_is_how_long_a_lost_probe_bars_the_way"),
    ("performance.circuit_breaker.probes", CIRCUIT, "probes_is_how_many_may_try_at_once"),
    ("performance.circuit_breaker.slow_after", CIRCUIT, "slow_after_is_when_a_call_is_slow"),
    ("performance.circuit_breaker.slow_rate", CIRCUIT, "slow_rate_is_the_share_of_slow_calls_that_opens_it"),
    ("performance.circuit_breaker.success_threshold", CIRCUIT, "success_threshold_is_how_many_close_it"),
    ("performance.circuit_breaker.timeout", CIRCUIT, "timeout_is_how_long_it_refuses"),
    ("performance.circuit_breaker.window.calls", CIRCUIT, "window_calls_are_those_a_rate_is_taken_over"),
    ("performance.circuit_breaker.window.length", CIRCUIT, "window_length_is_the_time_a_rate_is_taken_over"),
    ("performance.circuit_breaker.window.min_calls", CIRCUIT, "window_min_calls_are_needed_for_a_rate"),
    ("performance.dead_letters.enabled", LETTERS, "enabled_false_keeps_none"),
    ("performance.dead_letters.max_age", LETTERS, "max_age_is_how_long_ago_the_last_failure_may_be"),
    (
        "performance.dead_letters.max_count",
        LETTERS,
        "max_count_is_how_many_there_are_and_the_oldest_go_with_a_word",
    ),
    ("performance.git.max_memory", GIT, "max_memory_is_what_all_tables_may_take"),
    ("performance.git.max_messages", GIT, "max_messages_is_what_a_server_may_tell_of_its_progress"),
    ("performance.git.max_objects", GIT, "max_objects_is_how_many_a_pack_may_have"),
    ("performance.git.max_paths", GIT, "max_paths_is_how_many_a_commit_may_have"),
    ("performance.git.max_refs", GIT, "max_refs_is_how_long_a_list_of_refs_may_be"),
    (
        "performance.health_checks.check_on_startup",
        HEALTH,
        "check_on_startup_is_whether_the_first_round_is_at_once",
    ),
    (
        "performance.health_checks.degraded_after",
        HEALTH,
        "degraded_after_and_unhealthy_after_are_what_is_slow_and_too_slow",
    ),
    ("performance.health_checks.enabled", HEALTH, "enabled_false_looks_when_somebody_asks_and_not_by_itself"),
    ("performance.health_checks.interval", HEALTH, "interval_is_how_often_each_is_looked_at"),
    (
        "performance.health_checks.notify.command",
        NOTIFY,
        "a_command_is_run_as_it_stands_with_the_change_on_its_input",
    ),
    (
        "performance.health_checks.notify.header_file",
        NOTIFY,
        "a_url_is_posted_to_with_the_headers_of_a_file_and_no_redirect_is_followed",
    ),
    (
        "performance.health_checks.notify.timeout",
        NOTIFY,
        "timeout_is_how_long_it_may_take_and_what_takes_longer_is_a_warning",
    ),
    (
        "performance.health_checks.notify.url",
        NOTIFY,
        "a_url_is_posted_to_with_the_headers_of_a_file_and_no_redirect_is_followed",
    ),
    (
        "performance.health_checks.pre_open",
        HEALTH_CIRCUIT,
        "pre_open_is_whether_a_service_that_is_down_is_refused_before_a_call_fails",
    ),
    ("performance.health_checks.services", HEALTH, "services_are_those_that_are_looked_at"),
    ("performance.health_checks.timeout", HEALTH, "timeout_is_how_long_one_look_may_take"),
    (
        "performance.health_checks.unhealthy_after",
        HEALTH,
        "degraded_after_and_unhealthy_after_are_what_is_slow_and_too_slow",
    ),
    ("performance.network_retry.enabled", RETRY, "enabled_false_is_one_attempt"),
    (
        "performance.network_retry.exponential_base",
        RETRY,
        "initial_delay_exponential_base_and_max_delay_make_the_pauses",
    ),
    (
        "performance.network_retry.initial_delay",
        RETRY,
        "initial_delay_exponential_base_and_max_delay_make_the_pauses",
    ),
    ("performance.network_retry.jitter", RETRY, "jitter_adds_up_to_a_tenth"),
    (
        "performance.network_retry.max_delay",
        RETRY,
        "initial_delay_exponential_base_and_max_delay_make_the_pauses",
    ),
    ("performance.network_retry.max_retries", RETRY, "max_retries_is_how_many_attempts_there_are"),
    ("performance.retry_budget.max", RETRY, "retry_budget_max_is_the_most_that_is_saved_up"),
    ("performance.retry_budget.per_operation", RETRY, "retry_budget_per_operation_is_what_each_earns"),
    ("performance.retry_budget.start", RETRY, "retry_budget_start_is_how_many_there_are_at_once"),
    ("performance.services.NAME.bulkhead", CHECK, "a_service_overrides_field_by_field_and_its_hosts_follow"),
    ("performance.services.NAME.circuit_breaker", CIRCUIT, "a_service_has_its_own_over_the_general_ones"),
    ("performance.services.NAME.hosts", CIRCUIT, "hosts_say_whose_circuit_a_download_is_behind"),
    ("performance.services.NAME.network_retry", RETRY, "a_service_has_its_own_retries_and_limits"),
    ("performance.services.NAME.probe", PROBE, "kind_is_how_far_a_look_goes"),
    ("performance.services.NAME.retry_budget", RETRY, "a_service_may_have_an_allowance_of_its_own"),
    ("performance.services.NAME.timeouts", RETRY, "a_service_has_its_own_retries_and_limits"),
    ("performance.timeouts.apt_install", TIME, "apt_install_ends_an_install"),
    ("performance.timeouts.apt_update", TIME, "apt_update_ends_the_reading_of_lists"),
    ("performance.timeouts.command", TIME, "command_ends_a_command"),
    ("performance.timeouts.connect", TIME, "connect_idle_and_http_request_limit_each_attempt_of_a_download"),
    ("performance.timeouts.download", TIME, "download_ends_a_download"),
    ("performance.timeouts.git_clone", TIME, "git_clone_ends_a_clone"),
    ("performance.timeouts.http_request", TIME, "http_request_ends_what_has_no_other_limit"),
    ("performance.timeouts.idle", TIME, "connect_idle_and_http_request_limit_each_attempt_of_a_download"),
    ("state.backend", STATE, "in_memory_there_is_nothing_to_give_orders_to"),
    (
        "state.dir",
        STATE,
        "the_folder_is_that_of_the_configuration_then_systemds_then_the_systems_or_the_users",
    ),
];

/// The form that a reference leads to; of what may be null, the other one.
fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let target =
        schema.get("$ref").or_else(|| schema["anyOf"].as_array()?.iter().find_map(|one| one.get("$ref")));
    target.map_or(schema, |name| root.pointer(name.as_str().unwrap().trim_start_matches('#')).unwrap())
}

fn walk(root: &Value, key: &str, schema: &Value, found: &mut BTreeSet<String>) {
    let schema = resolved(root, schema);
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    if let Some(properties) = schema["properties"].as_object() {
        // What a service has over a group is that group's fields again.
        if key == "performance.services.NAME" {
            found.extend(properties.keys().map(|name| below(name)));
            return;
        }
        for (name, inner) in properties {
            walk(root, &below(name), inner, found);
        }
    } else if schema["additionalProperties"].is_object() {
        walk(root, &below("NAME"), &schema["additionalProperties"], found);
    } else {
        found.insert(key.to_owned());
    }
}

#[test]
fn every_key_has_a_test_that_it_does_what_it_says() {
    let all = schema::all();
    let root = &all["config-file"];
    let mut keys = BTreeSet::new();
    walk(root, "", root, &mut keys);
    let proven: BTreeSet<String> = PROVEN.iter().map(|(key, _, _)| (*key).to_owned()).collect();
    assert_eq!(keys, proven, "a key without a test, or a test of no key");
}

#[test]
fn the_tests_of_keys_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut texts = BTreeMap::new();
    for (key, file, test) in PROVEN {
        let text = texts.entry(file).or_insert_with(|| fs::read_to_string(root.join(file)).unwrap());
        assert!(text.contains(&format!("#[test]\nfn {test}()")), "{key}: {file} has no test {test}");
    }
}

/// What a service may have of its own is what holds for all.
#[test]
fn a_service_may_have_every_key_of_a_group() {
    let all = schema::all();
    let groups = &all["config-file"]["$defs"];
    for group in ["Bulkhead", "CircuitBreaker", "NetworkRetry", "RetryBudget", "Timeout"] {
        let names = |kind: &str| -> BTreeSet<String> {
            groups[format!("{group}{kind}")]["properties"].as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(names("Settings"), names("Override"), "{group}");
    }
}
