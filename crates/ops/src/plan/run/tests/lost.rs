//! Where a damaged store was set aside, nobody knows what it knew.

use crate::plan::run::{ApplyOptions, Stage, forget, known};
use crate::plan::{Action, CommandAction, CommandLine, Guards, Once, Step};
use crate::store::SET_ASIDE;

use super::lab::{Lab, ends, id};

/// Writes a line into `log` each time it is run.
fn logs(lab: &Lab, name: &str, guards: Guards) -> Step {
    let line = CommandLine::Shell { text: format!("echo {name} >>{}", lab.at("log").display()), bash: false };
    Step::new(id(name), Action::Command(CommandAction::new(line, guards)))
}

fn steps(lab: &Lab, content: &str) -> Vec<Step> {
    let once = Guards { once: Some(Once::Ever), ..Guards::default() };
    let told = Guards { on_change: vec![id("conf")], ..Guards::default() };
    vec![lab.file("conf", content), logs(lab, "once", once), logs(lab, "told", told), lab.file("free", "1")]
}

/// As it is after a damaged store was found at this time.
fn lose(lab: &Lab, at: u64) {
    lab.store.tell(move |store| {
        for (key, _) in store.list("").unwrap() {
            store.remove(&key).unwrap();
        }
        store.put_all(&[(SET_ASIDE, at.to_string().as_bytes())]).unwrap();
    });
}

fn asking(rerun: &[&str], mark_done: &[&str]) -> ApplyOptions {
    let mut options = ApplyOptions::default();
    options.selection.rerun = rerun.iter().map(|name| id(name)).collect();
    options.selection.mark_done = mark_done.iter().map(|name| id(name)).collect();
    options
}

const TOLD_IS_LOST: &str = r#"Lost { by: Some(StepId("told")) }"#;

#[tokio::test]
async fn what_only_a_lost_journal_knew_is_left_until_somebody_says_what_it_is() {
    let lab = Lab::new();
    lab.run(steps(&lab, "1")).await;
    assert_eq!(lab.read("log").unwrap(), "once\ntold\n");
    lose(&lab, 7);
    let look = ApplyOptions { dry_run: true, ..ApplyOptions::default() };
    let left = ["conf ok", "once left: Lost { by: None }", "told left: Lost { by: None }", "free ok"];
    assert_eq!(ends(&lab.run_with(steps(&lab, "1"), &look).await), left);
    for _ in 0..2 {
        assert_eq!(ends(&lab.run(steps(&lab, "1")).await), left, "also in the next run");
    }
    // Who says that it was done does not know of a change that comes with the same run.
    let conf_left = format!("conf left: {TOLD_IS_LOST}");
    assert_eq!(ends(&lab.run(steps(&lab, "2")).await)[0], conf_left);
    let ended = ends(&lab.run_with(steps(&lab, "2"), &asking(&[], &["told", "once"])).await);
    assert_eq!(ended[..3], [conf_left.as_str(), "once ok", "told ok"]);
    assert_eq!(lab.read("log").unwrap(), "once\ntold\n", "nothing was done twice");
    assert_eq!(
        ends(&lab.run(steps(&lab, "2")).await),
        ["conf changed", "once ok", "told changed", "free ok"]
    );
    assert_eq!(lab.read("log").unwrap(), "once\ntold\ntold\n");
    // Whoever asks for it to be done again has both at once; a second loss is a loss.
    lose(&lab, 8);
    let ended = ends(&lab.run_with(steps(&lab, "3"), &asking(&["told"], &[])).await);
    assert_eq!(ended, ["conf changed", "once left: Lost { by: None }", "told changed", "free ok"]);
    assert_eq!(ends(&lab.run(steps(&lab, "3")).await)[2], "told ok");
}

#[tokio::test]
async fn what_fails_when_it_is_asked_for_after_a_loss_stays_due() {
    let lab = Lab::new();
    let steps = || {
        let guards = Guards { on_change: vec![id("conf")], ..Guards::default() };
        let line = CommandLine::Shell { text: format!("cat {}", lab.at("there").display()), bash: false };
        vec![lab.file("conf", "1"), Step::new(id("told"), Action::Command(CommandAction::new(line, guards)))]
    };
    std::fs::write(lab.at("there"), "").unwrap();
    lab.run(steps()).await;
    lose(&lab, 7);
    std::fs::remove_file(lab.at("there")).unwrap();
    assert!(ends(&lab.run_with(steps(), &asking(&["told"], &[])).await)[1].starts_with("told failed"));
    assert!(ends(&lab.run(steps()).await)[1].starts_with("told failed"));
    std::fs::write(lab.at("there"), "").unwrap();
    assert_eq!(ends(&lab.run(steps()).await)[1], "told changed");
    assert_eq!(ends(&lab.run(steps()).await)[1], "told ok");
}

#[tokio::test]
async fn a_plan_that_is_forgotten_begins_anew_and_so_does_a_step() {
    let lab = Lab::new();
    lose(&lab, 7);
    lab.run(steps(&lab, "1")).await;
    let found = known(lab.network.env(), &lab.store, "test").await.unwrap().unwrap();
    let lost: Vec<_> =
        found.steps.iter().filter(|step| step.stage == Stage::Lost).map(|step| step.id.as_str()).collect();
    assert_eq!(lost, ["once", "told"]);
    let one = ["once".to_owned()].into();
    forget(lab.network.env(), &lab.store, "test", Some(&one)).await.unwrap();
    let ended = ends(&lab.run(steps(&lab, "1")).await);
    assert_eq!(ended[1..3], ["once changed", "told left: Lost { by: None }"]);
    forget(lab.network.env(), &lab.store, "test", None).await.unwrap();
    assert!(known(lab.network.env(), &lab.store, "test").await.unwrap().is_none());
    assert_eq!(
        ends(&lab.run(steps(&lab, "2")).await),
        ["conf changed", "once changed", "told changed", "free ok"]
    );
}
