//! From a text to a plan.

use std::path::PathBuf;

use super::below;
use super::decode::{At, Decode as _, Problems};
use super::document::{Document, Steps};
use super::facts::Facts;
use super::fill::{Filled, Filler};
use super::gates;
use super::order;
use super::problem::{Hint, InvalidPlan, Problem, ProblemKind};
use super::read::{Read, read};
use super::step::{Place, Plan};
use super::tree::{Paths, Spot};
use crate::foreign::Foreign;

/// Where a plan's text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file; nothing where it came from standard input.
    pub path: Option<PathBuf>,
    /// The folder that relative paths start at; absolute.
    pub folder: PathBuf,
}

impl Plan {
    /// Reads a plan, checks all of it and fills it in for this machine. `modules` are the names of those that can be
    /// used.
    ///
    /// ```
    /// use vps_ops::plan::{Facts, Origin, Plan};
    ///
    /// let origin = Origin { path: None, folder: "/srv".into() };
    /// let text = "version: 1\nsteps: [{id: tools, packages: [curl, jq]}]";
    /// let (plan, hints) = Plan::parse(text, &origin, &Facts::default(), &[])?;
    /// assert_eq!((plan.steps.len(), hints.len()), (1, 0));
    ///
    /// let text = "version: 1\nsteps:\n  - id: tools\n    pakages: [curl]";
    /// let invalid = Plan::parse(text, &origin, &Facts::default(), &[]).unwrap_err();
    /// let said = invalid.problems[0].to_string();
    /// assert_eq!(said, "4:5: steps[0].pakages: there is no key `pakages` here; did you mean `packages`?");
    /// # Ok::<_, vps_ops::plan::InvalidPlan>(())
    /// ```
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn parse(
        text: &str,
        origin: &Origin,
        facts: &Facts,
        modules: &[&str],
    ) -> Result<(Self, Vec<Hint>), InvalidPlan> {
        // A mark of the order of bytes, as some editors write.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let Read { tree, paths, problems: found } = read(text);
        let mut problems = Problems { found, ..Problems::default() };
        let read = tree.and_then(|tree| Some((At::<Document>::decode(&tree, &mut problems)?, tree)));
        let Some((document, tree)) = read else { return Err(invalid(problems, &paths)) };
        let mut filler = Filler::new(&mut problems, &origin.folder, facts, modules);
        let Filled { name, secrets, drafts, wrong, loose } =
            filler.fill(&document.value, tree.into_items_of(Steps::KEY));
        let mut hints = std::mem::take(&mut filler.hints);
        let spots: Vec<Spot> = drafts.written.iter().map(|written| written.spot).collect();
        let steps = order::ordered(drafts, &loose, wrong, &mut problems);
        if !problems.found.is_empty() {
            return Err(invalid(problems, &paths));
        }
        for (index, kind) in below::hints(&steps).into_iter().chain(gates::hints(&steps)) {
            hints.extend(spots.get(index).map(|spot| (*spot, kind)));
        }
        let path_name = || match &origin.path {
            Some(path) => path.display().to_string(),
            None => "-".to_owned(),
        };
        let mut plan = Self::new(name.unwrap_or_else(path_name), &origin.folder, steps);
        plan.path.clone_from(&origin.path);
        plan.secrets = secrets;
        plan.facts = facts.clone();
        hints.sort_by_key(|(spot, _)| spot.place);
        // A step's items have the same said of them.
        hints.dedup();
        let hints = hints.into_iter().map(|(spot, kind)| Hint {
            place: spot.place,
            length: spot.length,
            key: Foreign::from(paths.shown(spot.path)),
            kind,
        });
        Ok((plan, hints.collect()))
    }
}

fn invalid(problems: Problems, paths: &Paths<'_>) -> InvalidPlan {
    let mut found = problems.found;
    found.sort_by_key(|(spot, _)| spot.place);
    found.dedup();
    let problems = found.into_iter().map(|(spot, kind)| Problem {
        place: if spot.place == Place::default() { Place { line: 1, column: 1 } } else { spot.place },
        length: spot.length.max(1),
        key: Foreign::from(paths.shown(spot.path)),
        kind,
    });
    InvalidPlan { problems: problems.collect() }
}

impl InvalidPlan {
    /// The one problem of a text that cannot be read at all, at its begin.
    #[must_use]
    pub fn unreadable(kind: ProblemKind) -> Self {
        let place = Place { line: 1, column: 1 };
        Self { problems: vec![Problem { place, length: 1, key: Foreign::default(), kind }] }
    }
}
