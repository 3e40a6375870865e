//! The order of an install, by a fake of apt in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::apt::{
    AptError, AptFetched, Fault, Holder, InstallRequest, Lock, PackageFailure, PackageTrouble, Said,
    StatusSummary, Step, fault, parse_all,
};
use crate::event::{Awaited, Event, EventKind, Observer};
use crate::pipeline::Cause;
use crate::process::Ended;
use crate::settings::{Options, Settings};
use crate::testing::scripted_apt::ScriptedApt;
use crate::testing::sim::Simulation;
use crate::{Kind, NetworkOperationWrapper};

fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future)
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn on(&self, event: &Event<'_>) {
        let said = match &event.kind {
            EventKind::Waiting { what: Awaited::Lock { error }, .. } => error.to_string(),
            EventKind::Note { text } => text.to_string(),
            EventKind::Warning { what } => what.to_string(),
            EventKind::Succeeded { .. } | EventKind::Failed(_) if event.is_of_root() => {
                format!("{} {}", event.operation.kind.as_str(), event.kind.name())
            }
            _ => return,
        };
        self.0.lock().unwrap().push(said);
    }
}

/// What was asked for, what became of it, which steps were made and what was told.
struct Outcome {
    result: Result<crate::apt::AptInstalled, super::steps::AptFailed>,
    steps: String,
    told: Vec<String>,
    took: Duration,
}

fn install(apt: ScriptedApt, packages: &[&str], options: impl FnOnce(Options) -> Options) -> Outcome {
    in_virtual_time(async {
        let env = Simulation::without_chance(1).host().process().env();
        let (apt, told) = (Arc::new(apt), Arc::new(Told::default()));
        let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap())
            .env(env.clone())
            .apt(Arc::clone(&apt) as _)
            .observer(Arc::clone(&told) as _)
            .build();
        let request = InstallRequest::new(parse_all(packages.iter().copied()).unwrap());
        let before = env.now();
        let result = network.installs().install(&request, &options(Options::new())).await;
        let took = env.now().since(before);
        Outcome { result, steps: apt.steps().join(" "), told: told.0.lock().unwrap().clone(), took }
    })
}

fn healthy() -> ScriptedApt {
    ScriptedApt::new().with_package("curl", "7.88")
}

fn held() -> Fault {
    let text =
        b"E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 42 (unattended-upgr)\n";
    fault(Step::Install, Ended::Code(100), &Said::new(b"", text), &StatusSummary::default()).unwrap()
}

#[test]
fn each_step_is_made_once() {
    let done = install(healthy(), &["curl"], |options| options);
    assert_eq!(done.steps, "update plan install");
    let installed = done.result.unwrap();
    assert_eq!((installed.packages.len(), installed.already.len()), (1, 0));
    assert_eq!(done.told.last().unwrap(), "apt_install succeeded");
}

#[test]
fn a_lock_is_waited_for_without_an_attempt() {
    let busy = (0..5).fold(healthy(), |apt, _| apt.with_fault(Step::Install, held()));
    let done = install(busy, &["curl"], |options| options.attempts(std::num::NonZeroU32::MIN));
    assert!(done.result.is_ok(), "{:?}", done.told);
    assert_eq!(done.took.as_secs(), 5);
    let waits: Vec<_> = done.told.iter().filter(|text| text.contains("unattended-upgr")).collect();
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert!(waits[0].contains("42"));
}

#[test]
fn a_lock_held_beyond_the_deadline_is_this_machines_trouble() {
    let busy = (0..60).fold(healthy(), |apt, _| apt.with_fault(Step::Install, held()));
    let done = install(busy, &["curl"], |options| options.total(Duration::from_secs(10)));
    assert_eq!(done.result.unwrap_err().kind(), Kind::Local);
    assert!(done.took <= Duration::from_secs(10));
    assert_eq!(done.told.last().unwrap(), "apt_install failed");
}

#[test]
fn what_is_interrupted_is_repaired_twice_at_most() {
    let once = healthy().with_fault(Step::Install, Fault::Interrupted);
    let done = install(once, &["curl"], |options| options);
    assert_eq!(done.steps, "update plan install repair plan plan install");
    assert!(done.result.unwrap().repaired);

    let always = (0..9).fold(healthy(), |apt, _| apt.with_fault(Step::Install, Fault::Interrupted));
    let done = install(always, &["curl"], |options| options);
    assert_eq!(done.steps.matches("repair").count(), 2);
    let error = done.result.unwrap_err();
    assert!(matches!(error.cause, Cause::Operation(AptError::Fault(Fault::Interrupted))), "{error:?}");
}

#[test]
fn an_unknown_name_costs_one_update_and_one_resolve() {
    let done = install(healthy(), &["crul"], |options| options);
    assert_eq!(done.steps, "update plan");
    assert_eq!(done.result.unwrap_err().kind(), Kind::Failed);
}

#[test]
fn files_that_are_gone_are_looked_for_twice() {
    let gone = || Fault::StaleIndex { url: "http://example.com/a.deb".into() };
    let once = healthy().with_fault(Step::Install, gone());
    assert_eq!(install(once, &["curl"], |o| o).steps, "update plan install update plan install");
    let always = (0..9).fold(healthy(), |apt, _| apt.with_fault(Step::Install, gone()));
    let done = install(always, &["curl"], |options| options);
    assert_eq!((done.steps.matches("update").count(), done.steps.matches("install").count()), (3, 3));
    assert!(done.result.is_err());
}

#[test]
fn a_script_that_fails_is_a_failure_at_once() {
    let failed = Fault::DpkgFailed {
        failures: vec![PackageFailure::new("other", "script failed", PackageTrouble::Other)],
    };
    let done = install(healthy().with_fault(Step::Install, failed), &["curl"], |options| options);
    assert!(done.result.is_err() && done.steps.ends_with("install"), "{}", done.steps);
}

#[test]
fn a_caller_that_gave_up_is_told_so_once() {
    let token = tokio_util::sync::CancellationToken::new();
    token.cancel();
    let done = install(healthy(), &["curl"], |options| options.cancel(token));
    assert_eq!(done.result.unwrap_err().kind(), Kind::Cancelled);
    assert_eq!(done.told, ["apt_install failed"]);
}

#[test]
fn a_lock_names_its_holder() {
    let Fault::Locked(lock) = held() else { panic!() };
    let _: &Lock = &lock;
    let holder: Option<&Holder> = lock.holder.as_ref();
    assert_eq!(holder.map(|holder| holder.pid), Some(42));
}

/// What comes of fetching for a later install, and of that install then; the steps of both.
fn fetch_then_install(apt: ScriptedApt, packages: &[&str]) -> (Result<AptFetched, Kind>, bool, [String; 2]) {
    in_virtual_time(async {
        let env = Simulation::without_chance(1).host().process().env();
        let apt = Arc::new(apt);
        let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap())
            .env(env.clone())
            .apt(Arc::clone(&apt) as _)
            .build();
        let request = InstallRequest::new(parse_all(packages.iter().copied()).unwrap());
        let fetched = network.installs().fetch(&request, &Options::new()).await;
        let before = apt.steps().join(" ");
        let installed = network.installs().install(&request, &Options::new()).await;
        (fetched.map_err(|error| error.kind()), installed.is_ok(), [before, apt.steps().join(" ")])
    })
}

#[test]
fn a_fetch_for_a_later_install_asks_and_changes_nothing() {
    let (fetched, installed, steps) = fetch_then_install(healthy().with_fresh_lists(), &["curl"]);
    assert_eq!((fetched, installed), (Ok(AptFetched::Archives { count: 0, bytes: 0 }), true));
    assert_eq!(steps, ["plan", "plan plan install"]);
    // Lists are read by the install alone.
    let (fetched, installed, steps) = fetch_then_install(healthy(), &["curl"]);
    assert_eq!((fetched, installed), (Ok(AptFetched::OldLists), true));
    assert_eq!(steps, ["", "update plan install"]);
    // And so is what is broken mended.
    let broken = || healthy().with_fresh_lists().with_fault(Step::Plan, Fault::Interrupted);
    let (fetched, installed, steps) =
        fetch_then_install(broken().with_fault(Step::Plan, Fault::Interrupted), &["curl"]);
    assert_eq!((fetched, installed), (Err(Kind::Local), true));
    assert_eq!(steps, ["plan", "plan plan repair plan plan install"]);
    let (fetched, installed, _) = fetch_then_install(healthy().with_fresh_lists(), &["crul"]);
    assert_eq!((fetched, installed), (Err(Kind::Failed), false));
}

#[test]
fn what_only_apt_get_can_fetch_is_left_to_the_install() {
    // It would take dpkg's lock for it.
    let apt = healthy().with_fresh_lists().with_archive("curl", "curl_7.88_all.deb", b"x").by_apt_alone();
    let (fetched, installed, steps) = fetch_then_install(apt, &["curl"]);
    assert_eq!((fetched, installed), (Ok(AptFetched::Archives { count: 1, bytes: 0 }), true));
    assert_eq!(steps, ["plan", "plan plan fetch install"]);
}
