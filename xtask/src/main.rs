//! The workspace's own commands: `cargo xtask COMMAND`.

#![allow(clippy::disallowed_methods, reason = "the rules are for what is shipped; this starts programs")]

mod bench;
mod ci;
mod demo;
mod paths;
mod prepare;
mod simulate;
mod test;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  demo                  a flaky server and the real binary: retries, resume, circuit breaker
  test [--slow] [ARG]   builds everything and runs all tests; --slow adds those that use the internet
  ci                    format, tidy, clippy, docs, tests, release build
  tidy                  the rules of ARCHITECTURE.md that a compiler does not know
  simulate [ARG]        the simulation: --seeds N, --seed N, --replay 'LINE'
  bench [ROW]           benchmarks beside peers: breaker, retry, pipeline, alone, process, download
";

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]
fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let outcome = match command.as_str() {
        "demo" => demo::run(),
        "test" => test::run(&rest),
        "ci" => ci::run(),
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
