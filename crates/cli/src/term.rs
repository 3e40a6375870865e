//! What the terminal can show.

use std::io::IsTerminal;

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

/// Sets what `anstream` decides by: NO_COLOR, CLICOLOR_FORCE, TERM and the terminal, unless told.
pub(crate) fn choose_color(choice: ColorChoice) {
    match choice {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
}
