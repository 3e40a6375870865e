//! `cargo xtask ci`: everything, in the order that shares most work.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{paths, test, tidy};

pub(crate) fn run() -> Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(paths::root());
    cmd!(sh, "cargo fmt --all --check").run()?;
    tidy::run()?;
    cmd!(sh, "cargo clippy --workspace --all-targets -- -D warnings").run()?;
    {
        let _strict = sh.push_env("RUSTDOCFLAGS", "-D warnings");
        cmd!(sh, "cargo doc --workspace --no-deps").run()?;
    }
    // The pure crates without std, and each feature on its own.
    cmd!(sh, "cargo check -p vps-breaker --no-default-features").run()?;
    cmd!(sh, "cargo check -p vps-limit --no-default-features").run()?;
    cmd!(sh, "cargo check -p vps-retry --no-default-features").run()?;
    cmd!(sh, "cargo check -p vps-configurator --no-default-features").run()?;
    test::run(&[])?;
    cmd!(sh, "cargo build --release --package vps-configurator").run()?;
    Ok(())
}
