//! `completions` and `man`.

use clap::{Command, CommandFactory};

use crate::args::Cli;
use crate::exit::Exit;
use crate::report::{Failure, print_bytes};

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "vps-configurator", &mut script);
    if shell == clap_complete::Shell::Bash {
        // clap_complete 4.6 writes the dash of a program's name in one way where it sets the command and
        // in another where it looks it up, so that nothing behind a command's name would be completed.
        let text = String::from_utf8_lossy(&script);
        script = text.replace("vps__subcmd__configurator", "vps__configurator").into_bytes();
    }
    print_bytes(&script)
}

/// The page of the program, or of the command that `names` leads to.
pub(crate) fn man(names: &[String]) -> Result<Exit, Failure> {
    let mut command = Cli::command();
    command.build();
    for name in names {
        let Some(inner) = command.find_subcommand(name) else {
            let known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            return Err(Failure::usage(format!(
                "there is no command `{name}`; there are {}",
                known.join(", ")
            )));
        };
        command = inner.clone();
    }
    let mut page = Vec::new();
    // Writing to memory does not fail.
    drop(clap_mangen::Man::new(command).render(&mut page));
    print_bytes(&page)
}
