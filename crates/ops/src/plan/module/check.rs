//! What is wrong with the steps of modules, before anything runs.

use serde::Serialize;
use thiserror::Error;

use super::{Modules, Problem, Problems};
use crate::foreign::Foreign;
use crate::plan::{Action, ModuleAction, Place, Plan, StepId};

/// Something that is wrong with a step of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ModuleProblem {
    /// Which step.
    pub step: StepId,
    /// Where it stands.
    pub place: Place,
    /// What is wrong with it.
    pub kind: ModuleProblemKind,
}

/// What is wrong with a step of a module.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ModuleProblemKind {
    /// There is no module of this name.
    #[error("there is no module `{module}`")]
    Unknown {
        /// Which.
        module: Foreign,
    },
    /// One of its values is none that the module can have.
    #[error("{}", .0.what)]
    Values(Problem),
    /// The module does not take this value.
    #[error("{}", .0.what)]
    Value(Problem),
    /// It needs a step of this module above it, and there is none.
    #[error("it needs a step of the module `{module}` above it")]
    DependsOn {
        /// Which.
        module: Foreign,
    },
}

impl Modules {
    /// Everything that is wrong with the steps of modules of a plan, in its order. Nothing is asked of the machine.
    #[must_use]
    pub fn check(&self, plan: &Plan) -> Vec<ModuleProblem> {
        let mut problems = Vec::new();
        let mut above: Vec<&str> = Vec::new();
        for step in &plan.steps {
            let Action::Module(action) = &step.action else { continue };
            let found = self.check_one(action, &above);
            let of = |kind| ModuleProblem { step: step.id.clone(), place: step.place, kind };
            problems.extend(found.into_iter().map(of));
            above.push(&action.name);
        }
        problems
    }

    fn check_one(&self, action: &ModuleAction, above: &[&str]) -> Vec<ModuleProblemKind> {
        let module = match self.make(&action.name, &action.with) {
            None => return vec![ModuleProblemKind::Unknown { module: action.name.as_str().into() }],
            Some(Err(problem)) => return vec![ModuleProblemKind::Values(problem)],
            Some(Ok(module)) => module,
        };
        let mut problems = Problems::default();
        module.validate(&mut problems);
        let mut found: Vec<_> = problems.iter().cloned().map(ModuleProblemKind::Value).collect();
        let depends = self.meta(&action.name).map(|meta| meta.depends_on.as_slice()).unwrap_or_default();
        let lacking = depends.iter().filter(|name| !above.contains(&name.as_str()));
        found.extend(lacking.map(|name| ModuleProblemKind::DependsOn { module: name.as_str().into() }));
        found
    }
}
