//! Whether a step's conditions hold, and what they ask for.

use std::path::PathBuf;

use super::super::step::Condition;
use super::step_context::StepContext;

/// Whether a condition holds now.
pub(super) fn holds(cx: &StepContext, condition: &Condition) -> bool {
    let facts = &cx.plan().facts;
    let is_there = |path: &PathBuf| cx.env().fs().look_through(&cx.path(path)).is_ok();
    match condition {
        Condition::Os(all) => all.contains(&facts.os),
        Condition::OsVersion(all) => all.contains(&facts.os_version),
        Condition::Codename(all) => all.contains(&facts.codename),
        Condition::Arch(all) => all.contains(&facts.arch),
        Condition::Container(is) => facts.container == *is,
        Condition::Root(is) => facts.root == *is,
        Condition::Known(is) => *is,
        Condition::Exists(paths) => paths.iter().all(is_there),
        Condition::Missing(paths) => !paths.iter().any(is_there),
        Condition::Not(all) => !all.iter().all(|one| holds(cx, one)),
        Condition::Any(any) => any.iter().any(|all| all.iter().all(|one| holds(cx, one))),
    }
}

/// The paths that a condition asks for.
pub(super) fn asked_for<'c>(condition: &'c Condition, asked: &mut Vec<&'c PathBuf>) {
    match condition {
        Condition::Exists(paths) | Condition::Missing(paths) => asked.extend(paths),
        Condition::Not(all) => all.iter().for_each(|one| asked_for(one, asked)),
        Condition::Any(any) => any.iter().flatten().for_each(|one| asked_for(one, asked)),
        _ => {}
    }
}
