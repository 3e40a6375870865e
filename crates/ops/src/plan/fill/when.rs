//! What must hold for a step.

use super::Filler;
use crate::foreign::Foreign;
use crate::plan::decode::{Field, OneOrMore};
use crate::plan::document::When;
use crate::plan::problem::ProblemKind;
use crate::plan::step::Condition;
use crate::plan::tree::Spot;

impl Filler<'_> {
    pub(super) fn when(&mut self, when: &When, spot: Spot) -> Vec<Condition> {
        let mut all = Vec::new();
        let is_empty = [
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
        if is_empty.iter().all(Option::is_none) {
            self.problems.add(spot, ProblemKind::SaysNothing);
        }
        all.extend(self.some_of(&when.os).map(Condition::Os));
        all.extend(self.some_of(&when.os_version).map(Condition::OsVersion));
        all.extend(self.some_of(&when.codename).map(Condition::Codename));
        all.extend(self.some_of(&when.arch).map(Condition::Arch));
        all.extend(when.container.get().map(|at| Condition::Container(at.value)));
        all.extend(when.root.get().map(|at| Condition::Root(at.value)));
        for (name, values) in when.var.get().into_iter().flat_map(|at| &at.value.0) {
            let Some(is) = self.variable(&name.value) else {
                let near_name = self.problems.suggest.near(&name.value, self.vars.keys().map(String::as_str));
                let kind = ProblemKind::Undefined { reference: Foreign::bounded(&name.value, 80), near_name };
                self.problems.add(name.spot, kind);
                continue;
            };
            if values.value.0.is_empty() {
                self.problems.add(values.spot, ProblemKind::EmptyList);
            }
            let any: Vec<_> = values.value.0.iter().filter_map(|value| self.text(value)).collect();
            all.push(Condition::Known(any.contains(&is)));
        }
        if let Some(at) = when.exists.get() {
            all.push(Condition::Exists(at.value.0.iter().filter_map(|path| self.path(path)).collect()));
        }
        if let Some(at) = when.missing.get() {
            all.push(Condition::Missing(at.value.0.iter().filter_map(|path| self.path(path)).collect()));
        }
        all.extend(when.not.get().map(|at| Condition::Not(self.when(&at.value, at.spot))));
        if let Some(any) = when.any.get() {
            if any.value.is_empty() {
                self.problems.add(any.spot, ProblemKind::EmptyList);
            }
            let groups = any.value.iter().map(|group| self.when(&group.value, group.spot));
            all.push(Condition::Any(groups.collect()));
        }
        all
    }

    fn variable(&self, name: &str) -> Option<String> {
        if name == "item" { self.item.clone() } else { self.vars.get(name).cloned() }
    }

    fn some_of(&mut self, field: &Field<OneOrMore>) -> Option<Vec<String>> {
        let at = field.get()?;
        if at.value.0.is_empty() {
            self.problems.add(at.spot, ProblemKind::EmptyList);
        }
        Some(self.words(&at.value.0))
    }
}
