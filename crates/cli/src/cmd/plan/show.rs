//! `plan show`: the steps as they would be run here.

mod written;

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;
use vps_ops::foreign::shown;
use vps_ops::plan::{Action, Needs, OnFailure, Plan, SecretSource, Step};

use super::read;
use crate::app::App;
use crate::cmd::config::write_yaml;
use crate::exit::Exit;
use crate::report::{Failure, document, print, print_json};

pub(super) async fn run(app: &App, path: &Path) -> Result<Exit, Failure> {
    let read = read::read(app, path).await?;
    if app.global.json { print_json(&document(&read.plan)) } else { print(&text(&read.plan)) }
}

fn document(plan: &Plan) -> document::PlanShow {
    let secrets = plan.secrets.iter().map(|(name, source)| (name.to_string(), said(source)));
    document::PlanShow {
        name: plan.name.clone(),
        path: plan.path.as_ref().map(|path| path.display().to_string()),
        folder: plan.folder.display().to_string(),
        facts: serde_json::to_value(&plan.facts).unwrap_or_default(),
        secrets: secrets.collect(),
        steps: plan.steps.iter().map(|step| of_step(plan, step)).collect(),
    }
}

fn of_step(plan: &Plan, step: &Step) -> document::PlanStep {
    document::PlanStep {
        id: step.id.to_string(),
        line: step.place.line,
        kind: step.action.kind().as_str(),
        needs: match &step.needs {
            Needs::Order => None,
            Needs::Steps(steps) => Some(steps.iter().map(ToString::to_string).collect()),
        },
        wanted: step.is_wanted(&plan.facts),
        when: serde_json::to_value(&step.when).unwrap_or_default(),
        on_failure: serde_json::to_value(step.on_failure).unwrap_or_default(),
        timeout_seconds: step.timeout.map(|timeout| timeout.as_secs_f64()),
        attempts: step.attempts.map(std::num::NonZeroU32::get),
        circuit: step.circuit.as_ref().map(ToString::to_string),
        was: step.was.as_ref().map(ToString::to_string),
        action: action(step),
    }
}

/// What a step does, for programs: times are numbers, as elsewhere in what they read, and each header is a pair.
fn action(step: &Step) -> Value {
    let mut keys = written::of(&step.action);
    match &step.action {
        Action::Gate(gate) => {
            keys.remove("wait");
            let seconds = match gate.wait.subsec_nanos() {
                0 => gate.wait.as_secs().into(),
                _ => gate.wait.as_secs_f64().into(),
            };
            keys.insert("wait_seconds".into(), seconds);
        }
        Action::Download(download) => {
            let pairs = serde_json::to_value(&download.headers).unwrap_or_default();
            keys.insert("headers".into(), pairs);
        }
        _ => {}
    }
    Value::Object(keys)
}

fn said(source: &SecretSource) -> String {
    match source {
        SecretSource::File(path) => format!("file {}", shown(path)),
        SecretSource::Credential(name) => format!("credential {name}"),
        SecretSource::Env(name) => format!("environment variable {name}"),
        _ => "elsewhere".to_owned(),
    }
}

fn text(plan: &Plan) -> String {
    let facts = &plan.facts;
    let mut text = String::new();
    // Writing to memory does not fail.
    let _ = writeln!(text, "plan     {}", plan.name);
    let _ = writeln!(text, "folder   {}", shown(&plan.folder));
    let sort = if facts.container { ", a container" } else { "" };
    let who = if facts.root { ", root" } else { "" };
    let _ = writeln!(
        text,
        "machine  {} {} {} {}, {}{sort}{who}",
        facts.os, facts.os_version, facts.codename, facts.arch, facts.hostname
    );
    for (name, source) in &plan.secrets {
        let _ = writeln!(text, "secret   {name}: {}", said(source));
    }
    let width = plan.steps.iter().map(|step| step.id.as_str().chars().count()).max().unwrap_or(0).min(30);
    for (number, step) in plan.steps.iter().enumerate() {
        let _ = writeln!(
            text,
            "\n{:>3}  {:width$}  {}{}",
            number.saturating_add(1),
            step.id,
            step.action.kind().as_str(),
            notes(plan, step)
        );
        write_yaml(&Value::Object(written::of(&step.action)), 3, &mut text);
    }
    text
}

/// Whether, after what, and with what consequences.
fn notes(plan: &Plan, step: &Step) -> String {
    let mut notes = Vec::new();
    match step.is_wanted(&plan.facts) {
        Some(true) => {}
        Some(false) => notes.push("not here: `when` does not hold".to_owned()),
        None => notes.push("if `when` holds when its turn comes".to_owned()),
    }
    match &step.needs {
        Needs::Order => notes.push("after all above".to_owned()),
        Needs::Steps(steps) if steps.is_empty() => notes.push("after nothing".to_owned()),
        Needs::Steps(steps) => {
            let names: Vec<&str> = steps.iter().map(vps_ops::plan::StepId::as_str).collect();
            notes.push(format!("needs {}", names.join(", ")));
        }
    }
    match step.on_failure {
        OnFailure::SkipDependents => {}
        OnFailure::Stop => notes.push("its failure stops the rest".to_owned()),
        OnFailure::Continue => notes.push("its failure is only warned of".to_owned()),
    }
    notes.extend(step.timeout.map(|timeout| format!("at most {}", humantime::format_duration(timeout))));
    notes.extend(step.attempts.map(|attempts| format!("{attempts} attempts")));
    notes.extend(step.circuit.as_ref().map(|circuit| format!("by the circuit {circuit}")));
    format!("  ({})", notes.join("; "))
}
