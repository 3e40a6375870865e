//! What is wrong with the steps of modules, where it stands in the plan's text.

use std::rc::Rc;

use super::{ModuleProblem, ModuleProblemKind, Modules};
use crate::foreign::Foreign;
use crate::plan::problem::{InvalidPlan, Problem, ProblemKind};
use crate::plan::read::{Read, read};
use crate::plan::tree::{Node, Spot, Value};
use crate::plan::{Place, Plan};

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
        let steps = tree.as_ref().and_then(|tree| below(tree, "steps"));
        let of = |problem: ModuleProblem| {
            let step = steps.and_then(|steps| step_at(steps, problem.place));
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

fn below<'n, 't>(node: &'n Node<'t>, segment: &str) -> Option<&'n Rc<Node<'t>>> {
    match &node.value {
        Value::Map(entries) => entries.iter().find(|(key, _)| key.text == segment).map(|(_, node)| node),
        Value::List(items) => items.get(segment.parse::<usize>().ok()?),
        Value::Scalar(_) => None,
    }
}

fn step_at<'n, 't>(steps: &'n Node<'t>, place: Place) -> Option<&'n Rc<Node<'t>>> {
    match &steps.value {
        Value::List(items) => items.iter().find(|item| item.spot.place == place),
        _ => None,
    }
}

/// The key below its step, and the nearest to it that stands there.
fn locate(step: Option<&Rc<Node<'_>>>, kind: &ModuleProblemKind) -> (String, Option<Spot>) {
    let module = step.and_then(|step| below(step, "module"));
    match kind {
        ModuleProblemKind::Unknown { .. } | ModuleProblemKind::DependsOn { .. } => {
            let name = module.map(|module| below(module, "name").unwrap_or(module));
            ("module.name".to_owned(), name.map(|name| name.spot))
        }
        ModuleProblemKind::Values(problem) | ModuleProblemKind::Value(problem) => {
            let path = &*problem.path;
            let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
            let mut at = module.map(|module| below(module, "with").unwrap_or(module));
            for segment in path.split(['.', '[', ']']).filter(|segment| !segment.is_empty()) {
                match at.and_then(|node| below(node, segment)) {
                    Some(node) => at = Some(node),
                    None => break,
                }
            }
            (format!("module.with{dot}{path}"), at.map(|node| node.spot))
        }
    }
}
