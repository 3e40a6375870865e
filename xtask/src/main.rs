//! The workspace's own commands: `cargo xtask COMMAND`.

#![allow(clippy::disallowed_methods, reason = "the rules are for what is shipped; this starts programs")]

mod bench;
mod ci;
mod demo;
mod docs;
mod paths;
mod prepare;
mod promised;
mod screenshots;
mod simulate;
mod skipped;
mod test;
mod tidy;

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

const HELP: &str = "\
cargo xtask COMMAND

  demo [services]       flaky servers and the real binary: a plan is killed, finished, mended, done again; services:
                        retries, resume, circuit breaker; --program PATH: another binary than the one it builds
  test [--slow] [ARG]   builds everything and runs all tests; --slow adds those that use the internet; --browser
                        installs Chromium where it is missing, and fails without it
  ci [--full]           format, tidy, clippy, docs, tests, release build; --full adds what is slow: each
                        combination of features, long kill series, what the packages hold, a browser
  docs [--check]        writes what is generated in docs/: the schemas of what is printed, their table, and that
                        of the metrics
  screenshots           the pictures of the page in docs/, by Chromium, which it installs where it is missing
  tidy                  the rules of ARCHITECTURE.md that a compiler does not know
  simulate [ARG]        the simulation: --seeds N, --seed N, --replay 'LINE'
  bench [ROW]           benchmarks beside peers: breaker, retry, pipeline, alone, process, download, git, health, plan, apt
";

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]
fn main() -> ExitCode {
    if let Some(error) = without_cargos_variables() {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let outcome = match command.as_str() {
        "demo" => demo::run(&rest),
        "test" => test::run(&rest),
        "ci" => ci::run(&rest),
        "docs" => docs::run(&rest),
        "screenshots" => screenshots::run(&rest),
        "tidy" => tidy::run(),
        "simulate" => simulate::run(&rest),
        "bench" => bench::run(&rest),
        "" | "help" | "-h" | "--help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("error: there is no `cargo xtask {other}`\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `cargo run` tells us of our package by variables. A build script that looks at them would run again,
/// with all that depends on it, each time we and a person build in turn; so begin again without them.
fn without_cargos_variables() -> Option<std::io::Error> {
    let names = std::env::vars_os().map(|(name, _)| name);
    let theirs = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    let found: Vec<_> = names.filter(|name| name.to_str().is_some_and(theirs)).collect();
    if found.is_empty() {
        return None;
    }
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return Some(error),
    };
    let mut again = Command::new(program);
    again.args(std::env::args_os().skip(1));
    for name in found {
        again.env_remove(name);
    }
    Some(again.exec())
}
