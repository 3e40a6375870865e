//! The dashboard: `state` is all there is, `update` what a message does to it, `view` how it is seen; both are pure.
//! `run` is the loop around them, `terminal` and `input` the terminal itself.

mod input;
mod keys;
mod message;
#[cfg(test)]
mod published;
mod run;
mod signals;
#[cfg(test)]
pub(crate) mod staged;
mod state;
mod terminal;
mod update;
mod view;

pub(crate) use run::{Ended, run};

use crate::observe::Screen;

/// Gives the terminal back and writes what was held, where the dashboard is up: before the process ends at once.
pub(crate) fn give_back_terminal(screen: &Screen) {
    terminal::restore();
    screen.release();
}
