//! From a path to a plan that was checked, or to everything that is wrong with it.

use std::io::ErrorKind;
use std::path::Path;

use vps_ops::Kind;
use vps_ops::foreign::{Foreign, shown};
use vps_ops::plan::{
    Facts, Hint, InvalidPlan, OpenPlanError, Origin, Plan, Problem, ProblemKind, open_trusted, read_plan_file,
};

use super::excerpt;
use super::stream::Stream;
use crate::app::App;
use crate::exit::Exit;
use crate::report::{Failure, FailureKind};
use crate::stdin;

/// Problems that are shown with their lines; nobody reads more at once.
const MOST_SHOWN: usize = 50;

/// A plan that can be run.
pub(crate) struct ReadPlan {
    pub(crate) plan: Plan,
    /// In the order of the file.
    pub(crate) hints: Vec<Hint>,
    /// As it was read.
    pub(crate) text: String,
    /// What it is called in messages.
    pub(crate) shown: Foreign,
}

/// Reads and checks a plan; `-` is standard input.
pub(crate) async fn read(app: &App, path: &Path) -> Result<ReadPlan, Failure> {
    let fs = &**app.env.fs();
    let stream = Stream::at(path);
    let name = stream.as_ref().map_or_else(|| shown(path), Stream::shown);
    let opened = match stream {
        Some(stream) => {
            let folder = std::env::current_dir().map_err(|error| {
                let causes = vec![error.to_string()];
                let failure = Failure::local("the folder that we are in cannot be found");
                Failure { causes, ..failure }
                    .hint("what a plan says of files is meant from there; go to one that is there")
            })?;
            stdin::read(app, &name, move || stream.read(folder)).await?
        }
        None => read_plan_file(fs, path),
    };
    let (text, origin): (String, Origin) = opened.map_err(|error| not_opened(app, &name, &error))?;
    let facts = Facts::read(fs);
    let modules: Vec<&str> = app.modules.names().collect();
    let invalid = |invalid: InvalidPlan| not_valid(app, &name, &text, &invalid);
    let (plan, mut hints) = Plan::parse(&text, &origin, &facts, &modules).map_err(invalid)?;
    app.modules.check_text(&plan, &text).map_err(invalid)?;
    let mut misses = false;
    for (place, source) in plan.sources() {
        match open_trusted(fs, source) {
            Ok(_) => {}
            // A step above may be what makes it.
            Err(OpenPlanError::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => {
                misses = true;
            }
            Err(error) => {
                let mut failure = not_opened(app, &name, &error);
                failure.hints.insert(0, format!("the step in line {} of {name} takes it", place.line));
                return Err(failure);
            }
        }
    }
    if misses {
        hints.extend(plan.missing_sources(fs, &text));
        hints.sort_by_key(|hint| hint.place);
    }
    Ok(ReadPlan { plan, hints, text, shown: name })
}

fn not_opened(app: &App, name: &Foreign, error: &OpenPlanError) -> Failure {
    let chmod = "take that away: `chmod go-w` for it and the folders above it, `chown` where it is not yours";
    match error {
        OpenPlanError::Invalid(invalid) => not_valid(app, name, "", invalid),
        OpenPlanError::OtherHands { .. } => Failure::of_error(Exit::Local, Kind::Local, error).hint(chmod),
        OpenPlanError::Unreadable { source, .. } if source.kind() != ErrorKind::PermissionDenied => {
            Failure::of_error(Exit::Config, FailureKind::Plan, error)
        }
        OpenPlanError::NotAFile { .. } => Failure::of_error(Exit::Config, FailureKind::Plan, error),
        _ => Failure::of_error(Exit::Local, Kind::Local, error),
    }
}

/// For people each problem with the line it is in, for programs each in a line.
fn not_valid(app: &App, name: &Foreign, text: &str, invalid: &InvalidPlan) -> Failure {
    let problems = &invalid.problems;
    let plural = if problems.len() == 1 { "" } else { "s" };
    let first = format!("{name} cannot be run: {} problem{plural}", problems.len());
    let mut failure = Failure::new(Exit::Config, FailureKind::Plan, first);
    if app.global.json_errors() {
        failure.causes = problems.iter().map(|problem| format!("{name}:{problem}")).collect();
    } else {
        let lines: Vec<&str> = text.lines().collect();
        for problem in problems.iter().take(MOST_SHOWN) {
            let excerpt = excerpt::of(&lines, problem.place, problem.length);
            failure.message.push_str(&format!("\n\n{name}:{problem}\n{excerpt}"));
        }
        if let Some(more) = problems.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
            failure.message.push_str(&format!("\n\nand {more} more"));
        }
        failure.message.truncate(failure.message.trim_end().len());
    }
    match problems.iter().find_map(|problem| must_be_quoted(text, problem)) {
        Some(what) => failure.hint(format!("in [ ] and {{ }} a text with `{what}` in it stands in quotes")),
        None => failure,
    }
}

/// What probably makes a text no YAML.
fn must_be_quoted(text: &str, problem: &Problem) -> Option<&'static str> {
    if !matches!(problem.kind, ProblemKind::Syntax(_)) {
        return None;
    }
    let number = |number: u32| usize::try_from(number).ok()?.checked_sub(1);
    let line = text.lines().nth(number(problem.place.line)?)?;
    if line.contains("${") {
        return Some("${...}");
    }
    // At the second `: ` of what is to be one value.
    let is_colon = line.chars().nth(number(problem.place.column)?) == Some(':');
    (is_colon && line.contains(['{', '['])).then_some(": ")
}
