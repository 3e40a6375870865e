//! `cargo xtask bench`: the benchmarks beside peers, a package of its own so that nobody else builds
//! the peers.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::paths;

pub(crate) fn run(rows: &[String]) -> Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(paths::root());
    let wanted = |name: &str| rows.is_empty() || rows.iter().any(|row| row == name);
    if ["download", "git", "process", "health", "plan", "apt"].into_iter().any(wanted) {
        cmd!(sh, "cargo build --release --package vps-configurator").run()?;
    }
    let others: Vec<_> = rows.iter().take_while(|row| *row != "apt").collect();
    if rows.is_empty() || !others.is_empty() {
        let target = paths::target();
        cmd!(
            sh,
            "cargo run --release --manifest-path benches/Cargo.toml --target-dir {target}/benches -- {others...}"
        )
        .run()?;
    }
    if wanted("apt") {
        apt(&sh, rows)?;
    }
    Ok(())
}

/// Beside apt-get itself: in the tests' own roots, so it is part of the tests' package. Words after `apt`
/// are the conditions wanted.
fn apt(sh: &Shell, rows: &[String]) -> Result<()> {
    let conditions: Vec<_> = rows.iter().skip_while(|row| *row != "apt").skip(1).collect();
    cmd!(sh, "cargo test --workspace --bench apt_beside_apt_get -- apt {conditions...}").run()?;
    Ok(())
}
