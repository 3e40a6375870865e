//! What would become of files, where it is only looked.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use vps_ops::env::Env;
use vps_ops::plan::run::{Applied, Outcome, Would};
use vps_ops::plan::{Action, ContentChange, FileChange, Plan, StepId, Variables, file_change};

use crate::observe::words::plan as words;
use crate::report::fit;

/// By the steps that would write them.
pub(super) type Changes = BTreeMap<StepId, FileChange>;

/// Those of the steps that would do something.
pub(super) fn of(env: &Env, plan: &Plan, variables: &Variables, applied: &Applied) -> Changes {
    let would = applied.steps.iter().filter(|step| matches!(step.outcome, Outcome::Would(Would::Change(_))));
    let change = |id: &StepId| match &plan.step(id)?.action {
        Action::File(file) => Some((id.clone(), file_change(env, plan, variables, file))),
        _ => None,
    };
    would.filter_map(|step| change(&step.id)).collect()
}

/// Whether what is printed has colours.
pub(super) fn has_colour() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// What would become of one, fit to be shown: what is another beside the content, and the lines that are.
pub(super) fn lines(change: &FileChange, has_colour: bool) -> String {
    let mut text = String::new();
    let attributes = words::attributes(change).join(", ");
    if !attributes.is_empty() {
        // Writing to memory does not fail.
        let _ = writeln!(text, "    {attributes}");
    }
    match &change.content {
        ContentChange::Lines(diff) => {
            for line in &diff.lines {
                let style = if has_colour { style(line) } else { Style::new() };
                let _ = writeln!(text, "    {style}{}{style:#}", fit::line(line));
            }
            if diff.left_out > 0 {
                let _ = writeln!(text, "    and {} more lines", diff.left_out);
            }
        }
        ContentChange::NotShown(why) => {
            let _ = writeln!(text, "    what changes in it is not shown: {}", words::not_shown(*why));
        }
        _ => {}
    }
    text
}

fn style(line: &str) -> Style {
    let colour = match line.chars().next() {
        Some('+') => AnsiColor::Green,
        Some('-') => AnsiColor::Red,
        Some('@') => AnsiColor::Cyan,
        _ => return Style::new(),
    };
    Style::new().fg_color(Some(colour.into()))
}
