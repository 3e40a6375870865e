//! `cargo xtask test`: the README's test command.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{paths, prepare, skipped};

/// `--slow` runs what takes its time, `--browser` has what a browser sees looked at by one, which it installs.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(paths::root());
    let has = |wanted: &str| args.iter().any(|arg| arg == wanted);
    let (slow, browser) = (has("--slow"), has("--browser"));
    prepare::run(&sh, browser);
    let skipped = skipped::begin()?;
    let _skipped = sh.push_env(skipped::VARIABLE, &skipped);
    let rest: Vec<&String> = args.iter().filter(|arg| *arg != "--slow" && *arg != "--browser").collect();
    let _slow = sh.push_env("VPS_CONFIGURATOR_SLOW", if slow { "1" } else { "0" });
    // The command-line tests run the binary; with --workspace it shares every artefact with the tests.
    cmd!(sh, "cargo build --workspace --bins").run()?;
    let tested = cmd!(sh, "cargo test --workspace {rest...}").run();
    // Also where something failed: it may be why.
    let all_ran = skipped::end(&skipped, browser);
    tested?;
    all_ran
}
