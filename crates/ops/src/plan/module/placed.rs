//! What is wrong with the steps of modules, where it stands in the plan's text.

use std::rc::Rc;

use super::{ModuleProblem, ModuleProblemKind, Modules};
use crate::foreign::Foreign;
use crate::plan::Plan;
use crate::plan::problem::{InvalidPlan, Problem, ProblemKind};
use crate::plan::read::{Read, read};
use crate::plan::tree::{Node, Spot};

impl Modules {
    /// As [`check`](Self::check), of a plan that was read of `text`: each problem has the place and the key that it is
    /// about, as those that [`Plan::parse`] finds.
    ///
    /// # Errors
    /// Everything that is wrong with the steps of modules, in the order of the file.
    pub fn check_text(&self, plan: &Plan, text: &str) -> Result<(), InvalidPlan> {
        let found = self.check(plan);
        if found.is_empty() {
            return Ok(());
        }
        // Places are not kept in the plan: only who has a mistake in it reads it twice.
        let Read { tree, paths, .. } = read(text.strip_prefix('\u{feff}').unwrap_or(text));
        let of = |problem: ModuleProblem| {
            let mut steps = tree.iter().flat_map(|tree| tree.steps());
            let step = steps.find(|step| step.spot.place == problem.place);
            let (below_step, spot) = locate(step, &problem.kind);
            let key = step.map(|step| format!("{}.{below_step}", paths.shown(step.spot.path)));
            let own = Spot { place: problem.place, length: 1, ..Spot::default() };
            let spot = spot.unwrap_or(own);
            Problem {
                place: spot.place,
                length: spot.length.max(1),
                key: Foreign::from(key.unwrap_or_default()),
                kind: ProblemKind::Module(problem.kind),
            }
        };
        let mut problems: Vec<Problem> = found.into_iter().map(of).collect();
        problems.sort_by_key(|problem| problem.place);
        // The items of a step have the same said of them.
        problems.dedup();
        Err(InvalidPlan { problems })
    }
}

/// The key below its step, and the nearest to it that stands there.
fn locate(step: Option<&Rc<Node<'_>>>, kind: &ModuleProblemKind) -> (String, Option<Spot>) {
    let module = step.and_then(|step| step.below("module"));
    match kind {
        ModuleProblemKind::Unknown { .. } | ModuleProblemKind::DependsOn { .. } => {
            let name = module.map(|module| module.below("name").unwrap_or(module));
            ("module.name".to_owned(), name.map(|name| name.spot))
        }
        ModuleProblemKind::Values(problem) | ModuleProblemKind::Value(problem) => {
            let path = &*problem.path;
            let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
            let mut at = module.map(|module| module.below("with").unwrap_or(module));
            for segment in path.split(['.', '[', ']']).filter(|segment| !segment.is_empty()) {
                match at.and_then(|node| node.below(segment)) {
                    Some(node) => at = Some(node),
                    None => break,
                }
            }
            (format!("module.with{dot}{path}"), at.map(|node| node.spot))
        }
    }
}
