//! `dead-letter list|show|export`.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use vps_ops::NetworkOperationWrapper;
use vps_ops::circuit::rfc3339;
use vps_ops::dead_letter::{EndedBy, Kept, Letter, LetterId, LetterRequest, PlanStepLetter, RunLetter, Word};
use vps_ops::foreign::{Foreign, shown};

use super::{NONE, command_line, counted, failed, not_there};
use crate::app::{App, named};
use crate::args::ListArgs;
use crate::exit::Exit;
use crate::observe::words::{self, health::short};
use crate::program;
use crate::report::{Failure, document, line_of, now_rfc3339, print, print_json, print_while_read};

/// Characters of what a letter is about that a row has.
const TARGET: usize = 60;

pub(super) async fn list(
    app: &App,
    network: &NetworkOperationWrapper,
    args: &ListArgs,
) -> Result<Exit, Failure> {
    let service = args.service.as_deref().map(|name| named(network, name)).transpose()?;
    let now = app.env.wall().as_secs_f64();
    let is_asked = |letter: &Letter| {
        let of = letter.service.as_deref().unwrap_or_default();
        let is_of =
            |wanted: &str| of == wanted || of.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/'));
        service.as_ref().is_none_or(|service| is_of(service.as_str()))
            && args.plan.as_ref().is_none_or(|plan| plan_of(letter).is_some_and(|step| step.plan == *plan))
            && args.class.as_ref().is_none_or(|class| letter.class == *class)
            && args.since.is_none_or(|since| now - letter.last_at <= since.as_secs_f64())
    };
    let all = network.letters().list().await.map_err(|error| failed(&error))?;
    let letters: Vec<&Letter> = all.iter().filter_map(Kept::letter).filter(|one| is_asked(one)).collect();
    let unreadable = all.iter().filter(|kept| kept.letter().is_none()).map(|kept| kept.id().to_string());
    let unreadable: Vec<String> = unreadable.collect();
    if app.global.json {
        let letters = letters.iter().map(|letter| row(app, letter)).collect();
        return print_json(&document::DeadLetterList { generated_at: now_rfc3339(), letters, unreadable });
    }
    let mut text = String::new();
    let others = all.iter().filter_map(Kept::letter).count().saturating_sub(letters.len());
    if letters.is_empty() && others > 0 {
        let _ = writeln!(text, "none of these; {} of others", counted(others, "dead letter"));
    } else if letters.is_empty() {
        text.push_str(NONE);
    } else {
        table(&mut text, &letters, now);
    }
    for id in unreadable {
        let _ = writeln!(text, "{id}  was written by a newer version");
    }
    let exit = print(&text)?;
    if !letters.is_empty() && app.global.quiet == 0 && !app.global.json_errors() {
        app.screen.line(&format!(
            "hint: do one again with `{program} dead-letter retry ID`",
            program = program::name()
        ));
    }
    Ok(exit)
}

fn table(text: &mut String, letters: &[&Letter], now: f64) {
    let service = |letter: &Letter| letter.service.clone().unwrap_or_else(|| "-".to_owned());
    let width = letters.iter().map(|letter| service(letter).chars().count()).max().unwrap_or(0).max(7);
    let _ =
        writeln!(text, "{:8}  {:>8}  {:>5}  {:13}  {:width$}  WHAT", "ID", "LAST", "TIMES", "WHY", "SERVICE");
    for letter in letters {
        let ago = Duration::try_from_secs_f64((now - letter.last_at).max(0.0).floor()).unwrap_or_default();
        let why = match (letter.is_parked(), letter.ended_by) {
            (true, _) => "parked",
            (false, EndedBy::Circuit) => "circuit",
            (false, _) => letter.failure.as_str(),
        };
        let what = shortened(&words::letter_is_of(letter));
        let line = format!(
            "{:8}  {:>8}  {:>5}  {why:13}  {:width$}  {what}",
            letter.id,
            short(ago),
            letter.failures,
            service(letter)
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// As much of it as a row has, and that there is more.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(TARGET) {
        None => text.to_owned(),
        Some(_) => text.chars().take(TARGET - 1).chain(['…']).collect(),
    }
}

fn row(app: &App, letter: &Letter) -> document::DeadLetterRow {
    document::DeadLetterRow {
        id: letter.id.to_string(),
        operation: letter.request.kind(),
        target: letter.target.to_string(),
        plan: plan_of(letter).map(|step| step.plan.clone()),
        step: plan_of(letter).map(|step| step.step.clone()),
        service: letter.service.clone(),
        ended_by: letter.ended_by,
        class: letter.class.clone(),
        failure: letter.failure.clone(),
        error: letter.error.to_string(),
        failures: letter.failures,
        attempts: letter.attempts,
        first_at: rfc3339(letter.first_at),
        last_at: rfc3339(letter.last_at),
        parked: letter.is_parked(),
        held_by_pid: letter.holder().filter(|holder| app.env.is_alive(holder)).map(|holder| holder.pid),
    }
}

fn plan_of(letter: &Letter) -> Option<&PlanStepLetter> {
    match &letter.request {
        LetterRequest::PlanStep(step) => Some(step),
        _ => None,
    }
}

fn document(letter: &Letter) -> document::DeadLetter {
    document::DeadLetter { parked: letter.is_parked(), command_line: line(letter), letter: letter.unheld() }
}

/// The command that does it again; nothing where this version does not know it.
fn line(letter: &Letter) -> String {
    let words = command_line::words(&letter.request, &letter.options).unwrap_or_default();
    let line = command_line::quoted(&words);
    match &letter.request {
        LetterRequest::Run(RunLetter { folder: Some(folder), .. }) => {
            format!("cd {} && {line}", command_line::quoted(&[folder.to_os()]))
        }
        _ => line,
    }
}

pub(super) async fn one(
    app: &App,
    network: &NetworkOperationWrapper,
    id: &LetterId,
) -> Result<Exit, Failure> {
    let found = network.letters().load(id).await.map_err(|error| failed(&error))?;
    let letter = match found {
        None => return Err(not_there(id)),
        Some(Kept::Letter(letter)) => letter,
        Some(_) => {
            return Err(Failure::local(format!("the dead letter {id} was written by a newer version")));
        }
    };
    if app.global.json {
        return print_json(&document(&letter));
    }
    print(&page(app, &letter))
}

fn page(app: &App, letter: &Letter) -> String {
    let mut text = format!("{}  {}\n", letter.id, words::letter_is_of(letter));
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:14} {value}");
    };
    fact("error", &letter.error);
    let ended_by = match letter.ended_by {
        EndedBy::Circuit => "a circuit or a full queue: nothing was tried",
        _ => "its own failure",
    };
    fact("ended by", &format!("{ended_by} ({}, {})", letter.failure, letter.class));
    if let Some(service) = &letter.service {
        fact("service", service);
    }
    let times = |count: u32, what| counted(usize::try_from(count).unwrap_or(usize::MAX), what);
    let (failures, attempts) = (times(letter.failures, "time"), times(letter.attempts, "attempt"));
    fact("failed", &format!("{failures}, after {attempts} in all"));
    fact("first", &rfc3339(letter.first_at));
    fact("last", &rfc3339(letter.last_at));
    if letter.is_parked() {
        fact("parked", "it is only done again with --force");
    }
    if let Some(holder) = letter.holder().filter(|holder| app.env.is_alive(holder)) {
        fact("done again by", &format!("process {}", holder.pid));
    }
    if let LetterRequest::Run(run) = &letter.request {
        if let Some(folder) = &run.folder {
            fact("folder", &folder.to_os().to_string_lossy());
        }
        let names = run.variables.iter().map(|name| name.to_os().to_string_lossy().into_owned());
        fact("variables", &names.collect::<Vec<_>>().join(" "));
        if run.reads_input {
            fact("input", "it was given something on standard input, which is not kept");
        }
    }
    if let Some(step) = plan_of(letter) {
        let path = |path: &Word| shown(Path::new(&path.to_os())).to_string();
        fact("plan", &step.path.as_ref().map_or_else(|| "from standard input".to_owned(), path));
        for (index, cause) in step.causes.iter().enumerate() {
            fact(if index == 0 { "caused by" } else { "" }, cause);
        }
        step.log.iter().for_each(|log| fact("log", &path(log)));
        fact("does", &Foreign::from(step.action.to_string().as_str()));
    }
    let attempts = letter.history.iter().enumerate();
    for (index, attempt) in attempts {
        let after =
            attempt.delay_millis.map(|millis| format!(", then {}", short(Duration::from_millis(millis))));
        let took = Duration::from_millis(attempt.took_millis);
        let after = after.unwrap_or_default();
        let line = format!(
            "{}  {:.1}s  {} ({}){after}",
            rfc3339(attempt.at),
            took.as_secs_f64(),
            attempt.error,
            attempt.class
        );
        fact(if index == 0 { "attempts" } else { "" }, &line);
    }
    match line(letter).as_str() {
        "" => text.push_str("\nit is done again by applying the plan, which came from standard input\n"),
        line => {
            let _ = writeln!(text, "\nthe command that does it again:\n  {line}");
        }
    }
    text
}

pub(super) async fn export(network: &NetworkOperationWrapper) -> Result<Exit, Failure> {
    let all = network.letters().list().await.map_err(|error| failed(&error))?;
    for kept in &all {
        match kept.letter() {
            Some(letter) => {
                if !print_while_read(&line_of(&document(letter)))? {
                    break;
                }
            }
            None => tracing::warn!(
                operation = "dead_letter",
                "{} was written by a newer version and is left out",
                kept.id()
            ),
        }
    }
    Ok(Exit::Done)
}
