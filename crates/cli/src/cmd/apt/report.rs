//! What an update and an install say when they are done.

use std::fmt::Write as _;

use bytesize::ByteSize;
use vps_ops::apt::{AptInstalled, Change, InstallRequest, Plan, RepositoryState, Updated};
use vps_ops::service::ServiceName;

use crate::app::App;
use crate::exit::Exit;
use crate::report::document::{AptInstall, AptPreview, AptUpdate, PackageChange, Repository};
use crate::report::{Failure, document, print, print_json};

pub(super) fn updated(app: &App, updated: &Updated) -> Result<Exit, Failure> {
    for left in updated.repositories.iter().filter(|one| one.left_out) {
        let service = left.service.as_ref().map(ServiceName::as_str).unwrap_or_default();
        tracing::warn!(
            operation = "apt_update",
            service,
            "{} {} was not asked: its circuit is open",
            left.result.uri,
            left.result.release
        );
    }
    // One that was not asked is as old as one that failed.
    let exit = if updated.is_complete() { Exit::Done } else { Exit::Failed };
    if app.global.json {
        let repositories = updated.repositories.iter().map(|one| Repository {
            uri: one.result.uri.clone(),
            release: one.result.release.clone(),
            service: one.service.as_ref().map(ToString::to_string),
            state: match (&one.result.state, one.left_out) {
                (_, true) => document::RepositoryState::LeftOut,
                (RepositoryState::Fresh, _) => document::RepositoryState::Fresh,
                (RepositoryState::Transient(_) | RepositoryState::Permanent(_), _) => {
                    document::RepositoryState::Failed
                }
                _ => document::RepositoryState::Unseen,
            },
            error: one.result.state.fault().map(ToString::to_string),
        });
        print_json(&AptUpdate {
            complete: updated.is_complete(),
            repositories: repositories.collect(),
            warnings: updated.notes.iter().map(ToString::to_string).collect(),
            took_seconds: updated.took.as_secs_f64(),
        })?;
    } else if app.global.quiet == 0 {
        let read = updated.repositories.iter().filter(|one| !one.left_out).count();
        let (count, plural) = counted(read, "repository", "repositories");
        print(&format!("{count} {plural} read\n"))?;
    }
    Ok(exit)
}

pub(super) fn installed(app: &App, done: &AptInstalled) -> Result<Exit, Failure> {
    if app.global.json {
        return print_json(&AptInstall {
            packages: changes(&done.packages),
            installed: changes(&done.installed),
            upgraded: changes(&done.upgraded),
            downgraded: changes(&done.downgraded),
            removed: changes(&done.removed),
            already: changes(&done.already),
            fetched_bytes: done.fetched,
            repaired: done.repaired,
            unchanged: done.is_unchanged(),
            warnings: done.warnings.iter().map(ToString::to_string).collect(),
            took_seconds: done.took.as_secs_f64(),
        });
    }
    if app.global.quiet > 0 {
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    lines(
        &mut text,
        &[
            ("installed", &done.installed),
            ("upgraded", &done.upgraded),
            ("downgraded", &done.downgraded),
            ("removed", &done.removed),
            ("already there", &done.already),
        ],
    );
    if !done.is_unchanged() {
        let fetched = ByteSize::b(done.fetched).display().iec().to_string();
        let _ = writeln!(text, "{fetched} fetched in {:.1}s", done.took.as_secs_f64());
    }
    print(&text)
}

/// What would be done.
pub(super) fn preview(app: &App, request: &InstallRequest, plan: &Plan) -> Result<Exit, Failure> {
    if app.global.json {
        return print_json(&AptPreview {
            asked: request.packages().iter().map(ToString::to_string).collect(),
            installed: changes(&plan.installed),
            upgraded: changes(&plan.upgraded),
            downgraded: changes(&plan.downgraded),
            removed: changes(&plan.removed),
            files: plan.archives.len(),
            bytes: plan.bytes(),
        });
    }
    if plan.is_empty() {
        return print(&format!("nothing to do: {} is there already\n", request.names()));
    }
    let mut text = String::new();
    lines(
        &mut text,
        &[
            ("would install", &plan.installed),
            ("would upgrade", &plan.upgraded),
            ("would downgrade", &plan.downgraded),
            ("would remove", &plan.removed),
        ],
    );
    let size = ByteSize::b(plan.bytes()).display().iec().to_string();
    let (count, plural) = counted(plan.archives.len(), "file", "files");
    let _ = writeln!(text, "would fetch {count} {plural}, {size}");
    text.push_str("by the package lists there are; no request was made\n");
    print(&text)
}

/// One line for each kind of change, and one for each package where there are few.
fn lines(text: &mut String, kinds: &[(&str, &Vec<Change>)]) {
    for (kind, changes) in kinds.iter().filter(|(_, changes)| !changes.is_empty()) {
        for change in *changes {
            let _ = writeln!(text, "{kind} {}", said(change));
        }
    }
}

fn said(change: &Change) -> String {
    match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{} {from} -> {to}", change.name),
        (Some(version), None) | (None, Some(version)) => format!("{} {version}", change.name),
        (None, None) => change.name.clone(),
    }
}

fn changes(changes: &[Change]) -> Vec<PackageChange> {
    let all = changes.iter().map(|change| PackageChange {
        name: change.name.clone(),
        from: change.from.clone(),
        to: change.to.clone(),
    });
    all.collect()
}

fn counted(count: usize, one: &'static str, many: &'static str) -> (usize, &'static str) {
    (count, if count == 1 { one } else { many })
}
