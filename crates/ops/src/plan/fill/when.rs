//! What must hold for a step.

use std::path::PathBuf;

use super::{Filler, ITEM};
use crate::foreign::Foreign;
use crate::plan::decode::{At, Field, OneOrMore};
use crate::plan::document::When;
use crate::plan::problem::ProblemKind;
use crate::plan::step::Condition;
use crate::plan::tree::Spot;

impl Filler<'_> {
    pub(super) fn when(&mut self, when: &When, spot: Spot) -> Vec<Condition> {
        let mut all = Vec::new();
        let keys = [
            when.os.key(),
            when.os_version.key(),
            when.codename.key(),
            when.arch.key(),
            when.container.key(),
            when.root.key(),
            when.var.key(),
            when.exists.key(),
            when.missing.key(),
            when.not.key(),
            when.any.key(),
        ];
        if when.meant.is_empty() && keys.iter().all(Option::is_none) {
            self.problems.add(spot, ProblemKind::SaysNothing);
        }
        all.extend(self.some_of(&when.os).map(Condition::Os));
        all.extend(self.some_of(&when.os_version).map(Condition::OsVersion));
        all.extend(self.some_of(&when.codename).map(Condition::Codename));
        all.extend(self.some_of(&when.arch).map(Condition::Arch));
        all.extend(when.container.get().map(|at| Condition::Container(at.value)));
        all.extend(when.root.get().map(|at| Condition::Root(at.value)));
        if let Some(vars) = when.var.get() {
            if vars.value.0.is_empty() {
                self.problems.add(vars.spot, ProblemKind::SaysNothing);
            }
            for (name, values) in &vars.value.0 {
                all.extend(self.variable_is(name, values.as_ref()));
            }
        }
        all.extend(self.paths(&when.exists).map(Condition::Exists));
        all.extend(self.paths(&when.missing).map(Condition::Missing));
        all.extend(when.not.get().map(|at| Condition::Not(self.when(&at.value, at.spot))));
        if let Some(any) = when.any.get() {
            let groups = self.items(any).iter().map(|group| self.when(&group.value, group.spot));
            all.push(Condition::Any(groups.collect()));
        }
        all
    }

    fn variable_is(&mut self, name: &At<String>, values: Option<&At<OneOrMore>>) -> Option<Condition> {
        let is = if name.value == ITEM { self.item.clone() } else { self.vars.get(&name.value).cloned() };
        if is.is_none() && !self.wrong_names.contains(&name.value) {
            let near_name = self.problems.suggest.near(&name.value, self.vars.keys().map(String::as_str));
            let kind = ProblemKind::Undefined { reference: Foreign::bounded(&name.value, 80), near_name };
            self.problems.add(name.spot, kind);
        }
        let any: Vec<_> = self.items(values?).iter().filter_map(|value| self.text(value)).collect();
        Some(Condition::Known(any.contains(&is?)))
    }

    fn some_of(&mut self, field: &Field<OneOrMore>) -> Option<Vec<String>> {
        let list = self.items(field.get()?);
        Some(self.words(list))
    }

    fn paths(&mut self, field: &Field<OneOrMore>) -> Option<Vec<PathBuf>> {
        let list = self.items(field.get()?);
        Some(list.iter().filter_map(|path| self.path(path)).collect())
    }
}
