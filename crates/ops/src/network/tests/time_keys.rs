//! What each key of `timeouts` does, in virtual time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use vps_retry::Class;

use super::virtual_lab::{Came, Lab, performance, virtually, virtually_with};
use crate::State;
use crate::apt::{Fault as AptFault, Lock, Step, parse_all};
use crate::download::{Dest, DownloadRequest, Fault, parse_url};
use crate::env::Env;
use crate::network::Builder;
use crate::process::{Captured, Ended, ProcessSpec, RetryOn};
use crate::settings::Options;
use crate::testing::scripted_apt::ScriptedApt;
use crate::testing::scripted_download::ScriptedDownloader;
use crate::testing::scripted_http::{Script, ScriptedHttp};
use crate::testing::scripted_runner::ScriptedRunner;

/// Attempts a second apart without end, so that the limit in time alone ends them, and tells itself by their number.
fn each_second(timeouts: &Value) -> Value {
    performance(&json!({
        "timeouts": timeouts,
        "network_retry": {"max_retries": 900, "initial_delay": 1, "exponential_base": 1, "jitter": false},
        "retry_budget": {"start": 900, "max": 900},
        "circuit_breaker": {"enabled": false},
    }))
}

fn counted() -> (Arc<AtomicU32>, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    (Arc::clone(&count), count)
}

#[test]
fn http_request_ends_what_has_no_other_limit() {
    virtually(each_second(&json!({"http_request": 7})), |lab| async move {
        let (count, counting) = counted();
        let options = Options::new();
        let outcome = lab.network.execute_with_retry("github", "ask", &options, |_| {
            counting.fetch_add(1, Ordering::Relaxed);
            async { Err::<(), _>(super::virtual_lab::Failed(Class::Transient)) }
        });
        assert!(outcome.await.is_err());
        assert_eq!(count.load(Ordering::Relaxed), 7);
    });
}

#[test]
fn http_request_ends_the_look_for_an_internet() {
    let hangs = |builder: Builder| {
        let http = ScriptedHttp::new(Env::real(), |_, _| Script::status(204).after(Duration::from_secs(900)));
        builder.http(Arc::new(http))
    };
    virtually_with(each_second(&json!({"http_request": 7})), hangs, |lab| async move {
        let began = lab.env.now();
        let found = lab.network.check_internet_connectivity(&[]).await;
        assert!(!found.online);
        assert_eq!(lab.env.now().since(began).as_secs(), 7);
    });
}

#[test]
fn command_ends_a_command() {
    let (count, counting) = counted();
    let runner = ScriptedRunner::new(move |_| {
        counting.fetch_add(1, Ordering::Relaxed);
        Captured::new(Ended::Code(1), "", "")
    });
    let with = |builder: Builder| builder.runner(Arc::new(runner));
    virtually_with(each_second(&json!({"command": 7})), with, |lab| async move {
        let spec = ProcessSpec::new("x");
        assert!(lab.network.run_with_retry(&spec, &RetryOn::default(), &Options::new()).await.is_err());
    });
    assert_eq!(count.load(Ordering::Relaxed), 7);
}

fn file() -> DownloadRequest {
    DownloadRequest::new(parse_url("URL", "https://example.com/a").unwrap(), Dest::Path("/x".into()))
}

#[test]
fn download_ends_a_download() {
    let (count, counting) = counted();
    let downloader = ScriptedDownloader::new(move |_, _| {
        counting.fetch_add(1, Ordering::Relaxed);
        Err(Fault::Status { status: StatusCode::BAD_GATEWAY, retry_after: None })
    });
    let with = |builder: Builder| builder.downloader(Arc::new(downloader));
    virtually_with(each_second(&json!({"download": 7})), with, |lab| async move {
        assert!(lab.network.download_with_retry(file(), &Options::new()).await.is_err());
    });
    assert_eq!(count.load(Ordering::Relaxed), 7);
}

#[test]
fn connect_idle_and_http_request_limit_each_attempt_of_a_download() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let see = Arc::clone(&seen);
    let downloader = ScriptedDownloader::new(move |request, _| {
        let limits = &request.limits;
        see.lock().unwrap().push([limits.connect, limits.idle, limits.head].map(|limit| limit.as_secs()));
        Ok(1)
    });
    let with = |builder: Builder| builder.downloader(Arc::new(downloader));
    let timeouts = json!({"connect": 3, "idle": 4, "http_request": 5});
    virtually_with(each_second(&timeouts), with, |lab| async move {
        lab.network.download_with_retry(file(), &Options::new()).await.unwrap();
    });
    assert_eq!(*seen.lock().unwrap(), [[3, 4, 5]]);
}

#[test]
fn min_speed_is_what_each_download_asks_of_a_source() {
    for (settings, options, expected) in [
        (json!({}), Options::new(), 1),
        (json!({"download": {"min_speed": "64KiB"}}), Options::new(), 65_536),
        (json!({"download": {"min_speed": "64KiB"}}), Options::new().min_speed(7), 7),
    ] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let see = Arc::clone(&seen);
        let downloader = ScriptedDownloader::new(move |request, _| {
            see.lock().unwrap().push(request.limits.min_speed);
            Ok(1)
        });
        let with = |builder: Builder| builder.downloader(Arc::new(downloader));
        virtually_with(settings, with, |lab| async move {
            lab.network.download_with_retry(file(), &options).await.unwrap();
        });
        assert_eq!(*seen.lock().unwrap(), [expected]);
    }
}

/// A call that its caller drops after the limit on silence is a failure, and before it is none.
#[test]
fn idle_is_when_a_dropped_call_counts_as_a_failure() {
    for (seconds, state) in [(4.0, State::Open), (3.9, State::Closed)] {
        let settings = performance(&json!({
            "timeouts": {"idle": 4}, "network_retry": {"enabled": false}, "circuit_breaker": {"failure_threshold": 1},
        }));
        virtually(settings, |lab| async move {
            let limit = lab.env.now().after(Duration::from_secs_f64(seconds));
            let dropped: Option<Came> = lab.env.until(limit, lab.call("github", true, 900.0)).await;
            assert!(dropped.is_none());
            assert_eq!(lab.state("github").await, state, "{seconds}");
        });
    }
}

#[cfg(feature = "git")]
#[test]
fn git_clone_ends_a_clone() {
    use crate::git::{CloneRequest, GitError};
    use crate::testing::scripted_git::ScriptedGit;
    let place = tempfile::tempdir().unwrap();
    let (count, counting) = counted();
    let git = ScriptedGit::new(move |_, _| {
        counting.fetch_add(1, Ordering::Relaxed);
        Err(GitError::CutOff)
    });
    let with = |builder: Builder| builder.git(Arc::new(git));
    virtually_with(each_second(&json!({"git_clone": 7})), with, |lab| async move {
        let url = "https://example.com/a".parse().unwrap();
        let request = CloneRequest::new(url, place.path().join("a"));
        assert!(lab.network.git_clone_resilient(&request, &Options::new()).await.is_err());
    });
    assert_eq!(count.load(Ordering::Relaxed), 7);
}

/// One whose every index fails as a bad network makes it, and whose dpkg is always held by somebody.
fn apt() -> ScriptedApt {
    let lock = || Lock { path: "/var/lib/dpkg/lock-frontend".into(), holder: None };
    (0..900).fold(ScriptedApt::new().with_package("curl", "7.88"), |apt, _| {
        let bad = AptFault::Http {
            url: "https://example.com/x".to_owned().into(),
            status: StatusCode::BAD_GATEWAY,
        };
        apt.with_fault(Step::Update, bad).with_fault(Step::Install, AptFault::Locked(lock()))
    })
}

/// How often `step` was made in the seven seconds that `key` allows.
fn made<F: Future<Output = ()>>(key: &str, step: &str, work: impl FnOnce(Lab) -> F) -> usize {
    let apt = Arc::new(apt());
    let given = Arc::clone(&apt);
    virtually_with(each_second(&json!({key: 7})), |builder| builder.apt(given), work);
    apt.steps().iter().filter(|made| **made == step).count()
}

#[test]
fn apt_update_ends_the_reading_of_lists() {
    let made = made("apt_update", "update", |lab| async move {
        assert!(lab.network.apt_update_with_retry(&Options::new()).await.is_err());
    });
    assert_eq!(made, 7);
}

#[test]
fn apt_install_ends_an_install() {
    let made = made("apt_install", "install", |lab| async move {
        let packages = parse_all(["curl"]).unwrap();
        assert!(lab.network.apt_install_with_retry(&packages, false, &Options::new()).await.is_err());
    });
    assert_eq!(made, 7, "a lock is looked at each second");
}
