//! `cargo xtask ci`: everything, in the order that shares most work.

use std::path::Path;

use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

use crate::{docs, paths, test, tidy};

/// What is shipped, with the features whose every choice must build.
const FEATURES: [(&str, &[&str]); 6] = [
    ("vps-breaker", &["std", "serde", "tower"]),
    ("vps-limit", &["std"]),
    ("vps-health", &["std", "serde"]),
    ("vps-retry", &["std", "serde"]),
    ("vps-ops", &["git", "testing"]),
    ("vps-configurator", &["git", "tui", "web"]),
];

pub(crate) fn run(args: &[String]) -> Result<()> {
    ensure!(args.iter().all(|arg| arg == "--full"), "ci takes --full and nothing else");
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
    cmd!(sh, "cargo check -p vps-health --no-default-features").run()?;
    // Where a feature is off, what only it uses must be off too.
    cmd!(sh, "cargo clippy -p vps-configurator --no-default-features -- -D warnings").run()?;
    docs::run(&["--check".to_owned()])?;
    let full = args.iter().any(|arg| arg == "--full");
    // The long series of kills are among the slow ones.
    let slow_too = ["--slow".to_owned(), "--browser".to_owned()];
    test::run(if full { &slow_too } else { &[] })?;
    cmd!(sh, "cargo build --release --package vps-configurator").run()?;
    if full { slow(&sh) } else { Ok(()) }
}

/// A folder with scripts that are given the program and end with 0 where it is right, 77 or 9 where they cannot run.
const CASES: &str = "VPS_CONFIGURATOR_CASES";

/// What takes longer than a change may wait.
fn slow(sh: &Shell) -> Result<()> {
    cases(sh)?;
    cmd!(sh, "cargo test --package tests --test fuzz").env("VPS_CONFIGURATOR_FUZZ", "4000").run()?;
    for (package, features) in FEATURES {
        for chosen in subsets(features) {
            let chosen = chosen.join(",");
            let choice = ["--no-default-features", "--features", &chosen];
            cmd!(sh, "cargo clippy --package {package} {choice...} -- -D warnings").run()?;
        }
    }
    for (package, _) in FEATURES {
        let files = cmd!(sh, "cargo package --package {package} --list --allow-dirty").read()?;
        for needed in ["Cargo.toml", "src/"] {
            ensure!(
                files.lines().any(|file| file.starts_with(needed)),
                "{package} is packaged without {needed}"
            );
        }
        let strange = files.lines().find(|file| file.starts_with("target/") || file.ends_with(".db"));
        ensure!(strange.is_none(), "{package} is packaged with {strange:?}");
    }
    Ok(())
}

/// Runs the scripts of the folder that the environment names, one after the other, and says which are not right.
#[expect(clippy::print_stderr, reason = "this is a command line")]
fn cases(sh: &Shell) -> Result<()> {
    let Some(folder) = std::env::var_os(CASES) else {
        eprintln!("no cases were run: {CASES} names no folder of them");
        return Ok(());
    };
    let program = paths::root().join("target/release/vps-configurator");
    let mut wrong = Vec::new();
    for script in paths::files(Path::new(&folder))? {
        let runner = match script.extension().and_then(|ending| ending.to_str()) {
            Some("py") => "python3",
            Some("sh") => "bash",
            _ => continue,
        };
        // What begins so is a part of others.
        if script.file_name().is_some_and(|name| name.to_string_lossy().starts_with('_')) {
            continue;
        }
        let ended =
            cmd!(sh, "{runner} {script} {program}").quiet().ignore_stdout().ignore_status().output()?;
        eprintln!("{:?} {}", ended.status.code(), script.display());
        if !matches!(ended.status.code(), Some(0 | 9 | 77)) {
            wrong.push(script);
        }
    }
    ensure!(wrong.is_empty(), "not right: {wrong:?}");
    Ok(())
}

/// Every choice of some of them, the empty one included.
fn subsets<'f>(features: &[&'f str]) -> Vec<Vec<&'f str>> {
    features.iter().fold(vec![Vec::new()], |all, feature| {
        let with = all.iter().map(|chosen| [chosen.as_slice(), &[*feature]].concat());
        all.iter().cloned().chain(with.collect::<Vec<_>>()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_choice_is_made_once() {
        assert_eq!(subsets(&["a", "b"]), [vec![], vec!["a"], vec!["b"], vec!["a", "b"]]);
    }
}
