//! A value that stands apart from its option, where the two must be joined: `--wait 5s`.
//!
//! Such an option can stand alone, so what follows it is another argument to clap: a plan, a package, a file to be
//! written. Whoever typed `5s` there meant how long, and is told, also where the line could be read in the other way.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command, CommandFactory};
use vps_ops::foreign::escaped;

use super::without_help;
use crate::args::Cli;

/// An option with the value behind it, as it was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Apart {
    option: String,
    value: String,
}

impl Apart {
    /// The first one of this line.
    pub(super) fn of(typed: &[OsString]) -> Option<Self> {
        let words: Vec<&OsString> = typed.iter().take_while(|word| *word != "--").collect();
        let mut pairs =
            words.windows(2).filter_map(|pair| Some((pair.first()?.to_str()?, pair.get(1)?.to_str()?)));
        let is_candidate =
            |(option, value): &(&str, &str)| option.starts_with("--") && !value.starts_with('-');
        // All commands are made anew to look at one: only where there is something to look for.
        if !pairs.clone().any(|pair| is_candidate(&pair)) {
            return None;
        }
        let command = command(typed)?;
        pairs.find_map(|(option, value)| {
            let name = option.strip_prefix("--")?;
            let arg = command.get_arguments().find(|arg| is_joined(arg) && is_named(arg, name))?;
            takes(arg, value).then(|| Self { option: option.to_owned(), value: escaped(value).into_owned() })
        })
    }

    pub(super) fn message(&self) -> String {
        let Self { option, value } = self;
        format!("the `{value}` behind {option} is not its value: nothing joins them")
    }

    /// What to write, first where the time was meant.
    pub(super) fn hints(&self) -> [String; 2] {
        let Self { option, value } = self;
        [
            format!("write `{option}={value}`"),
            format!("where `{value}` is meant by itself, write {option} behind it"),
        ]
    }
}

/// The command that this line is for, down to the last of the groups that it is in.
fn command(typed: &[OsString]) -> Option<Command> {
    let matches = Cli::command().ignore_errors(true).try_get_matches_from(without_help(typed)).ok()?;
    let mut command = Cli::command();
    command.build();
    let mut inner = matches.subcommand();
    while let Some((name, matches)) = inner {
        command = command.find_subcommand(name)?.clone();
        inner = matches.subcommand();
    }
    Some(command)
}

/// Whether its value can be left out, and is joined where it is not.
fn is_joined(arg: &Arg) -> bool {
    arg.is_require_equals_set() && arg.get_num_args().is_some_and(|values| values.min_values() == 0)
}

fn is_named(arg: &Arg, name: &str) -> bool {
    arg.get_long() == Some(name) || arg.get_all_aliases().unwrap_or_default().contains(&name)
}

/// Whether this is a value that it has. Asked of clap, of a command that has nothing else.
fn takes(arg: &Arg, value: &str) -> bool {
    let Some(long) = arg.get_long() else { return false };
    let alone = Command::new("").no_binary_name(true).arg(arg.clone());
    alone.try_get_matches_from([OsStr::new(&format!("--{long}={value}"))]).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(line: &str) -> Option<(String, String)> {
        let typed: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        Apart::of(&typed).map(|apart| (apart.option, apart.value))
    }

    #[test]
    fn a_value_that_stands_apart_is_found_behind_every_option_that_has_it_joined() {
        let mut found = 0;
        let mut command = Cli::command();
        command.build();
        let mut all = vec![("x".to_owned(), command)];
        while let Some((line, command)) = all.pop() {
            for arg in command.get_arguments().filter(|arg| is_joined(arg)) {
                for name in arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default()) {
                    let expected = Some((format!("--{name}"), "90s".to_owned()));
                    assert_eq!(apart(&format!("{line} --{name} 90s")), expected, "{line}");
                    found += 1;
                }
            }
            let inner = command.get_subcommands().filter(|inner| inner.get_name() != "help");
            all.extend(inner.map(|inner| (format!("{line} {}", inner.get_name()), inner.clone())));
        }
        assert!(found > 6, "{found}");
    }

    #[test]
    fn what_is_no_value_of_the_option_stands_for_itself() {
        for line in [
            "x apply --wait plan.yaml",
            "x apply --wait=5s plan.yaml",
            "x apply plan.yaml --wait",
            "x apply plan.yaml --wait --dry-run",
            "x apply --limit-time 5s plan.yaml",
            "x run --wait -- 5s",
            "x run -- sleep --wait 5s",
            "x plan show --wait 5s",
            "x --wait 5s",
        ] {
            assert_eq!(apart(line), None, "{line}");
        }
        assert!(apart("x -q apply p --wait 5 --bogus").is_some(), "whatever else is wrong");
    }
}
