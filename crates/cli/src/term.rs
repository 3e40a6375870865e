//! What the terminal can show.

use std::io::IsTerminal;
use std::os::fd::AsFd;

use crate::args::ColorChoice;
use crate::config::Environment;

/// Properties of our two output streams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    /// Whether a bar can be drawn there.
    pub(crate) has_bar: bool,
    pub(crate) stdin_is_terminal: bool,
    /// Whether emoji can be shown: a UTF-8 locale, terminal or not.
    pub(crate) unicode: bool,
}

impl Term {
    pub(crate) fn look(environment: &Environment) -> Self {
        let locale = environment.locale.to_ascii_lowercase();
        let stderr_is_terminal = std::io::stderr().is_terminal();
        Self {
            has_bar: stderr_is_terminal && !environment.dumb_terminal,
            stdin_is_terminal: std::io::stdin().is_terminal(),
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
        }
    }
}

/// Columns and rows of the terminal behind a stream now. One that does not say how large it is, is as large as usual.
pub(crate) fn size(stream: impl AsFd) -> (u16, u16) {
    let or = |told: u16, usual: u16| if told == 0 { usual } else { told };
    rustix::termios::tcgetwinsize(stream).map_or((80, 24), |size| (or(size.ws_col, 80), or(size.ws_row, 24)))
}

/// Sets what `anstream` decides by: NO_COLOR, CLICOLOR_FORCE, TERM and the terminal, unless told.
pub(crate) fn choose_color(choice: ColorChoice) {
    match choice {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
}
