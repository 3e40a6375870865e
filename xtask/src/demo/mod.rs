//! `cargo xtask demo`: the real binary against flaky servers on loopback. It prints what the binary prints, what was
//! done to it, and what was then looked at; without the binary there is nothing to show.

mod plan;
mod program;
mod server;
mod services;
mod stage;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::paths;
use program::Program;

/// `[services] [--program PATH]`: what is shown, and by which program instead of one that is built now.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let (mut show, mut built): (fn(&Program) -> Result<()>, _) = (plan::show, None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "services" => show = services::show,
            "--program" => built = Some(PathBuf::from(args.next().context("--program needs a path")?)),
            other => bail!("there is no demo `{other}`; there is `services`, and --program PATH"),
        }
    }
    let binary = built.map_or_else(build, Ok)?;
    ensure!(binary.is_file(), "the binary {} is missing", binary.display());
    // It is run in another folder.
    show(&Program::on_stage(binary.canonicalize()?)?)
}

fn build() -> Result<PathBuf> {
    let sh = Shell::new()?;
    sh.change_dir(paths::root());
    cmd!(sh, "cargo build --workspace --bins").run()?;
    Ok(paths::target().join("debug/vps-configurator"))
}

fn say(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    let space = if text.starts_with(['$', ' ']) { "" } else { "\n" };
    writeln!(stdout, "{space}{text}")?;
    stdout.flush()?;
    Ok(())
}

/// Says what holds, once it was looked at.
fn holds(is_so: bool, what: &str) -> Result<()> {
    ensure!(is_so, "this does not hold: {what}");
    say(&format!("   [checked] {what}"))
}

/// `8.0 MiB`.
fn mebibytes(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_to_a_tenth() {
        assert_eq!([0, 1 << 20, 3 << 19].map(mebibytes), ["0.0 MiB", "1.0 MiB", "1.5 MiB"]);
    }

    #[test]
    fn what_does_not_hold_ends_the_demo() {
        assert!(holds(true, "it is so").is_ok());
        assert!(holds(false, "it is not so").unwrap_err().to_string().contains("it is not so"));
    }

    #[test]
    fn a_demo_that_is_not_there_is_said_before_anything_is_built() {
        for args in [&["nothing"] as &[&str], &["--program"], &["--program", "/nowhere"]] {
            let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
            assert!(run(&args).is_err(), "{args:?}");
        }
    }
}
