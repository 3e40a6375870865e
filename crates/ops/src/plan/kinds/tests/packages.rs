//! Packages: proved by dpkg's file, installed as one, failing each for itself.

use std::sync::Arc;

use super::machine::{Lab, step};
use crate::apt::{Fault, PackageSpec, Step as AptStep};
use crate::plan::{Action, Condition, OnFailure, PackagesAction, Step};
use crate::testing::scripted_apt::ScriptedApt;

const STATUS: &str = "var/lib/dpkg/status";

/// A machine on which these packages can be had, of version 1.
fn lab(packages: &[&str], faults: &[(AptStep, Fault)]) -> (Lab, Arc<ScriptedApt>) {
    let mut made = None;
    let lab = Lab::by(|place, builder| {
        let apt = packages.iter().fold(ScriptedApt::new(), |apt, name| apt.with_package(name, "1"));
        let apt = faults.iter().fold(apt, |apt, (step, fault)| apt.with_fault(*step, fault.clone()));
        let apt = Arc::new(apt.with_status_file(place.join(STATUS)));
        made = Some(Arc::clone(&apt));
        builder.apt(apt)
    });
    (lab, made.unwrap())
}

fn packages(id: &str, names: &[&str]) -> Step {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    step(id, Action::Packages(PackagesAction { names, upgrade: false }))
}

fn count(apt: &ScriptedApt, step: &str) -> usize {
    apt.steps().iter().filter(|made| **made == step).count()
}

#[tokio::test]
async fn neighbours_are_one_install_and_each_says_what_it_brought() {
    let (lab, apt) = lab(&["aa", "bb", "cc"], &[]);
    let steps = || vec![packages("a", &["aa"]), packages("b", &["bb", "aa"]), packages("c", &["cc"])];
    assert_eq!(lab.dry_run(steps()).await[1], "b would Change(Some(\"bb, aa\"))");
    assert_eq!(lab.run(steps()).await, ["a changed (aa 1)", "b changed (bb 1, aa 1)", "c changed (cc 1)"]);
    assert_eq!((count(&apt, "plan"), count(&apt, "install")), (1, 1));
    let made = apt.steps().len();
    assert_eq!(lab.run(steps()).await, ["a ok", "b ok", "c ok"]);
    assert_eq!(apt.steps().len(), made, "nobody is asked for what is there");
}

#[tokio::test]
async fn one_bad_name_fails_one_step() {
    let (lab, apt) = lab(&["aa", "cc"], &[]);
    let steps = || vec![packages("a", &["aa"]), packages("b", &["nope"]), packages("c", &["cc"])];
    let ended = lab.run(steps()).await;
    assert_eq!((ended[0].as_str(), ended[2].as_str()), ("a changed (aa 1)", "c changed (cc 1)"));
    assert!(ended[1].starts_with("b failed:") && ended[1].contains("nope"), "{}", ended[1]);
    assert_eq!(apt.version("cc").as_deref(), Some("1"));
    let ended = lab.run(steps()).await;
    assert_eq!((ended[0].as_str(), ended[2].as_str()), ("a ok", "c ok"));
}

#[tokio::test]
async fn what_would_fail_alone_as_well_is_tried_once() {
    let full = Fault::NotRoot { path: "/var/lib/dpkg".into() };
    let (lab, apt) = lab(&["aa", "bb"], &[(AptStep::Install, full)]);
    let ended = lab.run(vec![packages("a", &["aa"]), packages("b", &["bb"])]).await;
    assert!(ended.iter().all(|end| end.contains("failed:")), "{ended:?}");
    assert_eq!(count(&apt, "install"), 1);
}

#[tokio::test]
async fn steps_that_contradict_one_another_are_done_one_after_the_other() {
    let (lab, apt) = lab(&["aa"], &[]);
    let ended = lab.run(vec![packages("a", &["aa=1"]), packages("b", &["aa=2"])]).await;
    assert_eq!(ended[0], "a changed (aa 1)");
    assert!(ended[1].starts_with("b failed:"), "{ended:?}");
    assert_eq!(apt.version("aa").as_deref(), Some("1"));
}

#[tokio::test]
async fn what_ends_the_run_or_asks_for_files_is_not_one_with_others() {
    let (lab, apt) = lab(&["aa", "bb", "cc"], &[]);
    let mut asks = packages("b", &["bb"]);
    asks.when = vec![Condition::Exists(vec![lab.at(STATUS)])];
    let mut ends = packages("c", &["nope"]);
    ends.on_failure = OnFailure::Stop;
    let ended = lab.run(vec![packages("a", &["aa"]), asks, ends, packages("d", &["cc"])]).await;
    assert_eq!(
        ended[..2],
        ["a changed (aa 1)", "b changed (bb 1)"],
        "what the first made is there for the second"
    );
    assert!(
        ended[2].starts_with("c failed:") && ended[3] == r#"d left: Ended { by: StepId("c") }"#,
        "{ended:?}"
    );
    assert_eq!(apt.version("cc"), None);
}

#[tokio::test]
async fn what_is_installed_by_dpkgs_file_is_satisfied_by_version_name_and_architecture() {
    let (lab, apt) = lab(&[], &[]);
    lab.write(
        STATUS,
        "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21\n\n\
         Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22.1-9\nProvides: httpd\n\n\
         Package: wine32\nStatus: install ok installed\nArchitecture: i386\nVersion: 8\n",
    );
    let names = |names: &[&str]| vec![packages("a", names)];
    assert_eq!(lab.run(names(&["nginx=1.22*", "httpd", "nginx:amd64"])).await, ["a ok"]);
    assert_eq!(lab.dry_run(names(&["nginx=1.23*"])).await, ["a would Change(Some(\"nginx=1.23*\"))"]);
    assert_eq!(lab.dry_run(names(&["nginx:i386", "nginx"])).await, ["a would Change(Some(\"nginx:i386\"))"]);
    // Whether that is so is apt's to say.
    assert_eq!(lab.dry_run(names(&["nginx/sid"])).await, ["a would Unknown"]);
    assert_eq!(lab.dry_run(names(&["wine32"])).await, ["a would Unknown"]);
    assert!(apt.steps().is_empty());
    let spec: PackageSpec = "nginx/sid".parse().unwrap();
    assert_eq!(spec.release(), Some("sid"));
}

#[tokio::test]
async fn what_apt_settled_stays_settled_while_the_version_is_the_same() {
    let (lab, apt) = lab(&["aa"], &[]);
    let steps = || vec![packages("a", &["aa/stable"])];
    assert_eq!(lab.run(steps()).await, ["a changed (aa 1)"]);
    let made = apt.steps().len();
    assert_eq!(lab.run(steps()).await, ["a ok"]);
    assert_eq!(apt.steps().len(), made);
    lab.write(STATUS, "Package: aa\nStatus: install ok installed\nArchitecture: all\nVersion: 0.9\n");
    assert_eq!(lab.dry_run(steps()).await, ["a would Unknown"]);
}

#[tokio::test]
async fn what_is_to_be_kept_up_to_date_is_asked_for_in_each_run() {
    let (lab, apt) = lab(&["aa"], &[]);
    let steps = || {
        let action = PackagesAction { names: vec!["aa".into()], upgrade: true };
        vec![step("a", Action::Packages(action))]
    };
    assert_eq!(lab.run(steps()).await, ["a changed (aa 1)"]);
    assert_eq!(lab.dry_run(steps()).await, ["a would Unknown"]);
    let made = count(&apt, "plan");
    lab.run(steps()).await;
    assert_eq!(count(&apt, "plan"), made + 1);
}
