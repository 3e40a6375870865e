//! `cargo xtask docs`: what is generated in `docs/`.

use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

use crate::paths;

/// Tests of the program hold the files against its types, its list of metrics, its dashboard and its page, and write them
/// where this says so: only there are the schemas built in.
const VARIABLE: &str = "VPS_CONFIGURATOR_DOCS";

pub(crate) fn run(args: &[String]) -> Result<()> {
    ensure!(args.iter().all(|arg| arg == "--check"), "docs takes --check and nothing else");
    let sh = Shell::new()?;
    sh.change_dir(paths::root());
    let _what = sh.push_env(VARIABLE, if args.is_empty() { "write" } else { "check" });
    // With --workspace it shares every artefact with the tests.
    cmd!(
        sh,
        "cargo test --workspace --lib -- report::schemas metrics::published tui::published web::published"
    )
    .run()?;
    Ok(())
}
