//! Plans of files alone: what is done, what is not, what is written.

use crate::plan::run::{ApplyOptions, Outcome, Would};
use crate::plan::{Action, CommandAction, CommandLine, Condition, Guards, Step};
use crate::store::StoreHandle;

use super::lab::{Lab, ends, id, needing};

#[tokio::test]
async fn what_is_missing_is_done_and_the_second_run_finds_nothing_to_do() {
    let lab = Lab::new();
    let steps = || vec![lab.file("a", "1"), lab.file("b", "2")];
    let first = lab.run(steps()).await;
    assert_eq!(ends(&first), ["a changed", "b changed"]);
    assert_eq!((lab.read("a").as_deref(), lab.read("b").as_deref()), (Some("1"), Some("2")));
    let version = lab.store.ask(lab.network.env(), |store| store.list("plan/")).await.unwrap().unwrap();
    let second = lab.run(steps()).await;
    assert_eq!(ends(&second), ["a ok", "b ok"]);
    let after = lab.store.ask(lab.network.env(), |store| store.list("plan/")).await.unwrap().unwrap();
    assert_eq!(after, version, "nothing is written where nothing was done");
    std::fs::write(lab.at("a"), "other").unwrap();
    assert_eq!(ends(&lab.run(steps()).await), ["a changed", "b ok"]);
    assert_eq!(ends(&lab.run(vec![lab.file("a", "9"), lab.file("b", "2")]).await), ["a changed", "b ok"]);
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let lab = Lab::new();
    let options = ApplyOptions { dry_run: true, ..ApplyOptions::default() };
    let looked = lab.run_with(vec![lab.file("a", "1")], &options).await;
    assert!(matches!(looked.steps[0].outcome, Outcome::Would(_)));
    assert_eq!(lab.read("a"), None);
    let kept = lab.store.ask(lab.network.env(), |store| store.list("")).await.unwrap().unwrap();
    assert_eq!(kept, []);
}

#[tokio::test]
async fn conditions_skip_and_what_needs_a_skipped_step_is_done() {
    let lab = Lab::new();
    let mut skipped = lab.file("a", "1");
    skipped.when = vec![Condition::Exists(vec![lab.at("no")])];
    let mut other = lab.file("c", "1");
    other.when = vec![Condition::Not(vec![Condition::Missing(vec![lab.at("b")])])];
    let applied = lab.run(vec![skipped, needing(lab.file("b", "2"), &["a"]), other]).await;
    assert_eq!(ends(&applied), ["a skipped", "b changed", "c changed"]);
}

#[tokio::test]
async fn what_cannot_be_written_fails_alone_and_blocks_who_needs_it() {
    let lab = Lab::new();
    std::fs::create_dir(lab.at("a")).unwrap();
    let steps = || {
        vec![
            lab.file("a", "1"),
            needing(lab.file("b", "1"), &["a"]),
            lab.file("c", "1"),
            needing(lab.file("d", "1"), &["b"]),
        ]
    };
    let applied = lab.run(steps()).await;
    let shown = lab.at("a").display().to_string();
    let failed = format!("a failed: {shown} is a folder, and stays as it is");
    assert_eq!(ends(&applied), [failed.as_str(), "b blocked by a", "c changed", "d blocked by b"]);
    assert_eq!(applied.failed().count(), 3);
    std::fs::remove_dir(lab.at("a")).unwrap();
    assert_eq!(ends(&lab.run(steps()).await), ["a changed", "b changed", "c ok", "d changed"]);
}

#[tokio::test]
async fn only_brings_what_is_needed_and_skip_leaves_who_needs_it() {
    let lab = Lab::new();
    let steps = || vec![lab.file("a", "1"), needing(lab.file("b", "1"), &["a"]), lab.file("c", "1")];
    let mut options = ApplyOptions::default();
    options.selection.only = vec![id("b")];
    let applied = lab.run_with(steps(), &options).await;
    assert_eq!(ends(&applied), ["a changed", "b changed", "c left: NotSelected"]);
    assert_eq!(applied.left().count(), 0, "what was not asked for is not left");
    let lab = Lab::new();
    let steps = vec![lab.file("a", "1"), needing(lab.file("b", "1"), &["a"]), lab.file("c", "1")];
    let mut options = ApplyOptions::default();
    options.selection.skip = vec![id("a")];
    let applied = lab.run_with(steps, &options).await;
    assert_eq!(ends(&applied), ["a left: NotSelected", "b left: NotSelected", "c changed"]);
}

#[tokio::test]
async fn a_look_says_what_hangs_on_what_would_be_made() {
    let lab = Lab::new();
    let mut hangs = lab.file("b", "1");
    hangs.when = vec![Condition::Exists(vec![lab.at("a")])];
    let mut other = lab.file("c", "1");
    other.when = vec![Condition::Missing(vec![lab.at("x")])];
    let options = ApplyOptions { dry_run: true, ..ApplyOptions::default() };
    let looked = lab.run_with(vec![lab.file("a", "1"), hangs.clone(), other], &options).await;
    assert!(matches!(&looked.steps[1].outcome, Outcome::Would(Would::UnknownUntil(by)) if *by == id("a")));
    assert!(matches!(&looked.steps[2].outcome, Outcome::Would(Would::Change(_))));
    lab.run(vec![lab.file("a", "1")]).await;
    let looked = lab.run_with(vec![lab.file("a", "1"), hangs], &options).await;
    assert!(matches!(&looked.steps[1].outcome, Outcome::Would(Would::Change(_))));
}

/// Touches `told` after a change of this step.
fn told(lab: &Lab, watched: &str) -> Step {
    let guards = Guards { on_change: vec![id(watched)], ..Guards::default() };
    let line = CommandLine::Argv(vec!["touch".into(), lab.at("told").display().to_string()]);
    Step::new(id("told"), Action::Command(CommandAction::new(line, guards)))
}

#[tokio::test]
async fn what_is_watched_is_left_where_nobody_would_remember_its_change_and_nothing_else_is() {
    let mut lab = Lab::new();
    let steps = |lab: &Lab| vec![lab.file("a", "1"), told(lab, "a"), lab.file("free", "1")];
    let good = std::mem::replace(&mut lab.store, StoreHandle::in_memory());
    let left = [r#"a left: Unheard { by: StepId("told") }"#, "told left: NoJournal"];
    let would = format!("free would Change(Some({:?}))", lab.at("free").display().to_string());
    for (dry_run, free) in [(true, would.as_str()), (false, "free changed"), (false, "free ok")] {
        let options = ApplyOptions { dry_run, ..ApplyOptions::default() };
        let applied = lab.run_with(steps(&lab), &options).await;
        assert_eq!(ends(&applied), [left[0], left[1], free]);
        assert_eq!((lab.read("a"), lab.read("told")), (None, None));
    }
    lab.store = good;
    assert_eq!(ends(&lab.run(steps(&lab)).await), ["a changed", "told changed", "free ok"]);
    assert!(lab.read("told").is_some());
    // What is as it is to be is no change that anybody could miss.
    lab.store = StoreHandle::in_memory();
    assert_eq!(ends(&lab.run(steps(&lab)).await), ["a ok", "told left: NoJournal", "free ok"]);
}

#[tokio::test]
async fn what_was_given_up_is_tried_again_after_a_change_of_what_it_watches() {
    let lab = Lab::new();
    let steps = |content: &str| {
        let guards = Guards { on_change: vec![id("conf")], ..Guards::default() };
        let line = CommandLine::Argv(vec![
            "grep".into(),
            "-q".into(),
            "good".into(),
            lab.at("conf").display().to_string(),
        ]);
        vec![
            lab.file("conf", content),
            Step::new(id("restart"), Action::Command(CommandAction::new(line, guards))),
        ]
    };
    let restart = |ended: &[String]| ended[1].split(' ').take(2).collect::<Vec<_>>().join(" ");
    for content in ["bad", "worse"] {
        for run in 1..=4 {
            let ended = ends(&lab.run(steps(content)).await);
            assert_eq!(
                restart(&ended),
                if run <= 3 { "restart failed:" } else { "restart left:" },
                "{content} {run}: {ended:?}"
            );
        }
    }
    let look = ApplyOptions { dry_run: true, ..ApplyOptions::default() };
    let looked = ends(&lab.run_with(steps("good"), &look).await);
    assert_eq!(looked[1], r#"restart would UnknownUntil(StepId("conf"))"#);
    assert_eq!(ends(&lab.run(steps("good")).await), ["conf changed", "restart changed"]);
    assert_eq!(ends(&lab.run(steps("good")).await), ["conf ok", "restart ok"]);
}

#[tokio::test]
async fn what_changed_before_it_was_renamed_is_told_all_the_same() {
    let lab = Lab::new();
    let told = |watched: &str| told(&lab, watched);
    lab.run(vec![lab.file("a", "1"), told("a")]).await;
    std::fs::remove_file(lab.at("told")).unwrap();
    let mut options = ApplyOptions::default();
    options.selection.skip = vec![id("told")];
    lab.run_with(vec![lab.file("a", "2"), told("a")], &options).await;
    let mut renamed = lab.file("a", "2");
    (renamed.id, renamed.was) = (id("b"), Some(id("a")));
    let applied = lab.run(vec![renamed, told("b")]).await;
    assert_eq!((ends(&applied), applied.gone.len()), (vec!["b ok".into(), "told changed".into()], 0));
    assert!(lab.read("told").is_some());
}
