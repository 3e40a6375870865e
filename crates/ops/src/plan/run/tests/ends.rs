//! How runs end: stops, limits, failures that end them, waits.

use std::time::Duration;

use crate::plan::run::{ApplyOptions, Deferral, Outcome};
use crate::plan::{Action, CommandAction, CommandLine, Guards, OnFailure, Step};

use super::lab::{Lab, ends, gate, id, needing};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_gate_that_stays_shut_fails_what_needs_it_and_no_one_else() {
    let lab = Lab::new();
    let shut = gate("g", &lab.at("no"), SHORT);
    let applied = lab.run(vec![shut, needing(lab.file("a", "1"), &["g"]), lab.file("b", "1")]).await;
    let failed = format!("g failed: {} was not there within 0s", lab.at("no").display());
    assert_eq!(ends(&applied), [failed.as_str(), "a blocked by g", "b changed"]);
    std::fs::write(lab.at("no"), "").unwrap();
    let open = gate("g", &lab.at("no"), SHORT);
    let applied = lab.run(vec![open, needing(lab.file("a", "1"), &["g"])]).await;
    assert_eq!(ends(&applied), ["g done", "a changed"]);
}

#[tokio::test]
async fn a_failure_that_ends_the_run_lets_nothing_more_begin() {
    let lab = Lab::new();
    let mut shut = gate("g", &lab.at("no"), SHORT);
    shut.on_failure = OnFailure::Stop;
    let applied = lab.run(vec![shut, lab.file("a", "1")]).await;
    assert!(matches!(&applied.steps[1].outcome, Outcome::Deferred(Deferral::Ended { by }) if *by == id("g")));
    assert_eq!(lab.read("a"), None);
}

#[tokio::test]
async fn what_ends_the_run_by_failing_ends_it_as_well_where_it_is_left() {
    let lab = Lab::new();
    let steps = || {
        let action = CommandAction::new(
            CommandLine::Argv(vec!["false".into()]),
            Guards { always: true, ..Guards::default() },
        );
        let mut bad = Step::new(id("bad"), Action::Command(action));
        bad.on_failure = OnFailure::Stop;
        vec![bad, lab.file("a", "1")]
    };
    for run in 1..=5 {
        let applied = lab.run(steps()).await;
        let is_left = matches!(applied.steps[0].outcome, Outcome::Deferred(Deferral::Parked { .. }));
        assert_eq!(is_left, run > 3, "run {run}: {:?}", ends(&applied));
        assert_eq!(lab.read("a"), None, "run {run}");
        assert!(
            matches!(&applied.steps[1].outcome, Outcome::Deferred(Deferral::Ended { by }) if *by == id("bad"))
        );
        // Given up it is as good as failed, and no later run would do it.
        assert_eq!((applied.failed().count(), applied.left().count()), (1, 1), "run {run}");
        let is_last = matches!(&applied.steps[0].outcome, Outcome::Failed(error) if error.given_up);
        assert_eq!(is_last, run == 3, "run {run}");
    }
    // Who asks for it to be left out has the others done.
    let mut options = ApplyOptions::default();
    options.selection.skip = vec![id("bad")];
    assert_eq!(ends(&lab.run_with(steps(), &options).await), ["bad left: NotSelected", "a changed"]);
}

#[tokio::test]
async fn a_failure_that_may_be_is_a_warning_and_who_needs_it_goes_on() {
    let lab = Lab::new();
    let mut shut = gate("g", &lab.at("no"), SHORT);
    shut.on_failure = OnFailure::Continue;
    let applied = lab.run(vec![shut, needing(lab.file("a", "1"), &["g"])]).await;
    assert_eq!(ends(&applied)[1], "a changed");
    assert_eq!(applied.failed().count(), 0);
}

#[tokio::test]
async fn a_failure_that_may_be_stays_one_where_it_is_given_up() {
    let lab = Lab::new();
    for run in 1..=5 {
        let always = Guards { always: true, ..Guards::default() };
        let action = CommandAction::new(CommandLine::Argv(vec!["false".into()]), always);
        let mut bad = Step::new(id("bad"), Action::Command(action));
        bad.on_failure = OnFailure::Continue;
        let applied = lab.run(vec![bad, needing(lab.file("a", &run.to_string()), &["bad"])]).await;
        assert_eq!(ends(&applied)[1], "a changed", "run {run}: {:?}", ends(&applied));
        assert_eq!((applied.failed().count(), applied.left().count()), (0, 0), "run {run}");
    }
}

#[tokio::test]
async fn what_is_given_up_blocks_as_a_failure_does() {
    let lab = Lab::new();
    for run in 1..=5 {
        let always = Guards { always: true, ..Guards::default() };
        let action = CommandAction::new(CommandLine::Argv(vec!["false".into()]), always);
        let bad = Step::new(id("bad"), Action::Command(action));
        let applied = lab.run(vec![bad, needing(lab.file("a", "1"), &["bad"])]).await;
        assert_eq!(ends(&applied)[1], "a blocked by bad", "run {run}");
        assert_eq!((applied.failed().count(), applied.left().count()), (2, 0), "run {run}");
    }
}

#[tokio::test]
async fn a_stop_ends_what_is_under_way_and_begins_nothing() {
    let lab = Lab::new();
    let options = ApplyOptions::default();
    let (stop, steps) = (options.cancel.clone(), vec![gate("g", &lab.at("no"), LONG), lab.file("a", "1")]);
    let (applied, ()) = tokio::join!(lab.run_with(steps, &options), async {
        tokio::task::yield_now().await;
        stop.cancel();
    });
    assert!(applied.stopped);
    assert_eq!(ends(&applied), ["g left: Stopped", "a left: Stopped"]);
}

#[tokio::test]
async fn after_the_limit_nothing_begins() {
    let lab = Lab::new();
    let options = ApplyOptions { limit: Some(Duration::ZERO), ..ApplyOptions::default() };
    let applied = lab.run_with(vec![lab.file("a", "1")], &options).await;
    assert_eq!(ends(&applied), ["a left: OutOfTime"]);
    assert_eq!(applied.left().count(), 1);
}

#[tokio::test]
async fn a_step_ends_with_its_limit() {
    let lab = Lab::new();
    let mut shut = gate("g", &lab.at("no"), LONG);
    shut.timeout = Some(SHORT);
    assert_eq!(ends(&lab.run(vec![shut]).await), ["g failed: it was not done within 0s"]);
}

#[tokio::test]
async fn a_gate_is_asked_only_where_something_behind_it_is_to_be_done() {
    let lab = Lab::new();
    let steps = || {
        let shut = gate("g", &lab.at("no"), SHORT);
        vec![
            lab.file("above", "1"),
            shut,
            lab.file("below", "1"),
            needing(lab.file("apart", "1"), &["above"]),
        ]
    };
    lab.run(vec![lab.file("above", "1"), lab.file("below", "1"), lab.file("apart", "1")]).await;
    let kept = || async { lab.store.ask(lab.network.env(), |store| store.list("")).await.unwrap().unwrap() };
    assert_eq!(ends(&lab.run(steps()).await), ["above ok", "g ok", "below ok", "apart ok"]);
    let before = kept().await;
    std::fs::remove_file(lab.at("apart")).unwrap();
    std::fs::remove_file(lab.at("above")).unwrap();
    assert_eq!(ends(&lab.run(steps()).await), ["above changed", "g ok", "below ok", "apart changed"]);
    std::fs::remove_file(lab.at("below")).unwrap();
    let asked = ends(&lab.run(steps()).await);
    assert!(asked[1].starts_with("g failed: "), "{asked:?}");
    assert_eq!(asked[2], "below changed", "the order of the file holds whatever fails");
    let is_gate = |(key, _): &&(String, Vec<u8>)| key.ends_with("\u{1f}g");
    assert_eq!((before.iter().find(is_gate), kept().await.iter().find(is_gate)), (None, None));
}

#[tokio::test]
async fn a_gate_is_asked_for_what_needs_it_by_another_step_wherever_that_stands() {
    let lab = Lab::new();
    lab.run(vec![lab.file("a", "1")]).await;
    let shut = gate("g", &lab.at("no"), SHORT);
    let steps =
        vec![needing(lab.file("b", "1"), &["a"]), needing(shut, &[]), needing(lab.file("a", "1"), &["g"])];
    let ended = ends(&lab.run(steps).await);
    assert!(ended[1].starts_with("g failed: "), "{ended:?}");
    assert_eq!(ended[0], "b blocked by a");
}
