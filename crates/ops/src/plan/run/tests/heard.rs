//! Who watches others hears of each change once, whatever became of the run that made it, and of nothing else.

use std::path::Path;

use crate::plan::run::journal::Journal;
use crate::plan::run::{Applied, ApplyOptions, Selection, Stage, known};
use crate::plan::{Action, Body, CommandAction, CommandLine, FileAction, Guards, Once, Step};

use super::lab::{Lab, ends, id};

fn command(name: &str, text: String, guards: Guards) -> Step {
    Step::new(id(name), Action::Command(CommandAction::new(CommandLine::Shell { text, bash: false }, guards)))
}

/// Writes a line into `log` each time it is run.
fn logs(lab: &Lab, name: &str, guards: Guards) -> Step {
    command(name, format!("echo {name} >>{}", lab.at("log").display()), guards)
}

fn watches(lab: &Lab, watched: &str) -> Step {
    logs(lab, "told", Guards { on_change: vec![id(watched)], ..Guards::default() })
}

/// A command line that succeeds where this is there.
fn there(path: &Path) -> Option<CommandLine> {
    Some(CommandLine::Argv(vec!["test".into(), "-e".into(), path.display().to_string()]))
}

fn marking(name: &str) -> ApplyOptions {
    let mut options = ApplyOptions::default();
    options.selection.mark_done = vec![id(name)].into_iter().collect();
    options
}

/// A file that is a copy of `source`, which a look reads.
fn copy(lab: &Lab) -> Step {
    Step::new(id("conf"), Action::File(FileAction::new(lab.at("conf"), Body::Source(lab.at("source")))))
}

#[tokio::test]
async fn a_condition_that_does_not_hold_leaves_due_what_is_due() {
    let lab = Lab::new();
    let steps = |content: &str| {
        let only_if = there(&lab.at("valid"));
        let once = Guards { once: Some(Once::Ever), only_if: only_if.clone(), ..Guards::default() };
        let told = Guards { on_change: vec![id("conf")], only_if, ..Guards::default() };
        vec![lab.file("conf", content), logs(&lab, "once", once), logs(&lab, "told", told)]
    };
    for _ in 0..2 {
        assert_eq!(ends(&lab.run(steps("1")).await)[1..], ["once skipped", "told skipped"]);
    }
    std::fs::write(lab.at("valid"), "").unwrap();
    assert_eq!(ends(&lab.run(steps("1")).await), ["conf ok", "once changed", "told changed"]);
    // Who has nothing to do is not asked for its condition.
    std::fs::remove_file(lab.at("valid")).unwrap();
    assert_eq!(ends(&lab.run(steps("1")).await), ["conf ok", "once ok", "told ok"]);
    assert_eq!(ends(&lab.run(steps("2")).await), ["conf changed", "once ok", "told skipped"]);
    std::fs::write(lab.at("valid"), "").unwrap();
    assert_eq!(ends(&lab.run(steps("2")).await), ["conf ok", "once ok", "told changed"]);
    assert_eq!(lab.read("log").unwrap(), "once\ntold\ntold\n");
}

#[tokio::test]
async fn what_could_not_be_looked_at_is_as_done_as_before() {
    let lab = Lab::new();
    let steps = || vec![copy(&lab), watches(&lab, "conf")];
    std::fs::write(lab.at("source"), "1").unwrap();
    std::fs::write(lab.at("conf"), "1").unwrap();
    // Before its first run there is nothing that could have been done.
    std::fs::remove_file(lab.at("source")).unwrap();
    assert!(ends(&lab.run(steps()).await)[0].starts_with("conf failed"));
    std::fs::write(lab.at("source"), "1").unwrap();
    assert_eq!(ends(&lab.run(steps()).await), ["conf ok", "told ok"], "nothing changed");
    let stage = || async {
        let found = known(lab.network.env(), &lab.store, "test").await.unwrap().unwrap();
        found.steps.iter().map(|step| (step.id.to_string(), step.stage)).collect::<Vec<_>>()
    };
    let before = stage().await;
    std::fs::remove_file(lab.at("source")).unwrap();
    assert!(ends(&lab.run(steps()).await)[0].starts_with("conf failed"));
    assert_eq!(stage().await, before);
    std::fs::write(lab.at("source"), "1").unwrap();
    assert_eq!(ends(&lab.run(steps()).await), ["conf ok", "told ok"], "nothing changed");
    assert_eq!(before.iter().find(|(id, _)| id == "conf").unwrap().1, Stage::Done);
}

#[tokio::test]
async fn once_is_not_run_again_after_a_look_that_failed() {
    let lab = Lab::new();
    let steps = || {
        // It is not needed, as far as it can be asked.
        let text = format!("test ! -e {} || kill -9 $$", lab.at("ill").display());
        let unless = Some(CommandLine::Shell { text, bash: false });
        vec![logs(&lab, "once", Guards { once: Some(Once::Ever), unless, ..Guards::default() })]
    };
    assert_eq!(ends(&lab.run(steps()).await), ["once changed"]);
    std::fs::write(lab.at("ill"), "").unwrap();
    assert!(ends(&lab.run(steps()).await)[0].starts_with("once failed"));
    std::fs::remove_file(lab.at("ill")).unwrap();
    assert_eq!(ends(&lab.run(steps()).await), ["once ok"]);
    assert_eq!(lab.read("log").unwrap(), "once\n");
}

#[tokio::test]
async fn who_was_ended_by_a_signal_may_be_half_done_and_is_not_begun_again_unasked() {
    for (guards, second) in [
        (Guards { once: Some(Once::Ever), ..Guards::default() }, "it left: Interrupted"),
        (Guards { once: Some(Once::Ever), idempotent: true, ..Guards::default() }, "it failed"),
        (Guards { creates: Some("no".into()), ..Guards::default() }, "it failed"),
    ] {
        let lab = Lab::new();
        let steps = || {
            let text = format!("echo it >>{}; kill -9 $$", lab.at("log").display());
            vec![command("it", text, guards.clone())]
        };
        let first = lab.run(steps()).await;
        assert!(ends(&first)[0].starts_with("it failed"), "{:?}", ends(&first));
        let ended = ends(&lab.run(steps()).await);
        assert!(ended[0].starts_with(second), "{guards:?}: {ended:?}");
        let times = if second.starts_with("it left") { 1 } else { 2 };
        assert_eq!(lab.read("log").unwrap().lines().count(), times, "{guards:?}");
    }
}

#[tokio::test]
async fn a_limit_that_ends_what_is_for_once_leaves_it_half_done() {
    let lab = Lab::new();
    let steps = || {
        let guards = Guards { once: Some(Once::Ever), ..Guards::default() };
        let mut it = command("it", format!("echo it >>{}; sleep 600", lab.at("log").display()), guards);
        it.timeout = Some(std::time::Duration::from_millis(300));
        vec![it]
    };
    assert!(ends(&lab.run(steps()).await)[0].starts_with("it failed"));
    assert_eq!(ends(&lab.run(steps()).await), ["it left: Interrupted"]);
    assert_eq!(lab.read("log").unwrap(), "it\n");
}

#[tokio::test]
async fn who_watches_what_a_failed_try_made_hears_of_it_however_it_came_to_be_done() {
    for by_hand in [false, true] {
        let lab = Lab::new();
        // It makes what it is to make, and fails.
        let steps = || {
            let made = lab.at("made");
            let text = format!("test -e {0} || {{ touch {0}; exit 1; }}", made.display());
            vec![command("it", text, Guards { always: true, ..Guards::default() }), watches(&lab, "it")]
        };
        assert!(ends(&lab.run(steps()).await)[0].starts_with("it failed"));
        if by_hand {
            assert_eq!(ends(&lab.run_with(steps(), &marking("it")).await), ["it ok", "told changed"]);
        } else {
            assert_eq!(ends(&lab.run(steps()).await)[1], "told changed");
        }
        assert_eq!(lab.read("log").unwrap(), "told\n");
    }
}

#[tokio::test]
async fn who_says_that_it_was_done_does_not_speak_for_what_this_run_changes() {
    let lab = Lab::new();
    let steps = |content: &str| vec![lab.file("conf", content), watches(&lab, "conf")];
    lab.run(steps("1")).await;
    let ended = ends(&lab.run_with(steps("2"), &marking("told")).await);
    assert_eq!(ended, ["conf changed", "told ok"]);
    assert_eq!(ends(&lab.run(steps("2")).await), ["conf ok", "told changed"]);
    // What it changed before is what he speaks of.
    let only = ApplyOptions {
        selection: Selection { skip: vec![id("told")], ..Selection::default() },
        ..ApplyOptions::default()
    };
    lab.run_with(steps("3"), &only).await;
    assert_eq!(ends(&lab.run_with(steps("3"), &marking("told")).await), ["conf ok", "told ok"]);
    assert_eq!(ends(&lab.run(steps("3")).await), ["conf ok", "told ok"]);
    assert_eq!(lab.read("log").unwrap(), "told\ntold\n");
}

#[tokio::test]
async fn what_ends_three_runs_is_not_begun_by_a_fourth_unasked() {
    let lab = Lab::new();
    let begun = lab.at("begun");
    let steps = || {
        let text =
            format!("echo it >>{}; touch {}; exec sleep 600", lab.at("log").display(), begun.display());
        vec![
            command("it", text, Guards { creates: Some(lab.at("done")), ..Guards::default() }),
            lab.file("other", "1"),
        ]
    };
    let asked = ApplyOptions {
        selection: Selection { rerun: vec![id("it")], ..Selection::default() },
        ..ApplyOptions::default()
    };
    // As if the program, or the machine, went down while it was at it.
    let is_at_it = || async {
        while !begun.exists() {
            tokio::task::yield_now().await;
        }
        std::fs::remove_file(&begun).unwrap();
    };
    for run in 1..=3 {
        tokio::select! {
            biased;
            applied = lab.run(steps()) => panic!("run {run}: {:?}", ends(&applied)),
            () = is_at_it() => {}
        }
    }
    for _ in 0..2 {
        let applied = lab.run(steps()).await;
        assert_eq!(ends(&applied)[0], "it left: Poison { runs: 3 }");
        assert_eq!((applied.failed().count(), applied.left().count()), (1, 0));
    }
    assert_eq!(ends(&lab.run(steps()).await)[1], "other ok");
    tokio::select! {
        biased;
        applied = lab.run_with(steps(), &asked) => panic!("{:?}", ends(&applied)),
        () = is_at_it() => {}
    }
    assert_eq!(lab.read("log").unwrap(), "it\n".repeat(4));
    // Edited it is another step, and so is one that was stopped: that was no end of a run.
    let edited = vec![command("it", "exit 0".to_owned(), Guards { always: true, ..Guards::default() })];
    assert_eq!(ends(&lab.run(edited).await), ["it changed"]);
}

#[tokio::test]
async fn another_plan_of_the_same_name_is_told_of_by_where_it_is() {
    let lab = Lab::new();
    let at = |name: &str| {
        let path = lab.at(name);
        std::fs::write(&path, "").unwrap();
        Some(crate::foreign::shown(&path))
    };
    let (one, other) = (at("one.yaml"), at("other.yaml"));
    let elsewhere = async |path: &Option<crate::foreign::Foreign>| {
        let mut journal = Journal::open(lab.network.env(), &lab.store, "test", path.clone()).await.unwrap();
        let elsewhere = journal.elsewhere();
        journal.note(&id("a"), None, |_| {});
        journal.close().await;
        elsewhere
    };
    assert_eq!(elsewhere(&one).await, None);
    assert_eq!(elsewhere(&one).await, None);
    assert_eq!(elsewhere(&other).await, Some(lab.at("one.yaml")));
    assert_eq!(elsewhere(&other).await, None);
    // One that was moved is the same.
    std::fs::remove_file(lab.at("other.yaml")).unwrap();
    assert_eq!(elsewhere(&one).await, None);
}

#[tokio::test]
async fn a_run_of_some_steps_says_which_others_are_due_by_what_it_changed() {
    let lab = Lab::new();
    let steps =
        |content: &str| vec![lab.file("conf", content), watches(&lab, "conf"), lab.file("other", content)];
    let due = |applied: &Applied| -> Vec<String> {
        applied.steps.iter().filter(|step| step.is_due).map(|step| step.id.to_string()).collect()
    };
    let only = |dry_run: bool| ApplyOptions {
        selection: Selection { only: vec![id("conf")], ..Selection::default() },
        dry_run,
        ..ApplyOptions::default()
    };
    lab.run(steps("1")).await;
    assert_eq!(due(&lab.run_with(steps("2"), &only(true)).await), Vec::<String>::new());
    for _ in 0..2 {
        assert_eq!(due(&lab.run_with(steps("2"), &only(false)).await), ["told"]);
    }
    assert!(due(&lab.run(steps("2")).await).is_empty());
    assert!(due(&lab.run_with(steps("2"), &only(false)).await).is_empty());
}
