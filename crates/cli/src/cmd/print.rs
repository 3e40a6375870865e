//! `completions` and `man`.

use clap::CommandFactory;

use crate::args::Cli;
use crate::exit::Exit;
use crate::report::print_bytes;

pub(crate) fn completions(shell: clap_complete::Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "vps-configurator", &mut script);
    print_bytes(&script);
    Exit::Done
}

pub(crate) fn man() -> Exit {
    let mut page = Vec::new();
    // Writing to memory does not fail.
    drop(clap_mangen::Man::new(Cli::command()).render(&mut page));
    print_bytes(&page);
    Exit::Done
}
