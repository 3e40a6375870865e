//! What of a step's conditions is known before its turn comes.

use super::facts::Facts;
use super::step::{Condition, Step};

impl Condition {
    /// Whether it holds on a machine of which these facts are known; nothing where paths are still to be asked for.
    ///
    /// ```
    /// use vps_ops::plan::{Condition, Facts};
    ///
    /// let facts = Facts::default();
    /// assert_eq!(Condition::Root(true).known(&facts), Some(false));
    /// assert_eq!(Condition::Exists(vec!["/a".into()]).known(&facts), None);
    /// // Whatever there is at the path.
    /// let both = Condition::Not(vec![Condition::Root(true), Condition::Exists(vec!["/a".into()])]);
    /// assert_eq!(both.known(&facts), Some(true));
    /// ```
    #[must_use]
    pub fn known(&self, facts: &Facts) -> Option<bool> {
        let one_of = |values: &[String], is: &str| Some(values.iter().any(|value| value == is));
        match self {
            Self::Os(values) => one_of(values, &facts.os),
            Self::OsVersion(values) => one_of(values, &facts.os_version),
            Self::Codename(values) => one_of(values, &facts.codename),
            Self::Arch(values) => one_of(values, &facts.arch),
            Self::Container(is) => Some(*is == facts.container),
            Self::Root(is) => Some(*is == facts.root),
            Self::Known(holds) => Some(*holds),
            Self::Exists(_) | Self::Missing(_) => None,
            Self::Not(all) => all_known(all, facts).map(|holds| !holds),
            Self::Any(groups) => {
                let known: Vec<Option<bool>> = groups.iter().map(|group| all_known(group, facts)).collect();
                match known.contains(&Some(true)) {
                    true => Some(true),
                    false if known.contains(&None) => None,
                    false => Some(false),
                }
            }
        }
    }
}

impl Step {
    /// Whether it is to be done on a machine of which these facts are known; nothing where paths are still to be asked
    /// for.
    #[must_use]
    pub fn is_wanted(&self, facts: &Facts) -> Option<bool> {
        all_known(&self.when, facts)
    }
}

fn all_known(all: &[Condition], facts: &Facts) -> Option<bool> {
    let known: Vec<Option<bool>> = all.iter().map(|condition| condition.known(facts)).collect();
    match known.contains(&Some(false)) {
        true => Some(false),
        false if known.contains(&None) => None,
        false => Some(true),
    }
}
