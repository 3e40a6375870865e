//! `plan check`, `show`, `status`, `forget`, `schema`, `new`.

mod excerpt;
mod known;
pub(crate) mod read;
mod schema;
mod show;
pub(crate) mod stream;

use std::fmt::Write as _;
use std::path::Path;

use vps_ops::env::fs::Care;
use vps_ops::foreign::shown;

use crate::app::App;
use crate::args::PlanCommand;
use crate::exit::Exit;
use crate::report::{Failure, document, file, print, print_bytes, print_json};

const STARTER: &str = include_str!("plan/starter.yaml");

pub(crate) async fn run(app: &App, command: &PlanCommand) -> Result<Exit, Failure> {
    match command {
        PlanCommand::Check { plan } => check(app, plan).await,
        PlanCommand::Show { plan } => show::run(app, plan).await,
        PlanCommand::Status { plan } => known::status(app, plan).await,
        PlanCommand::Forget(args) => known::forget(app, args).await,
        PlanCommand::Schema => print_bytes(schema::of(&app.modules).as_bytes()),
        PlanCommand::New { file } => new(app, file),
    }
}

async fn check(app: &App, path: &Path) -> Result<Exit, Failure> {
    let read = read::read(app, path).await?;
    let steps = read.plan.steps.len();
    if app.global.json {
        let hints = read.hints.iter().map(|hint| document::PlanHint {
            line: hint.place.line,
            column: hint.place.column,
            key: hint.key.to_string(),
            message: hint.kind.to_string(),
        });
        return print_json(&document::PlanCheck {
            valid: true,
            name: read.plan.name.clone(),
            steps,
            hints: hints.collect(),
        });
    }
    let plural = if steps == 1 { "" } else { "s" };
    let mut text = format!("the plan is valid: {steps} step{plural}\n");
    let lines: Vec<&str> = read.text.lines().collect();
    for hint in &read.hints {
        let excerpt = excerpt::of(&lines, hint.place, hint.length);
        // Writing to memory does not fail.
        let _ = writeln!(text, "\nhint: {}:{hint}\n{excerpt}", read.shown);
    }
    print(&text)
}

fn new(app: &App, path: &Path) -> Result<Exit, Failure> {
    if let Err(error) = file::create(&app.env, path, Care::Way, STARTER.as_bytes()) {
        let failure = Failure::local(format!("the plan {} cannot be made", shown(path)));
        let failure = Failure { causes: vec![error.to_string()], ..failure };
        return Err(if error.kind() == std::io::ErrorKind::AlreadyExists {
            failure.hint("it is left as it is; name another file")
        } else {
            failure
        });
    }
    if app.global.json {
        return print_json(&document::PlanNew { path: path.display().to_string() });
    }
    print(&format!("{}\n", shown(path)))
}

#[cfg(test)]
mod tests {
    use vps_ops::plan::{Facts, Origin, Plan};

    use super::*;

    #[test]
    fn the_plan_to_begin_with_is_one_and_all_that_is_commented_out_is_too() {
        let origin = Origin { path: None, folder: "/srv".into() };
        let steps = |text: &str| match Plan::parse(text, &origin, &Facts::default(), &[]) {
            Ok((plan, hints)) => {
                assert_eq!(hints, []);
                plan.steps.len()
            }
            Err(invalid) => panic!("{:#?}\n{text}", invalid.problems),
        };
        assert_eq!(steps(STARTER), 2);
        let whole: String =
            STARTER.lines().map(|line| format!("{}\n", line.strip_prefix("#| ").unwrap_or(line))).collect();
        assert_eq!(steps(&whole), 8);
        assert!(STARTER.starts_with("# yaml-language-server: $schema="));
        assert!(STARTER.contains("\n# $schema: "));
    }
}
