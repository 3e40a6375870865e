//! What apt-get would do, from the words and files of `install -V --print-uris`.

use super::uris::archives;
use crate::apt::facts::{Change, InvalidPlan, PackageSpec, Plan};

/// The lists that packages stand in, by the line before them: as apt-get says it, and as apt 3 does.
const HEADINGS: [(&str, List); 8] = [
    ("The following NEW packages will be installed:", List::Installed),
    ("The following packages will be upgraded:", List::Upgraded),
    ("The following packages will be DOWNGRADED:", List::Downgraded),
    ("The following packages will be REMOVED:", List::Removed),
    ("Installing:", List::Installed),
    ("Upgrading:", List::Upgraded),
    ("DOWNGRADING:", List::Downgraded),
    ("REMOVING:", List::Removed),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Installed,
    Upgraded,
    Downgraded,
    Removed,
}

impl Plan {
    /// Reads what apt-get printed.
    ///
    /// # Errors
    /// [`InvalidPlan`] for a file that cannot be trusted.
    pub fn parse(text: &str) -> Result<Self, InvalidPlan> {
        let mut plan = Self { archives: archives(text)?, ..Self::default() };
        let mut list = None;
        for line in text.lines() {
            if !line.starts_with(' ') {
                list =
                    HEADINGS.iter().find(|(heading, _)| *heading == line.trim_end()).map(|(_, list)| *list);
                // apt 3 lists dependencies apart; for us they are as new as the others.
                if line.trim_end() == "Installing dependencies:" {
                    list = Some(List::Installed);
                }
                continue;
            }
            let Some((list, change)) = list.zip(change(line)) else { continue };
            match list {
                List::Installed => &mut plan.installed,
                List::Upgraded => &mut plan.upgraded,
                List::Downgraded => &mut plan.downgraded,
                List::Removed => &mut plan.removed,
            }
            .push(change);
        }
        for removed in &mut plan.removed {
            removed.from = removed.from.take().or(removed.to.take());
        }
        Ok(plan)
    }
}

/// Whether apt-get knows a package of this very name: it is in its `plan`, or `said` to be there.
pub(in crate::apt) fn is_called(name: &str, plan: &Plan, said: &str) -> bool {
    let there = format!("{name} is already the newest version");
    plan.names(name) || said.lines().any(|line| line.starts_with(&there))
}

/// Whether apt-get would bring the very version that `spec` asks for, or has it.
pub(in crate::apt) fn is_had(spec: &PackageSpec, plan: &Plan, said: &str) -> bool {
    let is_it = |change: &&Change| {
        let (name, arch) = change.name.split_once(':').map_or((&*change.name, None), |(n, a)| (n, Some(a)));
        name == spec.name() && spec.arch().is_none_or(|wanted| arch.is_none_or(|arch| arch == wanted))
    };
    match plan.coming().find(is_it) {
        Some(change) => change.to.as_deref().is_some_and(|version| spec.accepts(version)),
        None => said.lines().any(|line| {
            line.strip_prefix(spec.name()).is_some_and(|rest| rest.contains("is already the newest version"))
        }),
    }
}

/// `   name (1.0)`, `   name (1.0 => 2.0)`, and of one to be removed with its files `   name* (1.0)`.
fn change(line: &str) -> Option<Change> {
    let line = line.trim();
    let (name, versions) =
        line.split_once(" (").map_or((line, None), |(name, rest)| (name, rest.strip_suffix(')')));
    let name = name.trim_end_matches('*');
    if name.is_empty() || name.contains(char::is_whitespace) {
        return None;
    }
    let (from, to) = match versions.map(|versions| versions.split_once(" => ").ok_or(versions)) {
        Some(Ok((from, to))) => (Some(from.to_owned()), Some(to.to_owned())),
        Some(Err(version)) => (None, Some(version.to_owned())),
        None => (None, None),
    };
    Some(Change { name: name.to_owned(), from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = "Reading package lists...\nBuilding dependency tree...\n\
        The following additional packages will be installed:\n   libssl-dev (3.0.20)\n\
        Suggested packages:\n   libssl-doc (3.0.20)\n\
        The following packages will be REMOVED:\n   old* (1.0)\n\
        The following NEW packages will be installed:\n   tree (2.1.0-1)\n\
        The following packages will be upgraded:\n   libssl-dev (3.0.19 => 3.0.20)\n   openssl (3.0.19 => 3.0.20)\n\
        The following packages will be DOWNGRADED:\n   down (2 => 1)\n\
        2 upgraded, 1 newly installed, 1 downgraded, 1 to remove and 76 not upgraded.\n\
        Need to get 6272 kB of archives.\n";

    #[test]
    fn each_list_is_read_and_suggestions_are_not() {
        let plan = Plan::parse(WORDS).unwrap();
        let names = |changes: &[Change]| changes.iter().map(|c| c.name.clone()).collect::<Vec<_>>().join(" ");
        assert_eq!(names(&plan.installed), "tree");
        assert_eq!(names(&plan.upgraded), "libssl-dev openssl");
        assert_eq!(names(&plan.downgraded), "down");
        assert_eq!(plan.removed, [Change { name: "old".into(), from: Some("1.0".into()), to: None }]);
        assert_eq!(plan.upgraded[0].from.as_deref(), Some("3.0.19"));
        assert_eq!(plan.changes(), 5);
    }

    #[test]
    fn a_version_that_ends_in_a_plus_is_that_version() {
        let had =
            |spec: &str, words: &str| is_had(&spec.parse().unwrap(), &Plan::parse(words).unwrap(), words);
        let new =
            |version: &str| format!("The following NEW packages will be installed:\n   aa ({version})\n");
        assert!(had("aa=1.0+", &new("1.0+")));
        assert!(!had("aa=1.0+", &new("1.0")), "apt-get dropped the `+`");
        assert!(had("aa=1.0+", "aa is already the newest version (1.0+).\n"));
        assert!(!had("aa=1.0+", ""));
    }

    #[test]
    fn nothing_to_do_is_an_empty_plan() {
        let plan =
            Plan::parse("curl is already the newest version (7.88).\n0 upgraded, 0 newly installed.\n");
        assert!(plan.unwrap().is_empty());
    }
}
