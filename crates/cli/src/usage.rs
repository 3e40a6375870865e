//! A wrong command line: what is said about it, and with which code it ends.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::args::Cli;
use crate::exit::Exit;
use crate::report::Failure;

/// What was typed, or how to end: after `--help`, or after saying what is wrong.
pub(crate) fn parse(typed: &[OsString]) -> Result<Cli, Exit> {
    let error = match Cli::try_parse_from(typed) {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A reader that is gone has seen enough.
        drop(error.print());
        return Err(Exit::Done);
    }
    let exit = if is_run(typed) { Exit::REFUSED } else { Exit::Usage };
    if wants_json(typed) {
        failure(&error, exit).print_json_to_stderr();
    } else {
        drop(error.print());
    }
    Err(exit)
}

/// Whether the command is `run`, whose codes must not be taken for those of the command it runs.
fn is_run(typed: &[OsString]) -> bool {
    let matches = Cli::command().ignore_errors(true).try_get_matches_from(typed);
    matches.is_ok_and(|matches| matches.subcommand_name() == Some("run"))
}

fn wants_json(typed: &[OsString]) -> bool {
    typed.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

fn failure(error: &clap::Error, exit: Exit) -> Failure {
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("the command line is wrong");
    let mut failure = Failure::new(exit, "invalid", first.strip_prefix("error: ").unwrap_or(first));
    for tip in lines.filter_map(|line| line.strip_prefix("tip: ")) {
        failure = failure.hint(tip);
    }
    failure.hint("see `vps-configurator --help`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn run_is_recognised_wherever_the_fault_is() {
        for line in [
            "x run --bogus -- true",
            "x run",
            "x --json run",
            "x -v run --retries 0 -- true",
            "x --config f run --timeout -- true",
        ] {
            assert!(is_run(&words(line)), "{line}");
        }
        for line in ["x download run", "x --config run", "x", "x --bogus"] {
            assert!(!is_run(&words(line)), "{line}");
        }
    }

    #[test]
    fn json_after_the_dashes_is_the_commands() {
        assert!(wants_json(&words("x run --json --bogus -- true")));
        assert!(!wants_json(&words("x run --bogus -- true --json")));
    }
}
