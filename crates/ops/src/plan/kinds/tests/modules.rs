//! Steps of modules: looked at, done, looked at again, undone where that is right and only there.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::machine::{Lab, ends, step};
use crate::plan::module::{
    Change, ConfigurationModule, Context, InvalidModule, Meta, ModuleError, ModuleProblemKind, Modules,
    Problems, Undone, Verified, async_trait,
};
use crate::plan::run::ApplyOptions;
use crate::plan::{Action, ModuleAction, Needs, Step};
use crate::process::{Captured, Ended};
use crate::testing::scripted_apt::ScriptedApt;
use crate::testing::scripted_runner::ScriptedRunner;

/// Writes a file, and does on the way what the test wants.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
    #[serde(default)]
    then: Then,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Then {
    #[default]
    Nothing,
    Permanent,
    Local,
    Transient,
    LookFails,
    UndoFails,
    Hang,
    Critical,
    Tell,
    Run,
}

#[async_trait]
impl ConfigurationModule for Note {
    fn meta() -> Meta {
        Meta::new("note", "Writes a note").depends_on(Vec::<String>::new())
    }

    fn validate(&self, problems: &mut Problems) {
        if self.text.is_empty() {
            problems.add("text", "it is empty");
        }
    }

    async fn verify(&self, cx: &Context<'_>) -> Result<Verified, ModuleError> {
        let text = std::fs::read_to_string(cx.path("/etc/note")).unwrap_or_default();
        Ok(match text == self.text && self.then != Then::LookFails {
            true => Verified::satisfied("the note says so"),
            false => Verified::missing("the note"),
        })
    }

    async fn configure(&self, cx: &Context<'_>) -> Result<Change, ModuleError> {
        std::fs::create_dir_all(cx.path("/etc"))?;
        std::fs::write(cx.path("/etc/note"), &self.text)?;
        match self.then {
            Then::Permanent | Then::UndoFails => return Err(ModuleError::permanent("no such thing")),
            Then::Local => return Err(ModuleError::local("no room")),
            Then::Transient => return Err(ModuleError::transient("not now")),
            Then::Hang => cx.cancelled().await,
            Then::Critical => {
                // The stop comes while this runs, and it goes on to its end.
                cx.critical(async {
                    cx.cancelled().await;
                    tokio::task::yield_now().await;
                    // One in it, as an install of packages is one, ends by itself.
                    cx.critical(std::future::ready(())).await;
                    std::fs::write(cx.path("/etc/whole"), "").unwrap();
                })
                .await;
                std::fs::write(cx.path("/etc/after"), "")?;
            }
            Then::Tell => {
                use secrecy::ExposeSecret as _;
                let secret = cx.secret("token")?;
                cx.progress(format!("with {}", secret.expose_secret()));
                return Err(ModuleError::transient(format!("refused: {}", secret.expose_secret())));
            }
            Then::Run => {
                cx.install_packages_resilient(["aa"]).await?;
                cx.run(["tool", "--now"]).await?;
                cx.run(["bad"]).await?;
            }
            Then::Nothing | Then::LookFails => {}
        }
        Ok(Change::changed("a note"))
    }

    async fn rollback(&self, cx: &Context<'_>, because: &ModuleError) -> Result<Undone, ModuleError> {
        if self.then == Then::UndoFails {
            return Err(ModuleError::local("it is stuck"));
        }
        std::fs::remove_file(cx.path("/etc/note"))?;
        Ok(Undone::of(format!("the note, because {because}")))
    }
}

fn lab() -> Lab {
    let runner = ScriptedRunner::new(|line| match line {
        "bad" => Captured::new(Ended::Code(3), "", "one\ntwo\n"),
        _ => Captured::new(Ended::Code(0), "", ""),
    });
    let apt = ScriptedApt::new().with_package("aa", "1");
    let mut lab = Lab::new(|builder| builder.apt(Arc::new(apt)).runner(Arc::new(runner)));
    lab.modules = Modules::builtin().with::<Note>().unwrap();
    lab
}

fn note(with: Value) -> Vec<Step> {
    vec![step("m", Action::Module(ModuleAction::new("note", with)))]
}

fn then(what: &str) -> Vec<Step> {
    note(json!({"text": "hello", "then": what}))
}

#[tokio::test]
async fn a_module_is_done_once_and_says_what_it_would_do() {
    let lab = lab();
    let steps = || note(json!({"text": "hello"}));
    assert_eq!(lab.dry_run(steps()).await, ["m would Change(Some(\"the note\"))"]);
    assert_eq!(lab.read("etc/note"), None);
    assert_eq!(lab.run(steps()).await, ["m changed (a note)"]);
    assert_eq!(lab.run(steps()).await, ["m ok"]);
    assert_eq!(lab.run(note(json!({"text": "other"}))).await, ["m changed (a note)"]);
}

#[tokio::test]
async fn what_failed_for_good_is_undone_and_what_passes_is_gone_on_with() {
    for (what, failed, is_kept) in [
        (
            "permanent",
            "m failed: no such thing: what it had done was undone: the note, because no such thing",
            false,
        ),
        ("local", "m failed: no room: what it had done was undone: the note, because no room", false),
        (
            "look_fails",
            "m failed: it was done, and is not so: the note: what it had done was undone: the note, because it \
             was done, and is not so: the note",
            false,
        ),
        ("undo_fails", "m failed: no such thing: what it had done could not be undone: it is stuck", true),
        ("transient", "m failed: not now", true),
    ] {
        let lab = lab();
        assert_eq!(lab.run(then(what)).await, [failed]);
        assert_eq!(lab.read("etc/note").is_some(), is_kept, "{what}");
    }
}

#[tokio::test]
async fn a_stop_cuts_what_may_be_cut_and_undoes_nothing() {
    for (what, whole) in [("hang", false), ("critical", true)] {
        let lab = lab();
        let options = lab.options();
        let stop = options.cancel.clone();
        let (applied, ()) = tokio::join!(lab.applied(then(what), &options), async {
            // Until it is in the middle of it.
            while lab.read("etc/note").is_none() {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        });
        assert_eq!(ends(&applied), ["m left: Stopped"]);
        assert!(lab.read("etc/note").is_some(), "nothing is undone");
        assert_eq!((lab.read("etc/whole").is_some(), lab.read("etc/after")), (whole, None), "{what}");
    }
}

#[tokio::test]
async fn the_end_of_its_time_is_a_failure_and_undoes_nothing() {
    let lab = lab();
    let mut steps = then("critical");
    steps[0].timeout = Some(Duration::from_millis(1));
    assert_eq!(lab.run(steps).await, ["m failed: it was not done in the time that the step has"]);
    assert!(
        lab.read("etc/note").is_some() && lab.read("etc/whole").is_some() && lab.read("etc/after").is_none()
    );
}

#[tokio::test]
async fn what_it_says_is_told_without_secrets() {
    let mut lab = lab();
    lab.secrets.push(("token".into(), "canary".into()));
    assert_eq!(lab.run(then("tell")).await, ["m failed: refused: ${secret.token}"]);
    let heard = format!("{:?}", lab.heard);
    assert!(heard.contains("m: with ${secret.token}"), "{heard}");
    assert!(!heard.contains("canary") && !lab.kept().await.contains("canary"));
}

#[tokio::test]
async fn no_line_of_a_secret_of_several_is_told() {
    let mut lab = lab();
    lab.secrets.push(("token".into(), "canary-first\ncanary-second".into()));
    assert_eq!(lab.run(then("tell")).await, ["m failed: refused: ${secret.token}"]);
    let heard = format!("{:?}", lab.heard);
    assert!(heard.contains("${secret.token}") && !heard.contains("canary"), "{heard}");
}

#[tokio::test]
async fn packages_and_programs_are_at_hand_and_a_program_that_fails_says_its_last_lines() {
    let lab = lab();
    let applied = lab.applied(then("run"), &lab.options()).await;
    let crate::plan::run::Outcome::Failed(error) = &applied.steps[0].outcome else { panic!("it fails") };
    assert_eq!(error.to_string(), "`bad` ended with code 3");
    assert_eq!(error.tail.iter().map(ToString::to_string).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(lab.read("etc/note"), None, "a code is a failure for good");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Must {}

#[async_trait]
impl ConfigurationModule for Must {
    fn meta() -> Meta {
        Meta::new("must", "Needs a note").depends_on(["note"]).mandatory(true)
    }

    async fn verify(&self, _: &Context<'_>) -> Result<Verified, ModuleError> {
        Ok(Verified::unknown("who knows"))
    }

    async fn configure(&self, _: &Context<'_>) -> Result<Change, ModuleError> {
        Err(ModuleError::permanent("never"))
    }
}

#[derive(Deserialize)]
struct Lenient {}

#[async_trait]
impl ConfigurationModule for Lenient {
    fn meta() -> Meta {
        Meta::new("lenient", "Takes anything")
    }

    async fn verify(&self, _: &Context<'_>) -> Result<Verified, ModuleError> {
        Ok(Verified::satisfied(""))
    }

    async fn configure(&self, _: &Context<'_>) -> Result<Change, ModuleError> {
        Ok(Change::Unchanged)
    }
}

#[tokio::test]
async fn one_that_must_be_done_ends_the_run_and_comes_only_after_what_it_depends_on() {
    let mut lab = lab();
    lab.modules = lab.modules.clone().with::<Must>().unwrap();
    let must = || step("x", Action::Module(ModuleAction::new("must", Value::Null)));
    let mut after = then("nothing").remove(0);
    (after.id, after.needs) = ("z".parse().unwrap(), Needs::Order);
    let steps = |first: &str| vec![then(first).remove(0), must(), after.clone()];
    let ended = lab.run(steps("transient")).await;
    assert_eq!(ended[1..], ["x blocked by m", "z ok"], "in the order of the file, and yet blocked");
    let ended = lab.run(steps("nothing")).await;
    assert_eq!(ended[1..], ["x failed: never", r#"z left: Ended { by: StepId("x") }"#]);
    assert_eq!(lab.dry_run(vec![must()]).await, ["x would Unknown"]);
}

#[test]
fn modules_are_checked_where_they_are_put_together() {
    let twice = Modules::builtin().with::<Note>().unwrap().with::<Note>().unwrap_err();
    assert_eq!(twice, InvalidModule::Twice { name: "note".into() });
    let lenient = Modules::builtin().with::<Lenient>().unwrap_err();
    assert_eq!(lenient, InvalidModule::Lenient { name: "lenient".into() });
}

#[tokio::test]
async fn every_problem_of_every_step_is_told_before_anything_runs() {
    let mut lab = lab();
    lab.modules = lab.modules.clone().with::<Must>().unwrap();
    let module = |id: &str, name: &str, with| step(id, Action::Module(ModuleAction::new(name, with)));
    let plan = lab.plan(vec![
        module("a", "no", Value::Null),
        module("b", "note", json!({"txt": "x"})),
        module("c", "must", Value::Null),
        module("d", "note", json!({"text": ""})),
        module("e", "must", json!({})),
    ]);
    let found: Vec<_> = lab.modules.check(&plan).into_iter().collect();
    let kinds: Vec<_> = found.iter().map(|problem| (problem.step.as_str(), &problem.kind)).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert!(matches!(kinds[0], ("a", ModuleProblemKind::Unknown { .. })));
    assert!(matches!(kinds[1], ("b", ModuleProblemKind::Values(problem)) if &*problem.path == "txt"));
    assert!(matches!(kinds[2], ("d", ModuleProblemKind::Value(problem)) if &*problem.path == "text"));
    let alone = lab.plan(vec![module("c", "must", Value::Null)]);
    assert!(matches!(lab.modules.check(&alone)[0].kind, ModuleProblemKind::DependsOn { .. }));
    let options = ApplyOptions { modules: Arc::new(Modules::builtin()), ..lab.options() };
    let ended = ends(&lab.applied(note(json!({})), &options).await);
    assert_eq!(ended, ["m failed: there is no module `note`"]);
}

#[test]
fn what_is_wrong_with_a_module_is_said_where_it_stands() {
    use crate::plan::{Facts, Origin, Plan};

    let modules = Modules::builtin().with::<Note>().unwrap().with::<Must>().unwrap();
    let said = |text: &str| -> Vec<String> {
        let origin = Origin { path: None, folder: "/srv".into() };
        let names: Vec<&str> = modules.names().collect();
        let (plan, _) = Plan::parse(text, &origin, &Facts::default(), &names).unwrap();
        let checked = modules.check_text(&plan, text);
        checked.err().into_iter().flat_map(|invalid| invalid.problems).map(|p| p.to_string()).collect()
    };
    let text = "\u{feff}version: 1\nsteps:
  - {id: a, module: {name: must}}
  - id: b
    module:
      name: note
      with:
        text: fine
        thn: nothing
  - {id: c, module: {name: note, with: {text: ''}}}
  - {id: d, module: {name: note, with: {text: x, then: never}}}
  - {id: e, module: {name: note}}
  - {id: f, each: [x, y], module: {name: note, with: {text: ''}}}
  - {id: g, module: {name: must}}
";
    let expected = [
        "3:28: steps[0].module.name: it needs a step of the module `note` above it",
        "9:14: steps[1].module.with.thn: unknown field `thn`, expected `text` or `then`",
        "10:47: steps[2].module.with.text: it is empty",
        "11:56: steps[3].module.with.then: unknown variant `never`, expected one of `nothing`, ",
        "12:21: steps[4].module.with: missing field `text`",
        "13:61: steps[5].module.with.text: it is empty",
    ];
    let said = said(text);
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said}\n{expected}");
    }
}

#[tokio::test]
async fn a_program_of_a_module_has_path_home_and_lang_and_nothing_else_of_our_environment() {
    use crate::process::SystemRunner;

    let mut lab = Lab::new(|builder| builder.runner(Arc::new(SystemRunner::new())));
    lab.modules = Modules::builtin().with::<Environment>().unwrap();
    let steps = || vec![step("m", Action::Module(ModuleAction::new("environment", Value::Null)))];
    assert_eq!(lab.run(steps()).await, ["m changed (what is seen)"]);
    let seen = lab.read("seen").unwrap();
    let names: Vec<&str> = seen.lines().filter_map(|line| line.split('=').next()).collect();
    // The last four are the shell's, which gives it a session.
    let allowed = ["PATH", "HOME", "LANG", "PWD", "OLDPWD", "SHLVL", "_"];
    assert!(names.contains(&"PATH") && names.contains(&"HOME"), "{seen}");
    assert!(names.iter().all(|name| allowed.contains(name)), "{seen}");
}

/// Writes down what a program of it sees of the environment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Environment {}

#[async_trait]
impl ConfigurationModule for Environment {
    fn meta() -> Meta {
        Meta::new("environment", "What programs see")
    }

    async fn verify(&self, cx: &Context<'_>) -> Result<Verified, ModuleError> {
        Ok(if cx.path("/seen").exists() { Verified::satisfied("seen") } else { Verified::missing("a look") })
    }

    async fn configure(&self, cx: &Context<'_>) -> Result<Change, ModuleError> {
        let said = cx.run(["env"]).await?;
        std::fs::write(cx.path("/seen"), said.stdout)?;
        Ok(Change::changed("what is seen"))
    }
}
