//! What happens to the dashboard, and what it wants done.

use vps_ops::service::ServiceName;
use vps_ops::watch::Board;

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Char(char),
    Ctrl(char),
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Esc,
    Backspace,
    /// One that means nothing here.
    Other,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Key(Key),
    /// What is to be seen now.
    Board(Box<Board>),
    /// The terminal is this large.
    Resized {
        columns: u16,
        rows: u16,
    },
    /// Something that was wanted was done, or failed.
    Said(String),
}

/// Something that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Quit,
    /// Stop, as Ctrl-Z does.
    Suspend,
    /// Have it looked at now.
    Probe(ServiceName),
    /// Reset its circuit.
    Reset(ServiceName),
}
