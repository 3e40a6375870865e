//! `cargo xtask test`: the README's test command.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{paths, prepare, skipped};

pub(crate) fn run(args: &[String]) -> Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(paths::root());
    prepare::run(&sh);
    let skipped = skipped::begin()?;
    let _skipped = sh.push_env(skipped::VARIABLE, &skipped);
    let slow = args.iter().any(|arg| arg == "--slow");
    let rest: Vec<&String> = args.iter().filter(|arg| *arg != "--slow").collect();
    let _slow = sh.push_env("VPS_CONFIGURATOR_SLOW", if slow { "1" } else { "0" });
    // The command-line tests run the binary; with --workspace it shares every artefact with the tests.
    cmd!(sh, "cargo build --workspace --bins").run()?;
    let tested = cmd!(sh, "cargo test --workspace {rest...}").run();
    // Also where something failed: it may be why.
    let all_ran = skipped::end(&skipped);
    tested?;
    all_ran
}
