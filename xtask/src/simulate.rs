//! `cargo xtask simulate`: the simulation with more seeds, one seed, or a line it printed.

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::paths;

pub(crate) fn run(args: &[String]) -> Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(paths::root());
    let mut args = args.iter();
    let mut environment = Vec::new();
    while let Some(arg) = args.next() {
        let name = match arg.as_str() {
            "--seeds" => "VPS_SIM_SEEDS",
            "--seed" => "VPS_SIM_SEED",
            "--replay" => "VPS_SIM_REPLAY",
            other => bail!("there is no option `{other}`; there are --seeds N, --seed N and --replay 'LINE'"),
        };
        let value = args.next().with_context(|| format!("{arg} needs a value"))?;
        environment.push(sh.push_env(name, value));
    }
    // Without options everything, the planted mistakes too; else the worlds that were asked for.
    let only = (!environment.is_empty()).then_some("every_world_keeps_the_laws");
    cmd!(sh, "cargo test --workspace --test network_failure_simulation -- --nocapture {only...}").run()?;
    drop(environment);
    Ok(())
}
