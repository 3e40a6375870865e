//! `cargo xtask bench`: the benchmarks beside peers, a package of its own so that nobody else builds
//! the peers.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::paths;

pub(crate) fn run(rows: &[String]) -> Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(paths::root());
    if rows.is_empty() || rows.iter().any(|row| ["download", "git", "process"].contains(&row.as_str())) {
        cmd!(sh, "cargo build --release --package vps-configurator").run()?;
    }
    let target = paths::target();
    cmd!(
        sh,
        "cargo run --release --manifest-path benches/Cargo.toml --target-dir {target}/benches -- {rows...}"
    )
    .run()?;
    Ok(())
}
