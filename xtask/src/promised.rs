//! The tests that SECURITY.md promises are there.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};

use crate::tidy::files;

/// Names each test of the table that nobody wrote.
pub(crate) fn promised_tests(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    let text = std::fs::read_to_string(root.join("SECURITY.md")).context("SECURITY.md")?;
    let mut missing = promised(&text);
    if missing.is_empty() {
        faults.push("SECURITY.md: its table of promises names no test".to_owned());
    }
    for folder in ["crates", "tests"] {
        for file in files(&root.join(folder))? {
            let code = std::fs::read_to_string(&file)?;
            missing.retain(|test| !code.contains(&format!("fn {test}(")));
        }
    }
    faults.extend(missing.iter().map(|test| format!("SECURITY.md: there is no test `{test}`")));
    Ok(())
}

/// What the last column of its tables has between backticks.
fn promised(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.ends_with(" |"));
    let tests = rows.filter_map(|row| row.trim_end_matches(" |").rsplit(" | ").next());
    let names = tests.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.filter(|name| is_test(name)).map(str::to_owned).collect()
}

fn is_test(name: &str) -> bool {
    name.matches('_').count() > 2 && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tests_of_the_last_column_are_promised() {
        let table = "| a | `b_is_not_a_test_here` | `it_is_a_test`, `src/file.rs` |\n`it_is_no_row`\n";
        assert_eq!(promised(table), BTreeSet::from(["it_is_a_test".to_owned()]));
    }
}
