//! A wrong command line: what is said about it, and with which code it ends.

mod apart;

use std::ffi::OsString;
use std::io::Write;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use vps_ops::Kind;
use vps_ops::foreign::escaped;
use vps_ops::http::safe_word;

use self::apart::Apart;
use crate::args::Cli;
use crate::config::Environment;
use crate::exit::Exit;
use crate::program;
use crate::report::{Failure, not_printed};

/// What was typed, or how to end: after `--help`, or after saying what is wrong.
pub(crate) fn parse(typed: &[OsString]) -> Result<Cli, Exit> {
    if let Some(mut group) = bare(typed) {
        drop(write!(anstream::stderr(), "{}", group.render_help().ansi()));
        return Err(Exit::Usage);
    }
    let error = match Cli::try_parse_from(typed) {
        Ok(_) if names_no_file(typed) => return Err(no_file(typed)),
        Ok(cli) => return not_apart(typed).map(|()| cli),
        Err(error) => error,
    };
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Err(print(&error).unwrap_or_else(|failure| {
            tell(typed, &failure);
            if is_run(typed) { Exit::REFUSED } else { failure.exit }
        }));
    }
    not_apart(typed)?;
    let is_run = is_run(typed);
    let variable = Environment::read().log_format;
    let of_variable = is_of_variable(&error, variable.as_deref());
    let exit = match (is_run, of_variable) {
        (true, _) => Exit::REFUSED,
        (false, true) => Exit::Config,
        (false, false) => Exit::Usage,
    };
    let tip = match (is_run, of_variable) {
        (_, true) => {
            Some("the value is that of the environment variable VPS_CONFIGURATOR_LOG_FORMAT".to_owned())
        }
        (true, false) => forgotten_dashes(&error).map(|tip| without_secrets(&tip, typed)),
        (false, false) => None,
    };
    if is_silent(typed) {
        return Err(exit);
    }
    if wants_json(typed, variable.as_deref()) {
        let failure = failure(&without_secrets(&error.render().to_string(), typed), exit);
        tip.into_iter().fold(failure, Failure::hint).print_json_to_stderr();
    } else {
        // A reader that is gone has seen enough.
        drop(write!(anstream::stderr(), "{}", without_secrets(&error.render().ansi().to_string(), typed)));
        if let Some(tip) = tip {
            // A reader that is gone has seen enough.
            drop(writeln!(std::io::stderr(), "hint: {tip}"));
        }
    }
    Err(exit)
}

/// What is said about a command line, in which words of it stand as they were typed: without what is secret in those
/// that may be URLs, and fit to be shown.
pub(crate) fn without_secrets(said: &str, typed: &[OsString]) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in typed.iter().map(|word| word.to_string_lossy()) {
        // The value of an option stands there alone.
        words.extend(word.split_once('=').map(|(_, value)| value.to_owned()));
        words.push(word.into_owned());
    }
    // One may stand in another.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mut said = said.to_owned();
    for word in words.iter().filter(|word| !word.is_empty()) {
        let shown = safe_word(word);
        let shown = escaped(&shown);
        if shown != word.as_str() {
            said = said.replace(word, &shown);
        }
    }
    said
}

/// The program or a group of commands with nothing behind it, whatever our variables say.
fn bare(typed: &[OsString]) -> Option<clap::Command> {
    let mut command = Cli::command();
    command.build();
    for word in typed.iter().skip(1) {
        command = command.find_subcommand(word)?.clone();
    }
    command.has_subcommands().then_some(command)
}

/// Whether `--config` was typed with nothing: an empty variable in a script. One of our own is one that is not set.
fn names_no_file(typed: &[OsString]) -> bool {
    let words: Vec<&OsString> = typed.iter().take_while(|word| *word != "--").collect();
    words.iter().any(|word| *word == "--config=")
        || words
            .windows(2)
            .any(|pair| matches!(pair, [option, file] if *option == "--config" && file.is_empty()))
}

fn no_file(typed: &[OsString]) -> Exit {
    let exit = if is_run(typed) { Exit::REFUSED } else { Exit::Usage };
    tell(typed, &Failure::new(exit, Kind::Invalid, "--config is empty: it names a file"));
    exit
}

/// Ends a line in which a value stands apart from its option.
fn not_apart(typed: &[OsString]) -> Result<(), Exit> {
    let Some(apart) = Apart::of(typed) else { return Ok(()) };
    let exit = if is_run(typed) { Exit::REFUSED } else { Exit::Usage };
    let failure = Failure::new(exit, Kind::Invalid, apart.message());
    tell(typed, &apart.hints().into_iter().fold(failure, Failure::hint));
    Err(exit)
}

/// Help or the version, where it was asked for.
fn print(error: &clap::Error) -> Result<Exit, Failure> {
    match error.print().and_then(|()| std::io::stdout().flush()) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => not_printed(&error),
    }
}

/// Says why a line leads nowhere, before there is anything else to say it with.
fn tell(typed: &[OsString], failure: &Failure) {
    if is_silent(typed) {
        return;
    }
    if wants_json(typed, Environment::read().log_format.as_deref()) {
        failure.print_json_to_stderr();
    } else {
        // A reader that is gone has seen enough.
        drop(writeln!(std::io::stderr(), "error: {}", failure.message));
        for hint in &failure.hints {
            // A reader that is gone has seen enough.
            drop(writeln!(std::io::stderr(), "hint: {hint}"));
        }
    }
}

/// `-qq` without `--json`, however it is spelt. Found by hand, since what is wrong with the line may keep clap from
/// telling.
fn is_silent(typed: &[OsString]) -> bool {
    let words = typed.iter().skip(1).map(|word| word.to_string_lossy()).take_while(|word| word != "--");
    let (mut quiet, mut json) = (0, false);
    for word in words {
        match word.strip_prefix('-') {
            Some("-quiet") => quiet += 1,
            Some("-json") => json = true,
            // What comes behind the one short option that takes a value is the value.
            Some(short) if !short.starts_with('-') => {
                quiet +=
                    short.chars().take_while(|letter| *letter != 'b').filter(|letter| *letter == 'q').count();
            }
            _ => {}
        }
    }
    quiet > 1 && !json
}

/// Whether the value at fault is that of our variable, which is looked at whatever is typed. clap names an option
/// as its help does: by its flag and what it takes.
fn is_of_variable(error: &clap::Error, variable: Option<&str>) -> bool {
    let is = |kind, expected: &str| match error.get(kind) {
        Some(ContextValue::String(text)) => text.starts_with(expected),
        _ => false,
    };
    is(ContextKind::InvalidArg, "--log-format")
        && variable.is_some_and(|text| is(ContextKind::InvalidValue, text))
}

/// `run ls`: the command belongs after two dashes.
fn forgotten_dashes(error: &clap::Error) -> Option<String> {
    match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(word))) if !word.starts_with('-') => {
            Some(format!(
                "write the command after two dashes: `{program} run -- {word}`",
                program = program::name()
            ))
        }
        _ => None,
    }
}

/// Whether the command is `run`, whose codes must not be taken for those of the command it runs.
fn is_run(typed: &[OsString]) -> bool {
    let matches = Cli::command().ignore_errors(true).try_get_matches_from(without_help(typed));
    matches.is_ok_and(|matches| matches.subcommand_name() == Some("run"))
}

/// The words before two dashes, but for those that ask for help: they hide what it is of.
fn without_help(typed: &[OsString]) -> impl Iterator<Item = &OsString> {
    let is_help = |word: &OsString| ["-h", "--help", "-V", "--version"].iter().any(|help| word == help);
    typed.iter().take_while(|word| *word != "--").filter(move |word| !is_help(word))
}

/// Whether the error is for a program: `--json`, or a log in JSON, by option or else by variable.
fn wants_json(typed: &[OsString], variable: Option<&str>) -> bool {
    let mut log_format = variable.map(str::to_owned);
    let mut words = typed.iter().take_while(|word| *word != "--").map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        match word.split_once('=') {
            None if word == "--json" => return true,
            None if word == "--log-format" => log_format = words.next().map(Into::into),
            Some(("--log-format", format)) => log_format = Some(format.to_owned()),
            _ => {}
        }
    }
    log_format.as_deref() == Some("json")
}

/// The error in our form. The words are clap's, and so are `error:`, `Usage:` and `tip:`, by which its parts are
/// told from each other: it has no other form for them.
fn failure(text: &str, exit: Exit) -> Failure {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    let first = lines.next().unwrap_or("the command line is wrong");
    let mut message = first.strip_prefix("error: ").unwrap_or(first).to_owned();
    if message.ends_with(':') {
        // What is missing stands below, one a line.
        while let Some(line) = lines.next_if(|line| !line.starts_with("Usage:") && !line.starts_with("tip:"))
        {
            message = format!("{message} {line}");
        }
    }
    let mut failure = Failure::new(exit, Kind::Invalid, message);
    for tip in lines.filter_map(|line| line.strip_prefix("tip: ")) {
        failure = failure.hint(tip);
    }
    failure.hint(format!("see `{program} --help`", program = program::name()))
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
            "x run --help",
        ] {
            assert!(is_run(&words(line)), "{line}");
        }
        for line in ["x download run", "x --config run", "x", "x --bogus"] {
            assert!(!is_run(&words(line)), "{line}");
        }
    }

    #[test]
    fn silence_is_asked_for_twice_however_it_is_spelt() {
        for line in [
            "x -qq --bogus",
            "x -q config -q --bogus",
            "x --quiet --quiet download",
            "x download -nqq",
            "x -q --quiet",
        ] {
            assert!(is_silent(&words(line)), "{line}");
        }
        for line in [
            "x -q --bogus",
            "x -qq --json --bogus",
            "x run -q -- grep -qq",
            "x git clone -bqq",
            "x --qq",
            "x qq",
        ] {
            assert!(!is_silent(&words(line)), "{line}");
        }
    }

    #[test]
    fn json_after_the_dashes_is_the_commands() {
        assert!(wants_json(&words("x run --json --bogus -- true"), None));
        assert!(!wants_json(&words("x run --bogus -- true --json"), None));
    }

    #[test]
    fn the_option_for_the_log_stands_above_the_variable() {
        assert!(wants_json(&words("x --log-format json --bogus"), None));
        assert!(wants_json(&words("x --bogus"), Some("json")));
        assert!(!wants_json(&words("x --log-format=human --bogus"), Some("json")));
        assert!(!wants_json(&words("x --log-format"), Some("json")));
    }
}
