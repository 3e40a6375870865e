//! `plan status` and `plan forget`: what is known of a plan from its runs.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use vps_ops::Kind;
use vps_ops::circuit::rfc3339;
use vps_ops::foreign::Foreign;
use vps_ops::plan::run::{self, ApplyLock, KnownPlan, KnownStep, Stage};
use vps_ops::plan::{ActionKind, Plan, Step, StepId, is_item_of};

use super::read::read;
use super::stream::Stream;
use crate::app::App;
use crate::args::ForgetArgs;
use crate::cmd::apply::not_locked;
use crate::cmd::confirm::can_ask;
use crate::cmd::dead_letter::{failed, must_reach};
use crate::exit::Exit;
use crate::observe::words::health::short;
use crate::program;
use crate::report::{Failure, document, print, print_json};
use crate::stdin::confirmed;

const NOTHING: &str = "nothing is known of any plan";

/// What the plan is remembered by, and the plan where its file was named.
async fn named(app: &App, plan: &OsStr) -> Result<(String, Option<Plan>), Failure> {
    let path = Path::new(plan);
    if Stream::at(path).is_some() || path.is_file() {
        let plan = read(app, path).await?.plan;
        return Ok((plan.name.clone(), Some(plan)));
    }
    Ok((plan.to_string_lossy().into_owned(), None))
}

fn unknown(name: &str) -> Failure {
    Failure::local(format!("nothing is known of a plan {}", Foreign::from(name)))
        .hint("name its file, or what it is remembered by: `name` in the plan, else its whole path")
}

pub(super) async fn status(app: &App, plan: &OsStr) -> Result<Exit, Failure> {
    let loaded = app.config()?;
    must_reach(app, &loaded, NOTHING)?;
    let (name, plan) = named(app, plan).await?;
    let network = app.network(&loaded);
    let known = run::known(&app.env, network.health().store(), &name).await;
    let known = known.map_err(|error| failed(&error))?;
    if known.is_none() && plan.is_none() {
        return Err(unknown(&name));
    }
    let report = document(&name, plan.as_ref(), known.as_ref());
    if app.global.json { print_json(&report) } else { print(&text(app, &report, known.as_ref())) }
}

fn document(name: &str, plan: Option<&Plan>, known: Option<&KnownPlan>) -> document::PlanStatus {
    let rows = known.map(|known| &known.steps[..]).unwrap_or_default();
    let row = |id: &str| rows.iter().find(|row| row.id == id);
    let steps = plan.map(|plan| &plan.steps[..]).unwrap_or_default();
    let mut taken = BTreeSet::new();
    let mut all: Vec<document::PlanStatusStep> = Vec::new();
    for step in steps {
        let found = row(step.id.as_str()).or_else(|| row(step.was.as_ref()?.as_str()));
        taken.extend(found.map(|found| found.id.as_str()));
        all.push(of(step.id.as_str(), Some(step), found));
    }
    let left = rows.iter().filter(|row| !taken.contains(row.id.as_str()));
    all.extend(left.map(|row| document::PlanStatusStep {
        in_plan: plan.is_some().then_some(false),
        ..of(&row.id, None, Some(row))
    }));
    document::PlanStatus {
        plan: name.to_owned(),
        path: known.and_then(|known| known.path.as_ref()).map(ToString::to_string),
        run: known.map_or(0, |known| known.run),
        changes: known.map_or(0, |known| known.changes),
        last_at: known.map(|known| rfc3339(known.at)),
        steps: all,
    }
}

fn of(id: &str, step: Option<&Step>, known: Option<&KnownStep>) -> document::PlanStatusStep {
    let stage = match known.map(|known| known.stage) {
        None => document::PlanStage::New,
        Some(Stage::Started) => document::PlanStage::Started,
        Some(Stage::Done) => document::PlanStage::Done,
        Some(Stage::Stopped) => document::PlanStage::Stopped,
        Some(Stage::Left) => document::PlanStage::Left,
        Some(Stage::Lost) => document::PlanStage::Lost,
        Some(_) => document::PlanStage::Failed,
    };
    document::PlanStatusStep {
        step: Foreign::from(id).to_string(),
        kind: step.map(|step| step.action.kind().as_str()),
        stage,
        at: known.map(|known| rfc3339(known.at)),
        noted_at: known.map(|known| known.at),
        run: known.map(|known| known.run),
        attempts: known.map_or(0, |known| known.attempts),
        equal_failures: known.map_or(0, |known| known.equal_failures),
        failure: known.and_then(|known| known.failure.as_ref()).map(ToString::to_string),
        change: known.map(|known| known.change).filter(|change| *change > 0),
        edited: step.zip(known).map(|(step, known)| step.hash() != known.hash),
        in_plan: step.map(|_| true),
    }
}

fn text(app: &App, report: &document::PlanStatus, known: Option<&KnownPlan>) -> String {
    let now = app.env.wall().as_secs_f64();
    let ago = |at: f64| {
        let ago = Duration::try_from_secs_f64((now - at).max(0.0).floor()).unwrap_or_default();
        format!("{} ago", short(ago))
    };
    let mut text = format!("plan  {}\n", Foreign::from(report.plan.as_str()));
    // Writing to memory does not fail.
    let _ = match known {
        Some(known) => {
            let path = known.path.as_ref().map(|path| format!(", from {path}")).unwrap_or_default();
            writeln!(text, "last  run {}, {}{path}", known.run, ago(known.at))
        }
        None => writeln!(text, "last  never"),
    };
    let width = report.steps.iter().map(|step| step.step.chars().count()).max().unwrap_or(0).clamp(4, 30);
    let _ = writeln!(
        text,
        "\n{:width$}  {:7}  {:>9}  {:>5}  {:>6}  NOTE",
        "STEP", "STAGE", "WHEN", "TRIES", "CHANGE"
    );
    for step in &report.steps {
        let when = step.noted_at.map_or_else(|| "-".to_owned(), ago);
        let change = step.change.map_or_else(|| "-".to_owned(), |change| change.to_string());
        let mut notes = Vec::new();
        notes.extend((step.in_plan == Some(false)).then(|| "not in the plan any more".to_owned()));
        notes.extend((step.edited == Some(true)).then(|| "edited since".to_owned()));
        // Nothing is written down of one: how it was yesterday says nothing of today.
        let is_gate = step.kind == Some(ActionKind::Gate.as_str());
        notes.extend(is_gate.then(|| "asked anew in each run that needs it".to_owned()));
        let why = match step.stage {
            document::PlanStage::Stopped => Some("its run was stopped before it was done"),
            document::PlanStage::Left => Some("nobody let it through; left for a later run"),
            document::PlanStage::Lost => Some("whether it was done was lost with a damaged store"),
            _ => None,
        };
        // What it failed with is not why a later run left it.
        notes.extend(why.map(str::to_owned).or_else(|| step.failure.clone()));
        let line = format!(
            "{:width$}  {:7}  {when:>9}  {:>5}  {change:>6}  {}",
            step.step,
            if is_gate { "-" } else { step.stage.word() },
            step.attempts,
            notes.join("; ")
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

pub(super) async fn forget(app: &App, args: &ForgetArgs) -> Result<Exit, Failure> {
    let is_said = args.yes || !args.steps.is_empty();
    can_ask(app, is_said, "`plan forget` without a step forgets all of a plan")?;
    let loaded = app.config()?;
    must_reach(app, &loaded, NOTHING)?;
    let (name, plan) = named(app, &args.plan).await?;
    let network = app.network(&loaded);
    let store = network.health().store();
    let known = run::known(&app.env, store, &name).await.map_err(|error| failed(&error))?;
    let known = known.ok_or_else(|| unknown(&name))?;
    let (steps, missing) = remembered(&known, plan.as_ref(), &args.steps);
    if !missing.is_empty() {
        let plural = if missing.len() == 1 { "a step" } else { "steps" };
        let text = format!("nothing is known of {plural} {}", missing.join(", "));
        return Err(
            Failure::local(text).hint(format!("see `{program} plan status`", program = program::name()))
        );
    }
    let shown = Foreign::from(name.as_str());
    let question = format!("forget {} steps of the plan {shown}?", known.steps.len());
    let may = is_said || confirmed(app, &question).await?;
    if !may {
        return if app.global.json {
            print_json(&document::PlanForget { plan: name, steps: Vec::new() })
        } else {
            print("nothing was forgotten\n")
        };
    }
    let lock = match app.state_folder(&loaded) {
        Some(folder) => {
            let taken = ApplyLock::take(&app.env, folder.path(), &name, args.lock.wait(), &app.cancel).await;
            Some(taken.map_err(|error| not_locked(&error))?)
        }
        None => None,
    };
    let wanted = (!steps.is_empty()).then_some(&steps);
    let forgotten = run::forget(&app.env, store, &name, wanted).await;
    network.close().await;
    drop(lock);
    let forgotten = forgotten.map_err(|error| Failure::of_error(Exit::Local, Kind::Local, &error))?;
    if app.global.json {
        return print_json(&document::PlanForget { plan: name, steps: forgotten });
    }
    if app.global.quiet > 0 {
        return Ok(Exit::Done);
    }
    let lines: String =
        forgotten.iter().map(|id| format!("forgot {}\n", Foreign::from(id.as_str()))).collect();
    print(&lines)
}

/// What steps are remembered by: one that was renamed since its last run by the name that it had. And those that are
/// not, fit to be shown.
fn remembered(known: &KnownPlan, plan: Option<&Plan>, asked: &[String]) -> (BTreeSet<String>, Vec<String>) {
    let is_known = |id: &str| known.steps.iter().any(|step| step.id == id);
    let was = |id: &str| {
        let step = plan?.steps.iter().find(|step| step.id.as_str() == id)?;
        step.was.as_ref().map(StepId::as_str).filter(|was| is_known(was)).map(str::to_owned)
    };
    let (mut steps, mut missing) = (BTreeSet::new(), Vec::new());
    for id in asked {
        let items = known.steps.iter().map(|step| &step.id).filter(|step| is_item_of(step, id)).cloned();
        match Some(id.clone()).filter(|id| is_known(id)).or_else(|| was(id)) {
            Some(id) => {
                steps.insert(id);
            }
            // The name of a list stands for all of its items.
            None if items.clone().next().is_some() => steps.extend(items),
            None => missing.push(Foreign::from(id.as_str()).to_string()),
        }
    }
    (steps, missing)
}
